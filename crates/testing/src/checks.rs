//! Checks of an app as a whole: its schema, its API document and its sources. A check panics with
//! what is wrong. Some return text for [`assert_snapshot`](crate::assert_snapshot), which shows a
//! reviewer the effect of a change.
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
//! Attacks on operations are in the [`sweeps`](crate::sweeps).

mod data_map;
mod declarations;
mod document;
mod migrations;
mod schema;
mod serving_role;
mod sources;
mod unique_columns;
mod uses;
mod ways_around;

pub use data_map::data_map;
pub use declarations::declarations;
pub use document::document;
pub use migrations::{migrations, migrations_stay_in};
pub use schema::schema;
pub use serving_role::serving_role;
pub use sources::{Source, sources};
pub use unique_columns::unique_columns;
pub use uses::{Use, facade, uses};
pub use ways_around::ways_around;
