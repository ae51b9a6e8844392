//! The one door to Postgres.
//!
//! A [`Door`] is opened with a [`Proof`](mainstay_access::Proof) and carries its caller: it reads and writes the rows of
//! the caller's organization and no others, and each write leaves its audit record in the same statement. SQL text
//! is static or built by sea-query with bound values; `sqlx` is named in this room and nowhere else.
//!
//! What is not here: rules of a resource (they stand in its feature's folder) and the HTTP form of an error. The one
//! way around the door is [`Unscoped`], named loudly; a test lists who uses it.

mod audit;
mod cell;
mod changes;
mod clock;
mod column;
mod connection;
mod cursor;
mod database;
mod decoder;
mod door;
mod doubts;
mod entity;
mod erasure;
mod error;
mod executor;
mod export;
mod filter;
mod health;
mod job;
mod kept_keys;
mod listen;
mod migrate;
mod missing_keys;
mod order;
mod page;
mod parameters;
mod pool;
mod premise;
mod pulse;
mod retention;
mod root_keys;
mod rotation;
mod schema;
mod sealed_table;
mod session;
mod settings;
mod sorting;
mod statement;
mod texts;
mod transaction;
mod unscoped;
mod unsettled;
mod writing;

pub use audit::{Event, Origin};
pub use cell::{Opening, Sealing};
pub use changes::Changes;
pub use column::{Column, Plain, TextColumn};
pub use connection::{DatabaseUrl, DatabaseUrlError};
pub use cursor::{Cursor, Limit};
pub use database::Database;
pub use door::{Door, Revealed};
pub use entity::{BlindIndexColumn, Entity, Field, Indexable, Revealable, Versioned, normalised};
pub use erasure::{Erased, Erasure};
pub use error::{ConstraintKind, Error};
pub use export::{Export, ExportedChange, ExportedEvent, ExportedField, ExportedRow, Shown};
pub use filter::Filter;
pub use health::Health;
pub use job::Job;
pub use listen::{Heard, Listener};
pub use migrate::{Migrated, Migration, MigrationError, Migrations, Owner};
pub use missing_keys::MissingKeys;
pub use order::{Direction, Order};
pub use page::Page;
pub use pool::PoolStatus;
pub use premise::Premise;
pub use pulse::Pulse;
pub use retention::{Counted, Enforced, Retention, Then};
pub use rotation::{KeyUse, Outcome, Progress, Rotation, Status, Usage, UsageKind};
pub use schema::SchemaColumn;
pub use sealed_table::{KeyHolder, PrivateColumn, Scope, SealedColumn, SealedIndex, SealedTable};
pub use session::Session;
pub use settings::Settings;
pub use statement::Row;
pub use transaction::Transaction;
pub use unscoped::{Change, HeldKey, OwnKey, Unscoped};
pub use unsettled::{is_unsettled, noting_unsettled};
pub use writing::IfMatch;

pub use mainstay_crypto::IndexLength;
pub use mainstay_kernel::{Id, Uuid};
pub use mainstay_macros::Entity;
/// A value to bind.
pub use sea_query::Value;

#[doc(hidden)]
pub use entity::{count_sealed, pick_sealed};
#[doc(hidden)]
pub use texts::Texts;
