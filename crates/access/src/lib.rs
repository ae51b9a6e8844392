//! Who may do what: principals, permissions, and the check that turns one into a [`Proof`].
//!
//! Pure functions, no I/O. A [`Proof`] is the only key to the database's door, and only the functions of this room
//! make one: code that was not checked has nothing to ask the data with.

mod permission;
mod principal;
mod proof;

pub use permission::{BuiltInRole, Declared, Permission};
pub use principal::{Assurance, Credential, Permissions, Principal};
pub use proof::{Denied, Proof};
