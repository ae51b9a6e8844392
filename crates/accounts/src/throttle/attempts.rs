//! Attempts. Each counts as a failure until it is taken back.

use mainstay_database::{Error, FromRow, Row, Sql, Value};
use mainstay_http::Problem;
use mainstay_kernel::{Timestamp, UserId};

use super::{keys::AttemptKeys, now, wait_until};

/// Failures without a wait: of one account from one network, from one address, from one network.
pub(crate) const FREE_OF_ACCOUNT: i32 = 5;
const FREE_OF_ADDRESS: i32 = 50;
const FREE_OF_NETWORK: i32 = 500;

/// Maximum burst of failures from one address and from one network that are verified, and the
/// seconds until one more is.
const BURST: [i32; 2] = [200, 2_000];
const EVERY: [f64; 2] = [30.0, 3.0];

/// The clauses that count an attempt to sign in. `$1` to `$7` are [`AttemptKeys::sign_in_values`].
/// `refused.until` is the time until which no attempt is verified, and `refused.shared` the time
/// until which the caller's address is refused for every account. `slowed.until` is the time until
/// which only the account's known networks may sign in.
///
/// The groups of keys are locked one after the other, in the order of `keys.rs`.
macro_rules! count_sign_in {
    () => {
        r"
            waits AS MATERIALIZED (
                SELECT mainstay.attempts_wait_until(ARRAY[$4::bytea], ARRAY[5], $7) AS until
            ),
            volume AS MATERIALIZED (
                SELECT
                    CASE WHEN until > $7 THEN until END AS own,
                    CASE
                        WHEN until > $7 THEN NULL
                        ELSE mainstay.admit_request($1, $2, $3, $7)
                    END AS shared
                FROM waits
            ),
            refused AS MATERIALIZED (
                SELECT
                    coalesce(
                        own,
                        shared,
                        mainstay.admit_attempt(ARRAY[$4::bytea], ARRAY[5], $7)
                    ) AS until,
                    shared
                FROM volume
            ),
            slowed AS MATERIALIZED (
                SELECT CASE
                    WHEN until IS NULL THEN mainstay.admit_attempt($5, $6, $7)
                END AS until
                FROM refused
            )
        "
    };
}
pub(crate) use count_sign_in;

/// A counted attempt that may be verified. It counts as a failure until it is taken back.
#[derive(Default)]
pub struct Admitted {
    /// The counters that a success resets: of the account from this network.
    pub cleared: Vec<Vec<u8>>,
    /// The counters that a success decreases by one: those shared with others.
    pub refunded: Vec<Vec<u8>>,
    /// The network, which a success makes known for the account.
    pub network: Vec<u8>,
    /// Whether the caller's account has been used from this network before.
    pub is_known_here: bool,
}

impl Admitted {
    /// An attempt that was not counted, such as a sign-in with a passkey. A success makes the
    /// network known.
    pub fn uncounted(network: Vec<u8>) -> Self {
        Self {
            network,
            ..Self::default()
        }
    }

    /// Adds the counters of another step, to be taken back together.
    pub fn extend(&mut self, other: Self) {
        self.cleared.extend(other.cleared);
        self.refunded.extend(other.refunded);
    }
}

impl AttemptKeys {
    /// The parameters of `count_sign_in`.
    pub(crate) fn sign_in_values(&self, now: Timestamp) -> [Value; 7] {
        [
            self.volume.to_vec().into(),
            BURST.to_vec().into(),
            EVERY.to_vec().into(),
            self.here.clone().into(),
            self.shared().into(),
            vec![FREE_OF_ACCOUNT, FREE_OF_ADDRESS, FREE_OF_NETWORK].into(),
            now.inner().into(),
        ]
    }

    /// The counted attempt to sign in. If `is_slowed`, the shared counters were full, so the
    /// attempt was not counted there.
    pub(crate) fn signing_in(self, is_slowed: bool) -> Admitted {
        let mut refunded = self.volume.to_vec();
        if !is_slowed {
            refunded.extend(self.shared());
        }

        Admitted {
            cleared: vec![self.here],
            refunded,
            network: self.network,
            is_known_here: false,
        }
    }

    /// The counters of a caller who has already shown a credential. From a network that the account
    /// has been used from, the counter of attempts from everywhere is not among them.
    pub(crate) fn of_holder(&self, is_known_here: bool) -> Vec<Vec<u8>> {
        if is_known_here {
            vec![self.here.clone()]
        } else {
            vec![self.here.clone(), self.anywhere.clone()]
        }
    }

    /// The counted attempt of a caller who has already shown a credential.
    pub(crate) fn holding(self, is_known_here: bool) -> Admitted {
        let refunded = if is_known_here {
            Vec::new()
        } else {
            vec![self.anywhere]
        };

        Admitted {
            cleared: vec![self.here],
            refunded,
            network: self.network,
            is_known_here,
        }
    }

    fn shared(&self) -> Vec<Vec<u8>> {
        let [address, network] = self.networks.clone();
        vec![self.anywhere.clone(), address, network]
    }
}

#[derive(FromRow)]
struct CountedAttempt {
    is_known_here: bool,
    blocked_until: Option<Timestamp>,
}

/// Counts an attempt of a caller who is signed in as `user`.
///
/// # Errors
/// [`TOO_MANY_ATTEMPTS`](super::TOO_MANY_ATTEMPTS) if there were too many attempts.
pub(crate) async fn admit_holder(
    sql: &Sql,
    user: UserId,
    keys: AttemptKeys,
) -> Result<Admitted, Problem> {
    const ADMIT: &str = r"
        WITH known AS MATERIALIZED (
            SELECT EXISTS (
                SELECT FROM mainstay.sign_in_places
                WHERE user_id = $1 AND place = $2
            ) AS here
        )
        SELECT
            known.here AS is_known_here,
            CASE
                WHEN known.here THEN mainstay.admit_attempt(ARRAY[$3::bytea], ARRAY[5], $5)
                ELSE mainstay.admit_attempt(ARRAY[$3::bytea, $4::bytea], ARRAY[5, 5], $5)
            END AS blocked_until
        FROM known
    ";

    let now = now(sql);
    let values = [
        user.uuid().into(),
        keys.network.clone().into(),
        keys.here.clone().into(),
        keys.anywhere.clone().into(),
        now.inner().into(),
    ];
    let rows = sql.upkeep("throttles.admit_holder", ADMIT, values).await?;
    let counted: CountedAttempt = Row::read_first(&rows)?
        .ok_or_else(|| Error::Internal("the query returned no row".into()))?;

    match counted.blocked_until {
        Some(until) => Err(wait_until(until, now)),
        None => Ok(keys.holding(counted.is_known_here)),
    }
}

/// Takes back an attempt that succeeded.
///
/// # Errors
/// The error of the database.
pub(crate) async fn take_back(sql: &Sql, attempt: Admitted) -> Result<(), Error> {
    const TAKE_BACK: &str = "SELECT mainstay.settle_attempt($1, $2)";

    let values = [attempt.cleared.into(), attempt.refunded.into()];
    sql.upkeep("throttles.take_back", TAKE_BACK, values)
        .await
        .map(drop)
}
