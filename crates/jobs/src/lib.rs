//! Work for later: the worker that does what was queued with a change.
