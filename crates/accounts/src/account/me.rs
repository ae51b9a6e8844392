//! Who is signed in.

use mainstay_http::{Json, Problem, SignedIn, UNAUTHENTICATED, get, view};
use mainstay_kernel::{EmailAddress, OrganizationId, SessionId, UserId};

use super::{address::email_cell, key::own_key};

/// Who is signed in.
#[view]
pub(crate) struct MeView {
    /// The account.
    user_id: UserId,
    /// How a person signs in; null for a service account.
    email: Option<String>,
    /// What a service account is called; null for a person.
    name: Option<String>,
    /// Where it works in this session; null where it works nowhere yet.
    organization: Option<OrganizationView>,
    /// Its role there; null where it works nowhere.
    role: Option<String>,
    /// What the caller may do, in alphabetical order.
    permissions: Vec<String>,
    /// The session, or the API key.
    session_id: SessionId,
    /// Whether sign-in takes a second factor.
    second_factor: bool,
}

/// An organization.
#[view]
pub(crate) struct OrganizationView {
    /// Which.
    id: OrganizationId,
    /// Its name.
    name: String,
}

const FIND: &str = r"
    SELECT u.email, u.name, o.name, k.id, k.wrapped
    FROM mainstay.users u
    LEFT JOIN mainstay.data_keys k ON k.id = u.data_key
    LEFT JOIN mainstay.organizations o ON o.id = $2
    WHERE u.id = $1
";

/// Show who is signed in.
///
/// Account, organization, role and permissions of the credential that asks.
#[get("/v1/me")]
pub(crate) async fn get_me(by: SignedIn) -> Result<Json<MeView>, Problem> {
    let principal = by.principal();
    let unscoped = by.unscoped(
        "an account stands above organizations; the statement is limited to the caller's own",
    );
    let organization = principal.organization.map(OrganizationId::uuid);

    let rows = unscoped
        .select(
            "users.me",
            FIND,
            [principal.user.uuid().into(), organization.into()],
        )
        .await?;

    let row = rows.first().ok_or_else(|| UNAUTHENTICATED.problem())?;
    let email = match row.get::<Option<Vec<u8>>>(0)? {
        Some(sealed) => {
            let email: EmailAddress = unscoped.open_own(
                &own_key(principal.user, row, 3)?,
                &email_cell(principal.user.uuid()),
                &sealed,
            )?;
            Some(email.as_str().to_owned())
        }
        None => None,
    };

    let name: Option<String> = row.get(2)?;

    Ok(Json(MeView {
        user_id: principal.user,
        email,
        name: row.get(1)?,
        organization: principal
            .organization
            .zip(name)
            .map(|(id, name)| OrganizationView { id, name }),
        role: principal.organization.map(|_| principal.role.clone()),
        permissions: principal.permissions.names().map(str::to_owned).collect(),
        session_id: principal.session,
        second_factor: principal.assurance.second_factor_enrolled,
    }))
}
