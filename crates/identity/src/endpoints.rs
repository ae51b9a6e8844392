//! The modules of this room.

mod keys;

use mainstay_http::Module;

use crate::{accounts, external, passwords, sessions};

/// Everything that identity serves, one module a feature.
pub fn modules() -> Vec<Module> {
    let keys = Module::new("keys").endpoints((keys::list_signing_keys,));
    vec![sessions::module(), accounts::module(), passwords::module(), external::module(), keys]
}
