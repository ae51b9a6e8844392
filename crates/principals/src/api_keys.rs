//! API keys as credentials: their row, their format and their authentication. The crate
//! `organizations` creates, lists and revokes them.
//!
//! A key works in one organization, for as long as its owner is a member. It keeps the permissions
//! from its creation, limited by its scopes, and may use those that the roles of its owner and its
//! sponsor still grant. A key never satisfies a policy that requires a person (`InPerson`,
//! `Fresh`).

mod authenticate;
pub mod row;
pub mod text;
