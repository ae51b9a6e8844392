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

/// How often `tail` polls for new records.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Verification and export read the whole log, so their statements have no timeout.
const NO_TIMEOUT: Duration = Duration::ZERO;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Check that no record was altered, removed or inserted since it was sealed
    ///
    /// Reads the database, or only an export. The proof depends on what you keep outside the
    /// database: the key that `audit key` printed when the log was new, and the published
    /// checkpoints. Without them, anyone who has both the database and the key ring can forge a log
    /// that verifies. Exits with 1 if verification fails, and names the first bad index.
    Verify(Verify),
    /// Write records with their proofs as JSON lines, which `verify --export` checks without a
    /// database
    Export(Export),
    /// Follow the log: print each new record on one line
    Tail(Target),
    /// Print the public keys that verify checkpoints, newest first; keep a copy outside the
    /// database
    Key(Key),
}

#[derive(Args)]
pub(super) struct Verify {
    /// File of checkpoints kept outside the database: what `audit.publish` wrote, or one note from
    /// it
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Public key as printed by `audit key`; repeat it for each key that the log has had
    #[arg(long, value_name = "VKEY")]
    key: Vec<NoteKey>,
    /// Check this export instead of a database; `-` reads standard input; requires --key
    #[arg(long, value_name = "FILE", requires = "key")]
    export: Option<PathBuf>,
    /// Check only the leaf hashes of records before this time, because their partitions were
    /// exported and detached
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "export")]
    kept_since: Option<Timestamp>,
    /// Check that timestamps are in order from this index on; set it to the index after a known
    /// clock error or restore
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    dated_from: u64,
    /// How long a record may remain unsealed
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    grace: Duration,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Export {
    /// Export records from this time on, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// Export records before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// File of checkpoints kept outside the database: the export proves that it continues from them
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// File to create; default: standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Key {
    /// Create a new key that signs from now on; checkpoints signed by earlier keys stay valid
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
        Action::Key(arguments) => print_keys(arguments).await?,
    }

    Ok(ExitCode::SUCCESS)
}

async fn print_keys(Key { rotate, target }: Key) -> anyhow::Result<()> {
    let (database, settings) = target.database_and(|reader| {
        let http = mainstay_http::Settings::read(reader);
        mainstay_audit::Settings::read(reader, http.public_url.as_str())
    })?;
    let settings = settings.context("the settings of the audit log are invalid")?;

    let sql = target::sql(&database, "audit_key");
    let keys = if rotate {
        rotate_audit_key(&sql, &settings).await
    } else {
        audit_keys(&sql, &settings).await
    };

    keys.map_err(with_cause)?
        .iter()
        .for_each(|key| say(&key.to_string()));

    Ok(())
}

async fn verify(arguments: Verify) -> anyhow::Result<ExitCode> {
    let verified = if arguments.export.is_some() {
        verify_file(arguments)?
    } else {
        verify_database(arguments).await?
    };

    match verified {
        Ok(summary) => {
            print_summary(&summary);
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ AuditError::Found(_)) => {
            complain(&error.to_string());
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(with_cause(error)),
    }
}

fn verify_file(arguments: Verify) -> anyhow::Result<Result<Summary, AuditError>> {
    let Verify {
        checkpoint,
        key: pinned,
        export,
        dated_from,
        ..
    } = arguments;
    let path = export.context("--export is missing")?;
    let outside = read_checkpoints(checkpoint, &pinned)?;

    if path.as_os_str() == "-" {
        let input = io::stdin().lock();
        return Ok(verify_export(input, &pinned, &outside, dated_from));
    }

    let file = File::open(&path).with_context(|| path.display().to_string())?;
    Ok(verify_export(
        BufReader::new(file),
        &pinned,
        &outside,
        dated_from,
    ))
}

async fn verify_database(arguments: Verify) -> anyhow::Result<Result<Summary, AuditError>> {
    let Verify {
        checkpoint,
        key: pinned,
        kept_since,
        dated_from,
        grace,
        target,
        ..
    } = arguments;
    let database = target.database()?;
    let mut session = database.session(NO_TIMEOUT).await?;

    let keys = if pinned.is_empty() {
        warn(
            "no --key given: the key comes from the database, so a forged log can bring its own key",
        );
        keys_of(&mut session, database.ring())
            .await
            .map_err(with_cause)?
    } else {
        pinned
    };

    let outside = read_checkpoints(checkpoint, &keys)?;
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

    Ok(verified)
}

fn print_summary(summary: &Summary) {
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
            "detached     {detached} of them, checked by their leaf hashes only"
        ));
    }

    say(&format!("log          {}", checkpoint.origin));
    say(&format!("checkpoints  {outside} external, all match"));
    say("The log is intact.");
}

/// Reads the checkpoints in a file.
fn read_checkpoints(path: Option<PathBuf>, keys: &[NoteKey]) -> anyhow::Result<Outside> {
    let Some(path) = path else {
        return Ok(Outside::default());
    };

    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let outside = Outside::read(&text, keys).with_context(|| path.display().to_string())?;
    if outside.passed_over() > 0 {
        warn(&format!(
            "ignored {} notes in {}: no given key verifies their signature",
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
        Some(path) => {
            let keys = keys_of(&mut session, database.ring())
                .await
                .map_err(with_cause)?;
            Some(read_checkpoints(Some(path), &keys)?)
        }
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
                .map_err(with_cause)?;
            file.into_inner()
                .map_err(io::IntoInnerError::into_error)?
                .sync_all()?;
            exported
        }
        None => export_log(&mut session, &extent, &mut BufWriter::new(Output))
            .await
            .map_err(with_cause)?,
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
    let mut tail = Tail::begin(session).await.map_err(with_cause)?;
    let mut stop = std::pin::pin!(shutdown::requested());

    loop {
        let (records, is_full) = tail.next().await.map_err(with_cause)?;

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
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Formats a record as one line. Client-supplied values are escaped, so that a record cannot look
/// like two.
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

/// Appends the cause, which only operators may see.
fn with_cause(error: AuditError) -> anyhow::Error {
    if let AuditError::File(error) = error {
        return anyhow::Error::new(error).context("cannot read or write the file");
    }

    let cause = error
        .cause()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    anyhow::anyhow!("{error}{cause}")
}
