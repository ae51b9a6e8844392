//! An owner takes over a credential of a service account. From then on it depends on the owner's
//! permissions, and has the permissions that it would have if the owner created it now. This keeps
//! a key alive whose creator left, or gives an old key the permissions that its account has gained
//! since.

use mainstay_access::Permission;
use mainstay_database::{Change, Door, Uuid};
use mainstay_http::{Allowed, Fresh, NOT_FOUND, NoContent, Path, Problem, Shared, put};
use mainstay_kernel::UserId;
use mainstay_principals::{
    Principals,
    api_keys::row::ApiKeyId,
    events::{Action, about},
    privilege::{EXCEEDS_OWN, held, refused},
};

use super::{find::get_account, permissions::ServiceAccountsManage, secrets::ClientSecretId};
use crate::roles::built_in::OWNER;

/// The statement that makes the caller the sponsor of a row of `$table`. Both tables have the
/// columns that it names.
macro_rules! take_over {
    ($table:literal) => {
        concat!(
            r"mine AS (
                SELECT user_id, created_at
                FROM mainstay.memberships
                WHERE user_id = $4 AND organization_id = $3 AND role_id = $5
            ),
            found AS (
                SELECT c.id, c.sponsor_id, c.permissions, c.scopes, m.role_id
                FROM ",
            $table,
            r" c
                JOIN mainstay.users u ON u.id = c.user_id AND u.kind = 'service'
                JOIN mainstay.memberships m
                    ON m.user_id = c.user_id
                    AND m.organization_id = c.organization_id
                    AND m.created_at = c.member_since
                WHERE c.id = $1
                  AND c.user_id = $2
                  AND c.organization_id = $3
                  AND c.revoked_at IS NULL
                FOR UPDATE OF c
            ),
            changed AS (
                UPDATE ",
            $table,
            r" c
                SET sponsor_id = mine.user_id,
                    sponsor_since = mine.created_at,
                    permissions = mainstay.credential_permissions(found.role_id, $6, found.scopes)
                FROM found, mine
                WHERE c.id = found.id
                RETURNING
                    c.id,
                    jsonb_build_object(
                        'sponsor_id', found.sponsor_id,
                        'permissions', found.permissions
                    ) AS before,
                    jsonb_build_object(
                        'sponsor_id', c.sponsor_id,
                        'permissions', c.permissions
                    ) AS after
            )"
        )
    };
}

/// Take over an API key of a service account.
///
/// Only for owners. From now on the key depends on your permissions instead of those of the member
/// who created it. It may use what the account's role grants now, within its scopes.
#[put(
    "/v1/service-accounts/{id}/keys/{key_id}/sponsor",
    problems(NOT_FOUND, EXCEEDS_OWN)
)]
pub(super) async fn sponsor_service_account_key(
    by: Fresh<Allowed<ServiceAccountsManage>>,
    principals: Shared<Principals>,
    Path((id, key)): Path<(UserId, ApiKeyId)>,
) -> Result<NoContent, Problem> {
    let statement = (
        "service_accounts.sponsor_key",
        take_over!("mainstay.api_keys"),
    );
    take_over(&by, statement, id, ("api_key", key.uuid())).await?;
    principals.forget_session(key.uuid().into());

    Ok(NoContent)
}

/// Take over a client secret of a service account.
///
/// Only for owners. From now on the secret and its tokens depend on your permissions instead of
/// those of the member who created it. They may use what the account's role grants now, within
/// their scopes.
#[put(
    "/v1/service-accounts/{id}/secrets/{secret_id}/sponsor",
    problems(NOT_FOUND, EXCEEDS_OWN)
)]
pub(super) async fn sponsor_client_secret(
    by: Fresh<Allowed<ServiceAccountsManage>>,
    principals: Shared<Principals>,
    Path((id, secret)): Path<(UserId, ClientSecretId)>,
) -> Result<NoContent, Problem> {
    let statement = (
        "client_secrets.sponsor",
        take_over!("mainstay.client_secrets"),
    );
    take_over(&by, statement, id, ("client_secret", secret.uuid())).await?;
    principals.forget_user(id);

    Ok(NoContent)
}

/// Makes the caller the sponsor of a credential, if the caller is an owner.
async fn take_over<P: Permission>(
    by: &Door<P>,
    (name, statement): (&'static str, &'static str),
    account: UserId,
    (resource, id): (&'static str, Uuid),
) -> Result<(), Problem> {
    let principal = by.principal();
    if principal.role != "owner" {
        get_account(by, account).await?;
        return Err(refused(by, resource, Some(id)).await);
    }

    let values = [
        id.into(),
        account.uuid().into(),
        by.organization().into(),
        principal.user.uuid().into(),
        OWNER.into(),
        held(principal),
    ];

    let event = about(
        Action::AuthzChange,
        resource,
        Some(id),
        Some(by.organization().into()),
    );

    let sql = by.sql();
    let change = Change::new(name, statement, values, event).showing_rows();

    if sql.change(change).await?.is_empty() {
        Err(NOT_FOUND.problem())
    } else {
        Ok(())
    }
}
