use mainstay_crypto::{Cell, HashError, IndexLength, IndexPlace, PasswordHasher, Sealed};
use mainstay_database::{ConstraintKind, Error, Event, Unscoped, Value};
use mainstay_kernel::{OrganizationId, UserId, Uuid};

use crate::{EmailAddress, Password};

/// Accounts stand above organizations, so their personal data is sealed for none.
pub(crate) const NOWHERE: Uuid = Uuid::nil();

/// The account that [`create_user`] makes.
pub struct NewUser {
    /// How it signs in.
    pub email: Sealed<EmailAddress>,
    /// Its password.
    pub password: Password,
    /// Where it belongs.
    pub organization: OrganizationId,
    /// In which role.
    pub role: String,
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Another account has the address.
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
            Error::Constraint { name, .. } if name == "users_email_key" => Self::EmailTaken,
            Error::Constraint { kind: ConstraintKind::Check | ConstraintKind::ForeignKey, .. } => Self::UnknownRole,
            _ => Self::Database(error),
        }
    }
}

/// Makes an organization.
///
/// # Errors
/// As the database answers.
pub async fn create_organization(unscoped: &Unscoped, name: &str) -> Result<OrganizationId, Error> {
    const CHANGE: &str =
        "changed AS (INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3) RETURNING id)";
    let runtime = unscoped.database().runtime();
    let id: OrganizationId = runtime.new_id();
    let event = Event {
        action: "organization.created".to_owned(),
        resource: "organization",
        resource_id: Some(id.uuid()),
        organization: Some(id),
    };
    let values = [id.uuid().into(), name.into(), runtime.clock.now().inner().into()];
    unscoped.change("organizations.insert", CHANGE, values, event).await?;
    Ok(id)
}

/// Makes an account and its membership.
///
/// # Errors
/// [`AccountError`]; then nothing was made.
pub async fn create_user(unscoped: &Unscoped, hasher: &PasswordHasher, new: NewUser) -> Result<UserId, AccountError> {
    const CHANGE: &str = "key AS (INSERT INTO data_keys (id, organization_id, subject_id, wrapped, created_at) \
         VALUES ($1, $2, $3, $4, $5)), \
         changed AS (INSERT INTO users (id, data_key, email, email_index, password_hash, created_at) \
         VALUES ($3, $1, $6, $7, $8, $5) RETURNING id), \
         member AS (INSERT INTO memberships (user_id, organization_id, role_id, created_at) \
         SELECT id, $9, (SELECT id FROM roles WHERE name = $10 AND (organization_id = $9 OR organization_id IS NULL)), $5 \
         FROM changed)";
    let hash = hasher.hash(new.password.secret()).await?;
    let database = unscoped.database();
    let (runtime, ring) = (database.runtime(), database.ring());
    let id: UserId = runtime.new_id();
    let (key, wrapped) = ring.new_data_key(&runtime.random, NOWHERE, id.uuid());
    let cell = Cell { organization: NOWHERE, table: "users", column: "email", row: id.uuid() };
    let values: [Value; 10] = [
        key.id().into(),
        NOWHERE.into(),
        id.uuid().into(),
        wrapped.0.into(),
        runtime.clock.now().inner().into(),
        new.email.seal(&key, &runtime.random, &cell).into(),
        new.email.index(ring, &email_index()).as_bytes().to_vec().into(),
        hash.into(),
        new.organization.uuid().into(),
        new.role.into(),
    ];
    let event = Event {
        action: "user_created".to_owned(),
        resource: "user",
        resource_id: Some(id.uuid()),
        organization: Some(new.organization),
    };
    unscoped.change("users.insert", CHANGE, values, event).await?;
    Ok(id)
}

/// Where the index stands under which accounts are found: full length, since two accounts never share an address.
pub(crate) fn email_index() -> IndexPlace<'static> {
    IndexPlace { organization: NOWHERE, table: "users", column: "email_index", length: IndexLength::Unique }
}
