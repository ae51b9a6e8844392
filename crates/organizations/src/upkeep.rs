//! What is cleared away of organizations: rows that have run out.

use mainstay_database::{Error, Unscoped};

/// Clears away invitations that have run out.
///
/// # Errors
/// The error of the database.
pub async fn clear(unscoped: &Unscoped) -> Result<(), Error> {
    const CLEAR: &str = r"
        DELETE FROM mainstay.invitations
        WHERE expires_at < $1
        RETURNING mainstay.destroy_data_key(data_key)
    ";
    let now = unscoped.database().now().await?.inner();

    unscoped
        .upkeep("invitations.clear", CLEAR, [now.into()])
        .await
        .map(drop)
}
