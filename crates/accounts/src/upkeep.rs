//! What is cleared away of accounts: rows that have run out.

use mainstay_database::{Error, Unscoped};

use crate::throttle::refusals::clear_refusals;

/// Statements that delete what nobody can use any more: `$1` is now, by the database's clock. Each takes at most some thousand rows, so that none of
/// them holds up the service, and passes over rows that another statement has locked, so that it waits for none.
const CLEARING: [(&str, &str); 8] = [
    (
        "sign_ups.clear",
        "DELETE FROM mainstay.sign_ups WHERE expires_at < $1",
    ),
    (
        "password_resets.clear",
        r"
            DELETE FROM mainstay.password_resets
            WHERE hash IN (
                SELECT hash
                FROM mainstay.password_resets
                WHERE expires_at < $1
                LIMIT 5000
                FOR UPDATE SKIP LOCKED
            )
        ",
    ),
    (
        "email_changes.clear",
        r"
            DELETE FROM mainstay.email_changes
            WHERE user_id IN (
                SELECT user_id
                FROM mainstay.email_changes
                WHERE expires_at < $1
                LIMIT 5000
                FOR UPDATE SKIP LOCKED
            )
        ",
    ),
    // What was counted over weeks leaks by two a day.
    (
        "throttles.clear",
        r"
            DELETE FROM mainstay.throttles
            WHERE key IN (
                SELECT key
                FROM mainstay.throttles
                WHERE counted_at < $1 - interval '1 day'
                  AND counted_at < $1 - interval '12 hours' * lasting
                LIMIT 5000
                FOR UPDATE SKIP LOCKED
            )
        ",
    ),
    // A place that somebody has not signed in from for a year is a new one again.
    (
        "sign_in_places.clear",
        r"
            DELETE FROM mainstay.sign_in_places
            WHERE (user_id, place) IN (
                SELECT user_id, place
                FROM mainstay.sign_in_places
                WHERE seen_at < $1 - interval '1 year'
                LIMIT 5000
                FOR UPDATE SKIP LOCKED
            )
        ",
    ),
    // Spent refresh tokens go with their session: until then one that comes back is recognised.
    (
        "sessions.clear",
        r"
            DELETE FROM mainstay.sessions
            WHERE id IN (
                SELECT id
                FROM mainstay.sessions
                WHERE expires_at < $1 - interval '1 day'
                LIMIT 5000
                FOR UPDATE SKIP LOCKED
            )
        ",
    ),
    (
        "sessions.clear_ended",
        r"
            DELETE FROM mainstay.sessions
            WHERE id IN (
                SELECT id
                FROM mainstay.sessions
                WHERE ended_at < $1 - interval '1 day'
                LIMIT 5000
                FOR UPDATE SKIP LOCKED
            )
        ",
    ),
    // One that comes back so late is refused as one that never was.
    (
        "refresh_tokens.clear",
        r"
            DELETE FROM mainstay.refresh_tokens
            WHERE hash IN (
                SELECT hash
                FROM mainstay.refresh_tokens
                WHERE used_at < $1 - interval '30 days'
                LIMIT 5000
                FOR UPDATE SKIP LOCKED
            )
        ",
    ),
];

/// Clears away what has run out of accounts and their sessions.
///
/// # Errors
/// As the database answers.
pub async fn clear(unscoped: &Unscoped) -> Result<(), Error> {
    let now = unscoped.database().now().await?.inner();
    for (name, statement) in CLEARING {
        unscoped.upkeep(name, statement, [now.into()]).await?;
    }

    clear_refusals(unscoped).await
}
