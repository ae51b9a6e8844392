//! Mainstay: the API platform that an app is built on.
//!
//! An app composes modules into a [`Platform`] and calls [`Platform::run`]. This crate re-exports
//! all other crates of the platform; the [`prelude`] has what most files of an app need.
//!
//! ```no_run
//! use mainstay::prelude::*;
//!
//! fn main() -> std::process::ExitCode {
//!     let info = Info { title: "Notes", version: "1.0.0", description: "Keeps notes." };
//!     Platform::new(info).module(Module::new("notes")).run()
//! }
//! ```

mod assembly;
mod commands;
mod connections;
mod data_map;
mod data_map_reading;
mod declare;
mod hasher;
pub mod identity;
mod key_source;
mod operator;
pub mod personal;
mod platform;
mod renewal;
mod retention;
mod schema;
mod seeding;
mod service;
mod service_error;
mod settings;
mod vital_signs;
mod welcome;
mod work;
mod working;

pub use mainstay_access as access;
pub use mainstay_audit as audit;
pub use mainstay_config as config;
pub use mainstay_crypto as crypto;
pub use mainstay_database as database;
pub use mainstay_http as http;
pub use mainstay_jobs as jobs;
pub use mainstay_kernel as kernel;
pub use mainstay_mail as mail;
pub use mainstay_telemetry as telemetry;
pub use mainstay_watch as watch;

pub use connections::Connections;
pub use data_map::{AccessRecord, ColumnRecord, DataMap, TableRecord};
pub use declare::declare;
pub use key_source::{KeySource, KeySourceError};
pub use operator::operator;
pub use platform::Platform;
pub use retention::{RetentionSettings, UnknownRule};
pub use seeding::{Sample, SampleProgress};
pub use service::Service;
pub use service_error::ServiceError;
pub use settings::{Settings, settings_reference};
pub use working::Working;

/// The types that most files of an app need.
pub mod prelude {
    pub use mainstay_access::{Permission, permission};
    pub use mainstay_accounts::MailTo;
    pub use mainstay_crypto::{Identifying, Indexed, Masked, Personal, Sealed, Zeroizing};
    pub use mainstay_database::{
        Changes, Cursor, Direction, Door, Entity, Error as DatabaseError, Filter, FromRow, IfMatch,
        Limit, Order, PersonDoor, PublicDoor, Retention, Revealed, values,
    };
    pub use mainstay_http::{
        Allowed, CONFLICT, CountedPage, Created, CreatedAt, ErasureView, ExportPage, ExportView,
        Form, Fresh, FreshOrScoped, Header, InPerson, Info, Json, Kind, Module, NOT_FOUND,
        NoContent, OnConstraint, PageOf, Patch, Path, Problem, Public, Query, Shared, SignedIn,
        StatusCode, TOO_MANY_REQUESTS, TOO_MANY_TO_SORT, UserAgent, choice, delete, get, input,
        part, patch, post, put, view,
    };
    pub use mainstay_jobs::{Claimed, Handler, JobError, Periodic};
    pub use mainstay_kernel::{
        Bytes, Date, Decimal, EmailAddress, Id, Interval, JsonOf, Line, NetworkAddress,
        OrganizationId, Runtime, TimeOfDay, Timestamp, UserId, Uuid,
    };
    pub use mainstay_mail::{Letter, Mail};
    pub use mainstay_watch::{By, LooksFor, Rule, Severity};

    pub use crate::{personal, personal_text, platform::Platform};
}
