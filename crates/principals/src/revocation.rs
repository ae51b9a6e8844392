//! Hears what the database announces of ended sessions, changed roles and signing keys: at once by `NOTIFY`, and by a poll
//! for what an announcement missed. While neither works, what is in memory is not believed and each request asks.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use mainstay_database::{Database, Error, Heard, Listener, Origin, Unscoped};
use mainstay_kernel::Uuid;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::{
    directory::{AccessChange, Directory},
    signing::{memory::KeyMemory, store},
};

const POLL: Duration = Duration::from_millis(500);
const CHANNEL: &str = "access_changes";

/// How an announcement begins that is about signing keys, whichever; the others are about principals.
const ABOUT_KEYS: &str = "signing_keys:";

/// Changes are announced again and again while they are this young, since commits do not come in the order of their
/// ids. It must exceed the longest statement.
const RECENT: &str = r"
    SELECT id, kind || ':' || key
    FROM mainstay.access_changes
    WHERE changed_at > clock_timestamp() - interval '30 seconds'
";
const OLD: &str = r"
    DELETE FROM mainstay.access_changes
    WHERE changed_at < clock_timestamp() - interval '10 minutes'
";

/// How many polls go by between two clearings of old announcements.
const POLLS_PER_CLEARING: u32 = 600;

/// Keeps `directory` and `keys` true, for as long as the service runs.
pub(crate) async fn watch(database: Database, directory: &Directory, keys: &KeyMemory) {
    loop {
        let heard_from = Instant::now();

        match database.listen(CHANNEL).await {
            Ok(listener) => {
                // Whatever changed before the first word is loaded anew.
                directory.forget(AccessChange::Everything);
                directory.heard_until(heard_from);
                keys.forget();
                let error = hear(listener, &database, directory, keys).await;
                tracing::warn!(error = %error, "announcements of revocations are not heard; requests ask the database");
            }
            Err(error) => {
                tracing::warn!(%error, cause = error.cause(), "cannot listen for revocations")
            }
        }

        sleep(POLL).await;
    }
}

/// Listens and polls on one connection until it fails.
async fn hear(
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
                let asked = Instant::now();
                match poll(&mut listener, directory, keys, &mut seen).await {
                    Ok(()) => {
                        directory.heard_until(asked);
                        keys.heard_until(asked);
                    }
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

async fn poll(
    listener: &mut Listener,
    directory: &Directory,
    keys: &KeyMemory,
    seen: &mut HashSet<i64>,
) -> Result<(), Error> {
    let mut recent = HashSet::new();
    for row in listener.select("access_changes.recent", RECENT).await? {
        let (id, change): (i64, String) = (row.get(0)?, row.get(1)?);
        if !seen.contains(&id) {
            forget(&change, directory, keys);
        }
        recent.insert(id);
    }
    *seen = recent;
    Ok(())
}

/// Forgets what an announcement made stale.
fn forget(announcement: &str, directory: &Directory, keys: &KeyMemory) {
    if announcement.starts_with(ABOUT_KEYS) {
        keys.forget();
    } else {
        directory.forget(announcement.parse().unwrap_or(AccessChange::Everything));
    }
}

/// Reads the signing keys anew after a change, so that no request has to.
async fn read_keys(listener: &mut Listener, keys: &KeyMemory) -> Result<(), Error> {
    if let Some(reading) = keys.needs_reading() {
        let rows = listener.select("signing_keys.list", store::LIST).await?;
        // The first key is made by whoever needs it, and announced.
        if !rows.is_empty() {
            keys.keep(reading, &rows)?;
        }
    }
    Ok(())
}

async fn clear(database: &Database) {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "clear_access_changes",
        address: None,
    };

    let upkeep = Unscoped::because(
        "announcements belong to no organization",
        database,
        origin,
        None,
    );

    if let Err(error) = upkeep.upkeep("access_changes.clear", OLD, []).await {
        tracing::warn!(%error, "old announcements were not cleared");
    }
}
