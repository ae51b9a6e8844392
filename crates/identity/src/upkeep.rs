use std::time::Duration;

use mainstay_database::{Database, Error, Origin, Unscoped, Uuid};
use mainstay_jobs::Periodic;

/// How often what has run out is cleared away.
const EVERY: Duration = Duration::from_secs(600);

/// Statements that delete what nobody can use any more: `$1` is now. At most so many rows each time, so that none of them
/// holds up the service.
const CLEARING: [(&str, &str); 9] = [
    ("sign_ups.clear", "DELETE FROM sign_ups WHERE expires_at < $1"),
    ("password_resets.clear", "DELETE FROM password_resets WHERE expires_at < $1"),
    ("email_changes.clear", "DELETE FROM email_changes WHERE expires_at < $1"),
    ("throttles.clear", "DELETE FROM throttles WHERE greatest(counted_at, blocked_until) < $1 - interval '1 day'"),
    // A place that somebody has not signed in from for a year is a new one again.
    ("sign_in_places.clear", "DELETE FROM sign_in_places WHERE seen_at < $1 - interval '1 year'"),
    ("invitations.clear", "DELETE FROM invitations WHERE expires_at < $1 RETURNING destroy_data_key(data_key)"),
    // Spent refresh tokens go with their session: until then one that comes back is recognised.
    (
        "sessions.clear",
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 - interval '1 day' LIMIT 5000)",
    ),
    (
        "sessions.clear_ended",
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ended_at < $1 - interval '1 day' LIMIT 5000)",
    ),
    // One that comes back so late is refused as one that never was.
    (
        "refresh_tokens.clear",
        "DELETE FROM refresh_tokens WHERE hash IN \
             (SELECT hash FROM refresh_tokens WHERE used_at < $1 - interval '30 days' LIMIT 5000)",
    ),
];

/// The upkeep of this room, for the worker.
pub fn upkeep() -> Periodic {
    Periodic::new("identity.clear", EVERY, |database| async move { clear(&database).await })
}

async fn clear(database: &Database) -> Result<(), Error> {
    let origin = Origin { request: Uuid::nil(), operation: "clear_identity", address: None };
    let unscoped = Unscoped::because("what has run out belongs to no organization", database, origin, None);
    let now = database.runtime().clock.now().inner();
    for (name, statement) in CLEARING {
        unscoped.upkeep(name, statement, [now.into()]).await?;
    }
    Ok(())
}
