//! Passkeys (W3C Web Authentication, level 3): a key pair in a device that asks for a finger, a face or a PIN before it
//! signs. One is enough to sign in alone, and counts as both factors.
//!
//! The protocol itself is the work of `webauthn-rs`; here is what it leaves open: where challenges wait, that each is
//! answered once, whose key it is, and what happens when a counter goes back.

pub(crate) mod assertion;
mod challenge;
mod list;
mod register;
pub(crate) mod relying_party;
mod sign_in;
pub(crate) mod wire;

use mainstay_database::SealedColumn;
use mainstay_http::Module;

use crate::account::tables::of_account;

/// Adding, listing and removing passkeys, and signing in with one.
pub fn module() -> Module {
    let passkeys = ["name", "credential"]
        .map(|column| SealedColumn::at("mainstay.passkeys", column))
        .to_vec();
    let module = Module::new("passkeys")
        .keeping(
            "mainstay.passkeys",
            "until it is removed, or with the account",
        )
        .keeping(
            "mainstay.webauthn_challenges",
            "five minutes; deleted with the next ones",
        )
        .table(of_account("mainstay.passkeys", "id", passkeys))
        .private_column(challenge::STATE);

    module.endpoints((
        register::create_passkey_options,
        register::create_passkey,
        list::list_passkeys,
        list::rename_passkey,
        list::delete_passkey,
        sign_in::create_sign_in_options,
        sign_in::create_session_by_passkey,
    ))
}
