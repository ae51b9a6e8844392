//! Whether the log is what was sealed: the one judgement, over a live database and over an export alike.
//!
//! A single pass in the order of the leaves. It keeps the growing edge of the tree and the checkpoints of the current page,
//! whatever the log's size.

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
