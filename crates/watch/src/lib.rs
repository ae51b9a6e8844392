//! The audit log, watched: rules look through what was recorded, and tell of what no single record shows.
//!
//! A [`Rule`] is a declared value: which actions, by whom, how many within which time. The worker looks through the log
//! every few seconds; of all replicas one does. What a rule finds is written once, is an event of the audit log itself,
//! is counted, logged, and told to a webhook where there is one.
//!
//! What is not here: the records, which the door to the database writes, and what becomes of a finding. A finding
//! accuses nobody: it says where to look.

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
    what: "findings: the rule, the account's id, how many events; no address and no name",
    when: "whenever a rule finds something",
};

/// The endpoint that lists findings.
pub fn module() -> Module {
    Module::new("findings")
        .keeping("mainstay.findings", "until an operator deletes them")
        .keeping("mainstay.finding_subjects", "a day after it last counts")
        .keeping("mainstay.watch_marks", "for good: one row a rule")
        .keeping(
            "mainstay.sealed_comparisons",
            "as long as the account: one row each",
        )
        .recipient(RECEIVER)
        .endpoints((list_findings,))
}
