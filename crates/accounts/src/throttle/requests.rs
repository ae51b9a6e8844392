//! Requests that are not guesses but have a cost: e-mails, rows and processor time. They are
//! limited by a token bucket: a burst, which refills steadily.

use std::net::IpAddr;

use mainstay_crypto::BlindIndex;
use mainstay_database::{Error, FromRow, Row, Sql, Uuid};
use mainstay_http::Problem;
use mainstay_kernel::Timestamp;

use super::{
    keys::{self, Group, key, networks},
    now, wait_until,
};

/// The limit of a kind of request: the maximum burst from one address, and the seconds until one
/// more is accepted. A network has ten times as much.
#[derive(Clone, Copy)]
pub struct Price {
    scope: &'static str,
    burst: i32,
    every: f64,
}

/// Sign-ups. Each hashes a password and sends an e-mail.
pub(crate) const SIGN_UPS: Price = Price {
    scope: "sign_up ",
    burst: 50,
    every: 60.0,
};

/// Requests for a new password. Each sends an e-mail.
pub(crate) const PASSWORD_RESETS: Price = Price {
    scope: "password_reset ",
    burst: 50,
    every: 60.0,
};

/// Options for a passkey, which each sign-in page requests. Each stores a row for five minutes.
pub(crate) const PASSKEY_OPTIONS: Price = Price {
    scope: "passkey_options ",
    burst: 200,
    every: 5.0,
};

/// Starts of a sign-in with an external provider. Each stores a row for ten minutes.
pub const EXTERNAL_AUTHORIZATIONS: Price = Price {
    scope: "external_sign_in ",
    burst: 50,
    every: 10.0,
};

/// Look-ups of a link from an e-mail, which each linked page makes. Each makes a query.
pub const MAILED_LINKS: Price = Price {
    scope: "mailed_link ",
    burst: 200,
    every: 5.0,
};

/// Estimates of a password's strength, which a strength meter requests at each key press. Each
/// takes milliseconds.
pub(crate) const PASSWORD_STRENGTH: Price = Price {
    scope: "password_strength ",
    burst: 200,
    every: 1.0,
};

/// E-mails to one address that one network may cause: the maximum burst, and the seconds until one
/// more.
const LETTERS_FROM_NETWORK: (i32, f64) = (6, 900.0);

/// E-mails to one address that all networks together may cause: the maximum burst, and the seconds
/// until one more. The link of a password reset is valid for ten minutes, so the last one is still
/// valid when the next one is withheld.
const LETTERS_TO_ADDRESS: (i32, f64) = (10, 360.0);

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// Invitations: the maximum burst, and the seconds until one more. From one organization to one
/// address, from all organizations to one address, and from one organization. Unrequested e-mail
/// harms the reputation of the sender's domain.
const INVITATIONS: [(i32, f64); 3] = [(11, DAY / 10.0), (40, DAY / 40.0), (200, DAY / 200.0)];

/// Counts a request of a caller who need not be signed in.
///
/// # Errors
/// [`TOO_MANY_ATTEMPTS`](super::TOO_MANY_ATTEMPTS) if the limit is exceeded.
pub async fn admit_request(
    sql: &Sql,
    price: Price,
    address: Option<IpAddr>,
) -> Result<(), Problem> {
    let keys = networks(sql.database().ring(), Group::Requests, price.scope, address).to_vec();
    let limits = [
        (price.burst, price.every),
        (price.burst * 10, price.every / 10.0),
    ];

    match count(sql, keys, &limits).await? {
        Some(until) => Err(wait_until(until, now(sql))),
        None => Ok(()),
    }
}

/// Counts a request of an account about itself that sends an e-mail.
///
/// # Errors
/// [`TOO_MANY_ATTEMPTS`](super::TOO_MANY_ATTEMPTS) if the limit is exceeded.
pub(crate) async fn admit_own(sql: &Sql, scope: &'static str, user: Uuid) -> Result<(), Problem> {
    let own = key(
        sql.database().ring(),
        Group::Requests,
        scope,
        &hex::encode(user.as_bytes()),
    );

    match count(sql, vec![own], &[LETTERS_FROM_NETWORK]).await? {
        Some(until) => Err(wait_until(until, now(sql))),
        None => Ok(()),
    }
}

