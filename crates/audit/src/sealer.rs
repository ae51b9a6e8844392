//! The sealer: one leader among all workers adds each record as a leaf to the Merkle tree and signs
//! checkpoints.
//!
//! It reads records below the snapshot's `xmin`. All transactions before it have ended, so none can
//! commit a record behind the seal. One statement writes a checkpoint and its leaves, so a crash
//! leaves nothing half done, and if there are two leaders for a moment, the leaves of the second
//! are refused.

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

/// How often the leader looks for new records.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How often a replica tries to become the leader, and to recover from a failure.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Timeout of a statement of the sealer.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a leader may be silent before Postgres ends its session, so that another replica can
/// lead.
const MAX_SILENCE: Duration = Duration::from_secs(30);

/// How long sealing may make no progress before the process is no longer ready: a statement may
/// time out, and so may the recovery after it.
const MAX_STANDSTILL: Duration = Duration::from_secs(60);

/// How long the shutdown waits until the last checkpoint is published.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// The advisory lock of the leader; an arbitrary number that all replicas share.
const LOCK: i64 = 7_218_340_963;

/// Seals the audit log.
pub struct Sealer {
    database: Database,
    settings: Arc<Settings>,
    pulse: Pulse,
}

impl Sealer {
    /// Number of connections to Postgres, whether it leads or waits to lead.
    pub const CONNECTIONS: usize = 1;

    /// Creates a sealer of the log in `database`.
    pub fn new(database: Database, settings: Settings) -> Self {
        Self {
            database,
            settings: Arc::new(settings),
            pulse: Pulse::new("seal", MAX_STANDSTILL),
        }
    }

    /// The pulse: when it last sealed all records, or found that another process is the leader.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Seals until `stop`, then seals the remaining records, so that a graceful shutdown leaves
    /// none unsealed.
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

        // Shared, because each attempt to lead waits for it.
        let stop = stop.shared();
        loop {
            // It stops only between two rounds, so a round in progress is finished.
            match self.lead(&sealed, stop.clone()).await {
                Ok(()) => break,
                Err(AuditError::Database(error)) => {
                    tracing::info!(%error, cause = error.cause(), "sealing the audit log is waiting for the database");
                }
                Err(error) => tracing::error!(%error, "sealing the audit log failed"),
            }

            metrics::counter!("audit_seal_failures_total").increment(1);

            tokio::select! {
                () = stop.clone() => break,
                () = sleep(RETRY_INTERVAL) => {}
            }
        }

        drop(sealed);

        if let Some(publishing) = publishing
            && timeout(PUBLISH_TIMEOUT, publishing).await.is_err()
        {
            tracing::warn!("shutdown did not publish the last audit checkpoint in time");
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
        session.ends_when_silent_for(MAX_SILENCE).await?;

        while !self.is_leader(&mut session).await? {
            tokio::select! {
                () = stop.as_mut() => return close(session).await,
                () = sleep(RETRY_INTERVAL) => {}
            }
        }

        let mut leader =
            Leader::new(&self.database, session, &self.settings.origin, sealed).await?;
        loop {
            let has_more = leader.round().await?;
            self.pulse.beat();
            if has_more {
                continue;
            }

            tokio::select! {
                () = stop.as_mut() => break,
                () = sleep(POLL_INTERVAL) => {}
            }
        }

        leader.hurry();
        while leader.round().await? {}

        close(leader.into_session()).await
    }

    /// Tries to take the lock; if it is taken, another process is the leader.
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
