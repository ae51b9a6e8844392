//! The result of a verification: a summary, or the first problem.

use crate::{checkpoint::Checkpoint, note_key::NoteError};

/// The first problem found in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A leaf is missing.
    #[error("index {0}: the leaf is missing")]
    NoLeaf(u64),
    /// A leaf's record is missing.
    #[error("index {index}: record {id} is missing")]
    NoRecord {
        /// Where.
        index: u64,
        /// Which.
        id: String,
    },
    /// A record differs from what was sealed.
    #[error("index {index}: record {id} was altered after it was sealed")]
    Altered {
        /// Where.
        index: u64,
        /// Which.
        id: String,
    },
    /// The leaves do not match a checkpoint over them.
    #[error("index {from} to {}: the leaves do not match the checkpoint of size {until}", until - 1)]
    Rewritten {
        /// Size of the last checkpoint that matches.
        from: u64,
        /// Size of the first checkpoint that does not match.
        until: u64,
    },
    /// A stored checkpoint was altered.
    #[error("index {}: the checkpoint of size {size} was altered: {why}", size.saturating_sub(1))]
    Checkpoint {
        /// Which.
        size: u64,
        /// The evidence.
        why: &'static str,
    },
    /// The newest checkpoint is not signed by a trusted key.
    #[error("the newest checkpoint cannot be trusted: {0}")]
    NotBelieved(NoteError),
    /// The newest checkpoint covers more or fewer leaves than there are.
    #[error("index {size}: the log has {leaves} leaves, but the newest checkpoint covers {size}")]
    Unsigned {
        /// Size of the newest checkpoint.
        size: u64,
        /// Number of leaves.
        leaves: u64,
    },
    /// The log is shorter than an external checkpoint.
    #[error(
        "index {size}: the log was truncated or restored: \
         it has {size} leaves, the external checkpoint covers {outside}"
    )]
    Cut {
        /// Number of leaves.
        size: u64,
        /// Size of the external checkpoint.
        outside: u64,
    },
    /// The external checkpoint is not a prefix of this log.
    #[error("index 0 to {}: the log does not match the external checkpoint of size {size}", size - 1)]
    Forked {
        /// Size of the external checkpoint.
        size: u64,
    },
    /// The time of a record contradicts its position in the log.
    #[error("index {index}: record {id} is dated {occurred_at}, {why}")]
    Misdated {
        /// Where.
        index: u64,
        /// Which.
        id: String,
        /// When it says it happened.
        occurred_at: String,
        /// The contradiction.
        why: String,
    },
    /// A record has no leaf.
    #[error("record {id} of {occurred_at} is not sealed: {why}")]
    Unsealed {
        /// Which.
        id: String,
        /// When it says it happened.
        occurred_at: String,
        /// The probable reason.
        why: WhyUnsealed,
    },
    /// A proof of an export does not match the checkpoint.
    #[error("index {0}: the inclusion proof does not match the checkpoint")]
    BadProof(u64),
    /// An export has fewer records than its first line says.
    #[error("index {0}: the export is truncated")]
    Incomplete(u64),
}

/// Why a record may have no leaf, as far as transaction IDs tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyUnsealed {
    /// The sealer has not reached its transaction.
    #[error(
        "the sealer has not reached it: it is not running, or an older transaction is still open"
    )]
    NotYet,
    /// This cluster has not reached its transaction ID, or is behind its own seal.
    #[error(
        "this database was restored from a dump in which it was unsealed; the sealer will find it and seal it after \
         newer records"
    )]
    Restored,
    /// The sealer has passed its transaction.
    #[error(
        "the sealer has passed it; either this database was restored from a dump in which it was unsealed, or it was \
         written behind the sealer. The sealer will find it and seal it after newer records"
    )]
    PassedOver,
}

/// The result of a successful verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// First index verified.
    pub from: u64,
    /// Index after the last one verified.
    pub until: u64,
    /// The newest checkpoint.
    pub checkpoint: Checkpoint,
    /// Number of detached records, of which only the leaves were verified.
    pub detached: u64,
    /// Number of external checkpoints that match the log.
    pub outside: usize,
}
