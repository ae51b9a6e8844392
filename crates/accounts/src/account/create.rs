//! Creates an account.

use mainstay_crypto::{BlindIndex, HashError, PasswordHasher, Sealed};
use mainstay_database::{Change, ConstraintKind, Error, FromRow, Row, Sql, Value};
use mainstay_kernel::{EmailAddress, ExposeSecret as _, OrganizationId, SecretString, UserId};
use mainstay_principals::{
    events::{Action, about_user},
    names::OrganizationName,
};

use super::{
    address::{ADDRESS_TAKEN, email_cell, email_index},
    key::NOWHERE,
};
use crate::passwords::password::Password;

/// The account that [`create_user`] creates.
pub struct NewUser {
    /// Its e-mail address.
    pub email: Sealed<EmailAddress>,
    /// Its password, if any.
    pub password: NewPassword,
    /// Its organization.
    pub membership: Membership,
    /// Its role in the organization.
    pub role: String,
}

/// The password of a new account.
pub enum NewPassword {
    /// A password that is not hashed yet.
    Plain(Password),
    /// The hash of a password.
    Hashed(SecretString),
    /// No password: the person signs in with an external provider.
    None,
}

/// The organization of a new account.
pub enum Membership {
    /// No organization, or the home of an app with a single tenant, with its role for new accounts.
    None,
    /// An existing organization.
    Existing(OrganizationId),
    /// A new organization of this name, created with the account.
    New(OrganizationName),
}

/// What [`create_user`] created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedAccount {
    /// The account.
    pub user: UserId,
    /// Its organization, if it has one.
    pub organization: Option<OrganizationId>,
}

/// The account was not created.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Another account has the address, or the sign-up was already used.
    #[error("another account has this e-mail address")]
    EmailTaken,
    /// There is no such role or organization.
    #[error("there is no such role or organization")]
    UnknownRole,
    /// Hashing the password failed.
    #[error(transparent)]
    Password(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Database(Error),
}

impl From<Error> for AccountError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Constraint { name, .. } if ADDRESS_TAKEN.contains(&name.as_str()) => {
                Self::EmailTaken
            }
            Error::Constraint {
                kind: ConstraintKind::Check | ConstraintKind::ForeignKey,
                ..
            } => Self::UnknownRole,
            _ => Self::Database(error),
        }
    }
}

#[derive(FromRow)]
struct InsertedUser {
    organization: Option<OrganizationId>,
}

/// Creates an account, its membership, and its organization if that is new, in one statement.
///
/// # Errors
/// [`AccountError`]; nothing was created.
pub async fn create_user(
    sql: &Sql,
    hasher: &PasswordHasher,
    new: NewUser,
) -> Result<CreatedAccount, AccountError> {
    create_confirmed_user(sql, hasher, new, None).await
}

/// Creates an account, and deletes the sign-up that it comes from, if any: `sign_up` is the hash of
/// its token.
///
/// # Errors
/// [`AccountError`]; nothing was created.
pub(crate) async fn create_confirmed_user(
    sql: &Sql,
    hasher: &PasswordHasher,
    new: NewUser,
    sign_up: Option<Vec<u8>>,
) -> Result<CreatedAccount, AccountError> {
    // During a key rotation, existing rows may use an older key's index. `free` does not see
    // concurrent statements; the constraint on `unique_indexes` does.
    const CHANGE: &str = r"
        consumed AS (
            DELETE FROM mainstay.sign_ups
            WHERE hash = $13
            RETURNING hash
        ),
        free AS (
            SELECT
            WHERE NOT EXISTS (SELECT FROM mainstay.users WHERE email_index = ANY($8))
              AND ($13::bytea IS NULL OR EXISTS (SELECT FROM consumed))
        ),
        place AS (
            INSERT INTO mainstay.organizations (id, name, created_at)
            SELECT $9, $11, $5
            FROM free
            WHERE $11 IS NOT NULL
        ),
        key AS (
            INSERT INTO mainstay.data_keys (id, organization_id, subject_id, wrapped, created_at)
            SELECT $1, $2, $3, $4, $5
            FROM free
        ),
        changed AS (
            INSERT INTO mainstay.users (id, data_key, email, email_index, password_hash, created_at)
            SELECT $3, $1, $6, $7, $12, $5
            FROM free
            RETURNING
                id,
                coalesce($9, (SELECT organization_id FROM mainstay.home_organization)) AS organization
        ),
        claimed AS (
            INSERT INTO mainstay.unique_indexes (digest, row_id)
            SELECT unnest($8), id
            FROM changed
        ),
        member AS (
            INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
            SELECT
                id,
                organization,
                CASE
                    WHEN $9 IS NULL THEN (SELECT role_id FROM mainstay.home_organization)
                    ELSE (
                        SELECT id
                        FROM mainstay.roles
                        WHERE name = $10 AND (organization_id = $9 OR organization_id IS NULL)
                    )
                END,
                $5
            FROM changed
            WHERE organization IS NOT NULL
        )
    ";

    let hash = match new.password {
        NewPassword::Plain(password) => Some(hasher.hash(password.secret()).await?),
        NewPassword::Hashed(hash) => Some(hash.expose_secret().to_owned()),
        NewPassword::None => None,
    };

    let database = sql.database();
    let (runtime, ring) = (database.runtime(), database.ring());
    let user: UserId = runtime.new_id();
    let (organization, name) = match new.membership {
        Membership::None => (None, None),
        Membership::Existing(organization) => (Some(organization), None),
        Membership::New(name) => (Some(runtime.new_id()), Some(name.into_string())),
    };

    let (key, wrapped) = ring.new_data_key(&runtime.random, NOWHERE, user.uuid());
    let indexes: Vec<_> = new
        .email
        .indexes(ring, &email_index())
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect();

    let values: [Value; 13] = [
        key.id().into(),
        NOWHERE.into(),
        user.uuid().into(),
        wrapped.0.into(),
        runtime.clock.now().inner().into(),
        new.email
            .seal(&key, &runtime.random, &email_cell(user.uuid()))
            .into(),
        new.email.index(ring, &email_index()).into_bytes().into(),
        indexes.into(),
        organization.map(OrganizationId::uuid).into(),
        new.role.into(),
        name.into(),
        hash.into(),
        sign_up.into(),
    ];

    let event = about_user(Action::UserCreated, Some(user), organization);
    let made = sql
        .change(Change::new("users.insert", CHANGE, values, event))
        .await?;

    let inserted: InsertedUser = Row::read_first(&made)?.ok_or(AccountError::EmailTaken)?;

    Ok(CreatedAccount {
        user,
        organization: inserted.organization,
    })
}
