//! Accounts: sign-up, creation, changes, deactivation and deletion.

pub mod address;
pub mod by_address;
pub mod create;
pub mod credentials;
mod email_change;
pub mod email_confirmation;
mod export;
pub mod key;
pub mod me;
pub mod owner;
pub mod removal;
pub mod sign_up;
pub mod tables;

use mainstay_http::{Module, Recipient};

use crate::Tenancy;

/// The recipient of the e-mails.
const MAIL_SERVER: Recipient = Recipient {
    who: "the mail server of `MAINSTAY_MAIL_SMTP_URL`",
    what: "addresses of accounts and of invited people, with the message",
    when: "when a message is sent",
};

/// The endpoints of a person's own account.
pub fn module(tenancy: Tenancy) -> Module {
    let module = Module::new("accounts")
        .keeping(
            "mainstay.users",
            "until the account is deleted by its owner or an operator",
        )
        .keeping(
            "mainstay.unique_indexes",
            "as long as the row that has the value",
        )
        .keeping(
            "mainstay.sign_ups",
            "until it is confirmed, at most an hour; deleted within ten minutes after that",
        )
        .keeping(
            "mainstay.email_changes",
            "until it is confirmed, at most an hour; deleted within ten minutes after that",
        )
        .table(tables::users())
        .table(tables::email_changes())
        .private_column(sign_up::PAYLOAD);

    let module = module.recipient(MAIL_SERVER);
    let module = match tenancy {
        Tenancy::Several => module.endpoints((sign_up::request_sign_up,)),
        Tenancy::Single => module.endpoints((sign_up::request_account,)),
    };

    module.endpoints((
        sign_up::confirm_sign_up,
        me::get_me,
        export::export_me,
        email_change::change_email,
        email_confirmation::confirm_email_change,
        removal::deactivate_me,
        removal::delete_me,
    ))
}
