//! `audit`: verifies, exports and follows the audit log.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mainstay_audit::{
    AuditError, Extent, NoteKey, Outside, Record, Summary, Tail, Terms, audit_keys, export_log,
    keys_of, rotate_audit_key, verify_export, verify_log,
};
use mainstay_config::Setting as _;
use mainstay_database::{Database, PostgresSession};
use mainstay_kernel::Timestamp;

use super::{
    output::{Output, complain, say, warn},
    shutdown,
    target::{self, Target},
};

/// How often `tail` looks for more.
const LOOK: Duration = Duration::from_millis(500);

/// What is checked reads the whole log.
const NO_TIMEOUT: Duration = Duration::ZERO;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Check that no record was altered, removed or slipped in since it was sealed
    ///
    /// Reads the database, or an export and nothing else. What counts as proof is what stands outside: the key that
    /// `audit key` printed when the log was young, and the checkpoints that were published. Without them whoever has the
    /// database and the key ring can have made another log. Exits with 1 when something is wrong, and names the first bad
    /// index.
    Verify(Verify),
    /// Write records, each with its proof, as lines of JSON that `verify --export` checks without a database
    Export(Export),
    /// Follow the log: one line for each record from now on
    Tail(Target),
    /// Print the public keys that verify checkpoints, to be kept outside; the newest comes first and signs
    Key(Key),
}

#[derive(Args)]
pub(super) struct Verify {
    /// A file of checkpoints that was kept outside: what `audit.publish` wrote, or one note of it
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// A public key as `audit key` printed it; given several times where the log has had several
    #[arg(long, value_name = "VKEY")]
    key: Vec<NoteKey>,
    /// Check this export instead of a database, `-` for standard input; needs --key
    #[arg(long, value_name = "FILE", requires = "key")]
    export: Option<PathBuf>,
    /// Records before this moment were exported and their months detached: check their leaves alone
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "export")]
    kept_since: Option<Timestamp>,
    /// Records from this index on must be of the time of their place in the log: where a clock was wrong once, or a restore
    /// brought records late, name the index behind
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    dated_from: u64,
    /// Records may wait for their seal for so long
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    grace: Duration,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Export {
    /// Records from this moment on, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// Records before this moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// A file of checkpoints that was kept outside: the export proves that it goes on from them
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Where to; else standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Key {
    /// Make another key, which signs from now on; checkpoints of the one before stay valid
    #[arg(long)]
    rotate: bool,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::Verify(arguments) => return verify(arguments).await,
        Action::Export(arguments) => export(arguments).await?,
        Action::Tail(target) => tail(&target).await?,
        Action::Key(Key { rotate, target }) => {
            let (database, settings) = target.database_and(|reader| {
                let http = mainstay_http::Settings::read(reader);
                mainstay_audit::Settings::read(reader, http.public_url.as_str())
            })?;
            let settings = settings.context("the settings of the audit log")?;
            let unscoped = target::unscoped(&database, "audit_key");
            let keys = if rotate {
                rotate_audit_key(&unscoped, &settings).await
            } else {
                audit_keys(&unscoped, &settings).await
            };

            let keys = keys.map_err(told)?;
            keys.iter().for_each(|key| say(&key.to_string()));
        }
    }

    Ok(ExitCode::SUCCESS)
}

