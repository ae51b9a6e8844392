//! Letters from features to accounts.

use mainstay_database::{Authenticated, Door, Error, FromRow, Job};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_mail::Letter;

use crate::{
    account::{address::email_cell, key::AccountKey},
    letters,
    unlimited::COLLEAGUE,
};

/// Sends letters to the people whom a caller works with: themselves, and the members of their
/// organization. A letter to anyone else is not sent, so that a feature cannot be made to write to
/// strangers.
pub trait MailTo {
    /// Creates the job that sends `letter` to the address of `user`, to be queued with a write:
    /// `by.insert(&order).queue(by.letter_to(user, &letter).await?)`.
    ///
    /// `None`, which is logged, if `user` is not such a person, is deactivated, or has an address
    /// that cannot receive e-mail.
    ///
    /// # Errors
    /// The error of the database; [`Error::Internal`] if the letter cannot be rendered.
    fn letter_to(
        &self,
        user: UserId,
        letter: &Letter,
    ) -> impl Future<Output = Result<Option<Job>, Error>> + Send;

    /// Queues `letter` to `user`. In a transaction, it is sent if that is committed.
    ///
    /// # Errors
    /// As [`letter_to`](Self::letter_to).
    fn mail_to(
        &self,
        user: UserId,
        letter: &Letter,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The address of a recipient, and its key.
#[derive(FromRow)]
struct Recipient {
    email: Vec<u8>,
    #[from_row(flatten)]
    key: AccountKey,
}

impl<A: Authenticated> MailTo for Door<A> {
    async fn letter_to(&self, user: UserId, letter: &Letter) -> Result<Option<Job>, Error> {
        const FIND: &str = r"
            SELECT u.email, k.id AS key_id, k.wrapped AS wrapped_key
            FROM mainstay.users u
            JOIN mainstay.data_keys k ON k.id = u.data_key
            WHERE u.id = $1
              AND u.kind = 'person'
              AND u.active
              AND (
                  u.id = $2
                  OR EXISTS (
                      SELECT
                      FROM mainstay.memberships m
                      WHERE m.user_id = u.id AND m.organization_id = $3
                  )
              )
        ";

        let sql = self.unlimited(COLLEAGUE);
        let caller = self.principal();
        let values = [
            user.uuid().into(),
            caller.user.uuid().into(),
            caller.organization.map(OrganizationId::uuid).into(),
        ];

        let found: Vec<Recipient> = sql.query("users.recipient", FIND, values).await?;
        let Some(recipient) = found.into_iter().next() else {
            tracing::warn!(%user, "e-mail not queued: the recipient is no colleague of the caller");
            return Ok(None);
        };

        let key = recipient.key.of(user);
        let address = sql.open_own(&key, &email_cell(user.uuid()), &recipient.email)?;
        letters::to(&address, letter, &sql)
    }

    async fn mail_to(&self, user: UserId, letter: &Letter) -> Result<(), Error> {
        match self.letter_to(user, letter).await? {
            Some(job) => self.queue(job).await,
            None => Ok(()),
        }
    }
}
