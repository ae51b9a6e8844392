//! Sample data.

use futures_util::future::BoxFuture;
use mainstay_database::Database;
use mainstay_kernel::{OrganizationId, UserId};

/// Sample data: which rows to create, and how.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Name of the rows, as in `--customers`.
    pub name: &'static str,
    /// Number of rows that `dev` creates in a new database.
    pub count: u64,
    /// Creates the rows in an organization, on behalf of a user.
    pub make: MakeSample,
}

/// Creates a number of sample rows.
type MakeSample = for<'a> fn(
    &'a Database,
    OrganizationId,
    UserId,
    u64,
    SampleProgress<'a>,
) -> BoxFuture<'a, anyhow::Result<()>>;

/// Callback that receives the number of rows created since the last call.
pub type SampleProgress<'a> = &'a (dyn Fn(u64) + Sync);
