//! Passwords: what they may be, and how they are changed and reset.

mod change;
mod estimator;
mod password;
mod reset;
mod strength;

use mainstay_http::Module;

pub(crate) use change::find_owner;
pub(crate) use estimator::Estimator;
pub use password::Password;
pub(crate) use reset::{INVALID_TOKEN, reset_of};
pub use strength::Strength;
pub(crate) use strength::{PASSWORD_TOO_SHORT, check, is_long_enough_alone};

/// Choosing, changing and resetting a password.
pub(crate) fn module() -> Module {
    Module::new("passwords").endpoints((
        strength::estimate_password,
        strength::get_password_rules,
        change::change_password,
        reset::request_password_reset,
        reset::complete_password_reset,
    ))
}
