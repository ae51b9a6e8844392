//! Finds an account by its address. E-mails about an account go to its stored address, never to the
//! one that was typed.

use mainstay_crypto::{BlindIndex, Sealed};
use mainstay_database::{Error, Row, Unscoped};
use mainstay_kernel::{EmailAddress, UserId};

use super::{
    address::{email_cell, email_index},
    key::own_key,
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

/// Finds the active account with this address.
///
/// # Errors
/// The error of the database.
pub async fn find_by_address(
    unscoped: &Unscoped,
    email: &EmailAddress,
) -> Result<Option<AddressHolder>, Error> {
    const FIND: &str = r"
        SELECT
            u.id, u.email,
            k.id, k.wrapped,
            u.credentials_version
        FROM mainstay.users u
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE u.email_index = ANY ($1) AND u.active
    ";

    let ring = unscoped.database().ring();
    let indexes: Vec<_> = Sealed::new(email.clone())
        .indexes(ring, &email_index())
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect();

    let read = |row: &Row| -> Result<AddressHolder, Error> {
        let user: UserId = row.get(0)?;
        let email = unscoped.open_own(
            &own_key(user, row, 2)?,
            &email_cell(user.uuid()),
            &row.get::<Vec<u8>>(1)?,
        )?;
        Ok(AddressHolder {
            user,
            email,
            credentials: row.get(4)?,
        })
    };

    let rows = unscoped
        .select("users.by_address", FIND, [indexes.into()])
        .await?;

    rows.first().map(read).transpose()
}

/// The address to write to: the stored address of the account, or the typed address if there is no
/// account.
pub fn mailbox<'a>(holder: Option<&'a AddressHolder>, typed: &'a EmailAddress) -> &'a EmailAddress {
    holder.map_or(typed, |holder| &holder.email)
}
