//! The keys that sign checkpoints, stored in the table `audit_keys` and sealed under the key ring.
//! The newest key signs.

use mainstay_crypto::{KeyRing, Zeroizing};
use mainstay_database::{
    Change, Error, Event, FromRow, PostgresSession, PrivateColumn, Row, Sql, Value,
};

use crate::{
    AuditError,
    note_key::{NoteKey, NoteSigner},
};

/// The purposes for which the halves of a key are sealed.
const PRIVATE: &str = "audit key";
const PUBLIC: &str = "audit key, public half";

/// The columns of the halves.
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

/// Inserts nothing if another process created the key at the same time.
const INSERT: &str = r"
    changed AS (
        INSERT INTO mainstay.audit_keys (number, origin, public, private, created_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (number) DO NOTHING
        RETURNING number
    )
";

/// A key as stored in the database.
#[derive(FromRow)]
struct StoredKey {
    number: i64,
    origin: String,
    public: Vec<u8>,
    private: Vec<u8>,
}

/// All keys of the log, newest first.
pub(crate) struct Keys(Vec<NoteSigner>);

impl Keys {
    /// Reads and decrypts the keys.
    ///
    /// # Errors
    /// [`AuditError::Key`] if a key cannot be decrypted: it was stored without access to the key
    /// ring.
    pub(crate) async fn read(
        session: &mut PostgresSession,
        ring: &KeyRing,
    ) -> Result<Self, AuditError> {
        let rows = session.run("audit_keys.list", LIST, []).await?;
        Self::open(&Row::read_all(&rows)?, ring)
    }

    /// Reads the keys, and creates the first key if there is none. `origin` then becomes the
    /// permanent name of the log.
    ///
    /// # Errors
    /// Like [`read`](Self::read).
    pub(crate) async fn ensure(sql: &Sql, origin: &str) -> Result<Self, AuditError> {
        let ring = sql.database().ring();
        let keys = Self::open(&sql.query("audit_keys.list", LIST, []).await?, ring)?;
        if !keys.0.is_empty() {
            return Ok(keys);
        }

        create(sql, 1, origin).await?;
        Self::open(&sql.query("audit_keys.list", LIST, []).await?, ring)
    }

    /// Adds a key with the name of the log, which signs from now on.
    ///
    /// # Errors
    /// Like [`read`](Self::read).
    pub(crate) async fn rotate(sql: &Sql, origin: &str) -> Result<Self, AuditError> {
        let keys = Self::ensure(sql, origin).await?;
        let next = i64::try_from(keys.0.len())
            .unwrap_or(i64::MAX)
            .saturating_add(1);
        create(sql, next, keys.signer()?.key().name()).await?;

        Self::open(
            &sql.query("audit_keys.list", LIST, []).await?,
            sql.database().ring(),
        )
    }

    /// The key that signs.
    pub(crate) fn signer(&self) -> Result<&NoteSigner, AuditError> {
        self.0
            .first()
            .ok_or(AuditError::Key("no key exists yet: nothing is sealed"))
    }

    /// The public keys that verify checkpoints.
    pub(crate) fn public(&self) -> Vec<NoteKey> {
        self.0.iter().map(|signer| signer.key().clone()).collect()
    }

    fn open(stored: &[StoredKey], ring: &KeyRing) -> Result<Self, AuditError> {
        let signers: Result<_, _> = stored.iter().map(|key| key.open(ring)).collect();
        signers.map(Self)
    }
}

impl StoredKey {
    fn open(&self, ring: &KeyRing) -> Result<NoteSigner, AuditError> {
        let context = context(self.number, &self.origin);
        let open = |purpose, half: &[u8]| {
            ring.open_private(purpose, &context, half)
                .map_err(|_| AuditError::Key("the key ring cannot decrypt a stored key"))
        };

        let public = open(PUBLIC, &self.public)?;
        let signer = NoteSigner::from_seed(&self.origin, &open(PRIVATE, &self.private)?);

        signer
            .filter(|signer| signer.key().public()[..] == public[..])
            .ok_or(AuditError::Key(
                "the halves of a stored key do not belong together",
            ))
    }
}

/// The associated data of a key, which binds its halves to this number and name.
fn context(number: i64, origin: &str) -> Vec<u8> {
    format!("{number} {origin}").into_bytes()
}

async fn create(sql: &Sql, number: i64, origin: &str) -> Result<(), AuditError> {
    let database = sql.database();
    let (ring, random) = (database.ring(), &database.runtime().random);
    let seed = Zeroizing::new(random.bytes::<32>());
    let signer =
        NoteSigner::from_seed(origin, &*seed).ok_or(AuditError::Key("cannot create a key"))?;
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

    sql.change(Change::new("audit_keys.make", INSERT, values, event))
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

    fn stored(ring: &KeyRing, number: i64, origin: &str) -> StoredKey {
        let random = Random::default();
        let seed = random.bytes::<32>();
        let signer = NoteSigner::from_seed(origin, &seed).unwrap();
        let seal = |purpose, half: &[u8]| {
            ring.seal_private(&random, purpose, &context(number, origin), half)
        };
        let (public, private) = (seal(PUBLIC, signer.key().public()), seal(PRIVATE, &seed));

        StoredKey {
            number,
            origin: origin.to_owned(),
            public,
            private,
        }
    }

    /// Write access to the database does not suffice to create a key, or to change the number or
    /// name of one.
    #[test]
    fn a_key_opens_only_with_its_ring_number_and_origin() {
        let ring = ring();
        assert!(stored(&ring, 1, "a").open(&ring).is_ok());
        assert!(stored(&ring, 1, "a").open(&super::tests::ring()).is_err());

        let refused = |stored: StoredKey| assert!(stored.open(&ring).is_err());
        refused(StoredKey {
            number: 2,
            ..stored(&ring, 1, "a")
        });
        refused(StoredKey {
            origin: "b".to_owned(),
            ..stored(&ring, 1, "a")
        });

        refused(StoredKey {
            private: stored(&ring, 1, "a").private,
            ..stored(&ring, 1, "a")
        });
        refused(StoredKey {
            private: stored(&ring, 1, "a").public,
            ..stored(&ring, 1, "a")
        });
    }
}