async fn verify(arguments: Verify) -> anyhow::Result<ExitCode> {
    let Verify {
        checkpoint,
        key: pinned,
        export,
        kept_since,
        dated_from,
        grace,
        target,
    } = arguments;

    let verified = if let Some(path) = export {
        let outside = outside(checkpoint, &pinned)?;
        if path.as_os_str() == "-" {
            verify_export(io::stdin().lock(), &pinned, &outside, dated_from)
        } else {
            let file = File::open(&path).with_context(|| path.display().to_string())?;
            verify_export(BufReader::new(file), &pinned, &outside, dated_from)
        }
    } else {
        let database = target.database()?;
        let mut session = database.session(NO_TIMEOUT).await?;
        let keys = if pinned.is_empty() {
            warn(
                "no --key: the key is taken from the database, and whoever made another log may have made it",
            );
            keys_of(&mut session, database.ring()).await.map_err(told)?
        } else {
            pinned
        };

        let outside = outside(checkpoint, &keys)?;
        let grace = time::Duration::try_from(grace).unwrap_or(time::Duration::MINUTE);
        let sealed_before = database.now().await? - grace;
        let terms = Terms {
            keys: &keys,
            outside: &outside,
            kept_since,
            sealed_before,
            dated_from,
        };

        let verified = verify_log(&mut session, &terms).await;
        session.close().await;

        verified
    };

    match verified {
        Ok(summary) => {
            say_what_holds(&summary);
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ AuditError::Found(_)) => {
            complain(&error.to_string());
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(told(error)),
    }
}

fn say_what_holds(summary: &Summary) {
    let Summary {
        from,
        until,
        checkpoint,
        detached,
        outside,
    } = summary;

    say(&format!(
        "records      {} of {}, index {from} to {}",
        until - from,
        checkpoint.size,
        until.saturating_sub(1)
    ));

    if *detached > 0 {
        say(&format!(
            "detached     {detached} of them, of which the leaves alone are there"
        ));
    }

    say(&format!("log          {}", checkpoint.origin));
    say(&format!(
        "checkpoints  {outside} from outside, all of this log"
    ));
    say("The log is what was sealed.");
}

/// The checkpoints of a file.
fn outside(path: Option<PathBuf>, keys: &[NoteKey]) -> anyhow::Result<Outside> {
    let Some(path) = path else {
        return Ok(Outside::default());
    };

    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let outside = Outside::read(&text, keys).with_context(|| path.display().to_string())?;
    if outside.passed_over() > 0 {
        warn(&format!(
            "{} notes in {} are not believed",
            outside.passed_over(),
            path.display()
        ));
    }

    Ok(outside)
}

async fn export(arguments: Export) -> anyhow::Result<()> {
    let Export {
        from,
        until,
        checkpoint,
        output,
        target,
    } = arguments;

    let database = target.database()?;
    let mut session = database.session(NO_TIMEOUT).await?;
    let outside = match checkpoint {
        Some(path) => Some(outside(
            Some(path),
            &keys_of(&mut session, database.ring()).await.map_err(told)?,
        )?),
        None => None,
    };

    let extent = Extent {
        from,
        until,
        outside: outside.as_ref(),
    };

    let exported = match &output {
        Some(path) => {
            let file = File::create_new(path).with_context(|| path.display().to_string())?;
            let mut file = BufWriter::new(file);
            let exported = export_log(&mut session, &extent, &mut file)
                .await
                .map_err(told)?;
            file.into_inner()
                .map_err(io::IntoInnerError::into_error)?
                .sync_all()?;
            exported
        }
        None => export_log(&mut session, &extent, &mut BufWriter::new(Output))
            .await
            .map_err(told)?,
    };

    session.close().await;

    if output.is_some() {
        say(&format!("{exported} records"));
    }

    Ok(())
}

async fn tail(target: &Target) -> anyhow::Result<()> {
    let database: Database = target.database()?;
    let session: PostgresSession = database.session(Duration::from_secs(30)).await?;
    let mut tail = Tail::begin(session).await.map_err(told)?;
    let mut stop = std::pin::pin!(shutdown::requested());
    loop {
        let (records, is_full) = tail.next().await.map_err(told)?;
        let mut output = BufWriter::new(Output);
        for record in &records {
            writeln!(output, "{}", line(record))?;
        }

        output.flush()?;
        drop(output);

        if is_full {
            continue;
        }

        tokio::select! {
            () = &mut stop => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// A record on a line. What a client chose is escaped, so that no record looks like two.
fn line(record: &Record) -> String {
    let field = |name| record.get(name).unwrap_or("-").escape_debug().to_string();

    let names = [
        "occurred_at",
        "action",
        "actor_id",
        "resource",
        "resource_id",
        "operation",
        "address",
        "request_id",
    ];

    names.map(field).join("  ")
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text)
}

/// The cause too: an operator may know it.
fn told(error: AuditError) -> anyhow::Error {
    if let AuditError::File(error) = error {
        return anyhow::Error::new(error).context("the file");
    }
    let cause = error
        .cause()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    anyhow::anyhow!("{error}{cause}")
}
