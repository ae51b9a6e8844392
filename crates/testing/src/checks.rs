//! Checks of an app as a whole, against its schema, its document and its sources. Each takes what it needs and panics with what
//! is wrong; those that give a text are for [`assert_snapshot`](crate::assert_snapshot), so that a reviewer sees what a change
//! does to the whole.
//!
//! ```no_run
//! # use std::path::Path;
//! # use mainstay::Platform;
//! use mainstay_testing::{assert_snapshot, checks};
//!
//! # async fn test(platform: fn() -> Platform) {
//! checks::schema(platform(), &[]).await;
//! checks::declarations(platform()).await;
//! checks::migrations(Path::new("../migrations"));
//! let page = checks::data_map(platform()).await;
//! assert_snapshot(Path::new("../docs/data-map.md"), &page);
//! # }
//! ```
//!
//! What an operation answers to an attacker is for the [`sweeps`](crate::sweeps).

mod data_map;
mod declarations;
mod document;
mod migrations;
mod schema;
mod serving_role;
mod sources;
mod uses;
mod ways_around;

pub use data_map::data_map;
pub use declarations::declarations;
pub use document::document;
pub use migrations::{migrations, migrations_stay_in};
pub use schema::schema;
pub use serving_role::serving_role;
pub use sources::{Source, sources};
pub use uses::{Use, facade, uses};
pub use ways_around::ways_around;
