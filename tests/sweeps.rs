//! Sweeps over every operation of the API: one test per family, so that a failure names its family.

use mainstay_testing::{
    assert_snapshot,
    sweeps::{self, Coverage},
};

use crate::file;

#[tokio::test]
async fn protected_operations_require_a_valid_token() {
    sweeps::credentials(app::platform()).await;
}

#[tokio::test]
async fn each_role_may_call_what_the_access_matrix_allows_and_nothing_else() {
    let matrix = sweeps::permissions(app::platform()).await;
    assert_snapshot(&file("tests/snapshots/access-matrix.txt"), &matrix);
}

#[tokio::test]
async fn an_organization_cannot_access_another_organizations_rows() {
    sweeps::organizations(app::platform()).await;
}

#[tokio::test]
async fn an_undocumented_body_is_refused() {
    sweeps::bodies(app::platform(), Coverage::App).await;
}

#[tokio::test]
async fn an_undocumented_parameter_is_refused() {
    sweeps::parameters(app::platform(), Coverage::App).await;
}

#[tokio::test]
async fn an_undocumented_method_is_refused() {
    sweeps::methods(app::platform()).await;
}

#[tokio::test]
async fn a_refusal_never_repeats_its_input() {
    sweeps::echoes(app::platform(), Coverage::App).await;
}

#[tokio::test]
async fn an_operation_costs_the_same_with_many_rows() {
    sweeps::growth(app::platform(), Coverage::App).await;
}
