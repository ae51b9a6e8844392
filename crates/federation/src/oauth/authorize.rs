//! An application's request: looked at, granted or refused.

use mainstay_access::Principal;
use mainstay_database::Unscoped;
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

/// What the page at `/oauth/authorize` shows before anybody signs in.
#[view]
pub(super) struct RequestView {
    /// What the application is called.
    client_name: String,
    /// Where to send the browser at once, since the request is wrong; null where the person is to sign in.
    redirect_to: Option<String>,
}

/// Where an application is answered, or what to ask the person first. One of the two is null.
#[view]
pub(super) struct AuthorizationView {
    /// Where to send the browser: back to the application, with a code or with a refusal.
    redirect_to: Option<String>,
    /// What to ask the person; the same request with their `decision` is answered with a redirect.
    consent: Option<ConsentView>,
}

/// Look at an application's request before anybody signs in.
///
/// For the page at `/oauth/authorize`. An application or an address that is not registered is refused here: then the
/// browser is sent nowhere.
#[post(
    "/oauth/authorization-requests",
    problems(UNKNOWN_CLIENT, UNREGISTERED_REDIRECT)
)]
pub(super) async fn check_authorization_request(
    by: Public,
    principals: Shared<Principals>,
    Json(body): Json<AuthorizationRequest>,
) -> Result<Json<RequestView>, Problem> {
    let unscoped = by.unscoped("applications are registered for all organizations");
    let checked = body.check(&unscoped).await?;
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

/// Let an application in, or refuse it.
///
/// Answers where to send the browser: back to the application, with a code that it exchanges at `POST /oauth/token`
/// within a minute, or what to ask the person first. They are asked when they use the application for the first time, when
/// it wants more than they allowed before, and each time where it is not certain who is answered. Its sessions are limited
/// to the permissions that it was allowed. Applications are listed and withdrawn at `/v1/me/applications`.
#[post(
    "/oauth/authorizations",
    problems(UNKNOWN_CLIENT, UNREGISTERED_REDIRECT)
)]
pub(super) async fn create_authorization(
    by: InPerson,
    principals: Shared<Principals>,
    Json(body): Json<AuthorizationRequest>,
) -> Result<Json<AuthorizationView>, Problem> {
    let unscoped = by.unscoped("applications are registered for all organizations");
    let decision = body.decision;
    let checked = body.check(&unscoped).await?;

    let wrong = match (&checked.wanted, decision) {
        (Err(wrong), _) => *wrong,
        (Ok(_), Some(Decision::Deny)) => {
            AuthorizationError("access_denied", "The person did not allow it.")
        }
        (Ok(wanted), _) => match decide(
            &unscoped,
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

/// A code, or what to ask the person before there is one.
async fn decide(
    unscoped: &Unscoped,
    principals: &Principals,
    principal: &Principal,
    checked: &Checked,
    wanted: &Grantable,
    decision: Option<Decision>,
) -> Result<Result<AuthorizationView, AuthorizationError>, Problem> {
    let administrative = administrative(unscoped).await?;
    let Some(scopes) = scope::resolve(&wanted.scope, &principal.permissions, &administrative)
    else {
        return Ok(Err(AuthorizationError(
            "invalid_scope",
            "The scope names what is unknown, or what the person may not do.",
        )));
    };

    let consent = Consent::of(checked, decision);
    let new = NewCode {
        checked,
        challenge: &wanted.challenge,
        scopes: &scopes,
        consent,
    };

    let answer = match code::insert(unscoped, principals, principal, new).await? {
        Some(code) => {
            let redirect_to = checked.with_code(principals, code.expose_secret());
            AuthorizationView {
                redirect_to: Some(redirect_to),
                consent: None,
            }
        }
        None => {
            let consent = ConsentView::of(unscoped, checked, &scopes).await?;
            AuthorizationView {
                redirect_to: None,
                consent: Some(consent),
            }
        }
    };

    Ok(Ok(answer))
}
