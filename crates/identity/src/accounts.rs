//! Accounts: made, found, changed, shut and deleted.

mod create;
mod email;
mod me;

use mainstay_database::{Error, OwnKey, Row};
use mainstay_kernel::{UserId, Uuid};

pub(crate) use create::email_index;
pub use create::{AccountError, Created, NewUser, Place, create_organization, create_user};
pub use email::EmailAddress;
pub(crate) use me::{email_cell, get_me};

/// Accounts stand above organizations, so their personal data is sealed for none.
pub(crate) const NOWHERE: Uuid = Uuid::nil();

/// The key of an account's personal data, from the columns `id, wrapped` of `data_keys` at `position`.
pub(crate) fn own_key(user: UserId, row: &Row, position: usize) -> Result<OwnKey, Error> {
    Ok(OwnKey { id: row.get(position)?, subject: user.uuid(), wrapped: row.get(position + 1)? })
}
