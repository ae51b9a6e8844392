use mainstay_http::{InPerson, Json, Problem, Public, Shared, post, view};
use mainstay_kernel::ExposeSecret as _;

use super::{
    code,
    kinds::{UNKNOWN_CLIENT, UNREGISTERED_REDIRECT},
    request::{AuthorizationRequest, Wrong},
};
use crate::Identity;

/// What the page at `/oauth/authorize` shows before anybody signs in.
#[view]
pub(super) struct RequestView {
    /// What the application is called.
    client_name: String,
    /// Where to send the browser at once, since the request is wrong; null where the person is to sign in.
    redirect_to: Option<String>,
}

/// Where an application is answered.
#[view]
pub(super) struct AuthorizationView {
    /// Where to send the browser: back to the application, with a code or with a refusal.
    redirect_to: String,
}

/// Look at an application's request before anybody signs in.
///
/// For the page at `/oauth/authorize`. An application or an address that is not registered is refused here: then the
/// browser is sent nowhere.
#[post("/oauth/authorization-requests", problems(UNKNOWN_CLIENT, UNREGISTERED_REDIRECT))]
pub(super) async fn check_authorization_request(
    by: Public,
    identity: Shared<Identity>,
    Json(body): Json<AuthorizationRequest>,
) -> Result<Json<RequestView>, Problem> {
    let unscoped = by.unscoped("applications are registered for all organizations");
    let checked = body.check(&unscoped, &identity).await?;
    let redirect_to = checked.wanted.as_ref().err().map(|wrong| checked.refused(&identity, *wrong));
    Ok(Json(RequestView { client_name: checked.application.name, redirect_to }))
}

/// Let an application in.
///
/// Answers where to send the browser: back to the application, with a code that it exchanges at `POST /oauth/token`
/// within a minute. Its session is limited to the permissions that it asked for, stands among the person's own at
/// `GET /v1/sessions`, and is ended there.
#[post("/oauth/authorizations", problems(UNKNOWN_CLIENT, UNREGISTERED_REDIRECT))]
pub(super) async fn create_authorization(
    by: InPerson,
    identity: Shared<Identity>,
    Json(body): Json<AuthorizationRequest>,
) -> Result<Json<AuthorizationView>, Problem> {
    let unscoped = by.unscoped("applications are registered for all organizations");
    let checked = body.check(&unscoped, &identity).await?;
    let redirect_to = match &checked.wanted {
        Err(wrong) => checked.refused(&identity, *wrong),
        Ok(wanted) => {
            let wide = wanted.scopes.iter().flatten().map(String::as_str);
            if by.principal().permissions.cover(wide) {
                let code = code::insert(&unscoped, &identity, by.principal(), &checked, wanted).await?;
                checked.with_code(&identity, code.expose_secret())
            } else {
                let wrong = Wrong("invalid_scope", "The scope names what the person may not do, or nobody knows.");
                checked.refused(&identity, wrong)
            }
        }
    };
    Ok(Json(AuthorizationView { redirect_to }))
}
