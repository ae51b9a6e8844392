//! Sets up an authenticator app.

use http::StatusCode;
use mainstay_crypto::Sealed;
use mainstay_database::{Change, FromRow, HeldKey, Row};
use mainstay_http::{
    CreatedAt, Fresh, InPerson, Json, Kind, NOT_FOUND, Problem, Shared, UNAUTHENTICATED, input,
    post, view,
};
use mainstay_kernel::Timestamp;
use mainstay_principals::{
    events::{Action, about},
    standing::{self, Hold},
};
use time::Duration;

use super::{
    code::{Code, Shape},
    kept::{Kept, kept_cell},
    recovery::{RecoveryCodes, shown_if},
    totp::{Enrolment, step_of},
};
use crate::{
    account::{key::AccountKey, owner::find_owner},
    accounts::Accounts,
    letters,
    throttle::{
        TOO_MANY_ATTEMPTS,
        attempts::{admit_holder, take_back},
        keys::AttemptKeys,
    },
};

/// The code is not valid now.
const WRONG_CODE: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "wrong_code",
    "The code is wrong. Check that the clock of your device is correct.",
);

/// How long a new secret can be confirmed.
const CONFIRMED_WITHIN: Duration = Duration::hours(1);

/// The data for setting up an authenticator app, shown only once.
#[view]
pub(super) struct TotpEnrolment {
    /// The secret in Base32, for typing.
    secret: String,
    /// The secret as an `otpauth` URI, for apps that accept one.
    uri: String,
    /// The URI as a QR code, an SVG image.
    qr_code: String,
}

/// Start to set up an authenticator app.
///
/// Confirm the app with one of its codes at `POST /v1/me/totp/confirmation` within one hour. Until
/// then nothing changes. The confirmation replaces the current app, if there is one.
#[post("/v1/me/totp")]
pub(super) async fn create_totp(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
) -> Result<CreatedAt<TotpEnrolment>, Problem> {
    const BEGIN: &str = r"
        changed AS (
            INSERT INTO mainstay.totps AS t (user_id, pending, pending_at)
            SELECT $1, $2, $3
            FROM held
            ON CONFLICT ON CONSTRAINT totps_pkey DO UPDATE
            SET pending = excluded.pending,
                pending_at = excluded.pending_at
            RETURNING t.user_id
        )
    ";

    let principal = by.principal();
    let sql = by.sql();
    let user = principal.user.uuid();
    let owner = find_owner(&sql, principal.user).await?;
    let runtime = accounts.runtime();
    let issuer = &accounts.settings.relying_party.name;

    let enrolment = Enrolment::new(&runtime.random, issuer, owner.email.as_str())?;
    let secret = Sealed::new(Kept(enrolment.secret));
    let now = runtime.clock.now().inner();

    let begin = |key: &HeldKey<'_>| {
        let pending = key.seal(&kept_cell("mainstay.totps", "pending", user), &secret)?;
        let event = about(
            Action::SecondFactorStarted,
            "totp",
            Some(user),
            principal.organization,
        );

        let values = [user.into(), pending.into(), now.into()];

        Ok(Change::new("totps.begin", BEGIN, values, event)
            .given(standing::in_person(principal, Hold::Shared)))
    };

    if sql.change_sealed(&owner.key, begin).await?.is_empty() {
        return Err(UNAUTHENTICATED.problem().caused_by("the session has ended"));
    }

    let view = TotpEnrolment {
        secret: enrolment.text,
        uri: enrolment.uri,
        qr_code: enrolment.qr_code,
    };

    Ok(CreatedAt("/v1/me/second-factors".into(), view))
}

/// The first code of an authenticator app.
#[input]
pub(super) struct ConfirmTotp {
    /// The code that the app shows.
    code: Code,
}

/// An authenticator app that is not confirmed yet.
#[derive(FromRow)]
struct PendingApp {
    /// Its secret, sealed.
    pending: Vec<u8>,
    pending_at: Timestamp,
    /// Whether it replaces another app.
    replaces: bool,
    #[from_row(flatten)]
    key: AccountKey,
}

