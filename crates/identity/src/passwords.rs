//! Passwords: what they may be, and how they are changed and reset.

mod password;

pub use password::Password;
