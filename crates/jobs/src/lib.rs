//! Work for later: the worker that does what was queued with a change, and the upkeep that is due now and then.
//!
//! A [`Job`](mainstay_database::Job) is queued in the statement of the change that asks for it. A [`Handler`] says how
//! work of one kind is done; the [`Worker`] claims what is due, a few at once, and hands it over. A worker that dies
//! leaves a lease that runs out, and another takes the work over: work is done at least once, so that doing it twice
//! must do no harm. A handler whose work cannot be undone or repeated says [`Claimed::hand_over`] right before it: such
//! work is done at most once.
//!
//! [`Periodic`] tasks need no queue: of all replicas, one does each whenever it is due.
//!
//! What is not here: what the work is. A module brings its handlers, the façade hands them over.

mod claimed;
mod figures;
mod handler;
mod operate;
mod periodic;
mod pursuit;
mod queue;
mod retry;
mod settings;
mod upkeep;
mod worker;

pub use claimed::Claimed;
pub use figures::measure;
pub use handler::{Handler, JobError};
pub use operate::{Unfinished, retry, unfinished};
pub use periodic::Periodic;
pub use settings::Settings;
pub use worker::Worker;
