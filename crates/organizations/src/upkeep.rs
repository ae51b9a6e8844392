//! The periodic task of organizations: deletes expired rows.

use mainstay_database::{Error, Sql};

/// Deletes expired invitations and destroys their data keys.
///
/// # Errors
/// The error of the database.
pub async fn clear(sql: &Sql) -> Result<(), Error> {
    const CLEAR: &str = r"
        DELETE FROM mainstay.invitations
        WHERE expires_at < $1
        RETURNING mainstay.destroy_data_key(data_key)
    ";
    let now = sql.database().now().await?.inner();

    sql.upkeep("invitations.clear", CLEAR, [now.into()])
        .await
        .map(drop)
}
