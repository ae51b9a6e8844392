//! API keys as credentials: their row, how one is written, and how one is recognised. They are made, listed and revoked in
//! the crate `organizations`.
//!
//! A key works in one organization, as long as its owner belongs there. It keeps the permissions of the moment it was made,
//! narrowed by scopes, and may do of them what its owner's role and its sponsor's still grant. What only a person may do
//! (`InPerson`, `Fresh`) no key may.

mod authenticate;
pub mod row;
pub mod text;
