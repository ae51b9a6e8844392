//! What a rule is.

use std::time::Duration;

use crate::queries::{BURST_BY_ACCOUNT, BURST_BY_ADDRESS};

/// Something to look for in the audit log.
///
/// ```
/// use mainstay_watch::{By, LooksFor, Rule, Severity};
/// use std::time::Duration;
///
/// const REFUNDS: Rule = Rule {
///     name: "burst_of_refunds",
///     message: "An account gave many refunds within an hour.",
///     looks_for: LooksFor::Burst { of: &["refund.created"], by: By::Account },
///     window: Duration::from_secs(3_600),
///     threshold: 50,
///     severity: Severity::Medium,
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name in findings, metrics and logs: small letters and underscores, never to change.
    pub name: &'static str,
    /// What a finding of it means, for whoever reads it. Never a value.
    pub message: &'static str,
    /// What it looks for.
    pub looks_for: LooksFor,
    /// The time within which events count together. For as long, though no longer than a day, a subject that was found
    /// is not found again.
    pub window: Duration,
    /// How many events there must be at least.
    pub threshold: u32,
    /// How soon somebody should look.
    pub severity: Severity,
}

/// What a rule looks for.
#[derive(Clone, Copy, Debug)]
pub enum LooksFor {
    /// Many events of some actions by one subject.
    Burst {
        /// The actions, as patterns of SQL's `LIKE`: `%.revealed` is whatever was revealed.
        of: &'static [&'static str],
        /// Who or what they are counted by.
        by: By,
    },
    /// What a query of its own finds.
    ///
    /// The text is static and uses each of `$1` (events after this moment have yet to be looked at), `$2` (up to this
    /// one), `$3` (the window in seconds) and `$4` (the threshold). It answers, for each subject, the organization, the
    /// account, the address (each may be null), the moment of the last event that counts, and how many count (`bigint`).
    /// The log is `mainstay.audit_events`. `mainstay.audit_id_from(moment)` gives the least id that an event of that
    /// moment may have: bound ids on both sides, so that the statement reads its window by index however large the log
    /// grows.
    Query(&'static str),
}

/// By what events are counted together, within their organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The account that acted; before sign-in, the account that the event is about.
    Account,
    /// The client's address.
    Address,
}

/// How soon somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// When there is time: it is often harmless.
    Low,
    /// Within the day.
    Medium,
    /// Now.
    High,
}

impl Severity {
    /// Its name in findings, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Rule {
    /// The statement that looks.
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

    /// For how long a subject that was found is not found again.
    pub(crate) fn quiet(&self) -> time::Duration {
        time::Duration::try_from(self.window)
            .unwrap_or(time::Duration::DAY)
            .min(time::Duration::DAY)
    }
}
