//! Sample data.

use futures_util::future::BoxFuture;
use mainstay_database::Database;
use mainstay_kernel::{OrganizationId, UserId};

/// Sample data: what rows there are to make, and how.
#[derive(Clone, Copy)]
pub struct Sample {
    /// What the rows are called, as in `--customers`.
    pub name: &'static str,
    /// How many `dev` makes in a fresh database.
    pub count: u64,
    /// Makes that many for an organization, in the name of a user.
    pub make: MakeSample,
}

/// Makes sample rows.
type MakeSample = for<'a> fn(
    &'a Database,
    OrganizationId,
    UserId,
    u64,
    SampleProgress<'a>,
) -> BoxFuture<'a, anyhow::Result<()>>;

/// Is told how many more rows were made.
pub type SampleProgress<'a> = &'a (dyn Fn(u64) + Sync);
