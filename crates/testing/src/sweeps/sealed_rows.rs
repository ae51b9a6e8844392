//! Rows of an account whose values are sealed, made without a provider or a device.

use mainstay_crypto::{Cell, DataKey};
use mainstay_database::Owner;
use mainstay_kernel::Uuid;

use crate::{Actor, TestApp};

/// Makes rows of an account, under its key.
pub(super) struct SealedRows<'a> {
    app: &'a TestApp,
    owner: &'a mut Owner,
    user: Uuid,
    key: DataKey,
}

impl<'a> SealedRows<'a> {
    pub(super) async fn of(app: &'a TestApp, owner: &'a mut Owner, account: &Actor) -> Self {
        const READ: &str = r"
            SELECT k.id, k.wrapped
            FROM mainstay.data_keys k
            JOIN mainstay.users u ON u.data_key = k.id
            WHERE u.id = $1
        ";

        let user = account.user().uuid();
        let rows = owner.run(READ, [user.into()]).await;
        let row = &rows.expect("the key is read")[0];
        let id: i64 = row.get(0).expect("a key has an id");
        let wrapped: Vec<u8> = row.get(1).expect("a key is wrapped");

        let ring = app.database().ring();
        let key = ring.unwrap(id, Uuid::nil(), user, &wrapped);

        Self {
            app,
            owner,
            user,
            key: key.expect("the key is on the ring"),
        }
    }

    /// Links the account to another external identity, and returns its id.
    pub(super) async fn identity(&mut self) -> Uuid {
        const INSERT: &str = r"
            INSERT INTO mainstay.external_identities (
                id, user_id, issuer, subject, subject_index, created_at
            )
            VALUES ($1, $2, 'https://id.example', $3, $4, now())
        ";

        let id = self.app.runtime().new_id::<TestApp>().uuid();
        let subject = self.sealed(
            ("mainstay.external_identities", "subject"),
            id,
            b"https://id.example\nsomeone",
        );
        let index = self.app.runtime().random.bytes::<32>().to_vec();
        let values = [id.into(), self.user.into(), subject.into(), index.into()];

        let inserted = self.owner.run(INSERT, values).await;
        inserted.expect("the identity is linked");

        id
    }

    /// Adds a passkey that no device has, and returns its id.
    pub(super) async fn passkey(&mut self) -> Uuid {
        const INSERT: &str = r"
            INSERT INTO mainstay.passkeys (
                id, user_id, name, credential_hash, credential, sign_count, created_at
            )
            VALUES ($1, $2, $3, uuid_send($1), $4, 0, now())
        ";

        let id = self.app.runtime().new_id::<TestApp>().uuid();
        let name = self.sealed(("mainstay.passkeys", "name"), id, b"example");
        let credential = self.sealed(("mainstay.passkeys", "credential"), id, b"example");
        let values = [id.into(), self.user.into(), name.into(), credential.into()];

        let inserted = self.owner.run(INSERT, values).await;
        inserted.expect("the passkey is added");

        id
    }

    fn sealed(&self, place: (&'static str, &'static str), row: Uuid, value: &[u8]) -> Vec<u8> {
        let (table, column) = place;
        let cell = Cell {
            organization: Uuid::nil(),
            table,
            column,
            row,
        };

        self.key.seal(&self.app.runtime().random, &cell, value)
    }
}
