//! Shows a person's second factors.

use mainstay_http::{InPerson, Json, Problem, UNAUTHENTICATED, get, view};
use mainstay_kernel::Timestamp;

/// The second factors of an account.
#[view]
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
            u.second_factor,
            t.confirmed_at,
            (SELECT count(*) FROM mainstay.passkeys p WHERE p.user_id = u.id),
            coalesce(cardinality(r.hashes), 0)::bigint
        FROM mainstay.users u
        LEFT JOIN mainstay.totps t ON t.user_id = u.id
        LEFT JOIN mainstay.recovery_codes r ON r.user_id = u.id
        WHERE u.id = $1
    ";

    let unscoped = by.unscoped(
        "second factors belong to no organization; the statement is limited to the caller's own",
    );
    let rows = unscoped
        .select("users.factors", FIND, [by.principal().user.uuid().into()])
        .await?;
    let row = rows.first().ok_or_else(|| UNAUTHENTICATED.problem())?;

    Ok(Json(SecondFactors {
        enrolled: row.get(0)?,
        totp_since: row.get(1)?,
        passkeys: row.get(2)?,
        recovery_codes: row.get(3)?,
    }))
}
