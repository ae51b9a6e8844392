//! A hand-written change, with its event, jobs and preconditions.

use sea_query::Value;

use crate::{Event, Job, Precondition};

/// A hand-written change, with its audit event and its jobs: see [`Sql`](crate::Sql).
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
    /// Creates a change. `clauses` are its CTE clauses (`name AS (…)`, separated by commas), and
    /// `values` their parameters from `$1` on. The rows of the clause `changed` are what was
    /// changed. The clauses may select from `held`, which has one row unless
    /// [`Sql::change_sealed`](crate::Sql::change_sealed) or [`Change::given`] apply.
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

    /// Returns the rows of another clause than `changed`, for a change that also returns rows if
    /// nothing was changed.
    #[must_use]
    pub fn answering(mut self, clause: &'static str) -> Self {
        self.answer = clause;
        self
    }

    /// Records the columns `before` and `after` of `changed`, both `jsonb`.
    #[must_use]
    pub fn showing_rows(mut self) -> Self {
        self.shows_rows = true;
        self
    }

    /// Makes the change only if `preconditions` hold. The clauses must select from `held`, which
    /// otherwise has no row.
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
