//! The automatic rotation of signing keys.

use std::time::Duration;

use mainstay_database::Error;
use tokio::time::{MissedTickBehavior, interval};

use super::{making::next, memory::KeyMemory, store};

/// How often the task checks whether there is work. The check reads the clock; it queries the
/// database only if there is.
const TICK: Duration = Duration::from_secs(1);

/// Creates the first key, replaces keys in time and deletes old ones, for as long as the service
/// runs.
///
/// Every replica runs this. The statements are safe to run at the same time: only one of them has
/// an effect.
pub(crate) async fn watch(keys: &KeyMemory) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    let mut failing = false;
    loop {
        ticks.tick().await;
        match rotate_if_due(keys).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                tracing::warn!(%error, cause = error.cause(), "signing key rotation failed");
                failing = true;
            }
            Err(_) => {}
        }
    }
}

async fn rotate_if_due(keys: &KeyMemory) -> Result<(), Error> {
    let set = match keys.remembered() {
        Some(set) => set,
        None => keys.current().await?,
    };
    let work_at = |now| (set.is_due(now, keys.lifetime), set.is_cluttered(now));
    if work_at(keys.database.runtime().clock.now()) == (false, false) {
        return Ok(());
    }

    // By the database's clock: a replica whose own clock is ahead would delete a key that the
    // others still sign with.
    let now = keys.database.now().await?;
    let (due, cluttered) = work_at(now);
    if !due && !cluttered {
        return Ok(());
    }

    let sql = keys.sql("rotate_signing_keys");
    if due {
        let created = store::make(&sql, next(Some(now - keys.lifetime))).await?;
        if let Some(kid) = created {
            tracing::info!(%kid, "signing key created and announced");
        }
    }
    if cluttered {
        store::clear(&sql, now).await?;
    }

    keys.forget();
    keys.current().await.map(drop)
}
