//! Listens to the database's announcements of ended sessions, changed roles and changed signing
//! keys. They arrive at once by `NOTIFY`, and a poll finds those that were missed. While neither
//! works, the caches are not trusted and every request queries the database.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use mainstay_database::{Database, Error, FromRow, Heard, Listener, Origin, Row, Sql};
use mainstay_kernel::Uuid;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::{
    directory::{AccessChange, Directory},
    signing::{memory::KeyMemory, store},
    unlimited::ACCESS,
};

const POLL: Duration = Duration::from_millis(500);
const CHANNEL: &str = "access_changes";

/// The prefix of announcements about signing keys. All others are about principals.
const ABOUT_KEYS: &str = "signing_keys:";

/// Each poll reads all changes of the last 30 seconds, because changes are not committed in the
/// order of their ids. The interval must exceed the longest statement.
const RECENT: &str = r"
    SELECT id, kind || ':' || key AS announcement
    FROM mainstay.access_changes
    WHERE changed_at > clock_timestamp() - interval '30 seconds'
";

const OLD: &str = r"
    DELETE FROM mainstay.access_changes
    WHERE changed_at < clock_timestamp() - interval '10 minutes'
";

/// Number of polls between two deletions of old announcements.
const POLLS_PER_CLEANUP: u32 = 600;

#[derive(FromRow)]
struct Change {
    id: i64,
    announcement: String,
}

/// Keeps `directory` and `keys` up to date, for as long as the service runs.
pub(crate) async fn watch(database: Database, directory: &Directory, keys: &KeyMemory) {
    loop {
        let connecting_at = Instant::now();

        match database.listen(CHANNEL).await {
            Ok(listener) => {
                // Changes before this connection may have been missed, so everything is loaded
                // again.
                directory.forget(AccessChange::Everything);
                directory.confirm(connecting_at);
                keys.forget();

                let error = follow(listener, &database, directory, keys).await;
                tracing::warn!(error = %error, "revocation listener disconnected; every request asks the database");
            }
            Err(error) => {
                tracing::warn!(%error, cause = error.cause(), "revocation listener cannot connect")
            }
        }

        sleep(POLL).await;
    }
}

/// Listens and polls on one connection until it fails.
async fn follow(
    mut listener: Listener,
    database: &Database,
    directory: &Directory,
    keys: &KeyMemory,
) -> Error {
    let mut seen = HashSet::new();
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut polls = 0;

    loop {
        if let Err(error) = read_keys(&mut listener, keys).await {
            return error;
        }

        tokio::select! {
            heard = listener.hear() => match heard {
                Heard::Notice(notice) => forget(&notice, directory, keys),
                Heard::Lost(error) => return error,
            },
            _ = ticks.tick() => {
                let polled_at = Instant::now();
                match poll(&mut listener, directory, keys, &mut seen).await {
                    Ok(()) => {
                        directory.confirm(polled_at);
                        keys.confirm(polled_at);
                    }
                    Err(error) => return error,
                }

                polls += 1;
                if polls % POLLS_PER_CLEANUP == 0 {
                    delete_old(database).await;
                }
            }
        }
    }
}

async fn poll(
    listener: &mut Listener,
    directory: &Directory,
    keys: &KeyMemory,
    seen: &mut HashSet<i64>,
) -> Result<(), Error> {
    let mut recent = HashSet::new();

    let rows = listener.select("access_changes.recent", RECENT).await?;
    for change in Row::read_all::<Change>(&rows)? {
        if !seen.contains(&change.id) {
            forget(&change.announcement, directory, keys);
        }
        recent.insert(change.id);
    }

    *seen = recent;
    Ok(())
}

/// Removes what an announcement makes stale from the caches.
fn forget(announcement: &str, directory: &Directory, keys: &KeyMemory) {
    if announcement.starts_with(ABOUT_KEYS) {
        keys.forget();
    } else {
        directory.forget(announcement.parse().unwrap_or(AccessChange::Everything));
    }
}

/// Reads the signing keys again after a change, so that no request has to.
async fn read_keys(listener: &mut Listener, keys: &KeyMemory) -> Result<(), Error> {
    if let Some(reading) = keys.needs_reading() {
        let rows = listener.select("signing_keys.list", store::LIST).await?;
        // The first request that needs a key creates it, which is announced.
        if !rows.is_empty() {
            keys.keep(reading, &Row::read_all(&rows)?);
        }
    }
    Ok(())
}

async fn delete_old(database: &Database) {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "clear_access_changes",
        address: None,
    };

    let upkeep = Sql::unlimited(ACCESS, database, origin, None);

    if let Err(error) = upkeep.upkeep("access_changes.clear", OLD, []).await {
        tracing::warn!(%error, "deleting old announcements failed");
    }
}
