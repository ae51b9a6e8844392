//! The second factors that an account can use.

use mainstay_database::{Error, FromRow, Sql};
use mainstay_kernel::UserId;

/// Which second factors an account can use.
#[derive(FromRow)]
struct UsableFactors {
    totp: bool,
    passkey: bool,
    recovery_code: bool,
}

/// Lists the second factors that an account can use, by their names in the API. Only a person who
/// has entered the correct password may see them.
///
/// # Errors
/// The error of the database.
pub(crate) async fn factors_of(sql: &Sql, user: UserId) -> Result<Vec<&'static str>, Error> {
    const FIND: &str = r"
        SELECT
            EXISTS (
                SELECT FROM mainstay.totps
                WHERE user_id = $1 AND secret IS NOT NULL
            ) AS totp,
            EXISTS (
                SELECT FROM mainstay.passkeys
                WHERE user_id = $1
            ) AS passkey,
            EXISTS (
                SELECT FROM mainstay.recovery_codes
                WHERE user_id = $1 AND cardinality(hashes) > 0
            ) AS recovery_code
    ";

    let usable: Vec<UsableFactors> = sql
        .query("users.factors_to_show", FIND, [user.uuid().into()])
        .await?;

    Ok(usable.iter().flat_map(UsableFactors::names).collect())
}

impl UsableFactors {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let names = [
            (self.totp, "totp"),
            (self.passkey, "passkey"),
            (self.recovery_code, "recovery_code"),
        ];

        names
            .into_iter()
            .filter_map(|(is_usable, name)| is_usable.then_some(name))
    }
}
