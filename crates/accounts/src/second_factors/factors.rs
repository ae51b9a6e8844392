//! The second factors that an account can use.

use mainstay_database::{Error, Unscoped};
use mainstay_kernel::UserId;

/// Lists the second factors that an account can use, by their names in the API. Only a person who
/// has entered the correct password may see them.
///
/// # Errors
/// The error of the database.
pub(crate) async fn factors_of(
    unscoped: &Unscoped,
    user: UserId,
) -> Result<Vec<&'static str>, Error> {
    const FIND: &str = r"
        SELECT
            EXISTS (
                SELECT FROM mainstay.totps
                WHERE user_id = $1 AND secret IS NOT NULL
            ),
            EXISTS (
                SELECT FROM mainstay.passkeys
                WHERE user_id = $1
            ),
            EXISTS (
                SELECT FROM mainstay.recovery_codes
                WHERE user_id = $1 AND cardinality(hashes) > 0
            )
    ";

    let rows = unscoped
        .select("users.factors_to_show", FIND, [user.uuid().into()])
        .await?;

    let mut factors = Vec::new();
    if let Some(row) = rows.first() {
        for (position, name) in ["totp", "passkey", "recovery_code"].into_iter().enumerate() {
            if row.get(position)? {
                factors.push(name);
            }
        }
    }

    Ok(factors)
}
