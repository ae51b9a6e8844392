//! Shows the caller's own account.

use mainstay_database::{Error, FromRow};
use mainstay_http::{Json, Problem, SignedIn, UNAUTHENTICATED, get, view};
use mainstay_kernel::{EmailAddress, OrganizationId, SessionId, UserId};

use super::{address::email_cell, key::JoinedKey};

/// The caller's account and permissions.
#[view]
pub(crate) struct MeView {
    /// The account's identifier.
    user_id: UserId,
    /// A person's e-mail address; null for a service account.
    email: Option<String>,
    /// A service account's name; null for a person.
    name: Option<String>,
    /// The organization of this session; null if it has none.
    organization: Option<OrganizationView>,
    /// The role in the organization; null without one.
    role: Option<String>,
    /// The caller's permissions, in alphabetical order.
    permissions: Vec<String>,
    /// The identifier of the session or the API key.
    session_id: SessionId,
    /// Whether sign-in requires a second factor.
    second_factor: bool,
}

/// An organization.
#[view]
pub(crate) struct OrganizationView {
    /// The organization's identifier.
    id: OrganizationId,
    /// Its name.
    name: String,
}

const FIND: &str = r"
    SELECT u.email, u.name, o.name AS organization_name, k.id AS key_id, k.wrapped AS wrapped_key
    FROM mainstay.users u
    LEFT JOIN mainstay.data_keys k ON k.id = u.data_key
    LEFT JOIN mainstay.organizations o ON o.id = $2
    WHERE u.id = $1
";

/// The caller's account. A service account has no address and no key.
#[derive(FromRow)]
struct OwnAccount {
    email: Option<Vec<u8>>,
    name: Option<String>,
    organization_name: Option<String>,
    #[from_row(flatten)]
    key: JoinedKey,
}

/// Show who is signed in.
///
/// Returns the account, organization, role and permissions of the credential in the request.
#[get("/v1/me")]
pub(crate) async fn get_me(by: SignedIn) -> Result<Json<MeView>, Problem> {
    let principal = by.principal();
    let sql = by.sql();
    let organization = principal.organization.map(OrganizationId::uuid);
    let found: Vec<OwnAccount> = sql
        .query(
            "users.me",
            FIND,
            [principal.user.uuid().into(), organization.into()],
        )
        .await?;
    let account = found
        .into_iter()
        .next()
        .ok_or_else(|| UNAUTHENTICATED.problem())?;

    let email = match account.email {
        Some(sealed) => {
            let key = account.key.of(principal.user);
            let key = key.ok_or_else(|| Error::Internal("an address has no key".into()))?;
            let email: EmailAddress =
                sql.open_own(&key, &email_cell(principal.user.uuid()), &sealed)?;
            Some(email.as_str().to_owned())
        }
        None => None,
    };

    Ok(Json(MeView {
        user_id: principal.user,
        email,
        name: account.name,
        organization: principal
            .organization
            .zip(account.organization_name)
            .map(|(id, name)| OrganizationView { id, name }),
        role: principal.organization.map(|_| principal.role.clone()),
        permissions: principal.permissions.names().map(str::to_owned).collect(),
        session_id: principal.session,
        second_factor: principal.assurance.second_factor_enrolled,
    }))
}
