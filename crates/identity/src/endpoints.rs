//! The modules of this room.

mod keys;

use mainstay_http::Module;

use crate::{accounts, passkeys, passwords, second_factors, sessions};

/// Everything that identity serves, one module a feature.
pub fn modules() -> Vec<Module> {
    let keys = Module::new("keys").endpoints((keys::list_signing_keys,));
    vec![
        sessions::module(),
        accounts::module(),
        passwords::module(),
        second_factors::module(),
        passkeys::module(),
        keys,
    ]
}
