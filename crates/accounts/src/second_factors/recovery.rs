//! Recovery codes, in case a second factor is lost.

use http::StatusCode;
use mainstay_database::Change;
use mainstay_http::{Fresh, InPerson, Json, Kind, Problem, Shared, post, view};
use mainstay_kernel::Random;
use mainstay_principals::{
    events::{Action, about},
    standing::{self, Hold},
};

use super::code::fresh_recovery_code;
use crate::{account::owner::find_owner, accounts::Accounts, letters};

/// Recovery codes require a second factor, and the account has none.
const NO_SECOND_FACTOR: Kind = Kind::new(
    StatusCode::CONFLICT,
    "no_second_factor",
    "The account has no second factor. Add an authenticator app or a passkey first.",
);

/// Number of codes in a set.
const SET: usize = 10;

/// Recovery codes. Each can be used once in place of a second factor.
#[view]
pub(crate) struct RecoveryCodes {
    /// The codes, shown only once; null if the account already has some.
    recovery_codes: Option<Vec<String>>,
}

impl RecoveryCodes {
    /// Generates a set of codes and their hashes (OWASP ASVS 6.5.2 to 6.5.4).
    pub(crate) fn fresh(random: &Random) -> (Vec<String>, Vec<Vec<u8>>) {
        (0..SET).map(|_| fresh_recovery_code(random)).unzip()
    }

    pub(crate) fn into_codes(self) -> Option<Vec<String>> {
        self.recovery_codes
    }
}

/// The codes, if they were stored.
pub(crate) fn shown_if(stored: bool, codes: Vec<String>) -> RecoveryCodes {
    RecoveryCodes {
        recovery_codes: stored.then_some(codes),
    }
}

/// Create new recovery codes.
///
/// The old ones no longer work. The codes are shown only once: print them, or keep them in a
/// different place from the password.
#[post("/v1/me/recovery-codes", problems(NO_SECOND_FACTOR))]
pub(super) async fn create_recovery_codes(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
) -> Result<Json<RecoveryCodes>, Problem> {
    const REPLACE: &str = r"
        changed AS (
            INSERT INTO mainstay.recovery_codes AS r (user_id, hashes, created_at)
            SELECT id, $2, $3
            FROM mainstay.users
            WHERE id = $1
              AND second_factor
              AND EXISTS (SELECT FROM held)
            ON CONFLICT ON CONSTRAINT recovery_codes_pkey DO UPDATE
            SET hashes = excluded.hashes,
                created_at = excluded.created_at
            RETURNING r.user_id
        )
    ";

    let principal = by.principal();
    let sql = by.sql();
    let user = principal.user.uuid();
    let owner = find_owner(&sql, principal.user).await?;
    let (codes, hashes) = RecoveryCodes::fresh(&accounts.runtime().random);
    let values = [
        user.into(),
        hashes.into(),
        accounts.runtime().clock.now().inner().into(),
    ];
    let event = about(
        Action::RecoveryCodesCreated,
        "recovery_codes",
        Some(user),
        principal.organization,
    );
    let notice = owner.notice(&letters::recovery_codes_replaced(), &sql)?;
    let change = Change::new("recovery_codes.replace", REPLACE, values, event)
        .given(standing::in_person(principal, Hold::Alone))
        .queue(notice);

    if sql.change(change).await?.is_empty() {
        return Err(standing::ended_or(&sql, principal, NO_SECOND_FACTOR.problem()).await);
    }

    Ok(Json(shown_if(true, codes)))
}
