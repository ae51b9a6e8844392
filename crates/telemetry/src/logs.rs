//! Log lines: one for each event, with the ids of its request and trace.
//!
//! Lines are written into a buffer that each thread reuses, because this code runs several times
//! for each request. Spans have no lines, and of their fields only `request_id` and `trace_id`
//! appear in lines.

mod correlation;
mod line;

use std::{cell::Cell, io::Write, sync::OnceLock};

use mainstay_kernel::Clock;
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
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
use correlation::{CORRELATED, Correlation};
use line::{Line, Style};

/// The largest buffer that is reused, in bytes. Longer lines are rare.
const KEPT_CAPACITY: usize = 16 * 1024;

thread_local! {
    static BUFFER: Cell<Line> = Cell::default();
}

/// Creates the layer that writes log lines, and the handle that changes its level. `colour` says
/// whether the writer is a terminal.
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

    // Spans have the ids of the request, so a filter for warnings must not remove them. Unless spans
    // are exported, and so have a trace's id, others have nothing for a line: without this layer's
    // interest, they cost nothing.
    let exported = settings.otlp_endpoint.is_some();
    let spans = filter_fn(move |metadata| {
        metadata.is_span() && *metadata.level() <= Level::INFO && (exported || has_ids(metadata))
    });
    let (filter, verbosity) = Verbosity::new(&settings.log_filter);
    let filter = filter_fn(|metadata| !metadata.is_span())
        .and(filter)
        .or(spans.with_max_level_hint(LevelFilter::INFO));

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

/// Whether a span has ids for the lines within it.
fn has_ids(metadata: &Metadata<'_>) -> bool {
    CORRELATED
        .iter()
        .any(|name| metadata.fields().field(name).is_some())
}

struct LogLayer<W> {
    style: Style,
    writer: W,
    clock: Clock,
    /// The whole subscriber, which is needed to find the trace of a span.
    dispatch: OnceLock<WeakDispatch>,
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // A layer belongs to one subscriber, so this is called once.
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
        // Takes the buffer instead of borrowing it, because a value's `Debug` may itself log.
        let mut line = BUFFER.try_with(Cell::take).unwrap_or_default();
        line.begin(self.style, self.clock.now(), event.metadata());
        event.record(&mut line);

        if let Some(span) = context.event_span(event) {
            let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade);
            let found = Correlation::around(&span, dispatch.as_ref());
            line.correlate(&found);
        }

        // Errors are ignored: there is nowhere else to report them.
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
