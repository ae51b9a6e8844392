//! Accounts: asked for, made, changed, shut and deleted.

mod by_address;
mod create;
mod email;
mod email_change;
mod export;
mod me;
mod removal;
mod sign_up;
mod tables;

use mainstay_database::{Error, OwnKey, Row};
use mainstay_http::Module;
use mainstay_kernel::{UserId, Uuid};

pub(crate) use by_address::{find_by_address, mailbox};
pub(crate) use create::{ADDRESS_TAKEN, create_confirmed_user, email_index};
pub use create::{
    AccountError, Created, NewPassword, NewUser, Place, create_organization, create_user,
};
pub use email::EmailAddress;
pub(crate) use email_change::is_email_change;
pub(crate) use me::email_cell;
pub(crate) use removal::LAST_OWNER;
pub use removal::{delete_account, set_active};
pub(crate) use sign_up::sign_up_address;
pub(crate) use tables::{address_index, of_account};

/// Accounts stand above organizations, so their personal data is sealed for none.
pub(crate) const NOWHERE: Uuid = Uuid::nil();

/// An account of one's own, from its beginning to its end.
pub(crate) fn module() -> Module {
    let module = Module::new("accounts")
        .table(tables::users())
        .table(tables::email_changes())
        .private_column(sign_up::PAYLOAD);

    module.endpoints((
        sign_up::request_sign_up,
        sign_up::confirm_sign_up,
        me::get_me,
        export::export_me,
        email_change::change_email,
        email_change::confirm_email_change,
        removal::deactivate_me,
        removal::delete_me,
    ))
}

/// The key of an account's personal data, from the columns `id, wrapped` of `data_keys` at `position`.
pub(crate) fn own_key(user: UserId, row: &Row, position: usize) -> Result<OwnKey, Error> {
    Ok(OwnKey {
        id: row.get(position)?,
        subject: user.uuid(),
        wrapped: row.get(position + 1)?,
    })
}
