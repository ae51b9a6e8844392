//! The second factor of a sign-in whose first factor was right.

use std::net::IpAddr;

use http::StatusCode;
use mainstay_database::{Change, Unscoped};
use mainstay_http::{Kind, Problem};
use mainstay_principals::events::{Action, about_user};

use super::{
    code::Code,
    factors::factors_of,
    spend::{Holder, spend},
};
use crate::{problems::INVALID_CREDENTIALS, throttle::attempts::Admitted};

/// The password is right, and not enough. Only whoever knows the password is told.
pub const SECOND_FACTOR_REQUIRED: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "second_factor_required",
    "The account has a second factor: send a code of it too, or use a passkey, as `second_factors` says.",
);

/// Demands the second factor of a sign-in whose password was right. What a success clears is added to `attempt`.
///
/// # Errors
/// [`SECOND_FACTOR_REQUIRED`], [`INVALID_CREDENTIALS`], and what [`spend`] says.
pub async fn show_at_sign_in(
    unscoped: &Unscoped,
    holder: &Holder<'_>,
    code: Option<&Code>,
    attempt: &mut Admitted,
    address: Option<IpAddr>,
) -> Result<(), Problem> {
    let Some(code) = code else {
        ask(unscoped, holder, attempt).await?;
        let factors = factors_of(unscoped, holder.user).await?;
        return Err(SECOND_FACTOR_REQUIRED.problem().second_factors(factors));
    };

    match spend(unscoped, holder, code, address).await? {
        Some(spent) => {
            attempt.extend(spent);
            Ok(())
        }
        None => {
            unscoped
                .record(about_user(
                    Action::LoginFail,
                    Some(holder.user),
                    holder.organization,
                ))
                .await?;
            Err(INVALID_CREDENTIALS
                .problem()
                .detail("The code is wrong, or was used before."))
        }
    }
}

/// Half of a sign-in is no failure: it is taken back, and on record.
async fn ask(unscoped: &Unscoped, holder: &Holder<'_>, attempt: &Admitted) -> Result<(), Problem> {
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

    unscoped
        .change(Change::new("throttles.second_factor", ASK, values, event))
        .await?;

    Ok(())
}
