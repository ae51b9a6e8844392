//! The rotation of signing keys, for as long as the service runs.

use std::time::Duration;

use mainstay_database::Error;
use tokio::time::{MissedTickBehavior, interval};

use super::{making::next, memory::KeyMemory, store};

/// How often it is looked whether anything is to be done. Looking asks the clock, and the database only when it is.
const TICK: Duration = Duration::from_secs(1);

/// Makes the first key, lets another follow it in time, and clears away what is over, for as long as the service runs.
///
/// Every replica does this. What is done twice at once is done once: the statements see to that.
pub(crate) async fn watch(keys: &KeyMemory) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    let mut fails = false;
    loop {
        ticks.tick().await;
        match look_after(keys).await {
            Ok(()) => fails = false,
            Err(error) if !fails => {
                tracing::warn!(%error, cause = error.cause(), "signing keys cannot be looked after");
                fails = true;
            }
            Err(_) => {}
        }
    }
}

async fn look_after(keys: &KeyMemory) -> Result<(), Error> {
    let set = match keys.remembered() {
        Some(set) => set,
        None => keys.current().await?,
    };
    let asks = |now| (set.is_due(now, keys.lifetime), set.is_cluttered(now));
    if asks(keys.database.runtime().clock.now()) == (false, false) {
        return Ok(());
    }

    // A replica whose clock is ahead would remove a key whose tokens the others still issue.
    let now = keys.database.now().await?;
    let (due, cluttered) = asks(now);
    if !due && !cluttered {
        return Ok(());
    }

    let unscoped = keys.by_itself("rotate_signing_keys");
    if due {
        let made = store::make(&unscoped, next(Some(now - keys.lifetime))).await?;
        if let Some(kid) = made {
            tracing::info!(%kid, "a new signing key is announced");
        }
    }

    if cluttered {
        store::clear(&unscoped, now).await?;
    }

    keys.forget();

    keys.current().await.map(drop)
}
