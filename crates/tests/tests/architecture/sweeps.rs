//! The attacks that every operation of the API withstands: one test a family, so that a failure names it.

use mainstay_testing::{assert_snapshot, sweeps};
use mainstay_tests::snapshot;

#[tokio::test]
async fn only_a_token_of_ours_opens_what_is_not_public() {
    sweeps::credentials(fixture::platform()).await;
}

#[tokio::test]
async fn each_role_may_do_what_the_access_matrix_says_and_nothing_else() {
    let matrix = sweeps::permissions(fixture::platform()).await;
    assert_snapshot(&snapshot("access-matrix.txt"), &matrix);
}

#[tokio::test]
async fn no_organization_reaches_a_row_of_another() {
    sweeps::organizations(fixture::platform()).await;
}

#[tokio::test]
async fn a_body_that_is_not_documented_is_refused() {
    sweeps::bodies(fixture::platform()).await;
}

#[tokio::test]
async fn a_parameter_that_is_not_documented_is_refused() {
    sweeps::parameters(fixture::platform()).await;
}

#[tokio::test]
async fn a_method_that_is_not_documented_is_refused() {
    sweeps::methods(fixture::platform()).await;
}

#[tokio::test]
async fn what_is_refused_is_never_repeated() {
    sweeps::echoes(fixture::platform()).await;
}
