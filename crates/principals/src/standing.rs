//! What callers and accounts stand on: the facts that were verified before a statement and are conditions of it.
//!
//! Rows are locked in one order, or two statements could deadlock: organization, account, membership, session, then what
//! depends on them.

use mainstay_access::{Credential, Principal};
use mainstay_database::{Error, Precondition, Unscoped};
use mainstay_http::{Problem, UNAUTHENTICATED};
use mainstay_kernel::{OrganizationId, SessionId, UserId};

/// How strongly an account's row is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Beside others that only stand on the account, such as sign-ins.
    Shared,
    /// Alone: for a statement that changes the account, its factors or how many of something it has, or ends its sessions.
    Alone,
}

impl Hold {
    const fn lock(self) -> &'static str {
        match self {
            Self::Shared => "FOR SHARE",
            Self::Alone => "FOR NO KEY UPDATE",
        }
    }
}

/// The account is active, and its credentials are those that were verified: password, address, factors.
pub fn verified(user: UserId, credentials: i64, hold: Hold) -> Precondition {
    const ROWS: &str = r"
        mainstay.users
        WHERE id = ? AND active AND credentials_version = ?
    ";
    Precondition::new(ROWS, hold.lock(), [user.uuid().into(), credentials.into()])
}

/// The account is active.
pub fn active(user: UserId, hold: Hold) -> Precondition {
    Precondition::new(
        "mainstay.users WHERE id = ? AND active",
        hold.lock(),
        [user.uuid().into()],
    )
}

/// The account is a member of the organization.
pub fn member(user: UserId, organization: OrganizationId) -> Precondition {
    const ROWS: &str = "mainstay.memberships WHERE user_id = ? AND organization_id = ?";
    Precondition::new(
        ROWS,
        "FOR SHARE",
        [user.uuid().into(), organization.uuid().into()],
    )
}

/// The session has not ended.
pub fn session(session: SessionId) -> Precondition {
    Precondition::new(
        "mainstay.sessions WHERE id = ? AND ended_at IS NULL",
        "FOR SHARE",
        [session.uuid().into()],
    )
}

/// The caller's credential is good: its session has not ended, or the API key was not revoked.
fn credential(by: &Principal) -> Precondition {
    const KEY: &str = "mainstay.api_keys WHERE id = ? AND revoked_at IS NULL";
    match by.credential {
        Credential::ApiKey => Precondition::new(KEY, "FOR SHARE", [by.session.uuid().into()]),
        Credential::Token | Credential::Cookie | Credential::Client => session(by.session),
    }
}

/// The caller acts for their own account, in a session that has not ended.
pub fn in_person(by: &Principal, hold: Hold) -> [Precondition; 2] {
    [active(by.user, hold), credential(by)]
}

/// As [`in_person`], for what also stands on a membership of the account.
pub fn in_person_at(by: &Principal, hold: Hold, organization: OrganizationId) -> [Precondition; 3] {
    [
        active(by.user, hold),
        member(by.user, organization),
        credential(by),
    ]
}

/// The organization exists. It is locked by a statement that changes who may do what in it, so that these follow each other
/// and cannot deadlock.
pub fn organization(organization: OrganizationId) -> Precondition {
    Precondition::new(
        "mainstay.organizations WHERE id = ?",
        "FOR NO KEY UPDATE",
        [organization.uuid().into()],
    )
}

/// The caller acts for an organization: still in the role that their permissions came from, and by a credential that is good.
pub fn in_role(by: &Principal) -> Vec<Precondition> {
    const ROWS: &str = r"
        mainstay.memberships m
        JOIN mainstay.roles r ON r.id = m.role_id
        WHERE m.user_id = ? AND m.organization_id = ? AND r.name = ?
    ";

    let place = by.organization.map(OrganizationId::uuid);
    let role = Precondition::new(
        ROWS,
        "FOR SHARE OF m",
        [by.user.uuid().into(), place.into(), by.role.clone().into()],
    );

    by.organization
        .map(organization)
        .into_iter()
        .chain([role, credential(by)])
        .collect()
}

/// Why a change in an organization did not happen: the caller has another role or none meanwhile, or else `otherwise`.
pub async fn role_lost_or(unscoped: &Unscoped, by: &Principal, otherwise: Problem) -> Problem {
    const FIND: &str = r"
        SELECT FROM mainstay.memberships m
        JOIN mainstay.roles r ON r.id = m.role_id
        WHERE m.user_id = $1 AND m.organization_id = $2 AND r.name = $3
    ";
    let place = by.organization.map(OrganizationId::uuid);
    let values = [by.user.uuid().into(), place.into(), by.role.clone().into()];
    match unscoped.select("memberships.lasts", FIND, values).await {
        Ok(rows) if rows.is_empty() => Error::Contended.into(),
        Ok(_) => otherwise,
        Err(error) => error.into(),
    }
}

/// Why a change of one's own account did not happen: the session has ended meanwhile, or else `otherwise`.
pub async fn ended_or(unscoped: &Unscoped, by: &Principal, otherwise: Problem) -> Problem {
    const FIND: &str = r"
        SELECT FROM mainstay.sessions s
        JOIN mainstay.users u ON u.id = s.user_id AND u.active
        WHERE s.id = $1 AND s.ended_at IS NULL
    ";

    match unscoped
        .select("sessions.lasts", FIND, [by.session.uuid().into()])
        .await
    {
        Ok(rows) if rows.is_empty() => UNAUTHENTICATED
            .problem()
            .caused_by("the session ended meanwhile"),
        Ok(_) => otherwise,
        Err(error) => error.into(),
    }
}
