//! Changes of the log level at run time, in steps.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, registry::LookupSpan, reload};

use crate::LogFilter;

/// The steps, from least to most verbose, each with its filter. The more verbose ones apply only to
/// the platform's crates, because libraries may log headers at these levels, and so credentials.
const STEPS: [Step; 4] = [
    Step {
        name: "warnings only",
        filter: |_| "warn".to_owned(),
    },
    Step {
        name: "as set",
        filter: str::to_owned,
    },
    Step {
        name: "as set, and the platform at debug",
        filter: |set| format!("{set},mainstay=debug"),
    },
    Step {
        name: "as set, and the platform at trace",
        filter: |set| format!("{set},mainstay=trace"),
    },
];

/// The initial step.
const AS_SET: usize = 1;

struct Step {
    name: &'static str,
    filter: fn(&str) -> String,
}

/// The level of the log. Clones share it.
#[derive(Clone)]
pub(crate) struct Verbosity(Arc<Inner>);

struct Inner {
    set: LogFilter,
    step: Mutex<usize>,
    replace: Box<dyn Fn(EnvFilter) -> bool + Send + Sync>,
}

impl Verbosity {
    /// Creates the filter of the log, and the handle that changes it.
    pub(crate) fn new<S>(set: &LogFilter) -> (reload::Layer<EnvFilter, S>, Self)
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let (filter, handle) = reload::Layer::new(set.compile());
        let replace = Box::new(move |filter| handle.reload(filter).is_ok());

        (
            filter,
            Self(Arc::new(Inner {
                set: set.clone(),
                step: Mutex::new(AS_SET),
                replace,
            })),
        )
    }

    /// Moves up or down, as far as there are steps. Returns the name of the current step.
    pub(crate) fn step(&self, by: isize) -> &'static str {
        let mut step = self.0.step.lock().unwrap_or_else(PoisonError::into_inner);
        let next = step.saturating_add_signed(by).min(STEPS.len() - 1);

        let filter = LogFilter::trusted((STEPS[next].filter)(self.0.set.as_str())).compile();
        if (self.0.replace)(filter) {
            *step = next;
        }

        STEPS[*step].name
    }
}

impl fmt::Debug for Verbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verbosity")
            .field("set", &self.0.set)
            .field("step", &self.0.step)
            .finish_non_exhaustive()
    }
}
