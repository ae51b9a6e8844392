//! The command line: what an operator and a developer do with the service, one file a command.

mod audit;
mod client;
mod config;
mod connect;
mod data_map;
mod healthcheck;
mod key;
mod keys;
mod mail;
mod migrate;
mod openapi;
mod role;
mod routes;
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

use std::{borrow::Cow, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use mainstay_kernel::is_unprintable;

use crate::Platform;

#[derive(Parser)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str =
    "Settings are environment variables: `config` lists them all, with where each value comes from.";

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
    /// Print every setting, its value and where that comes from; secrets are hidden
    Config,
    /// Make, find, shut, open and delete accounts
    #[command(subcommand)]
    User(user::Action),
    /// List roles and give them to accounts
    #[command(subcommand)]
    Role(role::Action),
    /// List and end sessions
    #[command(subcommand)]
    Session(session::Action),
    /// Look after mail that was not sent
    #[command(subcommand)]
    Mail(mail::Action),
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
    let program = CommandLine::command().about(info.description).version(info.version);
    #[cfg(feature = "dev")]
    let program = seed::named(program, platform);
    let command = match program.try_get_matches().and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(line) => line.command,
        Err(error) => error.exit(),
    };
    match execute(platform, command) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn execute(platform: &Platform, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Routes => return routes::run(platform),
        Command::Openapi => return openapi::run(platform),
        Command::Config => return config::run(),
        Command::Healthcheck => return healthcheck::run(),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
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
            Command::DataMap(arguments) => data_map::run(platform, arguments).await,
            Command::Migrate => migrate::run(platform).await,
            Command::User(action) => user::run(action).await,
            Command::Role(action) => role::run(action).await,
            Command::Session(action) => session::run(action).await,
            Command::Keys(action) => keys::run(platform, action).await,
            Command::Client(action) => client::run(action).await,
            Command::Audit(action) => audit::run(action).await,
            _ => Ok(ExitCode::SUCCESS),
        }
    })
}

/// Writes a line for the person at the terminal.
#[expect(clippy::print_stdout, reason = "the command line talks to its user")]
fn say(line: &str) {
    println!("{}", printable(line));
}

/// Writes what went wrong for the person at the terminal.
#[expect(clippy::print_stderr, reason = "the command line talks to its user")]
fn complain(line: &str) {
    eprintln!("error: {}", printable(line));
}

/// Writes what the person at the terminal should know, where it does not disturb the output.
#[expect(clippy::print_stderr, reason = "the command line talks to its user")]
fn warn(line: &str) {
    eprintln!("warning: {}", printable(line));
}

/// Escapes what a terminal acts on: a name, or the answer of a mail server, can hold it (OWASP ASVS 1.2.5, 16.4.1).
fn printable(text: &str) -> Cow<'_, str> {
    let acts = |letter: char| is_unprintable(letter) && !matches!(letter, '\n' | '\t');
    if !text.contains(acts) {
        return text.into();
    }

    let escaped =
        text.chars().map(|letter| if acts(letter) { letter.escape_unicode().to_string() } else { letter.to_string() });
    escaped.collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_is_written() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c\r\u{9b}31m"), r"a\u{1b}[2Jb\u{202e}c\u{d}\u{9b}31m");
        assert_eq!(printable("two\nlines\tand Grüße"), "two\nlines\tand Grüße");
    }
}
