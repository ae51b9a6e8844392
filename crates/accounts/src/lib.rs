//! Accounts of persons: how they are made, how people sign in to them, and how they are closed.
//!
//! Sign-in is by password, by passkey, or by what the crate `federation` brings; what is counted against guessing is in
//! [`throttle`]. Which credential a request carries is decided below, in `principals`; to which organizations an account
//! belongs, above.

pub mod account;
pub mod account_pages;
pub mod letters;
pub mod passkeys;
pub mod passwords;
pub mod problems;
pub mod second_factors;
pub mod sessions;
pub mod throttle;

mod accounts;
mod operator;
mod settings;
mod upkeep;

pub use account::{
    create::{AccountError, CreatedAccount, Membership, NewPassword, NewUser, create_user},
    removal::{delete_account, set_active},
};
pub use accounts::Accounts;
pub use operator::{
    SessionSummary, UserSummary, end_session, end_sessions_of, find_user, sessions_of,
};
pub use passkeys::relying_party::RelyingParty;
pub use passwords::{password::Password, strength::Strength};
pub use second_factors::reset::reset_second_factors;
pub use settings::Settings;
pub use upkeep::clear;
