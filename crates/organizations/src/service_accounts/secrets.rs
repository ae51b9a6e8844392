//! The secrets with which a service account authenticates as an OAuth client.

use http::StatusCode;
use mainstay_access::Permission;
use mainstay_database::{Change, Door, FromRow, Id, values};
use mainstay_http::{
    Allowed, Created, Fresh, FreshOrScoped, Json, Kind, Listing, NOT_FOUND, NoContent, Path,
    Problem, Shared, delete, get, input, post, view,
};
use mainstay_kernel::{ExposeSecret as _, OrganizationId, Timestamp, UserId};
use mainstay_principals::{
    Principals,
    client_secrets::PREFIX,
    events::{Action, about},
    privilege::{EXCEEDS_OWN, held_by},
    scannable::generate,
};

use super::{
    credential::{Revocation, create, revoke},
    find::get_account,
    permissions::ServiceAccountsManage,
};
use crate::api_keys::new::{Scope, lifetime, scopes_within};
use crate::relations::ClientSecrets;
use crate::settings::Settings;

/// Maximum number of valid secrets: one in use, one to rotate to, and some to spare.
const MOST_SECRETS: i64 = 5;

const TOO_MANY_SECRETS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "too_many_secrets",
    "The account has reached its maximum number of secrets. Revoke a secret that is not needed.",
);

/// Marks identifiers of client secrets.
pub(crate) enum ClientSecret {}

/// A client secret's identifier.
pub(crate) type ClientSecretId = Id<ClientSecret>;

/// A new client secret.
#[input]
pub(super) struct CreateClientSecret {
    /// The permissions that the secret is limited to. If absent: all that the role grants, except
    /// administrative ones.
    #[garde(length(min = 1, max = 100), dive)]
    scopes: Option<Vec<Scope>>,
    /// Number of days until the secret expires. The default is 90, unless the operator has
    /// configured another.
    #[garde(range(min = 1, max = 400))]
    expires_in_days: Option<u16>,
}

/// A new client secret, with the secret itself, which is shown only once.
#[view]
pub(super) struct MadeClientSecretView {
    /// The secret's id.
    id: ClientSecretId,
    /// The OAuth client id, which is the id of the service account.
    client_id: UserId,
    /// The secret. Use it to authenticate at `POST /oauth/token`.
    client_secret: String,
    /// When the secret expires.
    expires_at: Timestamp,
}

/// A client secret. The secret itself was shown once, when it was created.
#[view]
#[derive(FromRow)]
pub(super) struct ClientSecretView {
    /// The secret's id.
    id: ClientSecretId,
    /// The permissions that the secret is limited to; null if it is not limited.
    scopes: Option<Vec<String>>,
    /// The permissions that the account and the sponsor held when the secret was created or taken
    /// over, within its scopes. The tokens of the secret may use those that both still hold.
    permissions: Vec<String>,
    /// The account that created the secret; null if unknown.
    made_by: Option<UserId>,
    /// The member whose permissions the secret depends on: the one who created it, or the owner who
    /// took it over.
    sponsor_id: Option<UserId>,
    /// When the secret was created.
    created_at: Timestamp,
    /// When the secret expires.
    expires_at: Timestamp,
    /// When the secret was last used, to the minute; null if it was never used.
    last_used_at: Option<Timestamp>,
}

/// Create a client secret for a service account.
///
/// The account uses the secret to fetch access tokens as an OAuth client. Several secrets can be
/// valid at the same time, so that you can switch to a new one before you revoke the old one. The
/// secret is shown only in this response.
#[post(
    "/v1/service-accounts/{id}/secrets",
    problems(NOT_FOUND, EXCEEDS_OWN, TOO_MANY_SECRETS)
)]
pub(super) async fn create_client_secret(
    by: Fresh<Allowed<ServiceAccountsManage>>,
    settings: Shared<Settings>,
    Path(id): Path<UserId>,
    Json(body): Json<CreateClientSecret>,
) -> Result<Created<MadeClientSecretView>, Problem> {
    const INSERT: &str = r"
        changed AS (
            INSERT INTO mainstay.client_secrets (
                id, secret_hash, created_at, expires_at, user_id, organization_id, member_since,
                made_by, sponsor_id, sponsor_since, scopes, permissions
            )
            SELECT
                $1, $2, $3, $4,
                m.user_id, m.organization_id, m.created_at,
                maker.user_id, maker.user_id, maker.created_at,
                $11, mainstay.credential_permissions(m.role_id, $7, $11)
            FROM mainstay.memberships m
            JOIN mainstay.users u ON u.id = m.user_id AND u.kind = 'service'
            JOIN mainstay.memberships maker
                ON maker.user_id = $10 AND maker.organization_id = m.organization_id
            WHERE m.user_id = $5
              AND m.organization_id = $6
              AND NOT mainstay.role_exceeds(m.role_id, $7, $9)
              AND EXISTS (SELECT FROM held)
              AND mainstay.has_room('client_secrets', $5, $8, $3)
            RETURNING id
        )
    ";

    let (runtime, principal) = (by.runtime(), by.principal());
    let sql = by.sql();
    let scopes = scopes_within(body.scopes, &sql, principal, "client_secret").await?;
    let now = runtime.clock.now();
    let expires_at = now + lifetime(body.expires_in_days, &settings)?;

    let (secret_id, secret): (ClientSecretId, _) =
        (runtime.new_id(), generate(&runtime.random, PREFIX));
    let [held, owner] = held_by(principal);
    let values = [
        secret_id.uuid().into(),
        secret.hash.into(),
        now.inner().into(),
        expires_at.inner().into(),
        id.uuid().into(),
        principal.organization.map(OrganizationId::uuid).into(),
        held,
        MOST_SECRETS.into(),
        owner,
        principal.user.uuid().into(),
        scopes.into(),
    ];

    let event = about(
        Action::TokenCreated,
        "client_secret",
        Some(secret_id.uuid()),
        principal.organization,
    );

    let change = Change::new("client_secrets.insert", INSERT, values, event);
    create(&by, id, change, TOO_MANY_SECRETS).await?;

    let client_secret = secret.text.expose_secret().to_owned();

    Ok(Created(MadeClientSecretView {
        id: secret_id,
        client_id: id,
        client_secret,
        expires_at,
    }))
}

