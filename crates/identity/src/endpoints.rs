//! The modules of this room.

mod keys;

use mainstay_http::Module;

use crate::{accounts, api_keys, invitations, members, organizations, passwords, roles, service_accounts, sessions};

/// Everything that identity serves, one module a feature.
pub fn modules() -> Vec<Module> {
    vec![
        accounts::module(),
        sessions::module(),
        passwords::module(),
        organizations::module(),
        members::module(),
        invitations::module(),
        roles::module(),
        api_keys::module(),
        service_accounts::module(),
        Module::new("keys").endpoints((keys::list_signing_keys,)),
    ]
}
