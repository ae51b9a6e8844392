//! What the API keys and the client secrets of service accounts have in common: nobody makes or revokes one of an account
//! that may do more than they.

use mainstay_database::{Change, Door, Uuid};
use mainstay_http::{Kind, Problem};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::{
    events::{Action, about},
    privilege::{held_by, out_of_reach},
    standing,
};

use super::{find::refusal, permissions::ServiceAccountsManage};

/// Why the rows of accounts are written by statements of their own.
const OF_ACCOUNT: &str =
    "a credential belongs to an account; the statement names the caller's organization";

/// How one kind of credential is revoked.
pub(super) struct Revocation {
    /// What the audit log calls it.
    pub(super) resource: &'static str,
    /// The name and the clauses of the statement that revokes one. `$1` to `$6` are the credential, its account, the
    /// organization, now, and what the caller holds.
    pub(super) revoke: (&'static str, &'static str),
    /// The name and the text of the statement that says whether its account may do more than the caller. `$1` to `$5` are
    /// the organization, the credential, its account, and what the caller holds.
    pub(super) exceeds: (&'static str, &'static str),
}

/// Makes the credential that `change` inserts.
///
/// # Errors
/// `too_many` when the account has as many as it may have; otherwise why the caller may not make it.
pub(super) async fn make(
    by: &Door<ServiceAccountsManage>,
    account: UserId,
    change: Change,
    too_many: Kind,
) -> Result<(), Problem> {
    let unscoped = by.unscoped(OF_ACCOUNT);
    let change = change.given(standing::in_role(by.principal()));
    if !unscoped.change(change).await?.is_empty() {
        return Ok(());
    }

    let refusal = refusal(by, account, too_many).await;
    Err(standing::role_lost_or(&unscoped, by.principal(), refusal).await)
}

/// Revokes a credential of an account.
///
/// # Errors
/// [`NOT_FOUND`](mainstay_http::NOT_FOUND) when there is none, and a refusal when its account may do more than the caller.
pub(super) async fn revoke(
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
        .unscoped(OF_ACCOUNT)
        .change(Change::new(name, clauses, values, event))
        .await?;

    if revoked.is_empty() {
        let thing = [id.into(), account.uuid().into()];
        return Err(out_of_reach(by, exceeds, thing, (resource, id)).await);
    }

    Ok(())
}
