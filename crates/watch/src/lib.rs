//! Detection rules over the audit log, for patterns that no single record shows.
//!
//! A [`Rule`] declares which actions, counted by whom, how many and in which time window. Every few
//! seconds, one worker of all replicas evaluates the rules. Each match becomes one finding, which
//! is stored, recorded in the audit log, counted, logged, and sent to a webhook if one is
//! configured.
//!
//! A finding is a hint where to investigate, not proof of misconduct. This crate neither writes the
//! audit records, which the data door does, nor acts on findings.

mod finding;
mod findings;
mod queries;
mod rule;
mod rules;
mod settings;
mod signature;
mod watch;
mod webhook;

use mainstay_http::{Module, Recipient};

pub use rule::{By, LooksFor, Rule, Severity};
pub use settings::Settings;
pub use watch::Watch;
pub use webhook::{Webhook, WebhookError, WebhookSettings};

use findings::list_findings;

const RECEIVER: Recipient = Recipient {
    who: "the receiver of `MAINSTAY_WATCH_WEBHOOK_URL`",
    what: "findings: rule, account ID and number of events; no address and no name",
    when: "when a watch rule finds something",
};

/// The module with the endpoint that lists findings.
pub fn module() -> Module {
    Module::new("findings")
        .keeping("mainstay.findings", "until an operator deletes them")
        .keeping(
            "mainstay.finding_subjects",
            "until one day after it last suppressed a finding",
        )
        .keeping("mainstay.watch_marks", "permanently; one row per rule")
        .keeping(
            "mainstay.sealed_comparisons",
            "as long as the account; one row per account",
        )
        .recipient(RECEIVER)
        .endpoints((list_findings,))
}
