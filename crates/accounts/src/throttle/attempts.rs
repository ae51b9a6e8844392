//! Attempts: each counts as a failure until it is taken back.

use mainstay_database::{Error, Row, Unscoped, Value};
use mainstay_http::Problem;
use mainstay_kernel::{Timestamp, UserId};

use super::{keys::AttemptKeys, now, wait_until};

/// Failures that cost no wait: of one account from one side, of one address, of one network.
pub(crate) const FREE_OF_ACCOUNT: i32 = 5;
const FREE_OF_ADDRESS: i32 = 50;
const FREE_OF_NETWORK: i32 = 500;

/// Failures from one address and from one network that are verified in a burst, and the seconds until one more is.
const BURST: [i32; 2] = [200, 2_000];
const EVERY: [f64; 2] = [30.0, 3.0];

/// The clauses that count an attempt to sign in, once `$1` to `$7` are [`AttemptKeys::sign_in_values`](super::keys::AttemptKeys). `refused` has the moment
/// until which nothing is verified, and as `shared` the one for whichever account; `slowed` the one until which only an
/// account's known networks get in.
///
/// The groups of keys are locked one after another, in the order that `keys.rs` gives them.
macro_rules! count_sign_in {
    () => {
        r"
            waits AS MATERIALIZED (
                SELECT mainstay.attempts_wait_until(ARRAY[$4::bytea], ARRAY[5], $7) AS until
            ),
                volume AS MATERIALIZED (
                    SELECT CASE WHEN until > $7 THEN until END AS own,
                        CASE
                            WHEN until > $7 THEN NULL
                            ELSE mainstay.admit_request($1, $2, $3, $7)
                        END AS shared
                    FROM waits
                ),
                refused AS MATERIALIZED (
                    SELECT coalesce(
                        own, shared, mainstay.admit_attempt(ARRAY[$4::bytea], ARRAY[5], $7)
                    ) AS until, shared
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

/// An attempt that may be made. It stands as a failure until it is taken back.
#[derive(Default)]
pub struct Admitted {
    /// The keys that a success clears: the account from this network.
    pub cleared: Vec<Vec<u8>>,
    /// The keys that a success counts one less: what others share.
    pub refunded: Vec<Vec<u8>>,
    /// The network that a success makes known.
    pub network: Vec<u8>,
    /// Whether one who is signed in has signed in from this network before.
    pub is_known_here: bool,
}

impl Admitted {
    /// What no attempt was counted for, such as a sign-in by a passkey: a success makes the network known.
    pub fn uncounted(network: Vec<u8>) -> Self {
        Self {
            network,
            ..Self::default()
        }
    }

    /// Adds what a success of another step takes back.
    pub fn extend(&mut self, other: Self) {
        self.cleared.extend(other.cleared);
        self.refunded.extend(other.refunded);
    }
}

impl AttemptKeys {
    /// The values of `count_sign_in`.
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

    /// The attempt to sign in. `is_slowed` says that what others share was full, so that nothing was counted there.
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

    /// The keys under which one who has shown a credential already is counted: what strangers did elsewhere does not bind
    /// a network that the account has signed in from.
    pub(crate) fn of_holder(&self, is_known_here: bool) -> Vec<Vec<u8>> {
        if is_known_here {
            vec![self.here.clone()]
        } else {
            vec![self.here.clone(), self.anywhere.clone()]
        }
    }

    /// The attempt of one who has shown a credential already.
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

/// Counts an attempt of one who is signed in as `user`.
///
/// # Errors
/// [`TOO_MANY_ATTEMPTS`](super::TOO_MANY_ATTEMPTS) when it is too early for another.
pub(crate) async fn admit_holder(
    unscoped: &Unscoped,
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
        SELECT known.here,
            CASE
                WHEN known.here THEN mainstay.admit_attempt(ARRAY[$3::bytea], ARRAY[5], $5)
                ELSE mainstay.admit_attempt(ARRAY[$3::bytea, $4::bytea], ARRAY[5, 5], $5)
            END
        FROM known
    ";

    let now = now(unscoped);
    let values = [
        user.uuid().into(),
        keys.network.clone().into(),
        keys.here.clone().into(),
        keys.anywhere.clone().into(),
        now.inner().into(),
    ];

    let rows = unscoped
        .upkeep("throttles.admit_holder", ADMIT, values)
        .await?;
    let row: &Row = rows
        .first()
        .ok_or_else(|| Error::Internal("a query without conditions has no row".into()))?;

    match row.get::<Option<Timestamp>>(1)? {
        Some(until) => Err(wait_until(until, now)),
        None => Ok(keys.holding(row.get(0)?)),
    }
}

/// Takes an attempt back that succeeded.
///
/// # Errors
/// As the database answers.
pub(crate) async fn take_back(unscoped: &Unscoped, attempt: Admitted) -> Result<(), Error> {
    const TAKE_BACK: &str = "SELECT mainstay.settle_attempt($1, $2)";
    let values = [attempt.cleared.into(), attempt.refunded.into()];
    unscoped
        .upkeep("throttles.take_back", TAKE_BACK, values)
        .await
        .map(drop)
}