/// Counts an invitation by an organization to an address, given as its blind index.
///
/// # Errors
/// [`TOO_MANY_ATTEMPTS`](super::TOO_MANY_ATTEMPTS) if the limit is exceeded.
pub async fn admit_invitation(
    sql: &Sql,
    organization: Uuid,
    address: &[u8],
) -> Result<(), Problem> {
    let (ring, address, organization) = (
        sql.database().ring(),
        hex::encode(address),
        hex::encode(organization.as_bytes()),
    );
    let keys = vec![
        key(
            ring,
            Group::Requests,
            "invited",
            &format!("{address} by {organization}"),
        ),
        key(ring, Group::Requests, "invited", &address),
        key(ring, Group::Requests, "inviting", &organization),
    ];

    match count(sql, keys, &INVITATIONS).await? {
        Some(until) => Err(wait_until(until, now(sql))),
        None => Ok(()),
    }
}

async fn count(
    sql: &Sql,
    keys: Vec<Vec<u8>>,
    limits: &[(i32, f64)],
) -> Result<Option<Timestamp>, Error> {
    const COUNT: &str = "SELECT mainstay.admit_request($1, $2, $3, $4)";

    let (burst, every): (Vec<i32>, Vec<f64>) = limits.iter().copied().unzip();
    let values = [
        keys.into(),
        burst.into(),
        every.into(),
        now(sql).inner().into(),
    ];
    let rows = sql.upkeep("throttles.request", COUNT, values).await?;

    Ok(Row::read_first::<Option<Timestamp>>(&rows)?.flatten())
}

/// An e-mail to an address, requested by a caller who is not signed in.
pub(crate) struct RequestedLetter {
    /// The kind of the e-mail.
    pub(crate) scope: &'static str,
    /// The blind index of the address under the current key.
    pub(crate) index: Vec<u8>,
    /// The blind indexes of the address under every key of the ring.
    pub(crate) indexes: Vec<BlindIndex>,
}

#[derive(FromRow)]
struct CountedLetter {
    refused_until: Option<Timestamp>,
    is_sent: bool,
}

impl RequestedLetter {
    /// Counts the e-mail. Returns `false` if it must not be sent, because requests from all
    /// networks have exceeded the address's limit. The caller then receives the same response as if
    /// it were sent. Requests from a network that the account has been used from are exempt.
    ///
    /// # Errors
    /// [`TOO_MANY_ATTEMPTS`](super::TOO_MANY_ATTEMPTS) if the caller's own network has exceeded its
    /// limit.
    pub(crate) async fn admit(self, sql: &Sql, address: Option<IpAddr>) -> Result<bool, Problem> {
        const ADMIT: &str = r"
            WITH asked AS MATERIALIZED (
                SELECT mainstay.admit_request(
                    ARRAY[$1::bytea],
                    ARRAY[$2::integer],
                    ARRAY[$3::double precision],
                    $9
                ) AS until
            ),
            spared AS MATERIALIZED (
                SELECT CASE
                    WHEN until IS NULL THEN mainstay.admit_request(
                        ARRAY[$4::bytea],
                        ARRAY[$5::integer],
                        ARRAY[$6::double precision],
                        $9
                    )
                END AS until
                FROM asked
            )
            SELECT
                asked.until AS refused_until,
                spared.until IS NULL
                    OR EXISTS (
                        SELECT FROM mainstay.users u
                        JOIN mainstay.sign_in_places p ON p.user_id = u.id
                        WHERE u.email_index = ANY ($7) AND p.place = $8
                    ) AS is_sent
            FROM asked, spared
        ";

        let (ring, now) = (sql.database().ring(), now(sql));
        let subject = hex::encode(&self.index);
        let [from_network, to_address] = [LETTERS_FROM_NETWORK, LETTERS_TO_ADDRESS];
        let [_, network] = networks(ring, Group::Here, "", address);

        let values = [
            key(
                ring,
                Group::Here,
                self.scope,
                &format!("{subject} from {}", hex::encode(&network)),
            )
            .into(),
            from_network.0.into(),
            from_network.1.into(),
            key(ring, Group::Anywhere, self.scope, &subject).into(),
            to_address.0.into(),
            to_address.1.into(),
            self.indexes
                .into_iter()
                .map(BlindIndex::into_bytes)
                .collect::<Vec<_>>()
                .into(),
            keys::network_hash(ring, address).into(),
            now.inner().into(),
        ];
        let rows = sql.upkeep("throttles.letter", ADMIT, values).await?;
        let counted: CountedLetter = Row::read_first(&rows)?
            .ok_or_else(|| Error::Internal("the query returned no row".into()))?;

        match counted.refused_until {
            Some(until) => Err(wait_until(until, now)),
            None => Ok(counted.is_sent),
        }
    }
}
