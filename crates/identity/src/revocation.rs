//! Hears what the database announces of ended sessions and changed roles: at once by `NOTIFY`, and by a poll for what an
//! announcement missed. While neither works, the directory's memory is not believed and each request asks.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use mainstay_database::{Database, Error, Heard, Listener, Origin, Unscoped};
use mainstay_kernel::Uuid;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::directory::{Change, Directory};

const POLL: Duration = Duration::from_millis(500);
const CHANNEL: &str = "access_changes";

/// Changes are announced again and again while they are this young, since commits do not come in the order of their
/// ids. It must exceed the longest statement.
const RECENT: &str = "SELECT id, kind || ':' || key FROM access_changes \
                      WHERE changed_at > clock_timestamp() - interval '30 seconds'";
const OLD: &str = "DELETE FROM access_changes WHERE changed_at < clock_timestamp() - interval '10 minutes'";

/// How many polls go by between two clearings of old announcements.
const POLLS_PER_CLEARING: u32 = 600;

/// Keeps `directory` true, for as long as the service runs.
pub(crate) async fn watch(database: Database, directory: &Directory) {
    loop {
        let heard_from = Instant::now();
        match database.listen(CHANNEL).await {
            Ok(listener) => {
                // Whatever changed before the first word is loaded anew.
                directory.forget(Change::Everything);
                directory.heard_until(heard_from);
                let error = hear(listener, &database, directory).await;
                tracing::warn!(error = %error, "announcements of revocations are not heard; requests ask the database");
            }
            Err(error) => tracing::warn!(%error, cause = error.cause(), "cannot listen for revocations"),
        }
        sleep(POLL).await;
    }
}

/// Listens and polls on one connection until it fails.
async fn hear(mut listener: Listener, database: &Database, directory: &Directory) -> Error {
    let mut seen = HashSet::new();
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut polls = 0;
    loop {
        tokio::select! {
            heard = listener.hear() => match heard {
                Heard::Notice(notice) => directory.forget(notice.parse().unwrap_or(Change::Everything)),
                Heard::Lost(error) => return error,
            },
            _ = ticks.tick() => {
                let asked = Instant::now();
                match poll(&mut listener, directory, &mut seen).await {
                    Ok(()) => directory.heard_until(asked),
                    Err(error) => return error,
                }
                polls += 1;
                if polls % POLLS_PER_CLEARING == 0 {
                    clear(database).await;
                }
            }
        }
    }
}

async fn poll(listener: &mut Listener, directory: &Directory, seen: &mut HashSet<i64>) -> Result<(), Error> {
    let mut recent = HashSet::new();
    for row in listener.select("access_changes.recent", RECENT).await? {
        let (id, change): (i64, String) = (row.get(0)?, row.get(1)?);
        if !seen.contains(&id) {
            directory.forget(change.parse().unwrap_or(Change::Everything));
        }
        recent.insert(id);
    }
    *seen = recent;
    Ok(())
}

async fn clear(database: &Database) {
    let origin = Origin { request: Uuid::nil(), operation: "clear_access_changes", address: None };
    let upkeep = Unscoped::because("announcements belong to no organization", database, origin, None);
    if let Err(error) = upkeep.upkeep("access_changes.clear", OLD, []).await {
        tracing::warn!(%error, "old announcements were not cleared");
    }
}