/// List the client secrets of a service account, newest first.
#[get("/v1/service-accounts/{id}/secrets", problems(NOT_FOUND))]
pub(super) async fn list_client_secrets(
    by: Allowed<ServiceAccountsManage>,
    Path(id): Path<UserId>,
) -> Result<Listing<ClientSecretView>, Problem> {
    Ok(Listing {
        items: select(&by, id, None).await?,
    })
}

/// Get a client secret of a service account.
#[get("/v1/service-accounts/{id}/secrets/{secret_id}", problems(NOT_FOUND))]
pub(super) async fn get_client_secret(
    by: Allowed<ServiceAccountsManage>,
    Path((id, secret)): Path<(UserId, ClientSecretId)>,
) -> Result<Json<ClientSecretView>, Problem> {
    select(&by, id, Some(secret))
        .await?
        .pop()
        .map(Json)
        .ok_or_else(|| NOT_FOUND.problem())
}

/// Revoke a client secret of a service account.
///
/// All access tokens of the account end, including those fetched with its other secrets; it can
/// fetch new ones with those. You cannot revoke secrets of an account that has permissions beyond
/// yours.
#[delete(
    "/v1/service-accounts/{id}/secrets/{secret_id}",
    problems(NOT_FOUND, EXCEEDS_OWN)
)]
pub(super) async fn delete_client_secret(
    by: FreshOrScoped<ServiceAccountsManage>,
    principals: Shared<Principals>,
    Path((id, secret)): Path<(UserId, ClientSecretId)>,
) -> Result<NoContent, Problem> {
    const REVOKE: &str = r"
        changed AS (
            UPDATE mainstay.client_secrets
            SET revoked_at = $4
            WHERE id = $1
              AND user_id = $2
              AND organization_id = $3
              AND revoked_at IS NULL
              AND NOT mainstay.member_exceeds(user_id, $3, $5, $6)
            RETURNING id, mainstay.end_sessions(user_id, NULL, NULL, $4)
        )
    ";

    const EXCEEDS: &str = r"
        SELECT mainstay.member_exceeds(user_id, organization_id, $3, $4)
        FROM client_secrets
        WHERE id = $1
          AND user_id = $2
          AND revoked_at IS NULL
    ";

    let revocation = Revocation {
        resource: "client_secret",
        revoke: ("client_secrets.revoke", REVOKE),
        exceeds: ("client_secrets.exceeds", EXCEEDS),
    };
    let revoked = revoke::<(ClientSecrets,)>(&by, id, secret.uuid(), revocation).await;
    principals.forget_user(id);

    revoked.map(|()| NoContent)
}

async fn select<P: Permission>(
    by: &Door<P>,
    id: UserId,
    secret: Option<ClientSecretId>,
) -> Result<Vec<ClientSecretView>, Problem> {
    const SELECT: &str = r"
        SELECT id, created_at, expires_at, last_used_at, scopes, permissions, made_by, sponsor_id
        FROM client_secrets
        WHERE user_id = $1
          AND ($2::uuid IS NULL OR id = $2)
          AND revoked_at IS NULL
        ORDER BY id DESC
        LIMIT 200
    ";

    get_account(by, id).await?;

    let secrets = by
        .query::<(ClientSecrets,), _>("client_secrets.select", SELECT, values![id, secret])
        .await?;

    Ok(secrets)
}
