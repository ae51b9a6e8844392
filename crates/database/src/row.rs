//! One row of a result, as the driver returns it. `column.rs` converts its columns.

use sqlx::{
    Row as _,
    postgres::{PgRow, PgTypeInfo},
};

use crate::Error;

/// A row of a result.
pub struct Row(pub(crate) PgRow);

impl Row {
    pub(crate) fn width(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_null(&self, position: usize) -> Result<bool, Error> {
        use sqlx::ValueRef as _;
        Ok(self.0.try_get_raw(position)?.is_null())
    }

    pub(crate) fn decode<'r, T>(&'r self, position: usize) -> Result<T, Error>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        Ok(self.0.try_get(position)?)
    }
}

/// The type of a result's column.
pub struct ColumnType<'a>(pub(crate) &'a PgTypeInfo);

impl ColumnType<'_> {
    /// Whether the column holds values of the type `T`.
    pub(crate) fn holds<T: sqlx::Type<sqlx::Postgres>>(&self) -> bool {
        T::compatible(self.0)
    }
}
