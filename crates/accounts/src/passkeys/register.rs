//! Adds a passkey.

use http::StatusCode;
use mainstay_crypto::{Sealed, Zeroizing, token_digest};
use mainstay_database::{Change, Error, FromRow, HeldKey, OwnKey, Row, Sql};
use mainstay_http::{
    CONFLICT, Created, Fresh, INTERNAL, InPerson, Json, Kind, Problem, Shared, input, post, view,
};
use mainstay_kernel::{Timestamp, UserId, Uuid};
use mainstay_principals::{
    events::{Action, about},
    names::DisplayName,
    standing::{self, Hold},
};
use webauthn_rs::prelude::{CredentialID, Passkey, PasskeyRegistration};

use super::{
    challenge,
    relying_party::PASSKEYS_UNAVAILABLE,
    wire::{Attestation, CreationOptions},
};
use crate::{
    account::{key::AccountKey, owner::find_owner},
    accounts::Accounts,
    letters,
    second_factors::{
        kept::{Kept, kept_cell},
        recovery::{RecoveryCodes, shown_if},
    },
};

/// The device's response does not match a pending challenge, or its verification failed.
const INVALID_PASSKEY: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "invalid_passkey",
    "The passkey does not match the challenge. Request new options and try again.",
);

/// The account has the maximum number of passkeys.
const TOO_MANY_PASSKEYS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "too_many_passkeys",
    "The account has the maximum number of passkeys. Remove one first.",
);

/// Maximum number of passkeys of an account.
const MAX_PASSKEYS: i64 = 50;

/// The request to a device to create a passkey.
#[view]
pub(super) struct PasskeyCreationOptions {
    /// Options for `navigator.credentials.create()`.
    public_key: CreationOptions,
}

/// Start to add a passkey.
///
/// Pass the response to `navigator.credentials.create()`. It is valid for five minutes.
#[post("/v1/me/passkeys/options", problems(PASSKEYS_UNAVAILABLE))]
pub(super) async fn create_passkey_options(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
) -> Result<Json<PasskeyCreationOptions>, Problem> {
    let webauthn = accounts.settings.relying_party.webauthn()?;
    let principal = by.principal();
    let sql = by.sql();
    let owner = find_owner(&sql, principal.user).await?;
    let others = ids(&sql, principal.user).await?;

    let name = owner.email.as_str();
    let (challenge, state) = webauthn
        .start_passkey_registration(principal.user.uuid(), name, name, Some(others))
        .map_err(|error| INTERNAL.problem().caused_by(error))?;

    challenge::keep(
        &sql,
        &challenge.public_key.challenge,
        Some(principal.user),
        &state,
    )
    .await?;

    Ok(Json(PasskeyCreationOptions {
        public_key: CreationOptions::new(&challenge)?,
    }))
}

/// A new passkey.
#[input]
pub(super) struct CreatePasskey {
    /// A name, for example of the device.
    name: DisplayName,
    /// The device's response.
    credential: Attestation,
}

/// A passkey that was added.
#[view]
pub(super) struct NewPasskeyView {
    /// The passkey's identifier.
    id: Uuid,
    /// The name that its owner gave it.
    name: String,
    /// When it was added.
    created_at: Timestamp,
    /// Recovery codes, shown only once; null if the account already has some.
    recovery_codes: Option<Vec<String>>,
}

