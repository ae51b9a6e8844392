//! The person whose account it is: where to write to them, and the key of their personal data.

use mainstay_database::{Error, Job, OwnKey, Unscoped};
use mainstay_http::{Problem, UNAUTHENTICATED};
use mainstay_kernel::{EmailAddress, UserId};
use mainstay_mail::Letter;

use super::{address::email_cell, key::own_key};
use crate::letters;

/// The owner of an account.
pub struct AccountOwner {
    /// The address.
    pub email: EmailAddress,
    /// The key of the account's personal data.
    pub key: OwnKey,
    is_active: bool,
}

impl AccountOwner {
    /// The letter that tells the owner what has changed (OWASP ASVS 6.3.7).
    ///
    /// # Errors
    /// As [`letters::to`].
    pub fn told(&self, letter: &Letter, unscoped: &Unscoped) -> Result<Option<Job>, Error> {
        letters::to(&self.email, letter, unscoped)
    }
}

/// The owner of an account that is active: of a person who is signed in.
///
/// # Errors
/// [`UNAUTHENTICATED`] when the account was deactivated or deleted.
pub async fn find_owner(unscoped: &Unscoped, user: UserId) -> Result<AccountOwner, Problem> {
    find_any_owner(unscoped, user)
        .await?
        .filter(|owner| owner.is_active)
        .ok_or_else(|| UNAUTHENTICATED.problem())
}

/// The owner of an account, active or not; `None` for a service account, which belongs to no person.
///
/// # Errors
/// As the database answers.
pub(crate) async fn find_any_owner(
    unscoped: &Unscoped,
    user: UserId,
) -> Result<Option<AccountOwner>, Error> {
    const FIND: &str = r"
        SELECT u.email, k.id, k.wrapped, u.active
        FROM mainstay.users u
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE u.id = $1 AND u.kind = 'person'
    ";

    let rows = unscoped
        .select("users.owner", FIND, [user.uuid().into()])
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };

    let key = own_key(user, row, 1)?;
    let email = unscoped.open_own(&key, &email_cell(user.uuid()), &row.get::<Vec<u8>>(0)?)?;

    Ok(Some(AccountOwner {
        email,
        key,
        is_active: row.get(3)?,
    }))
}
