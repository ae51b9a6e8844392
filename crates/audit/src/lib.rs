//! The audit log as its readers see it.
//!
//! Records are written by the database's door, in the statement of the change itself, and nobody may alter them
//! afterwards; this room shows them. What is not here yet is said in `docs/ARCHITECTURE.md`.

mod events;
mod shown;

use mainstay_http::Module;

pub use events::{AuditEventRow, AuditRead};

use events::list_audit_events;

/// The audit log's endpoint.
pub fn module() -> Module {
    let kept = "for good: an operator moves away what the law no longer asks for";
    Module::new("audit").keeping("audit_events", kept).endpoints((list_audit_events,))
}
