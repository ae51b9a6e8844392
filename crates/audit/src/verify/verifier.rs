//! Verifies the log in one pass, leaf by leaf and checkpoint by checkpoint.

use std::collections::VecDeque;

use mainstay_kernel::{Timestamp, Uuid};

use super::{
    finding::{Finding, Summary},
    outside::Outside,
};
use crate::{
    checkpoint::Checkpoint,
    note_key::{NoteError, NoteKey},
    record::{Record, first_id_of},
    tree::{Frontier, Hash},
};

/// A stored leaf and its record.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Index of the leaf.
    pub index: u64,
    /// ID of the record.
    pub event_id: Uuid,
    /// Hash of the leaf.
    pub hash: Vec<u8>,
    /// The record, if it exists.
    pub record: Option<Record>,
}

/// A stored checkpoint.
#[derive(Clone, Debug)]
pub struct StoredCheckpoint {
    /// Number of leaves that it covers.
    pub size: u64,
    /// Root of the leaves.
    pub root: Vec<u8>,
    /// Frontier of the leaves.
    pub frontier: Vec<u8>,
    /// The signed note.
    pub note: String,
}

/// A verification in progress.
pub struct Verifier<'a> {
    keys: &'a [NoteKey],
    /// External checkpoints not compared yet, smallest first.
    outside: VecDeque<Checkpoint>,
    agreed: usize,
    /// Records before this time were exported and detached.
    kept_since: Option<Timestamp>,
    detached: u64,
    frontier: Frontier,
    /// Size of the last checkpoint that matched.
    right_until: u64,
}

impl<'a> Verifier<'a> {
    /// Starts a verification. Each checkpoint of the log must be signed by one of `keys`.
    pub fn new(keys: &'a [NoteKey], outside: &Outside, kept_since: Option<Timestamp>) -> Self {
        let mut outside: Vec<_> = outside.checkpoints().to_vec();
        outside.sort_by_key(|checkpoint| checkpoint.size);

        Self {
            keys,
            outside: outside.into(),
            agreed: 0,
            kept_since,
            detached: 0,
            frontier: Frontier::default(),
            right_until: 0,
        }
    }

    /// Number of leaves verified.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Verifies the next leaf.
    ///
    /// # Errors
    /// [`Finding`].
    pub fn leaf(&mut self, leaf: &Leaf) -> Result<(), Finding> {
        let index = self.frontier.size();
        if leaf.index != index {
            return Err(Finding::NoLeaf(index));
        }

        let id = || leaf.event_id.to_string();
        let hash: Hash = leaf
            .hash
            .as_slice()
            .try_into()
            .map_err(|_| Finding::Altered { index, id: id() })?;

        match &leaf.record {
            Some(record) if record.leaf() == hash && record.id() == id() => {}
            Some(_) => return Err(Finding::Altered { index, id: id() }),
            None if self.was_detached(leaf.event_id) => self.detached += 1,
            None => return Err(Finding::NoRecord { index, id: id() }),
        }

        self.frontier.push(hash);

        while self
            .outside
            .front()
            .is_some_and(|checkpoint| checkpoint.size <= self.frontier.size())
        {
            let Some(checkpoint) = self.outside.pop_front() else {
                break;
            };
            if checkpoint.root != self.frontier.root() {
                return Err(Finding::Forked {
                    size: checkpoint.size,
                });
            }
            self.agreed += 1;
        }

        Ok(())
    }

    /// Verifies a checkpoint over the leaves so far.
    ///
    /// # Errors
    /// [`Finding`].
    pub fn checkpoint(&mut self, stored: &StoredCheckpoint) -> Result<(), Finding> {
        let size = self.frontier.size();
        let altered = |why| Finding::Checkpoint {
            size: stored.size,
            why,
        };
        let root = self.frontier.root();

        let note = match Checkpoint::verify(&stored.note, self.keys) {
            Err(NoteError::UnknownKey) => {
                return Err(altered("its note is not signed by a trusted key"));
            }
            Err(NoteError::BadSignature) => {
                return Err(altered("the signature of its note is invalid"));
            }
            Err(_) => return Err(altered("its note is malformed")),
            Ok(note) => note,
        };

        if stored.size != size || note.size != size {
            return Err(altered("its note has another size"));
        }
        if note.root != root {
            return Err(Finding::Rewritten {
                from: self.right_until,
                until: size,
            });
        }
        if stored.root != root {
            return Err(altered("its root differs from that of its note"));
        }
        if stored.frontier != self.frontier.to_bytes() {
            return Err(altered("its frontier differs from that of the tree"));
        }

        self.right_until = size;

        Ok(())
    }

    /// Ends the verification. `newest` is the newest checkpoint, which must be signed by a trusted
    /// key.
    ///
    /// # Errors
    /// [`Finding`].
    pub fn finish(self, newest: &StoredCheckpoint) -> Result<Summary, Finding> {
        let checkpoint =
            Checkpoint::verify(&newest.note, self.keys).map_err(Finding::NotBelieved)?;
        let size = self.frontier.size();

        if let Some(outside) = self.outside.back() {
            return Err(Finding::Cut {
                size,
                outside: outside.size,
            });
        }
        if checkpoint.size != size || self.right_until != size {
            return Err(Finding::Unsigned {
                size: checkpoint.size,
                leaves: size,
            });
        }

        Ok(Summary {
            from: 0,
            until: size,
            checkpoint,
            detached: self.detached,
            outside: self.agreed,
        })
    }

    fn was_detached(&self, event: Uuid) -> bool {
        self.kept_since
            .is_some_and(|since| event < first_id_of(since))
    }
}
