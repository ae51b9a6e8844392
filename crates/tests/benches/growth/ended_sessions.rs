//! Ends sessions: the request that every replica is notified of.

use std::time::Duration;

use sqlx::{Row as _, query};

use crate::{
    installation::Installation,
    support::{
        caller::Caller,
        load::{Measured, load},
    },
};

pub const NAME: &str = "end a session";
pub const NAME_OF_WHOLE: &str = "the same, with the 30 s after it";

/// How long replicas read a change again.
pub const REMEMBERED: Duration = Duration::from_secs(31);

/// Number of sessions that are ended at once, and of connections.
const COUNT: i64 = 2_000;
const CONNECTIONS: usize = 32;

/// Upper bound for all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sessions of the caller that are about to end.
pub struct EndedSessions<'a> {
    caller: &'a Caller,
    paths: Vec<String>,
}

impl<'a> EndedSessions<'a> {
    /// Starts the sessions, in SQL because a sign-in is slow.
    pub async fn start(installation: &'a Installation) -> Self {
        const START: &str = r"
            INSERT INTO mainstay.sessions (id, user_id, organization_id, created_at, expires_at, authenticated_at)
            SELECT gen_random_uuid(), user_id, organization_id, created_at, expires_at, authenticated_at
            FROM (SELECT * FROM mainstay.sessions ORDER BY created_at DESC LIMIT 1) AS own
            CROSS JOIN generate_series(1, $1)
            RETURNING id::text
        ";

        let rows = query(START)
            .bind(COUNT)
            .fetch_all(&mut installation.owner().await)
            .await
            .expect("the sessions start");
        let paths = rows
            .iter()
            .map(|row| format!("/v1/sessions/{}", row.get::<&str, _>(0)));

        Self {
            caller: &installation.caller,
            paths: paths.collect(),
        }
    }

    /// Ends each session once.
    pub async fn end(&self) -> Measured {
        let request = |number: usize| {
            let path = self.paths.get(number)?;
            Some(self.caller.bare("DELETE", path))
        };
        load(self.caller.api, CONNECTIONS, PATIENCE, &request).await
    }
}
