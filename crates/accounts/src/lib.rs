//! Accounts of people: sign-up, sign-in, sessions, second factors, deactivation and deletion.
//!
//! People sign in with a password or a passkey, or through the crate `federation` with an external
//! provider. [`throttle`] limits guessing. The crate `principals` authenticates requests; the crate
//! `organizations` manages the memberships of accounts.

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
mod mail_to;
mod operator;
mod settings;
mod tenancy;
mod unlimited;
mod upkeep;

pub use account::{
    create::{AccountError, CreatedAccount, Membership, NewPassword, NewUser, create_user},
    removal::{delete_account, set_active},
};
pub use accounts::Accounts;
pub use mail_to::MailTo;
pub use operator::{
    SessionSummary, UserSummary, end_session, end_sessions_of, find_user, sessions_of,
};
pub use passkeys::relying_party::RelyingParty;
pub use passwords::{password::Password, strength::Strength};
pub use second_factors::reset::reset_second_factors;
pub use settings::Settings;
pub use tenancy::Tenancy;
pub use upkeep::clear;
