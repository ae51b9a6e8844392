//! The Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1) with SHA-256: hashes, frontier and proofs.
//!
//! Pure functions over hashes. `record.rs` defines the content of a leaf.

mod frontier;
mod hash;
mod levels;
mod proof;
#[cfg(test)]
mod tests;

pub use frontier::Frontier;
pub(crate) use hash::hash;
pub use hash::{Hash, empty_root, leaf_hash, node_hash};
pub(crate) use levels::Levels;
pub use proof::{consistency_proof, inclusion_proof, is_consistent, is_included};
