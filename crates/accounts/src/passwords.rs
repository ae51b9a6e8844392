//! Passwords: their rules, their change and their reset.

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

/// The endpoints for choosing, changing and resetting a password.
pub fn module() -> Module {
    Module::new("passwords")
        .keeping(
            "mainstay.password_resets",
            "ten minutes; deleted within ten minutes after that",
        )
        .endpoints((
            rules::estimate_password,
            rules::get_password_rules,
            change::change_password,
            reset::request_password_reset,
            reset::complete_password_reset,
        ))
}
