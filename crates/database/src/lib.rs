//! Access to Postgres.
//!
//! A [`Door`] is the data access handle of one caller. It requires a
//! [`Proof`](mainstay_access::Proof) of a permission, reads and writes only rows of the caller's
//! organization, and adds an audit record to each write in the same statement. SQL text is static
//! or built by sea-query with bound values. Only this crate uses `sqlx`.
//!
//! The rules of a resource are in its module, and the HTTP form of errors is in `mainstay-http`.
//! [`Sql`] runs hand-written statements, limited to the same rows. An unlimited one is the only way
//! around the door; a test lists the reasons.

mod audit;
mod authority;
mod cell;
mod change;
mod changes;
mod claim;
mod claims;
mod clock;
mod column;
mod connection;
mod counting;
mod cursor;
mod database;
mod decoder;
mod door;
mod entity;
mod entity_statements;
mod erasure;
mod error;
mod executor;
mod export;
mod filter;
mod from_row;
mod health;
mod if_match;
mod indexable;
mod job;
mod kept_keys;
mod keyset;
mod listen;
mod liveness;
mod many;
mod matching;
mod migrate;
mod missing_keys;
mod order;
mod page;
mod page_part;
mod page_record;
mod parameters;
mod pool;
mod position;
mod precondition;
mod public_rows;
mod pulse;
mod query;
mod reach;
mod recorded_values;
mod relation;
mod retention;
mod revealed;
mod root_keys;
mod rotation;
mod row;
mod schema;
mod schema_migrations;
mod scope;
mod sealed_change;
mod sealed_table;
mod selection;
mod session;
mod settings;
mod sort_slots;
mod sorting;
mod sql;
mod statement;
mod statements;
mod total;
mod transaction;
mod unsettled;
mod upsert;
mod wall;
mod write;
mod writing;

pub use audit::{Event, Origin};
pub use authority::{Anyone, Authenticated, Authority, Person};
pub use cell::{Opening, Sealing};
pub use changes::{Changes, Number};
pub use column::{Column, Plain, Scalar, Sortable, TextColumn};
pub use connection::DatabaseUrl;
pub use cursor::{Cursor, Limit};
pub use database::Database;
pub use door::{Door, PersonDoor, PublicDoor};
pub use entity::{BlindIndexColumn, Entity, Field, Revealable, Versioned};
pub use erasure::Erased;
pub use error::{ConstraintKind, Error};
pub use export::{Export, ExportedAs, ExportedChange, ExportedEvent, ExportedField, ExportedRow};
pub use filter::{Filter, Group, JsonScalar, TextSearch, Whole};
pub use from_row::{ExpectedColumn, Fields, FromRow};
pub use health::Health;
pub use indexable::{Indexable, normalised};
pub use job::Job;
pub use listen::{Heard, Listener};
pub use migrate::{Migrated, MigrationError, Owner};
pub use missing_keys::MissingKeys;
pub use order::{Direction, Order};
pub use page::Page;
pub use parameters::DatabaseUrlError;
pub use pool::PoolStatus;
pub use precondition::Precondition;
pub use pulse::Pulse;
pub use query::table_of;
pub use reach::{HasSubjects, PublicPart, ReadBy, WrittenBy, WrittenWith};
pub use relation::{Relation, Relations};
pub use retention::{Counted, Enforced, Retention, Then};
pub use revealed::Revealed;
pub use rotation::{
    KeyRingStatus, KeyUse, Rotation, RotationOutcome, RotationProgress, Usage, UsageKind,
};
pub use row::{ColumnType, Row};
pub use schema::SchemaColumn;
pub use schema_migrations::{Migration, Migrations, SchemaMigrations, SchemaVersion};
pub use scope::{EntityScope, OrganizationScope, PersonScope, PlatformScope};
pub use sealed_table::{
    Erasure, KeyHolder, PrivateColumn, Scope, SealedColumn, SealedIndex, SealedTable, Uniqueness,
};
pub use session::PostgresSession;
pub use settings::Settings;

pub use change::Change;
pub use if_match::IfMatch;
pub use sealed_change::HeldKey;
pub use sql::{OwnKey, Sql};
pub use total::Total;
pub use transaction::Transaction;
pub use unsettled::{is_unsettled, noting_unsettled};
pub use upsert::{UniqueKey, Upserted};
pub use write::Write;

pub use mainstay_crypto::IndexLength;
pub use mainstay_kernel::{Id, Uuid};
pub use mainstay_macros::{Entity, FromRow};
/// Builds queries: see [`Door::query_select`].
pub use sea_query;
/// A value of a statement's parameter.
pub use sea_query::Value;

#[doc(hidden)]
pub use claim::Claim;
#[doc(hidden)]
pub use entity::{count_sealed, pick_sealed};
#[doc(hidden)]
pub use mainstay_crypto::{Personal, Zeroizing};
#[doc(hidden)]
pub use sql::{OwnerKind, declared_tables};
#[doc(hidden)]
pub use statements::Statements;
