//! The key of an account's personal data.

use mainstay_database::{FromRow, OwnKey};
use mainstay_kernel::{UserId, Uuid};

/// Accounts belong to no organization, so their personal data is sealed under this id in place of
/// an organization's.
pub const NOWHERE: Uuid = Uuid::nil();

/// The columns `id AS key_id, wrapped AS wrapped_key` of `data_keys`.
#[derive(Clone, FromRow)]
pub struct AccountKey {
    key_id: i64,
    wrapped_key: Vec<u8>,
}

/// The same columns after an outer join.
#[derive(FromRow)]
pub struct JoinedKey {
    key_id: Option<i64>,
    wrapped_key: Option<Vec<u8>>,
}

impl AccountKey {
    /// The key of the personal data of `user`.
    pub fn of(self, user: UserId) -> OwnKey {
        OwnKey {
            id: self.key_id,
            subject: user.uuid(),
            wrapped: self.wrapped_key,
        }
    }
}

impl JoinedKey {
    /// The key of the personal data of `user`; `None` if the join found none.
    pub fn of(self, user: UserId) -> Option<OwnKey> {
        Some(OwnKey {
            id: self.key_id?,
            subject: user.uuid(),
            wrapped: self.wrapped_key?,
        })
    }
}
