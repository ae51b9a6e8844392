//! Passkeys (W3C Web Authentication, level 3): a key pair in a device that asks for a fingerprint,
//! a face or a PIN before it signs. A passkey is enough to sign in, and counts as both factors.
//!
//! `webauthn-rs` implements the protocol. This module stores challenges, accepts each only once,
//! finds the owner of a key, and handles counters that go backwards.

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

/// The endpoints that add, list and remove passkeys, and sign in with one.
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
