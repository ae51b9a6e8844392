//! The audit log: listing, sealing, export and verification.
//!
//! The data door writes each record in the same statement as the change. A [`Sealer`] adds every
//! record as a leaf to a Merkle tree and signs checkpoints, so that altering or removing a record
//! is detected, regardless of the attacker's privileges in the database. [`verify_log`] checks the
//! database, [`verify_export`] an export without the database. `docs/audit.md` explains what this
//! proves and what it does not.

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
mod unlimited;
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

/// The module with the endpoint that lists the audit log.
pub fn module() -> Module {
    let kept = "permanently; an operator may archive months that are no longer required by law";

    keys::HALVES
        .into_iter()
        .fold(Module::new("audit"), Module::private_column)
        .keeping("mainstay.audit_events", kept)
        .keeping(
            "mainstay.audit_leaves",
            "permanently, also of archived records",
        )
        .keeping(
            "mainstay.audit_checkpoints",
            "permanently; one per hour after a day, one per day after 30 days",
        )
        .keeping(
            "mainstay.audit_keys",
            "permanently; each key verifies the checkpoints that it signed",
        )
        .endpoints((list_audit_events,))
}
