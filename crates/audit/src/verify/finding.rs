//! What a verification finds: the first thing that is wrong, or what was right.

use crate::{checkpoint::Checkpoint, note_key::NoteError};

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
        why: WhyUnsealed,
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
pub enum WhyUnsealed {
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
