//! `key-ring status`, `rotate` and `reseal`.

use std::{num::NonZeroU32, process::ExitCode, time::Instant};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mainstay_config::Setting as _;
use mainstay_database::{KeyRingStatus, Rotation, RotationOutcome, RotationProgress, UsageKind};
use mainstay_kernel::Timestamp;

use super::super::{output::say, target::Target, with_cause::with_cause};
use crate::Platform;

#[derive(Args)]
pub(crate) struct Move {
    /// Maximum number of rows per second
    #[arg(long, value_name = "ROWS")]
    rate: Option<NonZeroU32>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(crate) struct Reseal {
    /// Only rows whose data key is older than this, such as `90d` or `12h`
    #[arg(long, value_name = "DURATION", conflicts_with = "before")]
    older_than: Option<String>,
    /// Only rows whose data key was created before this time (RFC 3339), to continue after an
    /// interruption
    #[arg(long, value_name = "MOMENT")]
    before: Option<String>,
    #[command(flatten)]
    how: Move,
}

pub(super) async fn status(platform: &Platform, target: &Target) -> anyhow::Result<ExitCode> {
    let mut rotation = open(platform, target, "key_ring_status").await?;
    let status = rotation.status().await.map_err(with_cause)?;
    print_status(&status);

    Ok(if status.missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub(super) async fn rotate_keys(platform: &Platform, how: &Move) -> anyhow::Result<ExitCode> {
    let mut rotation = open_to_move(platform, how, "key_ring_rotate_kek").await?;
    let started = Instant::now();
    let outcome = rotation.rotate_keys().await.map_err(with_cause)?;
    Ok(print_outcome(
        "re-wrapped under the first key of the ring",
        outcome,
        started,
    ))
}

pub(super) async fn rotate_indexes(platform: &Platform, how: &Move) -> anyhow::Result<ExitCode> {
    let mut rotation = open_to_move(platform, how, "key_ring_rotate_index").await?;
    let started = Instant::now();
    let outcome = rotation.rotate_indexes().await.map_err(with_cause)?;
    Ok(print_outcome(
        "indexed under the first key of the ring",
        outcome,
        started,
    ))
}

pub(super) async fn reseal(platform: &Platform, reseal: &Reseal) -> anyhow::Result<ExitCode> {
    let mut rotation = open_to_move(platform, &reseal.how, "key_ring_reseal").await?;
    let now = rotation.runtime().clock.now();
    let before = match (&reseal.older_than, &reseal.before) {
        (Some(age), _) => {
            let age = std::time::Duration::parse(age)
                .map_err(|why| anyhow::anyhow!("--older-than {why}"))?;
            let age = time::Duration::try_from(age).context("--older-than is too long")?;
            Timestamp::from(
                now.inner()
                    .checked_sub(age)
                    .context("--older-than is too long")?,
            )
        }
        (None, Some(moment)) => Timestamp::parse(moment).context("--before is invalid")?,
        (None, None) => now,
    };

    say(&format!(
        "resealing rows whose data key is older than {before}; after an interruption, continue with --before {before}"
    ));

    let started = Instant::now();
    let outcome = rotation.reseal(before).await.map_err(with_cause)?;

    Ok(print_outcome("resealed", outcome, started))
}

async fn open(
    platform: &Platform,
    target: &Target,
    command: &'static str,
) -> anyhow::Result<Rotation> {
    let (owner, ring, runtime) = target.owner().await?;
    Ok(Rotation::new(
        owner,
        (ring, runtime),
        platform.tables(),
        platform.private_columns(),
        command,
    ))
}

async fn open_to_move(
    platform: &Platform,
    how: &Move,
    command: &'static str,
) -> anyhow::Result<Rotation> {
    Ok(open(platform, &how.target, command)
        .await?
        .rate(how.rate)
        .watched_by(progress_bar()))
}

/// Draws a progress bar per table; without a terminal, prints a line per table and every ten
/// seconds.
fn progress_bar() -> impl FnMut(RotationProgress) + Send {
    let style = ProgressStyle::with_template(
        "{msg:24} {wide_bar} {human_pos}/{human_len} ({per_sec}, {eta} left)",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    let (mut bar, mut table, mut written) = (ProgressBar::hidden(), "", Instant::now());

    move |progress| {
        if progress.table != table {
            bar.finish_and_clear();
            bar = ProgressBar::new(progress.total)
                .with_style(style.clone())
                .with_message(progress.table);
        }

        bar.set_length(progress.total.max(progress.done));
        bar.set_position(progress.done);

        let is_due = progress.table != table || written.elapsed().as_secs() >= 10;
        if bar.is_hidden() && is_due {
            say(&format!(
                "{}: {} of {}",
                progress.table, progress.done, progress.total
            ));
            written = Instant::now();
        }

        table = progress.table;
    }
}

/// Prints how many values were changed, and which of them need attention.
fn print_outcome(change: &str, outcome: RotationOutcome, started: Instant) -> ExitCode {
    let RotationOutcome {
        moved,
        refused,
        left,
    } = outcome;

    let seconds = started.elapsed().as_secs_f64();
    say(&format!("{moved} {change} in {seconds:.1} s"));

    if left > 0 {
        say(&format!(
            "{left} skipped because of concurrent writes: run the command again"
        ));
    }

    if refused > 0 {
        say(&format!(
            "{refused} cannot be decrypted or conflict with another row: see the log above and `key-ring status`"
        ));
    }

    if left + refused > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn print_status(status: &KeyRingStatus) {
    say(&format!(
        "{:24}  {:8}  {:>10}  {:>10}  {:>10}  STATE",
        "KEY", "ID", "DATA KEYS", "INDEXES", "BOXES"
    ));

    for key in &status.keys {
        let state = match (&key.name, key.is_primary, key.is_unused()) {
            (None, _, true) => {
                "not on the ring, unused; `key-ring rotate index` removes it from this list"
            }
            (None, _, false) => "NOT ON THE RING: its data cannot be decrypted or found",
            (Some(_), true, _) => "primary",
            (Some(_), false, true) => "unused: can be removed from the ring",
            (Some(_), false, false) => "in use",
        };

        let [data_keys, indexes, boxes] = [
            UsageKind::DataKeys,
            UsageKind::Indexes,
            UsageKind::PrivateBoxes,
        ]
        .map(|kind| key.count(kind));
        let id = hex::encode(key.id);
        let name = key.name.as_deref().unwrap_or("-");

        say(&format!(
            "{name:24}  {id}  {data_keys:>10}  {indexes:>10}  {boxes:>10}  {state}"
        ));

        for usage in key
            .uses
            .iter()
            .filter(|usage| usage.kind != UsageKind::Spare && !key.is_primary)
        {
            say(&format!("    {}: {}", usage.place, usage.rows));
        }
    }

    for (table, rows) in &status.missing {
        say(&format!(
            "{table}: {rows} rows WITHOUT THEIR DATA KEY, though no person was erased: restore the table data_keys"
        ));
    }

    for (column, rows) in &status.unindexed {
        say(&format!(
            "{column}: {rows} rows not indexed yet: run `key-ring rotate index`"
        ));
    }
}
