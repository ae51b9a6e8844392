//! Preconditions about callers and accounts: facts that were verified before a statement and are
//! conditions of it.
//!
//! To prevent deadlocks, all statements lock rows in one order: organization, account, membership,
//! session, then the rows that depend on them.

use mainstay_access::{Credential, Principal};
use mainstay_database::{Error, Precondition, Sql};
use mainstay_http::{Problem, UNAUTHENTICATED};
use mainstay_kernel::{OrganizationId, SessionId, UserId};

/// How strongly an account's row is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Together with other statements that only depend on the account, such as sign-ins.
    Shared,
    /// Exclusively: for a statement that changes the account or its factors, counts something it
    /// has, or ends its sessions.
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

/// The precondition that the account is active and its credentials (password, address, factors)
/// have not changed since they were verified.
pub fn verified(user: UserId, credentials: i64, hold: Hold) -> Precondition {
    const ROWS: &str = r"
        mainstay.users
        WHERE id = ? AND active AND credentials_version = ?
    ";
    Precondition::new(ROWS, hold.lock(), [user.uuid().into(), credentials.into()])
}

/// The precondition that the account is active.
pub fn active(user: UserId, hold: Hold) -> Precondition {
    Precondition::new(
        "mainstay.users WHERE id = ? AND active",
        hold.lock(),
        [user.uuid().into()],
    )
}

/// The precondition that the account is a member of the organization.
pub fn member(user: UserId, organization: OrganizationId) -> Precondition {
    const ROWS: &str = "mainstay.memberships WHERE user_id = ? AND organization_id = ?";
    Precondition::new(
        ROWS,
        "FOR SHARE",
        [user.uuid().into(), organization.uuid().into()],
    )
}

/// The precondition that the session has not ended.
pub fn session(session: SessionId) -> Precondition {
    Precondition::new(
        "mainstay.sessions WHERE id = ? AND ended_at IS NULL",
        "FOR SHARE",
        [session.uuid().into()],
    )
}

/// The precondition that the caller's session has not ended, or that its API key is not revoked.
fn credential(by: &Principal) -> Precondition {
    const KEY: &str = "mainstay.api_keys WHERE id = ? AND revoked_at IS NULL";
    match by.credential {
        Credential::ApiKey => Precondition::new(KEY, "FOR SHARE", [by.session.uuid().into()]),
        Credential::Token | Credential::Cookie | Credential::Client => session(by.session),
    }
}

/// The preconditions that the caller's account is active and its credential is valid.
pub fn in_person(by: &Principal, hold: Hold) -> [Precondition; 2] {
    [active(by.user, hold), credential(by)]
}

/// As [`in_person`], for a statement that also depends on a membership of the account.
pub fn in_person_at(by: &Principal, hold: Hold, organization: OrganizationId) -> [Precondition; 3] {
    [
        active(by.user, hold),
        member(by.user, organization),
        credential(by),
    ]
}

/// The precondition that the organization exists. Statements that change permissions in an
/// organization lock it, so that they run one after the other and cannot deadlock.
pub fn organization(organization: OrganizationId) -> Precondition {
    Precondition::new(
        "mainstay.organizations WHERE id = ?",
        "FOR NO KEY UPDATE",
        [organization.uuid().into()],
    )
}

/// The preconditions that the caller still has the role that their permissions came from, and that
/// the credential is valid.
pub fn in_role(by: &Principal) -> Vec<Precondition> {
    const ROWS: &str = r"
        mainstay.memberships m
        JOIN mainstay.roles r ON r.id = m.role_id
        WHERE m.user_id = ? AND m.organization_id = ? AND r.name = ?
    ";

    let organization_id = by.organization.map(OrganizationId::uuid);
    let role = Precondition::new(
        ROWS,
        "FOR SHARE OF m",
        [
            by.user.uuid().into(),
            organization_id.into(),
            by.role.clone().into(),
        ],
    );

    by.organization
        .map(organization)
        .into_iter()
        .chain([role, credential(by)])
        .collect()
}

/// Finds out why a change in an organization did not happen: the caller no longer has the role, or
/// else `otherwise`.
pub async fn role_lost_or(sql: &Sql, by: &Principal, otherwise: Problem) -> Problem {
    const FIND: &str = r"
        SELECT FROM mainstay.memberships m
        JOIN mainstay.roles r ON r.id = m.role_id
        WHERE m.user_id = $1 AND m.organization_id = $2 AND r.name = $3
    ";

    let organization = by.organization.map(OrganizationId::uuid);
    let values = [
        by.user.uuid().into(),
        organization.into(),
        by.role.clone().into(),
    ];

    match sql.select("memberships.lasts", FIND, values).await {
        Ok(rows) if rows.is_empty() => Error::Contended.into(),
        Ok(_) => otherwise,
        Err(error) => error.into(),
    }
}

/// Finds out why a change of the caller's own account did not happen: the session has ended, or
/// else `otherwise`.
pub async fn ended_or(sql: &Sql, by: &Principal, otherwise: Problem) -> Problem {
    const FIND: &str = r"
        SELECT FROM mainstay.sessions s
        JOIN mainstay.users u ON u.id = s.user_id AND u.active
        WHERE s.id = $1 AND s.ended_at IS NULL
    ";

    match sql
        .select("sessions.lasts", FIND, [by.session.uuid().into()])
        .await
    {
        Ok(rows) if rows.is_empty() => UNAUTHENTICATED.problem().caused_by("the session has ended"),
        Ok(_) => otherwise,
        Err(error) => error.into(),
    }
}
