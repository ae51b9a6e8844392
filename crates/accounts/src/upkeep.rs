//! Deletes expired rows.

use mainstay_database::{Error, Sql};

use crate::throttle::refusals::clear_refusals;

/// Statements that delete expired rows. `$1` is the current time by the database's clock. Each
/// deletes at most a few thousand rows, so that it does not slow down the service, and skips locked
/// rows, so that it does not wait.
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
    // Counters that last for weeks decrease by two a day.
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
    // A network that was not used for a year counts as new again.
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
    // Used refresh tokens are deleted with their session. Until then, their reuse is detected.
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
    // After this time, a reused token is refused as unknown.
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

/// Deletes the expired rows of accounts and sessions.
///
/// # Errors
/// The error of the database.
pub async fn clear(sql: &Sql) -> Result<(), Error> {
    let now = sql.database().now().await?.inner();
    for (name, statement) in CLEARING {
        sql.upkeep(name, statement, [now.into()]).await?;
    }

    clear_refusals(sql).await
}
