//! Column types: how values are bound to a statement and read from a row.

mod binding;
mod scalar;

use mainstay_crypto::{Personal, Sealed};
use mainstay_kernel::Timestamp;
use sea_query::Value;

use crate::{ColumnType, Error, Opening, Row, Sealing};

pub(crate) use binding::arguments;
pub use scalar::{Scalar, Sortable, TextColumn};

/// A type of column values: how they are bound and read. Sealed types are encrypted when bound and
/// decrypted when read.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold `{Self}`",
    label = "not a column type",
    note = "columns hold the types of `Scalar`, such as `i64`, `String`, `Date` and `Id<T>`, a `Vec` of each, \
            `Vec<u8>`, `Sealed<T>`, and an `Option` of each",
    note = "for an enumeration, which is stored as text, add `#[choice]`; for another text type, implement `TextColumn`"
)]
pub trait Column: Sized {
    /// The type without null, which the column is compared with.
    type Present: Column;

    /// Whether the column holds ciphertext.
    const SEALED: bool = false;

    /// Whether the column may be null.
    const NULLABLE: bool = false;

    /// The value to bind.
    ///
    /// # Errors
    /// [`Error::Value`] if the value must not be stored, [`Error::Internal`] if there is no key to
    /// seal it with.
    fn write(&self, sealing: &Sealing<'_>, column: &'static str) -> Result<Value, Error>;

    /// Reads the value of `row` at `position`.
    ///
    /// # Errors
    /// [`Error::Internal`] if the column has another type, or the value cannot be decrypted.
    fn read(
        row: &Row,
        position: usize,
        opening: &Opening<'_>,
        column: &'static str,
    ) -> Result<Self, Error>;

    /// The null value of this type.
    fn null() -> Value;

    /// Whether a column of this type can be read.
    #[doc(hidden)]
    fn fits(column: &ColumnType<'_>) -> bool;
}

/// A column that is not sealed, so that the database can compare and sort it, and custom queries
/// can read it.
#[diagnostic::on_unimplemented(
    message = "the database cannot read a column of type `{Self}`",
    label = "sealed, or not a column type",
    note = "to filter by a sealed value, use `Filter::matches`; to sort by one, `Order::by_sealed`",
    note = "to read a sealed value, read its row with `get`, `page` or `reveal`"
)]
pub trait Plain: Column {
    /// The value to bind.
    fn bind(&self) -> Value;
}

/// The values of a statement's parameters, from columns' types: `values![id, status, now]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        ::std::vec![$($crate::Plain::bind(&$value)),*]
    };
}

impl<T: Scalar> Column for T {
    type Present = Self;

    fn write(&self, _: &Sealing<'_>, column: &'static str) -> Result<Value, Error> {
        storable(self.refusal(), column)?;
        Ok(self.bound())
    }

    fn read(
        row: &Row,
        position: usize,
        _: &Opening<'_>,
        column: &'static str,
    ) -> Result<Self, Error> {
        T::read_one(row, position, column)
    }

    fn null() -> Value {
        T::null_value()
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        T::fits(column)
    }
}

impl<T: Scalar> Column for Vec<T> {
    type Present = Self;

    fn write(&self, _: &Sealing<'_>, column: &'static str) -> Result<Value, Error> {
        let refusal = self.iter().find_map(T::refusal);
        storable(refusal, column)?;
        Ok(self.bind())
    }

    fn read(
        row: &Row,
        position: usize,
        _: &Opening<'_>,
        column: &'static str,
    ) -> Result<Self, Error> {
        T::read_all(row, position, column)
    }

    fn null() -> Value {
        Value::Array(T::array_type(), None)
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        T::array_fits(column)
    }
}

/// `bytea` without a limit. For inputs and views, use [`Bytes`](mainstay_kernel::Bytes).
impl Column for Vec<u8> {
    type Present = Self;

    fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
        Ok(self.bind())
    }

    fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
        row.decode(position)
    }

    fn null() -> Value {
        Value::Bytes(None)
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        column.holds::<Vec<u8>>()
    }
}

impl<T: Personal> Column for Sealed<T> {
    type Present = Self;

    const SEALED: bool = true;

    fn write(&self, sealing: &Sealing<'_>, column: &'static str) -> Result<Value, Error> {
        let refusal = (!self.is_storable()).then_some(scalar::NOT_FINITE);
        storable(refusal, column)?;

        sealing
            .seal(self, column)
            .map(|cell| Value::Bytes(Some(cell)))
    }

    fn read(
        row: &Row,
        position: usize,
        opening: &Opening<'_>,
        column: &'static str,
    ) -> Result<Self, Error> {
        opening.open(row.decode(position)?, column)
    }

    fn null() -> Value {
        Value::Bytes(None)
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        column.holds::<Vec<u8>>()
    }
}

impl<C: Column> Column for Option<C> {
    type Present = C::Present;

    const SEALED: bool = C::SEALED;
    const NULLABLE: bool = true;

    fn write(&self, sealing: &Sealing<'_>, column: &'static str) -> Result<Value, Error> {
        self.as_ref()
            .map_or_else(|| Ok(C::null()), |value| value.write(sealing, column))
    }

    fn read(
        row: &Row,
        position: usize,
        opening: &Opening<'_>,
        column: &'static str,
    ) -> Result<Self, Error> {
        if row.is_null(position)? {
            Ok(None)
        } else {
            C::read(row, position, opening, column).map(Some)
        }
    }

    fn null() -> Value {
        C::null()
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        C::fits(column)
    }
}

impl Row {
    /// The value of a column that is not sealed, by its position, starting at 0.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is no such column or it has another type.
    pub fn get<C: Plain>(&self, position: usize) -> Result<C, Error> {
        C::read(self, position, &Opening::closed(), "")
    }
}

/// The SQL value of a timestamp.
pub(crate) fn moment(moment: Timestamp) -> Value {
    Value::TimeDateTimeWithTimeZone(Some(moment.inner()))
}

impl<T: Scalar> Plain for T {
    fn bind(&self) -> Value {
        self.bound()
    }
}

impl<T: Scalar> Plain for Vec<T> {
    fn bind(&self) -> Value {
        let items = self.iter().map(T::bound).collect();
        Value::Array(T::array_type(), Some(Box::new(items)))
    }
}

impl Plain for Vec<u8> {
    fn bind(&self) -> Value {
        Value::Bytes(Some(self.clone()))
    }
}

impl<T: Plain> Plain for Option<T> {
    fn bind(&self) -> Value {
        self.as_ref().map_or_else(T::null, T::bind)
    }
}

/// Refuses a value that must not be stored.
fn storable(refusal: Option<&'static str>, column: &'static str) -> Result<(), Error> {
    refusal.map_or(Ok(()), |expected| Err(Error::refused(column, expected)))
}
