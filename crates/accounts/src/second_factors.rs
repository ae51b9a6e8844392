//! Second factors: the codes of an authenticator app (RFC 6238), and recovery codes in case the app
//! is lost. For passkeys, see `passkeys.rs`.
//!
//! The schema keeps `users.second_factor` up to date: whether an account has a factor. A password
//! reset changes no factors (OWASP ASVS 6.4.3). An operator can remove all factors
//! ([`reset_second_factors`]).

pub mod code;
mod enrolment;
pub(crate) mod factors;
pub mod kept;
mod overview;
pub(crate) mod recovery;
mod removal;
pub(crate) mod reset;
pub mod sign_in;
pub mod spend;
mod totp;

use mainstay_database::SealedColumn;
use mainstay_http::Module;

use crate::account::tables::of_account;

/// The endpoints that set up and remove second factors.
pub fn module() -> Module {
    let totps = ["secret", "pending"]
        .map(|column| SealedColumn::at("mainstay.totps", column))
        .to_vec();

    Module::new("second factors")
        .keeping("mainstay.totps", "until it is removed, or with the account")
        .keeping(
            "mainstay.recovery_codes",
            "until they are replaced, or with the account",
        )
        .table(of_account("mainstay.totps", "user_id", totps))
        .endpoints((
            overview::list_second_factors,
            enrolment::create_totp,
            enrolment::confirm_totp,
            removal::delete_totp,
            recovery::create_recovery_codes,
        ))
}
