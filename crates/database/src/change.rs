//! A change that no organization limits: its clauses, its event, its jobs and its preconditions.

use sea_query::Value;

use crate::{Event, Job, Precondition};

/// A change that no organization limits: what it does, what the audit log is told of it, and what is to be done later.
pub struct Change {
    pub(crate) name: &'static str,
    pub(crate) clauses: &'static str,
    pub(crate) answer: &'static str,
    pub(crate) values: Vec<Value>,
    pub(crate) event: Event,
    pub(crate) jobs: Vec<Job>,
    pub(crate) shows_rows: bool,
    /// What must still hold, in the order in which the rows are locked.
    pub(crate) preconditions: Vec<Precondition>,
}

impl Change {
    /// `clauses` are the CTE clauses of the change (`name AS (…)`, separated by commas), `values` theirs from `$1` on. The
    /// clause named `changed` decides what happened. They may ask for `held`, which has one row, except as
    /// [`Unscoped::change_sealed`] and [`Change::given`] say.
    pub fn new(
        name: &'static str,
        clauses: &'static str,
        values: impl IntoIterator<Item = Value>,
        event: Event,
    ) -> Self {
        let values = values.into_iter().collect();
        Self {
            name,
            clauses,
            answer: "changed",
            values,
            event,
            jobs: Vec::new(),
            shows_rows: false,
            preconditions: Vec::new(),
        }
    }

    /// Answers the rows of another clause than `changed`: for a change that has something to tell also when it did not
    /// happen.
    #[must_use]
    pub fn answering(mut self, clause: &'static str) -> Self {
        self.answer = clause;
        self
    }

    /// Records what was changed from and to: the columns `before` and `after` of `changed`, both `jsonb`.
    #[must_use]
    pub fn showing_rows(mut self) -> Self {
        self.shows_rows = true;
        self
    }

    /// Makes the change only while `preconditions` hold. The clauses must ask for `held`, which has no row otherwise; then nothing
    /// happens.
    #[must_use]
    pub fn given(mut self, preconditions: impl IntoIterator<Item = Precondition>) -> Self {
        self.preconditions.extend(preconditions);
        self
    }

    /// Queues a job with the change.
    #[must_use]
    pub fn queue(mut self, job: impl Into<Option<Job>>) -> Self {
        self.jobs.extend(job.into());
        self
    }
}
