//! The modules of this room.

mod keys;

use mainstay_http::Module;

use crate::{account_pages, accounts::get_me, api_keys, oauth, service_accounts, sessions};

/// Everything that identity serves, one module a feature.
pub fn modules() -> Vec<Module> {
    vec![
        sessions::module(),
        api_keys::module(),
        service_accounts::module(),
        oauth::module().pages(account_pages::pages()),
        Module::new("identity").endpoints((get_me, keys::list_signing_keys)),
    ]
}
