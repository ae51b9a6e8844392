//! Whether the log is what was sealed: the one judgement, over a live database and over an export alike.
//!
//! A single pass in the order of the leaves. It keeps the growing edge of the tree and the checkpoints of the current page,
//! whatever the log's size.

mod dates;
mod export;
mod live;
mod outside;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use mainstay_kernel::{Timestamp, Uuid};

use crate::{
    note::{Checkpoint, NoteError, NoteKey},
    record::Record,
    tree::{Frontier, Hash},
};

pub use export::verify_export;
pub use live::{Terms, verify_log};
pub use outside::Outside;

/// What is wrong with the log: the first thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A leaf is missing.
    #[error("index {0}: the leaf is missing")]
    NoLeaf(u64),
    /// A leaf's record is missing.
    #[error("index {index}: the record {id} is missing")]
    NoRecord {
        /// Where.
        index: u64,
        /// Which.
        id: String,
    },
    /// A record is not the one that was sealed.
    #[error("index {index}: the record {id} is not what was sealed")]
    Altered {
        /// Where.
        index: u64,
        /// Which.
        id: String,
    },
    /// The leaves up to a checkpoint are not those that it was signed over.
    #[error("index {from} to {}: leaves are not those that were sealed: the checkpoint of size {until} has another root", until - 1)]
    Rewritten {
        /// Behind the last checkpoint that is right.
        from: u64,
        /// The size of the first that is not.
        until: u64,
    },
    /// A checkpoint of the database is not what was signed.
    #[error("index {}: the checkpoint of size {size} was altered: {why}", size.saturating_sub(1))]
    Checkpoint {
        /// Which.
        size: u64,
        /// How that shows.
        why: &'static str,
    },
    /// The newest checkpoint is not signed by a key that is believed.
    #[error("the newest checkpoint is not believed: {0}")]
    NotBelieved(NoteError),
    /// There are leaves and no checkpoint over them, or the other way about.
    #[error("index {size}: there are {leaves} leaves, and the newest checkpoint is over {size}")]
    Unsigned {
        /// Of the newest checkpoint.
        size: u64,
        /// How many there are.
        leaves: u64,
    },
    /// The log is shorter than it was.
    #[error(
        "index {size}: the log was cut or restored: it has {size} leaves, and the checkpoint from outside is over {outside}"
    )]
    Cut {
        /// What it has.
        size: u64,
        /// What it had.
        outside: u64,
    },
    /// What was published is not the beginning of this log.
    #[error("index 0 to {}: the log is another one than the checkpoint from outside was signed over", size - 1)]
    Forked {
        /// The size of the checkpoint from outside.
        size: u64,
    },
    /// A record says another time than its place in the log.
    #[error("index {index}: the record {id} says that it is of {occurred_at}, {why}")]
    Misdated {
        /// Where.
        index: u64,
        /// Which.
        id: String,
        /// When it says it happened.
        occurred_at: String,
        /// What contradicts that.
        why: String,
    },
    /// A record has no leaf.
    #[error("the record {id} of {occurred_at} is not sealed: {why}")]
    Unsealed {
        /// Which.
        id: String,
        /// When it says it happened.
        occurred_at: String,
        /// What can be known of the reason.
        why: Unsealed,
    },
    /// A proof does not lead to the checkpoint.
    #[error("index {0}: the proof does not lead to the checkpoint")]
    BadProof(u64),
    /// An export holds less than it says.
    #[error("index {0}: the export ends before its end")]
    Incomplete(u64),
}

/// Why a record may have no leaf: no more than the numbers of transactions tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealed {
    /// The seal has not come to its transaction.
    #[error(
        "the seal has not come to it, since the sealer does not run, or an older transaction is open"
    )]
    NotYet,
    /// This cluster has not had its transaction, or is behind its own seal.
    #[error(
        "this database was restored from a dump that held it unsealed; the sealer's walk through the log comes to it, \
         and seals it behind newer records"
    )]
    Restored,
    /// The seal has gone past its transaction.
    #[error(
        "the seal has gone past it; either this database was restored from a dump that held it unsealed, or it was \
         written past the sealer. The sealer's walk through the log seals it, and its place there says when"
    )]
    PassedOver,
}

/// A leaf as it stands in the log, and its record.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its place.
    pub index: u64,
    /// The record that it is of.
    pub event_id: Uuid,
    /// Its hash.
    pub hash: Vec<u8>,
    /// The record, where there is one.
    pub record: Option<Record>,
}

/// A checkpoint as it stands in the log.
#[derive(Clone, Debug)]
pub struct StoredCheckpoint {
    /// How many leaves it is over.
    pub size: u64,
    /// Their root.
    pub root: Vec<u8>,
    /// The edge of their tree.
    pub frontier: Vec<u8>,
    /// The signed note.
    pub note: String,
}

/// What was found to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The first index that was looked at.
    pub from: u64,
    /// The one behind the last.
    pub until: u64,
    /// The newest checkpoint.
    pub checkpoint: Checkpoint,
    /// Records that are older than what was kept, of which only the leaves were looked at.
    pub detached: u64,
    /// Checkpoints from outside that the log agrees with.
    pub outside: usize,
}

/// The pass over the log.
pub struct Verifier<'a> {
    keys: &'a [NoteKey],
    /// What is still to be compared, the smallest first.
    outside: VecDeque<Checkpoint>,
    agreed: usize,
    /// Records before this moment were exported and detached.
    kept_since: Option<Timestamp>,
    detached: u64,
    frontier: Frontier,
    /// The size of the last checkpoint that was right.
    right_until: u64,
}

impl<'a> Verifier<'a> {
    /// Begins. The notes that are found in the log must each be signed by one of `keys`.
    pub fn new(keys: &'a [NoteKey], outside: &Outside, kept_since: Option<Timestamp>) -> Self {
        let mut outside: Vec<_> = outside.checkpoints().to_vec();
        outside.sort_by_key(|checkpoint| checkpoint.size);

        let frontier = Frontier::default();

        Self {
            keys,
            outside: outside.into(),
            agreed: 0,
            kept_since,
            detached: 0,
            frontier,
            right_until: 0,
        }
    }

    /// How many leaves were looked at.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Looks at the next leaf.
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

    /// Looks at a checkpoint over the leaves so far.
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
                return Err(altered(
                    "it is signed by none of the keys that are believed",
                ));
            }
            Err(NoteError::BadSignature) => {
                return Err(altered("its signature is not that of the key"));
            }
            Err(_) => return Err(altered("its note is none")),
            Ok(note) => note,
        };

        if stored.size != size || note.size != size {
            return Err(altered("its note is of another size"));
        }
        if note.root != root {
            return Err(Finding::Rewritten {
                from: self.right_until,
                until: size,
            });
        }
        if stored.root != root {
            return Err(altered("its root is not that of its note"));
        }
        if stored.frontier != self.frontier.to_bytes() {
            return Err(altered("its frontier is not that of the tree"));
        }

        self.right_until = size;

        Ok(())
    }

    /// Ends the pass: `newest` is the newest checkpoint, which a key must have signed that is believed.
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

/// The lowest id that a record of this moment may have (RFC 9562 §5.7).
pub(crate) fn first_id_of(moment: Timestamp) -> Uuid {
    let milliseconds = moment.inner().unix_timestamp_nanos() / 1_000_000;
    Uuid::from_u128(u128::try_from(milliseconds).unwrap_or(0) << 80)
}
