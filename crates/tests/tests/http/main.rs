//! The API over HTTP on a real Postgres. One file per path; behaviour that crosses paths has its
//! own files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/authenticators.rs"]
mod authenticators;
#[path = "../support/external.rs"]
mod external;
#[path = "../support/oauth.rs"]
mod oauth_support;
#[path = "../support/parcels.rs"]
mod parcels;
#[path = "../support/remarks.rs"]
mod remarks;
#[path = "../support/specimens.rs"]
mod specimens;

mod account_pages;
mod account_removal;
mod administration;
mod adopter;
mod api_key_lifetimes;
mod api_keys;
mod audit_events;
mod browser;
mod client_credentials;
mod client_secrets;
mod column_types;
mod conditions;
mod consent;
mod cookies;
mod credentials;
mod customers;
mod email_change;
mod erasure;
mod export;
mod external_identities;
mod external_sign_in;
mod filters;
mod foreign_headers;
mod invitations;
mod listing;
mod mail_to;
mod mailed_links;
mod many_rows;
mod me;
mod members;
mod merge_patch;
mod moments;
mod names;
mod oauth;
mod oauth_tokens;
mod optional_columns;
mod organizations;
mod own_names;
mod pages;
mod passkeys;
mod password_strength;
mod passwords;
mod people;
mod personal_data;
mod plans;
mod probes;
mod reach;
mod refresh;
mod replicas;
mod reports;
mod roles;
mod round_trips;
mod scopes;
mod sealed_sorting;
mod second_factors;
mod service_accounts;
mod sessions;
mod short_passwords;
mod sign_ups;
mod signing_keys;
mod single_tenant;
mod sorting;
mod spellings;
mod sponsors;
mod step_up;
mod writes;

use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

async fn start() -> TestApp {
    TestApp::start(fixture::platform()).await
}

/// A body to create a customer.
fn customer(name: &str, email: &str) -> Value {
    json!({ "full_name": name, "email": email })
}

/// Creates a customer and returns its path.
async fn create(by: &Actor, body: Value) -> String {
    by.post("/v1/customers", body)
        .await
        .assert_status(201)
        .location()
}
