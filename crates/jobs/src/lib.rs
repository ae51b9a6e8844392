//! Background jobs: the worker that runs queued jobs and periodic tasks.
//!
//! A [`Job`](mainstay_database::Job) is queued in the same statement as the change that causes it.
//! A [`Handler`] runs jobs of one kind; the [`Worker`] claims due jobs, several at once, and passes
//! them to their handlers. If a worker dies, its leases expire and another worker takes over. Jobs
//! therefore run at least once, and must be safe to repeat. A handler whose work cannot be undone
//! or repeated calls [`Claimed::hand_over`] right before it; such work is done at most once.
//!
//! [`Periodic`] tasks need no queue: whenever one is due, one of the replicas runs it.
//!
//! Handlers are not in this crate: each module provides its own.

mod attempt;
mod claimed;
mod figures;
mod handler;
mod job_error;
mod operate;
mod periodic;
mod queue;
mod retry;
mod settings;
mod upkeep;
mod worker;

pub use claimed::Claimed;
pub use figures::measure;
pub use handler::Handler;
pub use job_error::JobError;
pub use operate::{Unfinished, retry, unfinished};
pub use periodic::Periodic;
pub use settings::Settings;
pub use worker::Worker;
