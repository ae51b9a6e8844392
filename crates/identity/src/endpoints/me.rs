use mainstay_crypto::Cell;
use mainstay_http::{Json, Problem, SignedIn, UNAUTHENTICATED, get, view};
use mainstay_kernel::{OrganizationId, SessionId, UserId};

use crate::{EmailAddress, accounts::NOWHERE};

/// Who is signed in.
#[view]
pub(super) struct MeView {
    /// The account.
    user_id: UserId,
    /// How it signs in.
    email: String,
    /// Where it works in this session.
    organization: OrganizationView,
    /// Its role there.
    role: String,
    /// What the role grants, in alphabetical order.
    permissions: Vec<String>,
    /// The session.
    session_id: SessionId,
}

/// An organization.
#[view]
pub(super) struct OrganizationView {
    /// Which.
    id: OrganizationId,
    /// Its name.
    name: String,
}

const FIND: &str = "SELECT u.email, k.id, k.wrapped, o.name FROM users u \
     JOIN data_keys k ON k.id = u.data_key JOIN organizations o ON o.id = $2 WHERE u.id = $1";

/// Show who is signed in.
///
/// Account, organization, role and permissions of the token that asks.
#[get("/v1/me")]
pub(super) async fn get_me(by: SignedIn) -> Result<Json<MeView>, Problem> {
    let principal = by.principal();
    let unscoped = by.unscoped("an account stands above organizations; the statement is limited to the caller's own");
    let values = [principal.user.uuid().into(), principal.organization.uuid().into()];
    let rows = unscoped.select("users.me", FIND, values).await?;
    let row = rows.first().ok_or_else(|| UNAUTHENTICATED.problem())?;
    let user = principal.user.uuid();
    let (sealed, key, wrapped): (Vec<u8>, i64, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let cell = Cell { organization: NOWHERE, table: "users", column: "email", row: user };
    let email: EmailAddress = unscoped.open_own(key, &wrapped, &cell, &sealed)?;
    Ok(Json(MeView {
        user_id: principal.user,
        email: email.as_str().to_owned(),
        organization: OrganizationView { id: principal.organization, name: row.get(3)? },
        role: principal.role.clone(),
        permissions: principal.permissions.names().map(str::to_owned).collect(),
        session_id: principal.session,
    }))
}
