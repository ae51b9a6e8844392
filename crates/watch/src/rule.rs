//! The definition of a rule.

use std::time::Duration;

use crate::queries::{BURST_BY_ACCOUNT, BURST_BY_ADDRESS};

/// A pattern to look for in the audit log.
///
/// ```
/// use mainstay_watch::{By, LooksFor, Rule, Severity};
/// use std::time::Duration;
///
/// const REFUNDS: Rule = Rule {
///     name: "burst_of_refunds",
///     message: "An account issued many refunds within an hour.",
///     looks_for: LooksFor::Burst { of: &["refund.created"], by: By::Account },
///     window: Duration::from_secs(3_600),
///     threshold: 50,
///     severity: Severity::Medium,
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Name in findings, metrics and logs: lower-case letters and underscores. Do not change it
    /// later.
    pub name: &'static str,
    /// Meaning of a finding, for its readers. Contains no values.
    pub message: &'static str,
    /// The events to look for.
    pub looks_for: LooksFor,
    /// Time window in which events count together. After a finding, the same subject is not
    /// reported again for this time, but at most for a day.
    pub window: Duration,
    /// Minimum number of events.
    pub threshold: u32,
    /// Urgency of a finding.
    pub severity: Severity,
}

/// The events that a rule looks for.
#[derive(Clone, Copy, Debug)]
pub enum LooksFor {
    /// Many events with certain actions by one subject.
    Burst {
        /// The actions, as SQL `LIKE` patterns: `%.revealed` matches every reveal.
        of: &'static [&'static str],
        /// The subject that events are counted by.
        by: By,
    },
    /// A custom query.
    ///
    /// The text is static and uses all of `$1` and `$2` (events after the first and up to the
    /// second time are new), `$3` (the window in seconds) and `$4` (the threshold). It returns one
    /// row per subject, with the columns `organization_id`, `account` and `address` (each may be
    /// null), `last_at` (the time of the last event counted) and `events` (their number, `bigint`).
    /// The log is `mainstay.audit_events`. `mainstay.audit_id_from(moment)` gives the least id that
    /// an event of that moment may have: bound ids on both sides, so that the statement reads its
    /// window by index however large the log grows.
    Query(&'static str),
}

/// The subject by which events are counted, within an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The account that acted; for events before sign-in, the account that the event is about.
    Account,
    /// The client's address.
    Address,
}

/// Urgency of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Often harmless; look at it when there is time.
    Low,
    /// Look at it within a day.
    Medium,
    /// Look at it now.
    High,
}

impl Severity {
    /// The name in findings, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Rule {
    /// The statement that finds matches.
    pub(crate) const fn text(&self) -> &'static str {
        match self.looks_for {
            LooksFor::Burst {
                by: By::Account, ..
            } => BURST_BY_ACCOUNT,
            LooksFor::Burst {
                by: By::Address, ..
            } => BURST_BY_ADDRESS,
            LooksFor::Query(text) => text,
        }
    }

    /// How long a subject is not reported again after a finding.
    pub(crate) fn quiet(&self) -> time::Duration {
        time::Duration::try_from(self.window)
            .unwrap_or(time::Duration::DAY)
            .min(time::Duration::DAY)
    }
}
