//! Tracks writes whose future was dropped before the response. If a deadline passes during a write,
//! the outcome is unknown, and the response must not claim that nothing was changed.

use std::{cell::Cell, future::Future};

use tokio::task_local;

task_local! {
    static UNSETTLED: Cell<bool>;
}

/// Runs `work` with tracking, so that [`is_unsettled`] reports writes that were dropped.
pub async fn noting_unsettled<F: Future>(work: F) -> F::Output {
    UNSETTLED.scope(Cell::new(false), work).await
}

/// Whether a write within the surrounding [`noting_unsettled`] was dropped before the response, and
/// may have been applied.
pub fn is_unsettled() -> bool {
    UNSETTLED.try_with(Cell::get).unwrap_or(false)
}

pub(crate) fn note_unsettled() {
    // Outside a scope, there is nothing to note.
    UNSETTLED.try_with(|unsettled| unsettled.set(true)).ok();
}
