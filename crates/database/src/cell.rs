//! The keys and places for sealing and opening the values of a row.

use mainstay_crypto::{Cell, DataKey, IndexLength, IndexPlace, KeyRing, Personal, Sealed};
use mainstay_kernel::{Random, Uuid};

use crate::Error;

/// Seals the values of a row: has the row's data key, and the place that the values are bound to.
pub struct Sealing<'a> {
    pub(crate) ring: &'a KeyRing,
    pub(crate) random: &'a Random,
    pub(crate) key: Option<&'a DataKey>,
    pub(crate) organization: Uuid,
    pub(crate) table: &'static str,
    pub(crate) row: Uuid,
}

impl Sealing<'_> {
    pub(crate) fn seal<T: Personal>(
        &self,
        value: &Sealed<T>,
        column: &'static str,
    ) -> Result<Vec<u8>, Error> {
        let key = self.key.ok_or_else(|| {
            Error::internal(format!("no data key to seal {}.{column}", self.table))
        })?;

        let cell = Cell {
            organization: self.organization,
            table: self.table,
            column,
            row: self.row,
        };

        Ok(value.seal(key, self.random, &cell))
    }

    pub(crate) fn place(&self, column: &'static str, length: IndexLength) -> IndexPlace<'static> {
        IndexPlace {
            organization: self.organization,
            table: self.table,
            column,
            length,
        }
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        self.ring
    }
}

/// Opens the sealed values of a row.
pub struct Opening<'a> {
    pub(crate) key: Option<&'a DataKey>,
    pub(crate) organization: Uuid,
    pub(crate) table: &'static str,
    pub(crate) row: Uuid,
}

impl Opening<'_> {
    /// For rows without sealed columns.
    pub(crate) fn closed() -> Self {
        Self {
            key: None,
            organization: Uuid::nil(),
            table: "",
            row: Uuid::nil(),
        }
    }

    pub(crate) fn open<T: Personal>(
        &self,
        sealed: &[u8],
        column: &'static str,
    ) -> Result<Sealed<T>, Error> {
        let key = self.key.ok_or_else(|| {
            Error::internal(format!("no data key to open {}.{column}", self.table))
        })?;

        let cell = Cell {
            organization: self.organization,
            table: self.table,
            column,
            row: self.row,
        };

        Sealed::open(key, &cell, sealed).map_err(|error| {
            Error::internal(format!(
                "cannot decrypt {}.{column} of row {}: {error}",
                self.table, self.row
            ))
        })
    }
}
