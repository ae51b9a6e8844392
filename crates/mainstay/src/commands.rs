//! The command line for operators and developers, one file per command.

mod api_key;
mod audit;
mod client;
mod config;
#[cfg(feature = "dev")]
mod configured;
mod data_map;
mod healthcheck;
mod jobs;
mod key_ring;
mod mail;
mod memory;
mod migrate;
mod openapi;
mod organization;
mod output;
mod random_password;
mod role;
mod routes;
mod schema;
mod serve;
mod session;
mod shutdown;
mod signals;
mod signing_key;
mod target;
mod user;
mod with_cause;
mod worker;

#[cfg(feature = "dev")]
mod dev;
#[cfg(feature = "dev")]
mod seed;

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::Platform;
use output::complain;

#[derive(Parser)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str =
    "Settings are environment variables: `config` lists all of them and the source of each value.";

#[derive(Subcommand)]
enum Command {
    /// Run everything for development: a private Postgres, migrations, sample data, the API and its
    /// documentation page
    #[cfg(feature = "dev")]
    Dev(dev::Arguments),
    /// Serve the API
    Serve,
    /// Run queued jobs and periodic tasks without serving the API
    Worker,
    /// Apply pending migrations, as the role that owns the schema
    Migrate,
    /// Print the access matrix: each operation and the built-in roles that may call it
    Routes,
    /// Print the OpenAPI document
    Openapi,
    /// Print the record of processing (GDPR Article 30): which data is stored, how it is protected,
    /// who may see it and for how long it is kept
    DataMap(data_map::Arguments),
    /// Check the settings, and print each with its value and source; secrets are hidden
    Config(config::Arguments),
    /// Create, show, deactivate, activate and delete accounts
    #[command(subcommand)]
    User(user::Action),
    /// List roles and assign them to accounts
    #[command(subcommand)]
    Role(role::Action),
    /// List organizations, and revoke all credentials and sessions of one
    #[command(subcommand)]
    Organization(organization::Action),
    /// List and end sessions
    #[command(subcommand)]
    Session(session::Action),
    /// List, resend and settle undelivered mail
    #[command(subcommand)]
    Mail(mail::Action),
    /// List unfinished jobs, and retry failed ones
    #[command(subcommand)]
    Jobs(jobs::Action),
    /// Print the schema version of the database and the version that this build expects
    Schema(target::Target),
    /// Manage OAuth clients: applications that people authorize to use their account
    #[command(subcommand)]
    Client(client::Action),
    /// List and revoke API keys
    #[command(subcommand)]
    ApiKey(api_key::Action),
    /// List, rotate and retire the keys that sign access tokens
    #[command(subcommand)]
    SigningKey(signing_key::Action),
    /// Generate and rotate the keys that encrypt data, and print how much data each protects
    #[command(subcommand)]
    KeyRing(key_ring::Action),
    /// Verify, export and follow the audit log
    #[command(subcommand)]
    Audit(audit::Action),
    /// Add sample rows to a database
    #[cfg(feature = "dev")]
    Seed(seed::Arguments),
    /// Check whether the service on this machine is ready; for container health checks
    Healthcheck,
}

impl Platform {
    /// Runs the command on the command line.
    pub fn run(self) -> ExitCode {
        run(&self)
    }
}

/// Parses the command line and runs the command.
fn run(platform: &Platform) -> ExitCode {
    memory::without_huge_pages();

    let info = platform.info();
    let program = CommandLine::command()
        .about(info.description)
        .version(info.version);

    #[cfg(feature = "dev")]
    let program = seed::named(program, platform);
    let command = match program
        .try_get_matches()
        .and_then(|matches| CommandLine::from_arg_matches(&matches))
    {
        Ok(line) => line.command,
        Err(error) => error.exit(),
    };

    let outcome = execute(platform, command);

    match (outcome, output::failure()) {
        // The reader closed the pipe, as `head` does: the command has not failed.
        (Err(error), Some(ErrorKind::BrokenPipe)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        (Ok(code), None | Some(ErrorKind::BrokenPipe)) => code,
        (Ok(_), Some(why)) => {
            complain(&format!("cannot write to standard output: {why}"));
            ExitCode::FAILURE
        }
        (Err(error), _) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

fn execute(platform: &Platform, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        #[cfg(feature = "dev")]
        Command::Dev(arguments) => wait(dev::run(platform, arguments)),
        #[cfg(feature = "dev")]
        Command::Seed(arguments) => wait(seed::run(platform, arguments)),
        Command::Serve => wait(serve::run(platform)),
        Command::Worker => wait(worker::run(platform)),
        Command::Migrate => wait(migrate::run(platform)),
        Command::Routes => routes::run(platform),
        Command::Openapi => openapi::run(platform),
        Command::DataMap(arguments) => wait(data_map::run(platform, arguments)),
        Command::Config(arguments) => wait(config::run(platform, &arguments)),
        Command::User(action) => wait(user::run(platform, action)),
        Command::Role(action) => wait(role::run(action)),
        Command::Organization(action) => wait(organization::run(action)),
        Command::Session(action) => wait(session::run(action)),
        Command::Mail(action) => wait(mail::run(action)),
        Command::Jobs(action) => wait(jobs::run(action)),
        Command::Schema(target) => wait(schema::run(platform, &target)),
        Command::Client(action) => wait(client::run(action)),
        Command::ApiKey(action) => wait(api_key::run(action)),
        Command::SigningKey(action) => wait(signing_key::run(action)),
        Command::KeyRing(action) => wait(key_ring::run(platform, action)),
        Command::Audit(action) => wait(audit::run(action)),
        Command::Healthcheck => healthcheck::run(),
    }
}

/// Waits for a command that needs a runtime.
fn wait(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(command)
}
