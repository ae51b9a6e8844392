//! Inclusion and consistency proofs.

use std::ops::Range;

use super::hash::{Hash, node_hash, split};

/// The roots of full subtrees, by height and position.
type Subtrees<'a> = dyn Fn(u32, u64) -> Option<Hash> + 'a;

/// Proves that leaf `index` is in the tree of `size` leaves (RFC 9162 §2.1.3.1); `None` if it is
/// not, or if `subtrees` lacks a required hash.
pub fn inclusion_proof(index: u64, size: u64, subtrees: &Subtrees<'_>) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }

    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        let sibling = if index < middle {
            middle..end
        } else {
            start..middle
        };

        (start, end) = if index < middle {
            (start, middle)
        } else {
            (middle, end)
        };

        proof.push(root_of(sibling, subtrees)?);
    }

    proof.reverse();

    Some(proof)
}

/// Whether `proof` leads from the leaf to the root (RFC 9162 §2.1.3.2).
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }

    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }

        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }

        (place, last) = (place >> 1, last >> 1);
    }

    last == 0 && hash == *root
}

/// Proves that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 9162
/// §2.1.4.1); `None` if `old` is larger, or if `subtrees` lacks a required hash.
pub fn consistency_proof(old: u64, new: u64, subtrees: &Subtrees<'_>) -> Option<Vec<Hash>> {
    if old > new {
        return None;
    }
    if old == 0 {
        return Some(Vec::new());
    }

    let mut proof = Vec::new();
    let (mut start, mut end, mut is_known) = (0, new, true);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(root_of(middle..end, subtrees)?);
            end = middle;
        } else {
            proof.push(root_of(start..middle, subtrees)?);
            (start, is_known) = (middle, false);
        }
    }

    if !is_known {
        proof.push(root_of(start..end, subtrees)?);
    }

    proof.reverse();

    Some(proof)
}

/// Whether `proof` proves that the old tree is a prefix of the new one (RFC 9162 §2.1.4.2).
pub fn is_consistent(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((old, old_root), (new, new_root)) = (old, new);
    if old > new {
        return false;
    }
    if old == 0 || old == new {
        return proof.is_empty() && (old == 0 || old_root == new_root);
    }

    let mut hashes = old
        .is_power_of_two()
        .then_some(old_root)
        .into_iter()
        .chain(proof);
    let Some(first) = hashes.next() else {
        return false;
    };

    let (mut place, mut last) = (old - 1, new - 1);
    while place & 1 == 1 {
        (place, last) = (place >> 1, last >> 1);
    }

    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in hashes {
        if last == 0 {
            return false;
        }

        if place & 1 == 1 || place == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }

        (place, last) = (place >> 1, last >> 1);
    }

    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// The root over a range of leaves that starts where RFC 6962 splits a tree.
fn root_of(leaves: Range<u64>, subtrees: &Subtrees<'_>) -> Option<Hash> {
    let size = leaves.end - leaves.start;
    if size.is_power_of_two() {
        let height = size.trailing_zeros();
        return subtrees(height, leaves.start >> height);
    }

    let middle = leaves.start + split(size);
    Some(node_hash(
        &root_of(leaves.start..middle, subtrees)?,
        &root_of(middle..leaves.end, subtrees)?,
    ))
}
