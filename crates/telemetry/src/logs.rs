//! Log lines: one per event, with the request and the trace that it belongs to.
//!
//! Written straight into a buffer that each thread keeps, since this runs several times per request. Spans get no lines
//! of their own, and of their fields only `request_id` and `trace_id` are put on lines.

mod correlation;
mod line;

use std::{cell::Cell, io::Write, sync::OnceLock};

use mainstay_kernel::Clock;
use tracing::{
    Dispatch, Event, Level, Subscriber,
    dispatcher::WeakDispatch,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, LevelFilter, filter_fn},
    fmt::MakeWriter,
    layer::Context,
    registry::LookupSpan,
};

use crate::{Settings, verbosity::Verbosity};
use correlation::Correlation;
use line::{Line, Style};

/// Longer lines than this are rare, and their memory is not kept.
const KEPT_CAPACITY: usize = 16 * 1024;

thread_local! {
    static BUFFER: Cell<Line> = Cell::default();
}

/// Writes the events that the settings ask for, until the level is changed. `colour` says whether the writer is a terminal.
pub(crate) fn layer<S, W>(
    settings: &Settings,
    colour: bool,
    writer: W,
    clock: Clock,
) -> (impl Layer<S>, Verbosity)
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    let style = Style::new(settings.log_format, colour);
    // A span says which request a line belongs to, so a filter for warnings must not take it away.
    let spans = filter_fn(|metadata| metadata.is_span() && *metadata.level() <= Level::INFO);
    let (filter, verbosity) = Verbosity::new(&settings.log_filter);
    let filter = filter.or(spans.with_max_level_hint(LevelFilter::INFO));

    (
        LogLayer {
            style,
            writer,
            clock,
            dispatch: OnceLock::new(),
        }
        .with_filter(filter),
        verbosity,
    )
}

struct LogLayer<W> {
    style: Style,
    writer: W,
    clock: Clock,
    /// The whole subscriber, through which the trace of a span is found.
    dispatch: OnceLock<WeakDispatch>,
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // A layer belongs to one subscriber, so there is no second one to remember.
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            Correlation::of_new_span(&mut span.extensions_mut(), attributes);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            Correlation::of_record(&mut span.extensions_mut(), values);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // Taken, not borrowed: a value's `Debug` may itself log, and then finds an empty buffer.
        let mut line = BUFFER.try_with(Cell::take).unwrap_or_default();
        line.begin(self.style, self.clock.now(), event.metadata());
        event.record(&mut line);

        if let Some(span) = context.event_span(event) {
            let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade);
            let found = Correlation::around(&span, dispatch.as_ref());
            line.correlate(&found);
        }

        // Whoever would be told of a failure reads these lines.
        let _ = self
            .writer
            .make_writer_for(event.metadata())
            .write_all(line.finish());

        if line.capacity() <= KEPT_CAPACITY {
            let _ = BUFFER.try_with(|buffer| buffer.set(line));
        }
    }
}

#[cfg(test)]
mod tests;
