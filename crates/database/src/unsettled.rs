//! Whether something lasting was under way when its future was dropped: a deadline that passes in the middle of a
//! write does not know whether the write happened, and must not say that it did not.

use std::{cell::Cell, future::Future};

use tokio::task_local;

task_local! {
    static UNSETTLED: Cell<bool>;
}

/// Runs `work`, in which [`is_unsettled`] tells what became of writes that were dropped before they were answered.
pub async fn noting_unsettled<F: Future>(work: F) -> F::Output {
    UNSETTLED.scope(Cell::new(false), work).await
}

/// Whether a write of the surrounding [`noting_unsettled`] was dropped before it was answered: it may have happened.
pub fn is_unsettled() -> bool {
    UNSETTLED.try_with(Cell::get).unwrap_or(false)
}

pub(crate) fn note_unsettled() {
    // Outside of any scope nobody asks.
    UNSETTLED.try_with(|unsettled| unsettled.set(true)).ok();
}
