//! Accounts: signed up, created, changed, deactivated and deleted.

pub mod address;
pub mod by_address;
pub mod create;
pub mod email;
pub mod email_change;
mod export;
pub mod key;
pub mod me;
pub mod owner;
pub mod removal;
pub mod sign_up;
pub mod tables;

use mainstay_http::Module;

/// An account of one's own, from its beginning to its end.
pub fn module() -> Module {
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
