//! Verifies that the log matches its seal, in a database or in an export.
//!
//! Verification is a single pass in the order of the leaves. It keeps only the frontier of the tree
//! and the checkpoints of the current page in memory, regardless of the size of the log.

mod dates;
mod export;
mod finding;
mod live;
mod outside;
#[cfg(test)]
mod tests;
mod verifier;

pub use export::verify_export;
pub use finding::{Finding, Summary, WhyUnsealed};
pub use live::{Terms, verify_log};
pub use outside::Outside;
pub use verifier::{Leaf, StoredCheckpoint, Verifier};
