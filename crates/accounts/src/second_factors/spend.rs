//! Accepts a code only once: one statement checks, counts and spends it, even under concurrent
//! attempts (OWASP ASVS 6.5.1).

use std::net::IpAddr;

use mainstay_database::{Change, Error, FromRow, Job, OwnKey, Row, Sql};
use mainstay_http::{INTERNAL, Problem};
use mainstay_kernel::{OrganizationId, Timestamp, UserId};
use mainstay_principals::events::{Action, about};

use super::{
    code::{Code, Shape},
    kept::{Kept, kept_cell},
    totp::step_of,
};
use crate::{
    account::address::email_cell,
    letters,
    throttle::{
        attempts::{Admitted, FREE_OF_ACCOUNT},
        keys::AttemptKeys,
        refusals::refuse_holder,
    },
};

/// The account whose code is checked.
pub struct Holder<'a> {
    /// The account.
    pub user: UserId,
    /// The organization of the session.
    pub organization: Option<OrganizationId>,
    /// The key of the account's personal data.
    pub key: &'a OwnKey,
    /// The secret of the authenticator app, sealed.
    pub totp: Option<&'a [u8]>,
    /// The address, sealed.
    pub email: &'a [u8],
    /// Whether the account has been used from this network before. If so, attempts from other
    /// networks do not slow it down here.
    pub is_known_here: bool,
}

#[derive(FromRow)]
struct Outcome {
    blocked_until: Option<Timestamp>,
    is_spent: bool,
}

/// Checks and spends a code. Returns the attempt, which a successful sign-in takes back, or `None`
/// if the code is wrong or already used.
///
/// # Errors
/// [`TOO_MANY_ATTEMPTS`](crate::throttle::TOO_MANY_ATTEMPTS) if there were too many attempts.
pub(crate) async fn spend(
    sql: &Sql,
    holder: &Holder<'_>,
    code: &Code,
    address: Option<IpAddr>,
) -> Result<Option<Admitted>, Problem> {
    const STEP: &str = r"
        attempt AS (SELECT mainstay.admit_attempt($2, $3, $4) AS blocked_until),
        changed AS (
            UPDATE mainstay.totps t
            SET last_step = $5
            FROM attempt
            WHERE t.user_id = $1
              AND t.last_step < $5
              AND t.secret IS NOT NULL
              AND attempt.blocked_until IS NULL
            RETURNING t.user_id
        ),
        outcome AS (
            SELECT attempt.blocked_until, EXISTS (SELECT FROM changed) AS is_spent
            FROM attempt
        )
    ";

    const RECOVER: &str = r"
        attempt AS (SELECT mainstay.admit_attempt($2, $3, $4) AS blocked_until),
        changed AS (
            UPDATE mainstay.recovery_codes r
            SET hashes = array_remove(r.hashes, $5)
            FROM attempt
            WHERE r.user_id = $1
              AND $5 = ANY (r.hashes)
              AND attempt.blocked_until IS NULL
            RETURNING r.user_id
        ),
        outcome AS (
            SELECT attempt.blocked_until, EXISTS (SELECT FROM changed) AS is_spent
            FROM attempt
        )
    ";

    let user = holder.user.uuid();
    let now = sql.database().runtime().clock.now();
    let keys = AttemptKeys::new(
        sql.database().ring(),
        "second_factor",
        user.as_bytes(),
        address,
    );

    let counted = keys.of_holder(holder.is_known_here);
    let free = vec![FREE_OF_ACCOUNT; counted.len()];

    let (name, clauses, proof, resource) = match code.shape() {
        Shape::Totp(code) => {
            let step = holder.step(sql, &code, now)?;
            ("totps.spend", STEP, step.into(), "totp")
        }
        Shape::Recovery(hash) => (
            "recovery_codes.spend",
            RECOVER,
            hash.into(),
            "recovery_codes",
        ),
    };

    let values = [
        user.into(),
        counted.into(),
        free.into(),
        now.inner().into(),
        proof,
    ];
    let event = about(
        Action::SecondFactorSuccess,
        resource,
        Some(user),
        holder.organization,
    );
    let notice = if resource == "recovery_codes" {
        holder.recovery_notice(sql)?
    } else {
        None
    };
    let change = Change::new(name, clauses, values, event)
        .answering("outcome")
        .queue(notice);

    let rows = sql.change(change).await?;
    let outcome: Outcome = Row::read_first(&rows)?
        .ok_or_else(|| INTERNAL.problem().caused_by("an attempt has no outcome"))?;

    if let Some(until) = outcome.blocked_until {
        return Err(refuse_holder(sql, holder.user, holder.organization, until).await);
    }

    Ok(outcome.is_spent.then(|| keys.holding(holder.is_known_here)))
}

impl Holder<'_> {
    /// Finds the time step of a code; `None` if the code is wrong. The attempt is counted in either
    /// case.
    fn step(
        &self,
        sql: &Sql,
        code: &mainstay_kernel::SecretString,
        now: Timestamp,
    ) -> Result<Option<i64>, Problem> {
        let Some(sealed) = self.totp else {
            return Ok(None);
        };

        let secret: Kept = sql.open_own(
            self.key,
            &kept_cell("mainstay.totps", "secret", self.user.uuid()),
            sealed,
        )?;
        step_of(code, &secret.0, now)
    }

    /// Creates the job that notifies the owner of a used recovery code.
    fn recovery_notice(&self, sql: &Sql) -> Result<Option<Job>, Error> {
        let email = sql.open_own(self.key, &email_cell(self.user.uuid()), self.email)?;
        letters::to(&email, &letters::recovery_code_used(), sql)
    }
}
