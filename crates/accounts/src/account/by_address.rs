//! Finds an account by its address. E-mails about an account go to its stored address, never to the
//! one that was typed.

use mainstay_crypto::{BlindIndex, Sealed};
use mainstay_database::{Error, FromRow, Sql};
use mainstay_kernel::{EmailAddress, UserId};

use super::{
    address::{email_cell, email_index},
    key::AccountKey,
};

/// An active account that was found by its address.
pub struct AddressHolder {
    /// The account.
    pub user: UserId,
    /// Its stored address.
    pub email: EmailAddress,
    /// The version of its credentials, which include the address.
    pub credentials: i64,
}

#[derive(FromRow)]
struct StoredHolder {
    user_id: UserId,
    email: Vec<u8>,
    #[from_row(flatten)]
    key: AccountKey,
    credentials_version: i64,
}

/// Finds the active account with this address.
///
/// # Errors
/// The error of the database.
pub async fn find_by_address(
    sql: &Sql,
    email: &EmailAddress,
) -> Result<Option<AddressHolder>, Error> {
    const FIND: &str = r"
        SELECT
            u.id AS user_id, u.email,
            k.id AS key_id, k.wrapped AS wrapped_key,
            u.credentials_version
        FROM mainstay.users u
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE u.email_index = ANY ($1) AND u.active
    ";

    let ring = sql.database().ring();
    let indexes: Vec<_> = Sealed::new(email.clone())
        .indexes(ring, &email_index())
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect();

    let holders: Vec<StoredHolder> = sql
        .query("users.by_address", FIND, [indexes.into()])
        .await?;
    let holder = holders.into_iter().next();

    holder.map(|holder| holder.open(sql)).transpose()
}

impl StoredHolder {
    fn open(self, sql: &Sql) -> Result<AddressHolder, Error> {
        let user = self.user_id;
        let key = self.key.of(user);

        Ok(AddressHolder {
            user,
            email: sql.open_own(&key, &email_cell(user.uuid()), &self.email)?,
            credentials: self.credentials_version,
        })
    }
}

/// The address to write to: the stored address of the account, or the typed address if there is no
/// account.
pub fn mailbox<'a>(holder: Option<&'a AddressHolder>, typed: &'a EmailAddress) -> &'a EmailAddress {
    holder.map_or(typed, |holder| &holder.email)
}