/// Add a passkey.
///
/// From now on, the passkey is enough to sign in, and a sign-in with the password requires a second
/// factor.
#[post(
    "/v1/me/passkeys",
    problems(PASSKEYS_UNAVAILABLE, INVALID_PASSKEY, TOO_MANY_PASSKEYS, CONFLICT)
)]
pub(super) async fn create_passkey(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
    Json(body): Json<CreatePasskey>,
) -> Result<Created<NewPasskeyView>, Problem> {
    const INSERT: &str = r"
        changed AS (
            INSERT INTO mainstay.passkeys (
                id, user_id, name, credential_hash, credential, sign_count, created_at
            )
            SELECT $1, $2, $3, $4, $5, 0, $6
            FROM held
            WHERE mainstay.has_room('passkeys', $2, $9, $6)
            RETURNING user_id
        ),
        codes AS (
            INSERT INTO mainstay.recovery_codes (user_id, hashes, created_at)
            SELECT user_id, $7, $6
            FROM changed
            ON CONFLICT ON CONSTRAINT recovery_codes_pkey DO NOTHING
            RETURNING user_id
        ),
        raised AS (
            UPDATE mainstay.sessions
            SET multi_factor = true
            WHERE id = $8
              AND EXISTS (SELECT FROM changed)
        ),
        outcome AS (SELECT EXISTS (SELECT FROM codes) FROM changed)
    ";

    let webauthn = accounts.settings.relying_party.webauthn()?;
    let principal = by.principal();
    let sql = by.sql();
    let (user, response) = (principal.user.uuid(), &body.credential.0);

    let hash = challenge::answered(&response.response.client_data_json)
        .ok_or_else(|| INVALID_PASSKEY.problem())?;
    let state: Option<PasskeyRegistration> = challenge::take(&sql, &hash, user).await?;
    let state = state.ok_or_else(|| INVALID_PASSKEY.problem())?;
    let passkey = webauthn
        .finish_passkey_registration(response, &state)
        .map_err(|error| INVALID_PASSKEY.problem().caused_by(error))?;

    let owner = find_owner(&sql, principal.user).await?;
    let (id, now) = (
        accounts.runtime().new_id::<Passkey>().uuid(),
        accounts.runtime().clock.now(),
    );

    let name = Sealed::new(Kept(Zeroizing::new(body.name.as_str().as_bytes().to_vec())));
    let (codes, hashes) = RecoveryCodes::fresh(&accounts.runtime().random);

    let insert = |key: &HeldKey<'_>| {
        let values = [
            id.into(),
            user.into(),
            key.seal(&kept_cell("mainstay.passkeys", "name", id), &name)?
                .into(),
            token_digest(passkey.cred_id()).to_vec().into(),
            seal(key, id, &passkey)?.into(),
            now.inner().into(),
            hashes.clone().into(),
            principal.session.uuid().into(),
            MAX_PASSKEYS.into(),
        ];

        let event = about(
            Action::SecondFactorEnrolled,
            "passkey",
            Some(id),
            principal.organization,
        );

        let notice = owner.notice(&letters::second_factor_added("a passkey"), &sql)?;

        Ok(Change::new("passkeys.insert", INSERT, values, event)
            .given(standing::in_person(principal, Hold::Alone))
            .answering("outcome")
            .queue(notice))
    };

    let outcome = sql.change_sealed(&owner.key, insert).await?;
    let Some(codes_created) = Row::read_first(&outcome)? else {
        return Err(standing::ended_or(&sql, principal, TOO_MANY_PASSKEYS.problem()).await);
    };

    let recovery_codes = shown_if(codes_created, codes).into_codes();
    accounts.principals.forget_user(principal.user);

    Ok(Created(NewPasskeyView {
        id,
        name: body.name.into_string(),
        created_at: now,
        recovery_codes,
    }))
}

#[derive(FromRow)]
struct StoredCredential {
    id: Uuid,
    credential: Vec<u8>,
    #[from_row(flatten)]
    key: AccountKey,
}

/// The ids that authenticators gave to a person's passkeys. They prevent a device from adding a
/// second one.
async fn ids(sql: &Sql, user: UserId) -> Result<Vec<CredentialID>, Error> {
    const FIND: &str = r"
        SELECT p.id, p.credential, k.id AS key_id, k.wrapped AS wrapped_key
        FROM mainstay.passkeys p
        JOIN mainstay.users u ON u.id = p.user_id
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE p.user_id = $1
        ORDER BY p.id
    ";

    let stored: Vec<StoredCredential> = sql
        .query("passkeys.ids", FIND, [user.uuid().into()])
        .await?;

    let id = |stored: StoredCredential| {
        let key = stored.key.of(user);
        let passkey = open(sql, &key, stored.id, &stored.credential)?;
        Ok(passkey.cred_id().clone())
    };

    stored.into_iter().map(id).collect()
}

/// Seals a passkey for its row, so that write access to the database is not enough to add a key.
pub(crate) fn seal(key: &HeldKey<'_>, id: Uuid, passkey: &Passkey) -> Result<Vec<u8>, Error> {
    let bytes =
        Zeroizing::new(serde_json::to_vec(passkey).map_err(|error| Error::Internal(error.into()))?);
    key.seal(
        &kept_cell("mainstay.passkeys", "credential", id),
        &Sealed::new(Kept(bytes)),
    )
}

pub(crate) fn open(sql: &Sql, key: &OwnKey, id: Uuid, sealed: &[u8]) -> Result<Passkey, Error> {
    let bytes: Kept = sql.open_own(
        key,
        &kept_cell("mainstay.passkeys", "credential", id),
        sealed,
    )?;
    serde_json::from_slice(&bytes.0).map_err(|error| Error::Internal(error.into()))
}
