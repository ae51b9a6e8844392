//! The module's endpoints.

mod keys;
mod me;
mod sessions;

use mainstay_http::Module;

use keys::list_signing_keys;
use me::get_me;
use sessions::{create_session, delete_current_session};

/// Sign-in, sign-out, and who one is.
pub fn module() -> Module {
    Module::new("identity").endpoints((create_session, get_me, delete_current_session, list_signing_keys))
}
