//! Checks, grants and refuses the authorization requests of applications.

use mainstay_access::Principal;
use mainstay_database::Sql;
use mainstay_http::{InPerson, Json, Problem, Public, Shared, post, view};
use mainstay_kernel::ExposeSecret as _;
use mainstay_principals::{
    Principals,
    scope::{self, administrative},
};

use super::{
    code::{self, NewCode},
    consent::{Consent, ConsentView},
    kinds::{UNKNOWN_CLIENT, UNREGISTERED_REDIRECT},
    request::{AuthorizationError, AuthorizationRequest, Checked, Decision, Grantable},
};
use crate::unlimited::PUBLISHED;

/// An authorization request, as the page at `/oauth/authorize` shows it before the person signs in.
#[view]
pub(super) struct RequestView {
    /// The application's name.
    client_name: String,
    /// Where to redirect the browser at once, because the request is invalid; null if the person
    /// can sign in.
    redirect_to: Option<String>,
}

/// The redirect to the application, or what to ask the person first. One of the two is null.
#[view]
pub(super) struct AuthorizationView {
    /// Where to redirect the browser: back to the application, with a code or with an error.
    redirect_to: Option<String>,
    /// What to ask the person. Send the same request again with their `decision` to get the
    /// redirect.
    consent: Option<ConsentView>,
}

/// Check an application's authorization request before the person signs in.
///
/// For the page at `/oauth/authorize`. An unregistered application or redirect address is refused
/// with a problem, and the browser must not be redirected.
#[post(
    "/oauth/authorization-requests",
    problems(UNKNOWN_CLIENT, UNREGISTERED_REDIRECT)
)]
pub(super) async fn check_authorization_request(
    by: Public,
    principals: Shared<Principals>,
    Json(body): Json<AuthorizationRequest>,
) -> Result<Json<RequestView>, Problem> {
    let sql = by.unlimited(PUBLISHED);
    let checked = body.check(&sql).await?;
    let redirect_to = checked
        .wanted
        .as_ref()
        .err()
        .map(|wrong| checked.refused(&principals, *wrong));
    Ok(Json(RequestView {
        client_name: checked.application.name,
        redirect_to,
    }))
}

/// Authorize an application, or refuse it.
///
/// The response says where to redirect the browser: back to the application, with a code that the
/// application exchanges at `POST /oauth/token` within a minute. Or it says what to ask the person
/// first. The person is asked when they use the application for the first time, when it requests
/// more than they allowed before, and every time if the redirect address does not prove the
/// identity of the application. The application's sessions are limited to the permissions that the
/// person allowed. Use `/v1/me/applications` to list applications and to withdraw their access.
#[post(
    "/oauth/authorizations",
    problems(UNKNOWN_CLIENT, UNREGISTERED_REDIRECT)
)]
pub(super) async fn create_authorization(
    by: InPerson,
    principals: Shared<Principals>,
    Json(body): Json<AuthorizationRequest>,
) -> Result<Json<AuthorizationView>, Problem> {
    let sql = by.sql();
    let decision = body.decision;
    let checked = body.check(&sql).await?;

    let wrong = match (&checked.wanted, decision) {
        (Err(wrong), _) => *wrong,
        (Ok(_), Some(Decision::Deny)) => {
            AuthorizationError("access_denied", "The person denied the request.")
        }
        (Ok(wanted), _) => match decide(
            &sql,
            &principals,
            by.principal(),
            &checked,
            wanted,
            decision,
        )
        .await?
        {
            Ok(answer) => return Ok(Json(answer)),
            Err(wrong) => wrong,
        },
    };

    Ok(Json(AuthorizationView {
        redirect_to: Some(checked.refused(&principals, wrong)),
        consent: None,
    }))
}

/// Creates a code, or returns what to ask the person first.
async fn decide(
    sql: &Sql,
    principals: &Principals,
    principal: &Principal,
    checked: &Checked,
    wanted: &Grantable,
    decision: Option<Decision>,
) -> Result<Result<AuthorizationView, AuthorizationError>, Problem> {
    let administrative = administrative(sql).await?;
    let Some(scopes) = scope::resolve(&wanted.scope, &principal.permissions, &administrative)
    else {
        return Ok(Err(AuthorizationError(
            "invalid_scope",
            "The scope names a permission that is unknown or that the person does not have.",
        )));
    };

    let consent = Consent::of(checked, decision);
    let new = NewCode {
        checked,
        challenge: &wanted.challenge,
        scopes: &scopes,
        consent,
    };

    let answer = match code::insert(sql, principals, principal, new).await? {
        Some(code) => {
            let redirect_to = checked.with_code(principals, code.expose_secret());
            AuthorizationView {
                redirect_to: Some(redirect_to),
                consent: None,
            }
        }
        None => {
            let consent = ConsentView::of(sql, checked, &scopes).await?;
            AuthorizationView {
                redirect_to: None,
                consent: Some(consent),
            }
        }
    };

    Ok(Ok(answer))
}
