//! The key of an account's personal data.

use mainstay_database::{Error, OwnKey, Row};
use mainstay_kernel::{UserId, Uuid};

/// Accounts belong to no organization, so their personal data is sealed under this id in place of
/// an organization's.
pub const NOWHERE: Uuid = Uuid::nil();

/// Reads the key of an account's personal data from the columns `id, wrapped` of `data_keys` at
/// `position`.
pub fn own_key(user: UserId, row: &Row, position: usize) -> Result<OwnKey, Error> {
    Ok(OwnKey {
        id: row.get(position)?,
        subject: user.uuid(),
        wrapped: row.get(position + 1)?,
    })
}
