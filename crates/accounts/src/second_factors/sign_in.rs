//! The second factor of a sign-in, after the correct password.

use std::net::IpAddr;

use http::StatusCode;
use mainstay_database::{Change, Sql};
use mainstay_http::{Kind, Problem};
use mainstay_principals::events::{Action, about_user};

use super::{
    code::Code,
    factors::factors_of,
    spend::{Holder, spend},
};
use crate::{problems::INVALID_CREDENTIALS, throttle::attempts::Admitted};

/// The password is correct, and a second factor is required. Returned only after the correct
/// password.
pub const SECOND_FACTOR_REQUIRED: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "second_factor_required",
    "The account requires a second factor. Send a code too or use a passkey; `second_factors` lists what it has.",
);

/// Requires the second factor of a sign-in with the correct password. Adds the counters that a
/// success clears to `attempt`.
///
/// # Errors
/// [`SECOND_FACTOR_REQUIRED`], [`INVALID_CREDENTIALS`], and the errors of [`spend`].
pub async fn show_at_sign_in(
    sql: &Sql,
    holder: &Holder<'_>,
    code: Option<&Code>,
    attempt: &mut Admitted,
    address: Option<IpAddr>,
) -> Result<(), Problem> {
    let Some(code) = code else {
        ask(sql, holder, attempt).await?;
        let factors = factors_of(sql, holder.user).await?;
        return Err(SECOND_FACTOR_REQUIRED.problem().second_factors(factors));
    };

    match spend(sql, holder, code, address).await? {
        Some(spent) => {
            attempt.extend(spent);
            Ok(())
        }
        None => {
            sql.record(about_user(
                Action::LoginFail,
                Some(holder.user),
                holder.organization,
            ))
            .await?;
            Err(INVALID_CREDENTIALS
                .problem()
                .detail("The code is wrong or has already been used."))
        }
    }
}

/// Records that the second factor is missing, and takes back the attempt, because this is not a
/// failure.
async fn ask(sql: &Sql, holder: &Holder<'_>, attempt: &Admitted) -> Result<(), Problem> {
    const ASK: &str = "changed AS MATERIALIZED (SELECT mainstay.settle_attempt($1, $2))";

    let values = [
        attempt.cleared.clone().into(),
        attempt.refunded.clone().into(),
    ];
    let event = about_user(
        Action::SecondFactorRequired,
        Some(holder.user),
        holder.organization,
    );

    sql.change(Change::new("throttles.second_factor", ASK, values, event))
        .await?;

    Ok(())
}
