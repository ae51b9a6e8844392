//! The hashes of leaves and nodes, and the size of a left subtree.

use aws_lc_rs::digest::{Context, SHA256};

/// The hash of a leaf, a node or the root.
pub type Hash = [u8; 32];

/// The hash of a leaf. The prefix 0 distinguishes leaves from nodes.
pub fn leaf_hash(data: &[u8]) -> Hash {
    hash(&[&[0], data])
}

/// The hash of a node over two children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

/// The root of the empty tree.
pub fn empty_root() -> Hash {
    hash(&[])
}

/// SHA-256 over the concatenated parts.
pub(crate) fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));

    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Where RFC 6962 splits a tree of two or more leaves: the largest power of two below `size`.
pub(super) fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
