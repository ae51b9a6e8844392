use mainstay_crypto::Verdict;
use mainstay_database::Change;
use mainstay_http::{InPerson, Json, NoContent, Problem, Shared, UNAUTHENTICATED, input, post};
use mainstay_kernel::{ExposeSecret as _, SecretString};

use super::sign_in::{INVALID_CREDENTIALS, not_hashed};
use crate::{
    Identity, Password,
    events::{Action, about_session},
    throttle::{self, Counted, TOO_MANY_ATTEMPTS},
};

/// What proves who one is.
#[input]
pub(super) struct StepUpSession {
    /// The account's password.
    password: Password,
}

/// Prove anew who one is, for what is sensitive.
///
/// For ten minutes the session may do what asks for it.
#[post("/v1/sessions/current/step-up", problems(INVALID_CREDENTIALS, TOO_MANY_ATTEMPTS))]
pub(super) async fn step_up_session(
    by: InPerson,
    identity: Shared<Identity>,
    Json(body): Json<StepUpSession>,
) -> Result<NoContent, Problem> {
    const FIND: &str = "SELECT password_hash FROM users WHERE id = $1 AND active";
    const FRESHEN: &str = "changed AS (UPDATE sessions SET authenticated_at = $2, multi_factor = multi_factor OR $3 \
         WHERE id = $1 RETURNING id)";
    let principal = by.principal();
    let unscoped = by.unscoped("a session is the caller's own, named by the token");
    let address = by.origin().address;
    let counted = Counted::new(unscoped.database().ring(), "step_up", principal.user.uuid().as_bytes(), address);
    let attempt = throttle::admit(&unscoped, counted).await?;
    let rows = unscoped.select("users.step_up", FIND, [principal.user.uuid().into()]).await?;
    let row = rows.first().ok_or_else(|| UNAUTHENTICATED.problem())?;
    let stored = row.get::<Option<String>>(0)?.map(SecretString::from);
    let stored = stored.as_ref().map(|hash| hash.expose_secret());
    if identity.hasher.verify(body.password.secret(), stored).await.map_err(not_hashed)? == Verdict::Wrong {
        unscoped.record(about_session(Action::StepUpFail, principal.session, principal.organization)).await?;
        return Err(INVALID_CREDENTIALS.problem());
    }
    let event = about_session(Action::StepUpSuccess, principal.session, principal.organization);
    let now = identity.runtime().clock.now();
    let values = [principal.session.uuid().into(), now.inner().into(), false.into()];
    unscoped.change(Change::new("sessions.step_up", FRESHEN, values, event)).await?;
    throttle::take_back(&unscoped, attempt).await?;
    identity.forget_session(principal.session);
    Ok(NoContent)
}
