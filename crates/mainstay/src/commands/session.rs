//! `session`: lists and ends sessions.

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, Subcommand};
use mainstay_kernel::SessionId;

use super::{
    output::say,
    target::{self, Target},
    user::Account,
};
use crate::identity::{end_session, end_sessions_of, sessions_of};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the active sessions of an account
    List(Of),
    /// End a session; every replica refuses it within a second
    End(End),
    /// End every session of an account
    EndAll(Of),
}

#[derive(Args)]
pub(super) struct Of {
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct End {
    /// ID of the session, from `session list`
    id: SessionId,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(Of { account, target }) => {
            let sql = target::sql(&target.database()?, "session_list");
            let sessions = sessions_of(&sql, account.find(&sql).await?.id).await?;
            if sessions.is_empty() {
                say("No active sessions.");
            }

            for session in sessions {
                let used = session
                    .last_used_at
                    .map_or_else(|| "never".to_owned(), |used| used.to_string());
                let place = session
                    .organization
                    .map_or_else(String::new, |id| format!("  in {id}"));
                say(&format!(
                    "{}  {:<6}  since {}  last used {used}  until {}{place}",
                    session.id, session.kind, session.created_at, session.expires_at
                ));
            }
        }
        Action::End(End { id, target }) => {
            let ended = end_session(&target::sql(&target.database()?, "session_end"), id).await?;
            ensure!(ended, "no active session has this ID");
            say(&format!("{id} ended"));
        }
        Action::EndAll(Of { account, target }) => {
            let sql = target::sql(&target.database()?, "session_end_all");
            let count = end_sessions_of(&sql, account.find(&sql).await?.id).await?;
            say(&format!("ended {count} sessions"));
        }
    }

    Ok(ExitCode::SUCCESS)
}
