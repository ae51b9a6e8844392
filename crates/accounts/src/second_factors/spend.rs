//! A code is taken once: checked, counted and spent in one statement, however many try it at the same moment (OWASP ASVS
//! 6.5.1).

use std::net::IpAddr;

use mainstay_database::{Change, Error, Job, OwnKey, Unscoped};
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

/// Whose code it is said to be.
pub struct Holder<'a> {
    /// The account.
    pub user: UserId,
    /// Where the session works, or will.
    pub organization: Option<OrganizationId>,
    /// The key of the account's personal data.
    pub key: &'a OwnKey,
    /// The secret of the authenticator app, sealed.
    pub totp: Option<&'a [u8]>,
    /// The address, sealed.
    pub email: &'a [u8],
    /// Whether they have signed in from this network before: strangers who guess elsewhere do not slow them down here.
    pub is_known_here: bool,
}

/// Takes a code. Returns the attempt that a success takes back in the end, or `None` when the code is wrong or was taken
/// before.
///
/// # Errors
/// [`TOO_MANY_ATTEMPTS`](crate::throttle::TOO_MANY_ATTEMPTS) when it is too early for another.
pub(crate) async fn spend(
    unscoped: &Unscoped,
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
            SELECT attempt.blocked_until, EXISTS (SELECT FROM changed)
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
            SELECT attempt.blocked_until, EXISTS (SELECT FROM changed)
            FROM attempt
        )
    ";

    let user = holder.user.uuid();
    let now = unscoped.database().runtime().clock.now();

    let keys = AttemptKeys::new(
        unscoped.database().ring(),
        "second_factor",
        user.as_bytes(),
        address,
    );

    let counted = keys.of_holder(holder.is_known_here);
    let free = vec![FREE_OF_ACCOUNT; counted.len()];

    let (name, clauses, proof, resource) = match code.shape() {
        Shape::Totp(code) => {
            let step = holder.step(unscoped, &code, now)?;
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

    let told = if resource == "recovery_codes" {
        holder.told_of_recovery(unscoped)?
    } else {
        None
    };

    let change = Change::new(name, clauses, values, event)
        .answering("outcome")
        .queue(told);
    let rows = unscoped.change(change).await?;
    let row = rows
        .first()
        .ok_or_else(|| INTERNAL.problem().caused_by("an attempt has no outcome"))?;
    if let Some(until) = row.get::<Option<Timestamp>>(0)? {
        return Err(refuse_holder(unscoped, holder.user, holder.organization, until).await);
    }

    Ok(row
        .get::<bool>(1)?
        .then(|| keys.holding(holder.is_known_here)))
}

impl Holder<'_> {
    /// The step of a code; none when it is wrong, and then nothing is spent but the attempt.
    fn step(
        &self,
        unscoped: &Unscoped,
        code: &mainstay_kernel::SecretString,
        now: Timestamp,
    ) -> Result<Option<i64>, Problem> {
        let Some(sealed) = self.totp else {
            return Ok(None);
        };
        let secret: Kept = unscoped.open_own(
            self.key,
            &kept_cell("mainstay.totps", "secret", self.user.uuid()),
            sealed,
        )?;
        step_of(code, &secret.0, now)
    }

    /// A recovery code is the last resort: its owner hears that it was used.
    fn told_of_recovery(&self, unscoped: &Unscoped) -> Result<Option<Job>, Error> {
        let email = unscoped.open_own(self.key, &email_cell(self.user.uuid()), self.email)?;
        letters::to(&email, &letters::recovery_code_used(), unscoped)
    }
}