/// Confirm an authenticator app with a code.
///
/// From now on, sign-in requires a code. The response contains recovery codes if the account had
/// none; they are shown only once. If this replaces another app, all other sessions end.
#[post(
    "/v1/me/totp/confirmation",
    problems(NOT_FOUND, WRONG_CODE, TOO_MANY_ATTEMPTS)
)]
pub(super) async fn confirm_totp(
    by: InPerson,
    accounts: Shared<Accounts>,
    Json(body): Json<ConfirmTotp>,
) -> Result<Json<RecoveryCodes>, Problem> {
    const FIND: &str = r"
        SELECT
            t.pending, t.pending_at, t.secret IS NOT NULL AS replaces,
            k.id AS key_id, k.wrapped AS wrapped_key
        FROM mainstay.totps t
        JOIN mainstay.users u ON u.id = t.user_id
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE t.user_id = $1 AND t.pending IS NOT NULL AND t.pending_at > $2
    ";

    const CONFIRM: &str = r"
        changed AS (
            UPDATE mainstay.totps
            SET secret = $3,
                confirmed_at = $4,
                last_step = $5,
                pending = NULL,
                pending_at = NULL
            WHERE user_id = $1
              AND pending_at = $2
              AND EXISTS (SELECT FROM held)
            RETURNING
                user_id,
                CASE WHEN $8 THEN mainstay.end_sessions(user_id, NULL, $7, $4) END
        ),
        codes AS (
            INSERT INTO mainstay.recovery_codes (user_id, hashes, created_at)
            SELECT user_id, $6, $4
            FROM changed
            ON CONFLICT ON CONSTRAINT recovery_codes_pkey DO NOTHING
            RETURNING user_id
        ),
        raised AS (
            UPDATE mainstay.sessions
            SET multi_factor = true
            WHERE id = $7
              AND EXISTS (SELECT FROM changed)
        ),
        outcome AS (SELECT EXISTS (SELECT FROM codes) FROM changed)
    ";

    let principal = by.principal();
    let sql = by.sql();
    let (user, now) = (principal.user.uuid(), accounts.runtime().clock.now());

    let apps: Vec<PendingApp> = sql
        .query(
            "totps.pending",
            FIND,
            [user.into(), (now - CONFIRMED_WITHIN).inner().into()],
        )
        .await?;
    let app = apps.into_iter().next().ok_or_else(|| NOT_FOUND.problem())?;
    let key = app.key.of(principal.user);

    // Attempts are limited: a correct guess would turn on an app that the owner has not set up, and
    // lock the owner out.
    let keys = AttemptKeys::new(
        sql.database().ring(),
        "second_factor",
        user.as_bytes(),
        by.origin().address,
    );
    let attempt = admit_holder(&sql, principal.user, keys).await?;

    let owner = find_owner(&sql, principal.user).await?;
    let secret: Kept = sql.open_own(
        &key,
        &kept_cell("mainstay.totps", "pending", user),
        &app.pending,
    )?;
    let step = first_step(&body.code, &secret, now)?.ok_or_else(|| WRONG_CODE.problem())?;

    let secret = Sealed::new(secret);
    let (codes, hashes) = RecoveryCodes::fresh(&accounts.runtime().random);
    let confirm = |key: &HeldKey<'_>| {
        let values = [
            user.into(),
            app.pending_at.inner().into(),
            key.seal(&kept_cell("mainstay.totps", "secret", user), &secret)?
                .into(),
            now.inner().into(),
            step.into(),
            hashes.clone().into(),
            principal.session.uuid().into(),
            app.replaces.into(),
        ];

        let event = about(
            Action::SecondFactorEnrolled,
            "totp",
            Some(user),
            principal.organization,
        );

        let notice = owner.notice(&letters::second_factor_added("an authenticator app"), &sql)?;

        Ok(Change::new("totps.confirm", CONFIRM, values, event)
            .given(standing::in_person(principal, Hold::Alone))
            .answering("outcome")
            .queue(notice))
    };

    let outcome = sql.change_sealed(&owner.key, confirm).await?;
    let Some(codes_created) = Row::read_first(&outcome)? else {
        return Err(standing::ended_or(&sql, principal, NOT_FOUND.problem()).await);
    };

    take_back(&sql, attempt).await?;
    accounts.principals.forget_user(principal.user);

    Ok(Json(shown_if(codes_created, codes)))
}

fn first_step(code: &Code, secret: &Kept, now: Timestamp) -> Result<Option<i64>, Problem> {
    match code.shape() {
        Shape::Totp(code) => step_of(&code, &secret.0, now),
        Shape::Recovery(_) => Ok(None),
    }
}
