//! A person's second factors at a glance.

use mainstay_http::{InPerson, Json, Problem, UNAUTHENTICATED, get, view};
use mainstay_kernel::Timestamp;

/// What sign-in may ask for beside the password.
#[view]
pub(super) struct SecondFactors {
    /// Whether sign-in takes a second factor.
    enrolled: bool,
    /// Since when an authenticator app is in use; null when none is.
    totp_since: Option<Timestamp>,
    /// How many passkeys there are.
    passkeys: i64,
    /// How many recovery codes are left.
    recovery_codes: i64,
}

/// Show one's second factors.
#[get("/v1/me/second-factors")]
pub(super) async fn list_second_factors(by: InPerson) -> Result<Json<SecondFactors>, Problem> {
    const FIND: &str = r"
        SELECT u.second_factor, t.confirmed_at,
            (SELECT count(*) FROM mainstay.passkeys p WHERE p.user_id = u.id),
            coalesce(cardinality(r.hashes), 0)::bigint
        FROM mainstay.users u
        LEFT JOIN mainstay.totps t ON t.user_id = u.id
        LEFT JOIN mainstay.recovery_codes r ON r.user_id = u.id
        WHERE u.id = $1
    ";

    let unscoped =
        by.unscoped("factors belong to their person; the statement is limited to the caller's own");
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
