//! The hashes of leaves and nodes, and where a tree parts.

use aws_lc_rs::digest::{Context, SHA256};

/// A node of the tree, or its root.
pub type Hash = [u8; 32];

/// The hash of a leaf: the zero byte keeps a leaf from being taken for a node.
pub fn leaf_hash(data: &[u8]) -> Hash {
    hash(&[&[0], data])
}

/// The hash of a node over two others.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

/// The root of the tree without leaves.
pub fn empty_root() -> Hash {
    hash(&[])
}

/// SHA-256 over the parts as one.
pub(crate) fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Where RFC 6962 parts a tree of `size` leaves, at least two: the largest power of two below it.
pub(super) fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
