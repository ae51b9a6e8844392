//! What a change of an account's credentials needs to know about the account.

use mainstay_database::{FromRow, Sql};
use mainstay_http::{Problem, UNAUTHENTICATED};
use mainstay_kernel::{EmailAddress, SecretString, UserId};

use super::{address::email_cell, key::AccountKey};

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

#[derive(FromRow)]
struct StoredCredentials {
    password_hash: Option<String>,
    email: Vec<u8>,
    #[from_row(flatten)]
    key: AccountKey,
    second_factor: bool,
    credentials_version: i64,
    keys: Vec<String>,
}

/// Finds the credentials of the caller's account.
///
/// # Errors
/// [`UNAUTHENTICATED`] if the account was deactivated or deleted.
pub async fn find_credentials(sql: &Sql, user: UserId) -> Result<Credentials, Problem> {
    const FIND: &str = r"
        SELECT
            u.password_hash, u.email,
            k.id AS key_id, k.wrapped AS wrapped_key,
            u.second_factor, u.credentials_version,
            mainstay.live_keys(u.id, $2) AS keys
        FROM mainstay.users u
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE u.id = $1 AND u.active
    ";

    let now = sql.database().runtime().clock.now();
    let found: Vec<StoredCredentials> = sql
        .query(
            "users.credentials",
            FIND,
            [user.uuid().into(), now.inner().into()],
        )
        .await?;

    let stored = found
        .into_iter()
        .next()
        .ok_or_else(|| UNAUTHENTICATED.problem())?;
    let key = stored.key.of(user);

    Ok(Credentials {
        email: sql.open_own(&key, &email_cell(user.uuid()), &stored.email)?,
        password_hash: stored.password_hash.map(SecretString::from),
        second_factor: stored.second_factor,
        version: stored.credentials_version,
        keys: stored.keys,
    })
}
