//! What a change of an account's credentials needs to know about the account.

use mainstay_database::{Row, Unscoped};
use mainstay_http::{Problem, UNAUTHENTICATED};
use mainstay_kernel::{EmailAddress, SecretString, UserId};

use super::{address::email_cell, key::own_key};

/// What a change of an account's credentials needs to know about the account.
pub struct Credentials {
    /// The address.
    pub email: EmailAddress,
    /// The hash of the password; `None` without one.
    pub password_hash: Option<SecretString>,
    /// Whether sign-in requires a second factor.
    pub second_factor: bool,
    /// The version of the credentials.
    pub version: i64,
    /// The names of the valid API keys.
    pub keys: Vec<String>,
}

/// Finds the credentials of the caller's account.
///
/// # Errors
/// [`UNAUTHENTICATED`] if the account was deactivated or deleted.
pub async fn find_credentials(unscoped: &Unscoped, user: UserId) -> Result<Credentials, Problem> {
    const FIND: &str = r"
        SELECT
            u.password_hash, u.email,
            k.id, k.wrapped,
            u.second_factor, u.credentials_version,
            mainstay.live_keys(u.id, $2)
        FROM mainstay.users u
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE u.id = $1 AND u.active
    ";

    let now = unscoped.database().runtime().clock.now();
    let rows = unscoped
        .select(
            "users.credentials",
            FIND,
            [user.uuid().into(), now.inner().into()],
        )
        .await?;

    let row: &Row = rows.first().ok_or_else(|| UNAUTHENTICATED.problem())?;
    let email = unscoped.open_own(
        &own_key(user, row, 2)?,
        &email_cell(user.uuid()),
        &row.get::<Vec<u8>>(1)?,
    )?;

    let password_hash = row.get::<Option<String>>(0)?.map(SecretString::from);

    Ok(Credentials {
        email,
        password_hash,
        second_factor: row.get(4)?,
        version: row.get(5)?,
        keys: row.get(6)?,
    })
}
