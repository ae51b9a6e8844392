//! The audit log: its readers, and the seal over it.
//!
//! Records are written by the database's door, in the statement of the change itself. A [`Sealer`] makes a leaf of a Merkle
//! tree of each and signs checkpoints over them, so that nobody alters or removes a record unseen, whatever rights he has in
//! the database: [`verify_log`] finds it, and [`verify_export`] does without the database. What that proves, and what it does
//! not, is said in `docs/audit.md`.

mod checkpoint;
mod error;
mod events;
mod export;
mod field_changes;
mod keys;
mod note_key;
mod operate;
mod publish;
mod record;
mod recorded_query;
mod sealer;
mod settings;
mod tail;
mod tree;
mod unsealed;
mod upkeep;
mod verify;

use mainstay_http::Module;

pub use checkpoint::Checkpoint;
pub use error::AuditError;
pub use events::{AuditEventRow, AuditRead};
pub use export::{Extent, export_log};
pub use note_key::{NoteError, NoteKey};
pub use operate::{audit_keys, key_made, keys_of, rotate_audit_key};
pub use publish::CheckpointDestination;
pub use record::{FIELDS, Record};
pub use recorded_query::{recorded_filters, recorded_name};
pub use sealer::Sealer;
pub use settings::Settings;
pub use tail::Tail;
pub use tree::{
    Frontier, Hash, consistency_proof, empty_root, inclusion_proof, is_consistent, is_included,
    leaf_hash, node_hash,
};
pub use unsealed::{Unsealed, unsealed};
pub use upkeep::{thin_checkpoints, upkeep};
pub use verify::{
    Finding, Leaf, Outside, StoredCheckpoint, Summary, Terms, Verifier, WhyUnsealed, verify_export,
    verify_log,
};

use events::list_audit_events;

/// The audit log's endpoint.
pub fn module() -> Module {
    let kept = "for good: an operator moves away what the law no longer asks for";
    keys::HALVES
        .into_iter()
        .fold(Module::new("audit"), Module::private_column)
        .keeping("mainstay.audit_events", kept)
        .keeping(
            "mainstay.audit_leaves",
            "for good, also of records that were moved away",
        )
        .keeping(
            "mainstay.audit_checkpoints",
            "for good: one an hour after a day, one a day after 30 days",
        )
        .keeping(
            "mainstay.audit_keys",
            "for good: each verifies what it signed",
        )
        .endpoints((list_audit_events,))
}
