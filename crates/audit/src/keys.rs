//! The keys that sign checkpoints, in the table `audit_keys`: sealed under the key ring, the newest signs.

use mainstay_crypto::{KeyRing, Zeroizing};
use mainstay_database::{
    Change, Error, Event, PostgresSession, PrivateColumn, Row, Unscoped, Value,
};

use crate::{
    AuditError,
    note_key::{NoteKey, NoteSigner},
};

/// What the halves of a key are sealed for.
const PRIVATE: &str = "audit key";
const PUBLIC: &str = "audit key, public half";

/// Where the halves stand.
pub(crate) const HALVES: [PrivateColumn; 2] = [half("private", PRIVATE), half("public", PUBLIC)];

const fn half(column: &'static str, purpose: &'static str) -> PrivateColumn {
    let context = "convert_to(number || ' ' || origin, 'UTF8')";
    PrivateColumn {
        table: "mainstay.audit_keys",
        id: "number",
        id_type: "bigint",
        column,
        purpose,
        context,
    }
}

const LIST: &str = r"
    SELECT number, origin, public, private
    FROM mainstay.audit_keys
    ORDER BY number DESC
";

/// Of two that make a key at once, one does.
const MAKE: &str = r"
    changed AS (
        INSERT INTO mainstay.audit_keys (number, origin, public, private, created_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (number) DO NOTHING
        RETURNING number
    )
";

/// A key as it stands in the database.
struct Stored {
    number: i64,
    origin: String,
    public: Vec<u8>,
    private: Vec<u8>,
}

/// Every key of the log, the newest first.
pub(crate) struct Keys(Vec<NoteSigner>);

impl Keys {
    /// Reads the keys and opens them.
    ///
    /// # Errors
    /// [`AuditError::Key`] when one does not open: somebody has put it there who does not have the ring.
    pub(crate) async fn read(
        session: &mut PostgresSession,
        ring: &KeyRing,
    ) -> Result<Self, AuditError> {
        Self::open(&session.run("audit_keys.list", LIST, []).await?, ring)
    }

    /// Reads the keys; makes the first one where there is none yet. `origin` is what the log is then called, for ever.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn ensure(unscoped: &Unscoped, origin: &str) -> Result<Self, AuditError> {
        let ring = unscoped.database().ring();
        let keys = Self::open(&unscoped.select("audit_keys.list", LIST, []).await?, ring)?;
        if !keys.0.is_empty() {
            return Ok(keys);
        }
        make(unscoped, 1, origin).await?;
        Self::open(&unscoped.select("audit_keys.list", LIST, []).await?, ring)
    }

    /// Adds a key, which signs from now on, under the name that the log has.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn rotate(unscoped: &Unscoped, origin: &str) -> Result<Self, AuditError> {
        let keys = Self::ensure(unscoped, origin).await?;
        let next = i64::try_from(keys.0.len())
            .unwrap_or(i64::MAX)
            .saturating_add(1);
        make(unscoped, next, keys.signer()?.key().name()).await?;
        Self::open(
            &unscoped.select("audit_keys.list", LIST, []).await?,
            unscoped.database().ring(),
        )
    }

    /// The one that signs.
    pub(crate) fn signer(&self) -> Result<&NoteSigner, AuditError> {
        self.0
            .first()
            .ok_or(AuditError::Key("there is none yet: nothing was sealed"))
    }

    /// What verifies.
    pub(crate) fn public(&self) -> Vec<NoteKey> {
        self.0.iter().map(|signer| signer.key().clone()).collect()
    }

    fn open(rows: &[Row], ring: &KeyRing) -> Result<Self, AuditError> {
        let read = |row: &Row| -> Result<NoteSigner, AuditError> {
            let (number, origin) = (row.get(0)?, row.get(1)?);
            Stored {
                number,
                origin,
                public: row.get(2)?,
                private: row.get(3)?,
            }
            .open(ring)
        };
        rows.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Stored {
    fn open(&self, ring: &KeyRing) -> Result<NoteSigner, AuditError> {
        let context = context(self.number, &self.origin);
        let open = |purpose, half: &[u8]| {
            ring.open_private(purpose, &context, half)
                .map_err(|_| AuditError::Key("one does not open under the key ring"))
        };
        let public = open(PUBLIC, &self.public)?;
        let signer = NoteSigner::from_seed(&self.origin, &open(PRIVATE, &self.private)?);

        signer
            .filter(|signer| signer.key().public()[..] == public[..])
            .ok_or(AuditError::Key(
                "one has halves that do not belong together",
            ))
    }
}

/// Where a key stands: its halves open there alone.
fn context(number: i64, origin: &str) -> Vec<u8> {
    format!("{number} {origin}").into_bytes()
}

async fn make(unscoped: &Unscoped, number: i64, origin: &str) -> Result<(), AuditError> {
    let database = unscoped.database();
    let (ring, random) = (database.ring(), &database.runtime().random);
    let seed = Zeroizing::new(random.bytes::<32>());
    let signer =
        NoteSigner::from_seed(origin, &*seed).ok_or(AuditError::Key("one cannot be made"))?;
    let seal =
        |purpose, half: &[u8]| ring.seal_private(random, purpose, &context(number, origin), half);

    let values: [Value; 5] = [
        number.into(),
        origin.into(),
        seal(PUBLIC, signer.key().public()).into(),
        seal(PRIVATE, &*seed).into(),
        database.runtime().clock.now().inner().into(),
    ];

    let event = Event {
        action: "audit_key.created".to_owned(),
        resource: "audit_key",
        resource_id: None,
        organization: None,
    };

    unscoped
        .change(Change::new("audit_keys.make", MAKE, values, event))
        .await
        .map(drop)
        .map_err(Error::into)
}

#[cfg(test)]
mod tests {
    use mainstay_kernel::Random;

    use super::*;

    fn ring() -> KeyRing {
        KeyRing::parse(&KeyRing::generate(&Random::default())).unwrap()
    }

    fn stored(ring: &KeyRing, number: i64, origin: &str) -> Stored {
        let random = Random::default();
        let seed = random.bytes::<32>();
        let signer = NoteSigner::from_seed(origin, &seed).unwrap();
        let seal = |purpose, half: &[u8]| {
            ring.seal_private(&random, purpose, &context(number, origin), half)
        };
        let (public, private) = (seal(PUBLIC, signer.key().public()), seal(PRIVATE, &seed));

        Stored {
            number,
            origin: origin.to_owned(),
            public,
            private,
        }
    }

    /// Somebody who can write to the database makes no key, and gives none another place or name.
    #[test]
    fn a_key_opens_under_its_ring_number_and_origin_alone() {
        let ring = ring();
        assert!(stored(&ring, 1, "a").open(&ring).is_ok());
        assert!(stored(&ring, 1, "a").open(&super::tests::ring()).is_err());

        let refused = |stored: Stored| assert!(stored.open(&ring).is_err());
        refused(Stored {
            number: 2,
            ..stored(&ring, 1, "a")
        });
        refused(Stored {
            origin: "b".to_owned(),
            ..stored(&ring, 1, "a")
        });

        refused(Stored {
            private: stored(&ring, 1, "a").private,
            ..stored(&ring, 1, "a")
        });
        refused(Stored {
            private: stored(&ring, 1, "a").public,
            ..stored(&ring, 1, "a")
        });
    }
}
