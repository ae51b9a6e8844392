//! A row of `signing_keys`.

use mainstay_database::{Error, Row};
use mainstay_kernel::Timestamp;

/// A row of `signing_keys`.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) public: Vec<u8>,
    pub(crate) private: Option<Vec<u8>>,
    pub(crate) created_at: Timestamp,
    pub(crate) signs_from: Timestamp,
    pub(crate) retires_at: Option<Timestamp>,
}

impl Stored {
    pub(crate) fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            public: row.get(1)?,
            private: row.get(2)?,
            created_at: row.get(3)?,
            signs_from: row.get(4)?,
            retires_at: row.get(5)?,
        })
    }
}
