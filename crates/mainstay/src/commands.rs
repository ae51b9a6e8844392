//! The command line: what an operator and a developer do with the service, one file a command.

mod audit;
mod client;
mod config;
mod connect;
mod data_map;
mod healthcheck;
mod jobs;
mod key;
mod keys;
mod mail;
mod migrate;
mod openapi;
mod organization;
mod output;
mod role;
mod routes;
mod schema;
mod serve;
mod session;
mod shutdown;
mod signals;
mod user;
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
use output::{complain, print, say, warn};

#[derive(Parser)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "Settings are environment variables: `config` lists them all, with where each value comes from.";

#[derive(Subcommand)]
enum Command {
    /// Run everything for development: a private Postgres, migrations, sample data, the API and its docs page
    #[cfg(feature = "dev")]
    Dev(dev::Arguments),
    /// Serve the API from the configuration alone
    Serve,
    /// Do queued work without serving the API: mail, upkeep, whatever modules bring
    Worker,
    /// Bring the schema up to date, as the role that owns it
    Migrate,
    /// Print who may call what: each operation and the built-in roles it is open to
    Routes,
    /// Print the OpenAPI document
    Openapi,
    /// Print the record of processing: what is kept of whom, how it is protected, who may see it and how long it stays
    DataMap(data_map::Arguments),
    /// Print every setting, its value and where that comes from, and check them; secrets are hidden
    Config(config::Arguments),
    /// Make, find, shut, open and delete accounts
    #[command(subcommand)]
    User(user::Action),
    /// List roles and give them to accounts
    #[command(subcommand)]
    Role(role::Action),
    /// List organizations, and revoke what lets people and machines into one
    #[command(subcommand)]
    Organization(organization::Action),
    /// List and end sessions
    #[command(subcommand)]
    Session(session::Action),
    /// Look after mail that was not sent
    #[command(subcommand)]
    Mail(mail::Action),
    /// List queued work that was not done, and let it begin anew
    #[command(subcommand)]
    Jobs(jobs::Action),
    /// Print the version of the database's schema, and the one that this build expects
    Schema(connect::Place),
    /// Register applications that people can let in (OAuth 2)
    #[command(subcommand)]
    Client(client::Action),
    /// List and revoke API keys
    #[command(subcommand)]
    Key(key::Action),
    /// Make and rotate keys: those that seal data, and those that sign access tokens
    #[command(subcommand)]
    Keys(keys::Action),
    /// Verify, export and follow the audit log
    #[command(subcommand)]
    Audit(audit::Action),
    /// Add sample rows to a database
    #[cfg(feature = "dev")]
    Seed(seed::Arguments),
    /// Ask a running service on this machine whether it is ready; for container health checks
    Healthcheck,
}

/// Parses the command line and does what it says.
pub(crate) fn run(platform: &Platform) -> ExitCode {
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
        // The reader has seen enough, as `head` has: that is no failure of the command.
        (Err(error), Some(ErrorKind::BrokenPipe)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        (Ok(code), None | Some(ErrorKind::BrokenPipe)) => code,
        (Ok(_), Some(why)) => {
            complain(&format!("standard output cannot be written: {why}"));
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
        Command::Routes => return routes::run(platform),
        Command::Openapi => return openapi::run(platform),
        Command::Healthcheck => return healthcheck::run(),
        _ => {}
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;

    runtime.block_on(async {
        match command {
            #[cfg(feature = "dev")]
            Command::Dev(arguments) => dev::run(platform, arguments).await,
            #[cfg(feature = "dev")]
            Command::Seed(arguments) => seed::run(platform, arguments).await,
            Command::Serve => serve::run(platform).await,
            Command::Worker => worker::run(platform).await,
            Command::Key(action) => key::run(action).await,
            Command::Mail(action) => mail::run(action).await,
            Command::Jobs(action) => jobs::run(action).await,
            Command::Schema(place) => schema::run(platform, &place).await,
            Command::DataMap(arguments) => data_map::run(platform, arguments).await,
            Command::Migrate => migrate::run(platform).await,
            Command::Config(arguments) => config::run(platform, &arguments).await,
            Command::User(action) => user::run(action).await,
            Command::Organization(action) => organization::run(action).await,
            Command::Role(action) => role::run(action).await,
            Command::Session(action) => session::run(action).await,
            Command::Keys(action) => keys::run(platform, action).await,
            Command::Client(action) => client::run(action).await,
            Command::Audit(action) => audit::run(action).await,
            _ => Ok(ExitCode::SUCCESS),
        }
    })
}
