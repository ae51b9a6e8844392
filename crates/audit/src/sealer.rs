//! The sealer: of all workers one, which makes a leaf of each record and signs what the log has become.
//!
//! Records are taken below the snapshot's `xmin`: every transaction before it has ended, so that none of them commits a
//! record behind the seal. A checkpoint and its leaves are written by one statement, so that a crash leaves nothing half
//! done, and of two leaders at once the second one's leaves are refused.

mod batch;
mod leader;
mod patrol;

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use mainstay_database::{Database, PostgresSession, Pulse};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    AuditError, Settings,
    publish::{Log, SealedCheckpoint, publish},
};
use leader::Leader;

pub(crate) use batch::{Position, read};

/// How long a committed record waits at most before it is looked for.
const TICK: Duration = Duration::from_millis(500);

/// How often a replica tries to become the leader, and to come back after a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a statement of the sealer may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a leader may be silent before Postgres ends its session and another one leads.
const SILENCE: Duration = Duration::from_secs(30);

/// How long the seal may stand still before the process does not count as ready: a statement of it may take so long, and
/// coming back after it as well.
const STANDSTILL: Duration = Duration::from_secs(60);

/// How long the end waits for the last checkpoint to be published.
const SETTLING: Duration = Duration::from_secs(5);

/// The advisory lock of the leader. Any number will do, as long as every replica takes the same.
const LOCK: i64 = 7_218_340_963;

/// Seals the audit log for as long as it is let.
pub struct Sealer {
    database: Database,
    settings: Arc<Settings>,
    pulse: Pulse,
}

impl Sealer {
    /// Connections to Postgres that it takes, whether it leads or waits for that.
    pub const CONNECTIONS: usize = 1;

    /// A sealer; `database` is where its connection leads.
    pub fn new(database: Database, settings: Settings) -> Self {
        Self {
            database,
            settings: Arc::new(settings),
            pulse: Pulse::new("seal", STANDSTILL),
        }
    }

    /// When it last sealed what there was, or found that another process does.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Seals until `stop`, then once more what is there, so that an orderly end leaves nothing unsealed.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (sealed, published) = watch::channel(None);
        let publishing = self.settings.publish.clone().map(|destination| {
            tokio::spawn(publish(
                Log(self.database.clone()),
                destination,
                self.settings.publish_every,
                published,
            ))
        });

        // Waited for again by whoever goes on where a leader failed.
        let stop = stop.shared();
        loop {
            // What is under way at the end is finished: only between two rounds is there a stop.
            match self.lead(&sealed, stop.clone()).await {
                Ok(()) => break,
                Err(AuditError::Database(error)) => {
                    tracing::info!(%error, cause = error.cause(), "the audit log waits for the database to be sealed");
                }
                Err(error) => tracing::error!(%error, "the audit log is not sealed"),
            }

            metrics::counter!("audit_seal_failures_total").increment(1);

            tokio::select! {
                () = stop.clone() => break,
                () = sleep(AGAIN) => {}
            }
        }

        drop(sealed);

        if let Some(publishing) = publishing
            && timeout(SETTLING, publishing).await.is_err()
        {
            tracing::warn!("the last checkpoint of the audit log was not published in time");
        }
    }

    /// Waits to become the leader and leads until `stop`.
    async fn lead(
        &self,
        sealed: &watch::Sender<Option<SealedCheckpoint>>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), AuditError> {
        let mut stop = pin!(stop);
        let mut session = self.database.session(STATEMENT_TIMEOUT).await?;
        session.ends_when_silent_for(SILENCE).await?;

        while !self.is_leader(&mut session).await? {
            tokio::select! {
                () = stop.as_mut() => return close(session).await,
                () = sleep(AGAIN) => {}
            }
        }

        let mut leader =
            Leader::new(&self.database, session, &self.settings.origin, sealed).await?;
        loop {
            let is_more = leader.round().await?;
            self.pulse.beat();
            if is_more {
                continue;
            }
            tokio::select! {
                () = stop.as_mut() => break,
                () = sleep(TICK) => {}
            }
        }

        leader.hurry();
        while leader.round().await? {}

        close(leader.into_session()).await
    }

    /// Whether the lock is had; if not, another process seals.
    async fn is_leader(&self, session: &mut PostgresSession) -> Result<bool, AuditError> {
        session.ping().await?;
        let is_leader = session.try_lock(LOCK).await?;
        self.pulse.beat();
        Ok(is_leader)
    }
}

async fn close(session: PostgresSession) -> Result<(), AuditError> {
    session.close().await;
    Ok(())
}
