//! Authorization: principals, permissions, and the check that returns a [`Proof`].
//!
//! Pure functions, no I/O. The database's access handle (the *door*) requires a [`Proof`], and only
//! this crate can create one: code without a check has no access to data.

mod permission;
mod principal;
mod proof;

pub use permission::{BuiltInRole, Declared, Permission};
pub use principal::{Assurance, Credential, Permissions, Principal};
pub use proof::{Denied, Proof};
