//! Making an account.

use mainstay_crypto::{BlindIndex, HashError, PasswordHasher, Sealed};
use mainstay_database::{Change, ConstraintKind, Error, Unscoped, Value};
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

/// The account that [`create_user`] makes.
pub struct NewUser {
    /// How it signs in.
    pub email: Sealed<EmailAddress>,
    /// Its password; none for who signs in elsewhere.
    pub password: NewPassword,
    /// Where it belongs.
    pub membership: Membership,
    /// In which role.
    pub role: String,
}

/// The password of a new account.
pub enum NewPassword {
    /// As its owner chose it.
    Plain(Password),
    /// As it was hashed earlier.
    Hashed(SecretString),
    /// None.
    None,
}

/// Where a new account belongs.
pub enum Membership {
    /// To no organization yet.
    None,
    /// An organization that exists.
    Existing(OrganizationId),
    /// One of this name, made with the account.
    New(OrganizationName),
}

/// What [`create_user`] made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedAccount {
    /// The account.
    pub user: UserId,
    /// Where it belongs, if anywhere yet.
    pub organization: Option<OrganizationId>,
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Another account has the address, or the sign-up was used already.
    #[error("another account has this e-mail address")]
    EmailTaken,
    /// There is no such role or organization.
    #[error("there is no such role or organization")]
    UnknownRole,
    /// The password was not hashed.
    #[error(transparent)]
    Password(#[from] HashError),
    /// The database did not do it.
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

/// Makes an account and its membership, and the organization too where it is new: all of it or nothing.
///
/// # Errors
/// [`AccountError`]; then nothing was made.
pub async fn create_user(
    unscoped: &Unscoped,
    hasher: &PasswordHasher,
    new: NewUser,
) -> Result<CreatedAccount, AccountError> {
    create_confirmed_user(unscoped, hasher, new, None).await
}

/// Makes an account; where somebody signed up for it, by consuming what they asked for: `sign_up` is its token's hash.
///
/// # Errors
/// [`AccountError`]; then nothing was made.
pub(crate) async fn create_confirmed_user(
    unscoped: &Unscoped,
    hasher: &PasswordHasher,
    new: NewUser,
    sign_up: Option<Vec<u8>>,
) -> Result<CreatedAccount, AccountError> {
    // While keys are rotated an address may stand under an older key's index. Whoever comes at the same moment is not seen
    // here, but met in `unique_indexes`.
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
            RETURNING id
        ),
        claimed AS (
            INSERT INTO mainstay.unique_indexes (digest, row_id)
            SELECT unnest($8), id
            FROM changed
        ),
        member AS (
            INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
            SELECT id, $9,
                (
                    SELECT id
                    FROM mainstay.roles
                    WHERE name = $10 AND (organization_id = $9 OR organization_id IS NULL)
                ), $5
            FROM changed
            WHERE $9 IS NOT NULL
        )
    ";

    let hash = match new.password {
        NewPassword::Plain(password) => Some(hasher.hash(password.secret()).await?),
        NewPassword::Hashed(hash) => Some(hash.expose_secret().to_owned()),
        NewPassword::None => None,
    };

    let database = unscoped.database();
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
    let made = unscoped
        .change(Change::new("users.insert", CHANGE, values, event))
        .await?;
    if made.is_empty() {
        Err(AccountError::EmailTaken)
    } else {
        Ok(CreatedAccount { user, organization })
    }
}
