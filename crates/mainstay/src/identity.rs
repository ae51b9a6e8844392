//! The modules of this room.

mod keys;

use mainstay_http::Module;

use crate::{
    account_pages, accounts, api_keys, external, invitations, keeping, mailed_links, members,
    oauth, organizations, passkeys, passwords, roles, second_factors, service_accounts, sessions,
    signing,
};

/// Everything that identity serves, one module a feature.
pub fn modules() -> Vec<Module> {
    let modules = [
        accounts::module(),
        sessions::module(),
        passwords::module(),
        mailed_links::module(),
        second_factors::module(),
        passkeys::module(),
        external::module(),
        organizations::module(),
        members::module(),
        invitations::module(),
        roles::module(),
        api_keys::module(),
        service_accounts::module(),
        oauth::module().pages(account_pages::pages()),
        signing::HALVES
            .into_iter()
            .fold(Module::new("keys"), Module::private_column)
            .endpoints((keys::list_signing_keys,)),
    ];

    modules.into_iter().map(keeping::told).collect()
}
