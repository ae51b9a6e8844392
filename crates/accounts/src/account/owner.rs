//! The owner of an account: their address, and the key of their personal data.

use mainstay_database::{Error, FromRow, Job, OwnKey, Sql};
use mainstay_http::{Problem, UNAUTHENTICATED};
use mainstay_kernel::{EmailAddress, UserId};
use mainstay_mail::Letter;

use super::{address::email_cell, key::AccountKey};
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
    /// Creates the job that notifies the owner of a change by e-mail (OWASP ASVS 6.3.7).
    ///
    /// # Errors
    /// As [`letters::to`].
    pub fn notice(&self, letter: &Letter, sql: &Sql) -> Result<Option<Job>, Error> {
        letters::to(&self.email, letter, sql)
    }
}

#[derive(FromRow)]
struct StoredOwner {
    email: Vec<u8>,
    #[from_row(flatten)]
    key: AccountKey,
    active: bool,
}

/// Finds the owner of the caller's account.
///
/// # Errors
/// [`UNAUTHENTICATED`] if the account was deactivated or deleted.
pub async fn find_owner(sql: &Sql, user: UserId) -> Result<AccountOwner, Problem> {
    find_any_owner(sql, user)
        .await?
        .filter(|owner| owner.is_active)
        .ok_or_else(|| UNAUTHENTICATED.problem())
}

/// Finds the owner of an account, active or not; `None` for a service account, which has no owner.
///
/// # Errors
/// The error of the database.
pub(crate) async fn find_any_owner(sql: &Sql, user: UserId) -> Result<Option<AccountOwner>, Error> {
    const FIND: &str = r"
        SELECT u.email, k.id AS key_id, k.wrapped AS wrapped_key, u.active
        FROM mainstay.users u
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE u.id = $1 AND u.kind = 'person'
    ";

    let owners: Vec<StoredOwner> = sql.query("users.owner", FIND, [user.uuid().into()]).await?;
    let Some(owner) = owners.into_iter().next() else {
        return Ok(None);
    };

    let key = owner.key.of(user);
    let email = sql.open_own(&key, &email_cell(user.uuid()), &owner.email)?;

    Ok(Some(AccountOwner {
        email,
        key,
        is_active: owner.active,
    }))
}
