//! Shows a person's second factors.

use mainstay_database::FromRow;
use mainstay_http::{InPerson, Json, Problem, UNAUTHENTICATED, get, view};
use mainstay_kernel::Timestamp;

/// The second factors of an account.
#[view]
#[derive(FromRow)]
pub(super) struct SecondFactors {
    /// Whether sign-in requires a second factor.
    enrolled: bool,
    /// When the authenticator app was set up; null without one.
    totp_since: Option<Timestamp>,
    /// Number of passkeys.
    passkeys: i64,
    /// Number of unused recovery codes.
    recovery_codes: i64,
}

/// Show your second factors.
#[get("/v1/me/second-factors")]
pub(super) async fn list_second_factors(by: InPerson) -> Result<Json<SecondFactors>, Problem> {
    const FIND: &str = r"
        SELECT
            u.second_factor AS enrolled,
            t.confirmed_at AS totp_since,
            (SELECT count(*) FROM mainstay.passkeys p WHERE p.user_id = u.id) AS passkeys,
            coalesce(cardinality(r.hashes), 0)::bigint AS recovery_codes
        FROM mainstay.users u
        LEFT JOIN mainstay.totps t ON t.user_id = u.id
        LEFT JOIN mainstay.recovery_codes r ON r.user_id = u.id
        WHERE u.id = $1
    ";

    let sql = by.sql();
    let factors: Vec<SecondFactors> = sql
        .query("users.factors", FIND, [by.principal().user.uuid().into()])
        .await?;

    factors
        .into_iter()
        .next()
        .map(Json)
        .ok_or_else(|| UNAUTHENTICATED.problem())
}
