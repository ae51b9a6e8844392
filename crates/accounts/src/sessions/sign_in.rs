//! What every sign-in ends with, whatever has proved who the person is: password, passkey or another provider.

use mainstay_database::{Error, Job, OwnKey, Unscoped};
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

/// A sign-in that was verified.
pub struct SignIn<'a> {
    /// The account.
    pub user: UserId,
    /// Where the session works.
    pub organization: Option<OrganizationId>,
    /// The version of the credentials that were verified.
    pub credentials: i64,
    /// The key of the account's personal data.
    pub key: &'a OwnKey,
    /// The address, sealed.
    pub email: &'a [u8],
    /// Whether the account has signed in before, but never from this network.
    pub is_new_network: bool,
    /// When the person proved who it is.
    pub authenticated_at: Timestamp,
    /// Whether the person has shown a second factor.
    pub multi_factor: bool,
    /// What carries the session.
    pub kind: SessionKind,
    /// With what and from where the person signs in.
    pub device: Device,
    /// The attempt that it took, to be taken back.
    pub attempt: &'a Admitted,
}

impl SignIn<'_> {
    /// Starts the session, and tells the owner of a network that is new to the account.
    ///
    /// # Errors
    /// [`INVALID_CREDENTIALS`], which is recorded, when the password or a factor was replaced, or the account deactivated or
    /// removed, while the sign-in was under way.
    pub async fn start(self, unscoped: &Unscoped, accounts: &Accounts) -> Result<Started, Problem> {
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
            job: self.told_of_new_network(unscoped)?,
            device: self.device,
            admitted: Some(self.attempt),
        };

        let success = |_| about_user(Action::LoginSuccess, Some(user), organization);
        match start_session(unscoped, accounts, new, success).await? {
            Some(started) => Ok(started),
            None => Err(moved_on(unscoped, user).await),
        }
    }

    /// The letter about a network that the account has never signed in from (OWASP ASVS 6.3.5).
    fn told_of_new_network(&self, unscoped: &Unscoped) -> Result<Option<Job>, Error> {
        if !self.is_new_network {
            return Ok(None);
        }

        let email = unscoped.open_own(self.key, &email_cell(self.user.uuid()), self.email)?;
        let letter = letters::signed_in_from_elsewhere(unscoped.address());
        letters::to(&email, &letter, unscoped)
    }
}

/// The refusal of a sign-in whose credentials changed while it was under way. It is recorded.
async fn moved_on(unscoped: &Unscoped, user: UserId) -> Problem {
    let event = about_user(Action::LoginFail, Some(user), None);
    match unscoped.record(event).await {
        Ok(()) => INVALID_CREDENTIALS
            .problem()
            .caused_by("what was verified has changed meanwhile"),
        Err(error) => error.into(),
    }
}
