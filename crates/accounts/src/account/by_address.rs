//! Which account has an address. Mail about an account goes to the address that is stored with it, never to the one that
//! a stranger typed.

use mainstay_crypto::{BlindIndex, Sealed};
use mainstay_database::{Error, Row, Unscoped};
use mainstay_kernel::{EmailAddress, UserId};

use super::{
    address::{email_cell, email_index},
    key::own_key,
};

/// An active account.
pub struct AddressHolder {
    /// Which.
    pub user: UserId,
    /// Its address, as it is stored.
    pub email: EmailAddress,
    /// The version of its credentials, the address among them.
    pub credentials: i64,
}

/// The active account that has this address.
///
/// # Errors
/// As the database answers.
pub async fn find_by_address(
    unscoped: &Unscoped,
    email: &EmailAddress,
) -> Result<Option<AddressHolder>, Error> {
    const FIND: &str = r"
        SELECT u.id, u.email, k.id, k.wrapped, u.credentials_version
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

/// Where a letter for this address goes: to the stored address of the account that has it, else to the address itself.
pub fn mailbox<'a>(holder: Option<&'a AddressHolder>, typed: &'a EmailAddress) -> &'a EmailAddress {
    holder.map_or(typed, |holder| &holder.email)
}
