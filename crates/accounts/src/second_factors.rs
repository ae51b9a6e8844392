//! Second factors: the codes of an authenticator app (RFC 6238), and recovery codes for whoever has lost it. Passkeys are
//! in a room of their own.
//!
//! Whether an account has a factor stands in `users.second_factor`, and the schema itself keeps it so. A password reset
//! touches none of this (OWASP ASVS 6.4.3); an operator can take all factors away ([`reset_second_factors`]).

mod code;
mod enrolment;
mod factors;
mod overview;
mod owner;
mod recovery;
mod reset;
mod sign_in;
mod spend;
mod totp;

use mainstay_database::SealedColumn;
use mainstay_http::Module;

use crate::accounts::of_account;

pub(crate) use code::Code;
pub(crate) use factors::factors_of;
pub(crate) use owner::{Kept, find_owner, kept_cell};
pub(crate) use recovery::{RecoveryCodes, shown_if};
pub use reset::reset_second_factors;
pub(crate) use sign_in::{SECOND_FACTOR_REQUIRED, show_at_sign_in};
pub(crate) use spend::{Holder, spend};

/// Enrolling and removing what codes are made with.
pub(crate) fn module() -> Module {
    let totps = ["secret", "pending"]
        .map(|column| SealedColumn::at("totps", column))
        .to_vec();

    Module::new("second factors")
        .table(of_account("totps", "user_id", totps))
        .endpoints((
            overview::list_second_factors,
            enrolment::create_totp,
            enrolment::confirm_totp,
            enrolment::delete_totp,
            recovery::create_recovery_codes,
        ))
}
