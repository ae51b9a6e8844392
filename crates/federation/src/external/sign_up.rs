//! Creates an account for a person whom a provider has authenticated.

use mainstay_accounts::account::{
    address::{ADDRESS_TAKEN, email_cell, email_index},
    key::NOWHERE,
};
use mainstay_crypto::{BlindIndex, Sealed};
use mainstay_database::{Change, Error, FromRow, OwnKey, Row, Sql, Uuid, Value};
use mainstay_http::Problem;
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::events::{Action, about_user};

use super::{
    account::LinkedAccount,
    person::Person,
    problems::EMAIL_UNVERIFIED,
    subject::{SUBJECT_TAKEN, Subject, cell, index, indexes as subject_indexes},
};

#[derive(FromRow)]
struct InsertedUser {
    organization: Option<OrganizationId>,
}

/// Creates an account without a password and links the identity to it, in one statement. The
/// account is a member of no organization, unless the app has a single tenant. Returns `None` if
/// another account has the address or the identity.
///
/// # Errors
/// [`EMAIL_UNVERIFIED`] if the provider has not verified the address.
pub(crate) async fn sign_up(
    sql: &Sql,
    person: &Person,
    subject: &Sealed<Subject>,
) -> Result<Option<LinkedAccount>, Problem> {
    // While keys are rotated, an address may still be indexed under an older key; see also
    // `unique_indexes`.
    const CHANGE: &str = r"
        free AS (
            SELECT
            WHERE NOT EXISTS (SELECT FROM mainstay.users WHERE email_index = ANY ($8))
        ),
        key AS (
            INSERT INTO mainstay.data_keys (id, organization_id, subject_id, wrapped, created_at)
            SELECT $1, $2, $3, $4, $5
            FROM free
        ),
        changed AS (
            INSERT INTO mainstay.users (id, data_key, email, email_index, created_at)
            SELECT $3, $1, $6, $7, $5
            FROM free
            RETURNING id, (SELECT organization_id FROM mainstay.home_organization) AS organization
        ),
        member AS (
            INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
            SELECT changed.id, home.organization_id, home.role_id, $5
            FROM changed, mainstay.home_organization home
        ),
        linked AS (
            INSERT INTO mainstay.external_identities (
                id, user_id, issuer, subject, subject_index, email, created_at
            )
            SELECT $9, id, $10, $11, $12, $13, $5
            FROM changed
        ),
        claimed AS (
            INSERT INTO mainstay.unique_indexes (digest, row_id)
            SELECT unnest($8::bytea[]), id
            FROM changed
            UNION ALL
            SELECT unnest($14::bytea[]), $9
            FROM changed
        )
    ";

    let email = Sealed::new(
        person
            .verified_email()
            .ok_or_else(|| EMAIL_UNVERIFIED.problem())?,
    );

    let database = sql.database();
    let (runtime, ring) = (database.runtime(), database.ring());
    let (user, identity): (UserId, Uuid) =
        (runtime.new_id(), runtime.new_id::<LinkedAccount>().uuid());
    let (key, wrapped) = ring.new_data_key(&runtime.random, NOWHERE, user.uuid());
    let random = &runtime.random;
    let sealed = email.seal(&key, random, &email_cell(user.uuid()));
    let indexes: Vec<_> = email
        .indexes(ring, &email_index())
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect();

    let values: [Value; 14] = [
        key.id().into(),
        NOWHERE.into(),
        user.uuid().into(),
        wrapped.0.clone().into(),
        runtime.clock.now().inner().into(),
        sealed.clone().into(),
        email.index(ring, &email_index()).into_bytes().into(),
        indexes.into(),
        identity.into(),
        person.issuer.clone().into(),
        subject
            .seal(&key, random, &cell(identity, "subject"))
            .into(),
        index(subject, ring).into(),
        email.seal(&key, random, &cell(identity, "email")).into(),
        subject_indexes(subject, ring).into(),
    ];

    let event = about_user(Action::UserCreated, Some(user), None);
    let created = match sql
        .change(Change::new("users.insert_external", CHANGE, values, event))
        .await
    {
        Err(Error::Constraint { name, .. })
            if ADDRESS_TAKEN.contains(&name.as_str()) || SUBJECT_TAKEN.contains(&name.as_str()) =>
        {
            return Ok(None);
        }
        result => result?,
    };

    let Some(inserted) = Row::read_first::<InsertedUser>(&created)? else {
        return Ok(None);
    };

    Ok(Some(LinkedAccount {
        identity,
        user,
        active: true,
        second_factor: false,
        organization: inserted.organization,
        email: sealed,
        key: OwnKey {
            id: key.id(),
            subject: user.uuid(),
            wrapped: wrapped.0,
        },
        is_new_network: false,
        is_known_here: false,
        totp: None,
        credentials: 0,
    }))
}
