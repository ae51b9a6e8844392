//! When sessions, API keys and client secrets were last used: recorded in memory and saved in
//! batches.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mainstay_database::{Database, Error, Origin, Sql, Uuid};
use mainstay_kernel::{SessionId, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use crate::unlimited::ACCESS;

/// How often uses are saved, which is the precision of the times that users see.
const SAVED_EVERY: Duration = Duration::from_secs(60);

/// The recent uses of sessions, API keys and client secrets, by id. They are recorded in memory, so
/// that a request needs no statement for them.
#[derive(Default)]
pub(crate) struct Usage(Mutex<HashMap<SessionId, Timestamp>>);

impl Usage {
    pub(crate) fn note(&self, session: SessionId, now: Timestamp) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session, now);
    }

    /// When this process last saw the session, if that is not saved yet.
    pub(crate) fn last(&self, session: SessionId) -> Option<Timestamp> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&session)
            .copied()
    }

    /// Saves the recorded uses periodically, for as long as the service runs.
    pub(crate) async fn save_periodically(&self, database: &Database, idle: time::Duration) {
        let mut ticks = interval(SAVED_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        loop {
            ticks.tick().await;
            if let Err(error) = self.save(database, idle).await {
                tracing::warn!(%error, "saving the last uses of sessions and keys failed");
            }
        }
    }

    /// Saves the uses recorded so far.
    ///
    /// # Errors
    /// The error of the database; the uses are then lost.
    pub(crate) async fn save(
        &self,
        database: &Database,
        idle: time::Duration,
    ) -> Result<(), Error> {
        const SAVE: &str = r"
            WITH used AS (
                SELECT *
                FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)
            ),
            keys AS (
                UPDATE mainstay.api_keys k
                SET last_used_at = greatest(k.last_used_at, used.at)
                FROM used
                WHERE k.id = used.id
            ),
            secrets AS (
                UPDATE mainstay.client_secrets c
                SET last_used_at = greatest(c.last_used_at, used.at)
                FROM used
                WHERE c.id = used.id
            )
            UPDATE mainstay.sessions s
            SET last_used_at = greatest(s.last_used_at, used.at),
                idle_expires_at = CASE
                    WHEN s.kind = 'cookie' THEN greatest(
                        s.idle_expires_at, used.at + make_interval(secs => $3)
                    )
                    ELSE s.idle_expires_at
                END
            FROM used
            WHERE s.id = used.id
        ";

        let used = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return Ok(());
        }

        let (sessions, moments): (Vec<Uuid>, Vec<_>) = used
            .into_iter()
            .map(|(session, moment)| (session.uuid(), moment.inner()))
            .unzip();
        let origin = Origin {
            request: Uuid::nil(),
            operation: "note_usage",
            address: None,
        };

        let upkeep = Sql::unlimited(ACCESS, database, origin, None);

        let values = [
            sessions.into(),
            moments.into(),
            idle.as_seconds_f64().into(),
        ];

        upkeep.upkeep("sessions.used", SAVE, values).await.map(drop)
    }
}
