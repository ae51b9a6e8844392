//! The roots of a tree's full subtrees, level by level.

use super::hash::{Hash, node_hash};

/// The roots of all full subtrees, by height and position.
#[derive(Default)]
pub(crate) struct Levels(Vec<Vec<Hash>>);

impl Levels {
    /// Adds a leaf, or the root of the next full subtree if the levels start above the leaves.
    pub(crate) fn push(&mut self, hash: Hash) {
        let mut hash = hash;
        for height in 0.. {
            if self.0.len() == height {
                self.0.push(Vec::new());
            }

            let level = &mut self.0[height];
            level.push(hash);

            match level[..] {
                [.., left, right] if level.len().is_multiple_of(2) => {
                    hash = node_hash(&left, &right)
                }
                _ => return,
            }
        }
    }

    /// Number of hashes added.
    pub(crate) fn len(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// The root of the full subtree with this height and position.
    pub(crate) fn get(&self, height: u32, place: u64) -> Option<Hash> {
        let level = self.0.get(usize::try_from(height).ok()?)?;
        level.get(usize::try_from(place).ok()?).copied()
    }
}
