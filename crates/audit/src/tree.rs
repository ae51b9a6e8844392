//! The Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1), by SHA-256: hashes, the growing edge, proofs.
//!
//! Pure functions of hashes. Where they are kept, and what a leaf is made of, is not here: see `record.rs`.

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
