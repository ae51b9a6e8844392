//! Attacks on every operation of the API: one test per family, so that the name of a failed test tells which.

use mainstay_testing::{assert_snapshot, sweeps};

use crate::file;

#[tokio::test]
async fn only_a_token_of_ours_opens_what_is_not_public() {
    sweeps::credentials(app::platform()).await;
}

#[tokio::test]
async fn each_role_may_do_what_the_access_matrix_says_and_nothing_else() {
    let matrix = sweeps::permissions(app::platform()).await;
    assert_snapshot(&file("tests/snapshots/access-matrix.txt"), &matrix);
}

#[tokio::test]
async fn no_organization_reaches_a_row_of_another() {
    sweeps::organizations(app::platform()).await;
}

#[tokio::test]
async fn a_body_that_is_not_documented_is_refused() {
    sweeps::bodies(app::platform()).await;
}

#[tokio::test]
async fn a_parameter_that_is_not_documented_is_refused() {
    sweeps::parameters(app::platform()).await;
}

#[tokio::test]
async fn a_method_that_is_not_documented_is_refused() {
    sweeps::methods(app::platform()).await;
}

#[tokio::test]
async fn what_is_refused_is_never_repeated() {
    sweeps::echoes(app::platform()).await;
}
