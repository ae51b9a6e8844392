//! The last step of every sign-in, with a password, a passkey or an external provider.

use mainstay_database::{Error, Job, OwnKey, Sql};
use mainstay_http::Problem;
use mainstay_kernel::{OrganizationId, Timestamp, UserId};
use mainstay_principals::{
    events::{Action, about_user},
    standing::{self, Hold},
};

use super::{
    device::Device,
    start::{NewSession, SessionKind, Started, start_session},
};
use crate::{
    account::address::email_cell, accounts::Accounts, letters, problems::INVALID_CREDENTIALS,
    throttle::attempts::Admitted,
};

/// A verified sign-in.
pub struct SignIn<'a> {
    /// The account.
    pub user: UserId,
    /// The organization of the session.
    pub organization: Option<OrganizationId>,
    /// The version of the credentials that were verified.
    pub credentials: i64,
    /// The key of the account's personal data.
    pub key: &'a OwnKey,
    /// The address, sealed.
    pub email: &'a [u8],
    /// Whether the account has been used before, but never from this network.
    pub is_new_network: bool,
    /// When the person authenticated.
    pub authenticated_at: Timestamp,
    /// Whether the person used a second factor.
    pub multi_factor: bool,
    /// The kind of the session.
    pub kind: SessionKind,
    /// The user agent and the address of the sign-in.
    pub device: Device,
    /// The counted attempt, which the success takes back.
    pub attempt: &'a Admitted,
}

impl SignIn<'_> {
    /// Starts the session, and notifies the owner if the network is new.
    ///
    /// # Errors
    /// [`INVALID_CREDENTIALS`], which is recorded, if during the sign-in the password or a factor
    /// was changed, or the account was deactivated or deleted.
    pub async fn start(self, sql: &Sql, accounts: &Accounts) -> Result<Started, Problem> {
        let (user, organization) = (self.user, self.organization);
        let new = NewSession {
            user,
            organization,
            given: vec![standing::verified(user, self.credentials, Hold::Shared)],
            kind: self.kind,
            refreshable: true,
            authenticated_at: self.authenticated_at,
            multi_factor: self.multi_factor,
            scopes: None,
            client: None,
            client_secret: None,
            key: Some(self.key),
            job: self.new_network_notice(sql)?,
            device: self.device,
            admitted: Some(self.attempt),
        };

        let success = |_| about_user(Action::LoginSuccess, Some(user), organization);
        match start_session(sql, accounts, new, success).await? {
            Some(started) => Ok(started),
            None => Err(credentials_changed(sql, user).await),
        }
    }

    /// Creates the job that notifies the owner of a sign-in from a new network (OWASP ASVS 6.3.5).
    fn new_network_notice(&self, sql: &Sql) -> Result<Option<Job>, Error> {
        if !self.is_new_network {
            return Ok(None);
        }

        let email = sql.open_own(self.key, &email_cell(self.user.uuid()), self.email)?;
        let letter = letters::signed_in_from_elsewhere(sql.address());
        letters::to(&email, &letter, sql)
    }
}

/// Records and returns the refusal of a sign-in whose credentials changed before the session
/// started.
async fn credentials_changed(sql: &Sql, user: UserId) -> Problem {
    let event = about_user(Action::LoginFail, Some(user), None);
    match sql.record(event).await {
        Ok(()) => INVALID_CREDENTIALS
            .problem()
            .caused_by("the credentials changed during the sign-in"),
        Err(error) => error.into(),
    }
}
