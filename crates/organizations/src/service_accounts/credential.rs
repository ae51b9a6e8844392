//! What the API keys and the client secrets of service accounts have in common. A member can
//! neither create nor revoke a credential of an account that has permissions beyond their own.

use mainstay_database::{Change, Door, Relations, Uuid};
use mainstay_http::{Kind, Problem};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::{
    events::{Action, about},
    privilege::{held_by, out_of_reach},
    standing,
};

use super::{find::refusal, permissions::ServiceAccountsManage};

/// The statements that revoke one kind of credential.
pub(super) struct Revocation {
    /// Its name in the audit log.
    pub(super) resource: &'static str,
    /// The name and the clauses of the statement that revokes one. `$1` to `$6`: the credential,
    /// its account, the organization, the current time, and the caller's permissions.
    pub(super) revoke: (&'static str, &'static str),
    /// The name and the text of the query that tells whether the account has permissions beyond the
    /// caller's. `$1` to `$5`: the organization, the credential, its account, and the caller's
    /// permissions.
    pub(super) exceeds: (&'static str, &'static str),
}

/// Creates the credential that `change` inserts.
///
/// # Errors
/// `too_many` if the account has reached its maximum; otherwise the reason why the caller may not
/// create it.
pub(super) async fn create(
    by: &Door<ServiceAccountsManage>,
    account: UserId,
    change: Change,
    too_many: Kind,
) -> Result<(), Problem> {
    let sql = by.sql();
    let change = change.given(standing::in_role(by.principal()));
    if !sql.change(change).await?.is_empty() {
        return Ok(());
    }

    let refusal = refusal(by, account, too_many).await;
    Err(standing::role_lost_or(&sql, by.principal(), refusal).await)
}

/// Revokes a credential of an account, which is a row of `R`.
///
/// # Errors
/// [`NOT_FOUND`](mainstay_http::NOT_FOUND) if it does not exist, and a refusal if its account has
/// permissions beyond the caller's.
pub(super) async fn revoke<R: Relations<ServiceAccountsManage>>(
    by: &Door<ServiceAccountsManage>,
    account: UserId,
    id: Uuid,
    revocation: Revocation,
) -> Result<(), Problem> {
    let Revocation {
        resource,
        revoke: (name, clauses),
        exceeds,
    } = revocation;

    let organization = by.principal().organization;
    let [held, owner] = held_by(by.principal());
    let values = [
        id.into(),
        account.uuid().into(),
        organization.map(OrganizationId::uuid).into(),
        by.runtime().clock.now().inner().into(),
        held,
        owner,
    ];
    let event = about(Action::TokenRevoked, resource, Some(id), organization);
    let revoked = by
        .sql()
        .change(Change::new(name, clauses, values, event))
        .await?;

    if revoked.is_empty() {
        let thing = [id.into(), account.uuid().into()];
        return Err(out_of_reach::<R, _>(by, exceeds, thing, (resource, id)).await);
    }

    Ok(())
}
