//! `seed`: adds sample rows.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::Context as _;
use clap::{Args, Command};
use indicatif::{ProgressBar, ProgressStyle};
use mainstay_database::{Database, FromRow};
use mainstay_kernel::{OrganizationId, UserId};

use super::{dev::postgres, output::say, target};
use crate::{Platform, Sample};

#[derive(Args)]
pub(super) struct Arguments {
    /// Number of rows to add
    #[arg(id = "count", long, value_name = "N")]
    count: u64,
    /// Data directory of `dev`, if not the default
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Names the count argument after the sample's rows, as in `--customers`.
pub(super) fn named(program: Command, platform: &Platform) -> Command {
    let name = platform.sample_data().map_or("count", |sample| sample.name);
    program.mut_subcommand("seed", |seed| {
        seed.mut_arg("count", |count| count.long(name))
    })
}

/// Adds rows to the configured database or to that of `dev`, whose Postgres is started temporarily
/// if it is not running.
pub(super) async fn run(platform: &Platform, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let sample = platform
        .sample_data()
        .context("this service has no sample data")?;
    let private = postgres::borrow(platform, arguments.data_dir.as_deref()).await?;
    let database = match &private {
        Some(private) => target::database_and(private.reader(), |_| ())?.0,
        None => target::database(arguments.data_dir.as_deref())?,
    };

    let (organization, owner) = first_organization(&database).await?;
    let started = Instant::now();
    add(sample, &database, organization, owner, arguments.count).await?;

    if let Some(private) = private {
        private.stop().await?;
    }

    say(&format!(
        "added {} {} in {:.1} s",
        arguments.count,
        sample.name,
        started.elapsed().as_secs_f64()
    ));

    Ok(ExitCode::SUCCESS)
}

/// Adds rows and shows a progress bar.
pub(super) async fn add(
    sample: &Sample,
    database: &Database,
    organization: OrganizationId,
    user: UserId,
    count: u64,
) -> anyhow::Result<()> {
    let bar = ProgressBar::new(count).with_style(
        ProgressStyle::with_template(
            "{msg} {wide_bar} {human_pos}/{human_len} ({per_sec}, {eta} left)",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_message(sample.name);
    (sample.make)(database, organization, user, count, &|more| bar.inc(more)).await?;
    bar.finish_and_clear();
    Ok(())
}

#[derive(FromRow)]
struct FirstOrganization {
    organization_id: OrganizationId,
    owner_id: UserId,
}

async fn first_organization(database: &Database) -> anyhow::Result<(OrganizationId, UserId)> {
    const FIRST: &str = r"
        SELECT o.id AS organization_id, m.user_id AS owner_id
        FROM mainstay.organizations o
        JOIN mainstay.memberships m ON m.organization_id = o.id
        JOIN mainstay.roles r ON r.id = m.role_id AND r.name = 'owner'
        ORDER BY o.created_at, m.created_at
        LIMIT 1
    ";
    let organizations: Vec<FirstOrganization> = target::sql(database, "seed")
        .query("organizations.first", FIRST, [])
        .await?;
    let first = organizations
        .first()
        .context("no organization exists yet: create one with `user create`")?;

    Ok((first.organization_id, first.owner_id))
}
