//! A row of `signing_keys`.

use mainstay_database::FromRow;
use mainstay_kernel::Timestamp;

/// A row of `signing_keys`.
#[derive(Clone, FromRow)]
pub(crate) struct StoredKey {
    pub(crate) id: String,
    pub(crate) public: Vec<u8>,
    pub(crate) private: Option<Vec<u8>>,
    pub(crate) created_at: Timestamp,
    pub(crate) signs_from: Timestamp,
    pub(crate) retires_at: Option<Timestamp>,
}
