//! Passwords: what they may be, and how they are changed and reset.

mod candidate;
pub mod change;
pub mod estimator;
pub mod password;
pub mod reset;
pub mod rules;
mod short_password;
pub(crate) mod sign_in;
pub mod strength;

use mainstay_http::Module;

/// Choosing, changing and resetting a password.
pub fn module() -> Module {
    Module::new("passwords")
        .keeping(
            "mainstay.password_resets",
            "ten minutes; deleted within ten minutes of its end",
        )
        .endpoints((
            rules::estimate_password,
            rules::get_password_rules,
            change::change_password,
            reset::request_password_reset,
            reset::complete_password_reset,
        ))
}
