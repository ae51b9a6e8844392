//! Faulty endpoints: one that panics, one that answers an undeclared problem, and contradictory
//! declarations. The platform enforces what an app declares.

use mainstay::prelude::*;
use mainstay_http::Listing;
use mainstay_testing::TestApp;

use crate::browsers::assert_secured;

/// Panic.
#[get("/v1/test/panics")]
async fn panics(_by: Public) -> Result<NoContent, Problem> {
    panic!("the canary of a panic")
}

/// Answer an undeclared problem.
#[get("/v1/test/undeclared")]
async fn undeclared(_by: Public) -> Result<NoContent, Problem> {
    Err(CONFLICT.problem().detail("the canary of a detail"))
}

/// Answer a declared problem.
#[get("/v1/test/declared", problems(CONFLICT))]
async fn declared(_by: Public) -> Result<NoContent, Problem> {
    Err(CONFLICT.problem())
}

/// Take no parameter where the path has one.
#[get("/v1/test/mismatched/{id}")]
async fn mismatched(_by: Public) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

/// Declare a path twice.
#[get("/v1/customers")]
async fn second_listing(_by: Public) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

/// Name a parameter differently.
#[put("/v1/customers/{customer}")]
async fn renamed(_by: Public, Path(_customer): Path<String>) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

/// Use a path of the platform.
#[get("/livez")]
async fn squatting(_by: Public) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

/// A value that endpoints share.
struct Greeting(&'static str);

/// Use a shared value.
#[get("/v1/test/greeting")]
async fn greet(_by: Public, greeting: Shared<Greeting>) -> Result<Json<String>, Problem> {
    Ok(Json(greeting.0.to_owned()))
}

/// List plain values.
#[get("/v1/test/words")]
async fn list_words(_by: Public) -> Result<Listing<String>, Problem> {
    Ok(Listing {
        items: vec!["one".to_owned(), "two".to_owned()],
    })
}

fn platform(module: Module) -> Platform {
    fixture::platform().module(module)
}

fn test_module() -> Module {
    Module::new("test")
}

/// OWASP ASVS 16.5.1, 16.5.4.
#[tokio::test]
async fn a_panic_is_a_500_and_the_process_lives() {
    let app = TestApp::start(platform(test_module().endpoints((panics,)))).await;
    for _ in 0..3 {
        let answer = app.anonymous().get("/v1/test/panics").await;
        answer.assert_problem(500, "internal_error");
        assert!(!answer.text().contains("canary"), "{}", answer.text());
        assert_secured(&answer);
    }
    app.anonymous().get("/livez").await.assert_status(200);
    app.anonymous().get("/readyz").await.assert_status(200);
}

#[tokio::test]
async fn an_undeclared_problem_is_answered_as_a_500() {
    let app = TestApp::start(platform(test_module().endpoints((undeclared, declared)))).await;
    let answer = app.anonymous().get("/v1/test/undeclared").await;
    answer.assert_problem(500, "internal_error");
    assert!(!answer.text().contains("canary"), "{}", answer.text());
    app.anonymous()
        .get("/v1/test/declared")
        .await
        .assert_problem(409, "conflict");
}

#[test]
fn contradictory_declarations_are_reported_together() {
    let module = test_module().endpoints((
        mismatched,
        second_listing,
        renamed,
        squatting,
        declared,
        declared,
    ));

    let wrong = platform(module)
        .api()
        .err()
        .expect("the declarations are contradictory")
        .to_string();

    for expected in [
        "mismatched: /v1/test/mismatched/{id} has 1 parameters, but the function takes 0",
        "second_listing: GET /v1/customers is declared twice",
        "renamed: /v1/customers/{customer} and /v1/customers/{id} name the same parameter differently",
        "squatting: /livez belongs to the platform",
        "declared: GET /v1/test/declared is declared twice",
        "declared: two functions have this name",
    ] {
        assert!(wrong.contains(expected), "{expected:?} is not in:\n{wrong}");
    }

    assert!(platform(test_module().endpoints((declared,))).api().is_ok());
}

#[tokio::test]
async fn a_missing_shared_value_is_reported_at_startup() {
    let module = || test_module().endpoints((greet,));
    let wrong = platform(module())
        .api()
        .err()
        .expect("the shared value is missing")
        .to_string();

    assert!(
        wrong.contains(
            "greet: it takes Shared<attacks::declarations::Greeting>, which no module shares"
        ),
        "{wrong}"
    );

    let twice = module().share(Greeting("one")).share(Greeting("another"));
    assert!(
        platform(twice)
            .api()
            .err()
            .expect("the value is shared twice")
            .to_string()
            .contains("two shared values have the same type")
    );

    let app =
        TestApp::start(platform(module()).module(Module::new("other").share(Greeting("hello"))))
            .await;
    assert_eq!(
        app.anonymous()
            .get("/v1/test/greeting")
            .await
            .assert_status(200)
            .json(),
        "hello"
    );
}

#[tokio::test]
async fn a_listing_of_plain_values_is_returned_unchanged() {
    let app = TestApp::start(platform(test_module().endpoints((list_words,)))).await;
    let words = app
        .anonymous()
        .get("/v1/test/words")
        .await
        .assert_status(200)
        .json();
    assert_eq!(words, serde_json::json!({ "items": ["one", "two"] }));
}
