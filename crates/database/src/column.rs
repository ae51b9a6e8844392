//! Column types: how values are bound to a statement and read from a row.

use mainstay_crypto::{Personal, Sealed};
use mainstay_kernel::{Id, Timestamp, Uuid};
use sea_query::{ArrayType, Value};
use time::{Date, OffsetDateTime};

use crate::{ColumnType, Error, Opening, Row, Sealing};

/// A type of column values: how they are bound and read. Sealed types are encrypted when bound and
/// decrypted when read.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold `{Self}`",
    label = "not a column type",
    note = "columns hold `bool`, `i16`, `i32`, `i64`, `f64`, `String`, `Vec<String>`, `Vec<u8>`, `Uuid`, `Date`, \
            `Timestamp`, `serde_json::Value`, `Id<T>`, `Sealed<T>`, and an `Option` of each",
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
    /// [`Error::Internal`] if there is no key to seal it with.
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

/// An enumeration or newtype that is stored as text.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold `{Self}`",
    label = "not a column type",
    note = "columns hold `bool`, `i16`, `i32`, `i64`, `f64`, `String`, `Vec<String>`, `Vec<u8>`, `Uuid`, `Date`, \
            `Timestamp`, `serde_json::Value`, `Id<T>`, `Sealed<T>`, and an `Option` of each",
    note = "for an enumeration, which is stored as text, add `#[choice]`; for another text type, implement `TextColumn`"
)]
pub trait TextColumn: Sized {
    /// The text to store.
    fn as_text(&self) -> &str;
    /// Parses a stored text; `None` if it is invalid.
    fn from_text(text: &str) -> Option<Self>;
}

impl<T: TextColumn> Column for T {
    type Present = Self;

    fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
        Ok(self.bind())
    }

    fn read(
        row: &Row,
        position: usize,
        _: &Opening<'_>,
        column: &'static str,
    ) -> Result<Self, Error> {
        let text: &str = row.decode(position)?;
        Self::from_text(text)
            .ok_or_else(|| Error::internal(format!("column {column} has an unknown value")))
    }

    fn null() -> Value {
        Value::String(None)
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        column.holds::<String>()
    }
}

impl TextColumn for String {
    fn as_text(&self) -> &str {
        self
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl<T: Personal> Column for Sealed<T> {
    type Present = Self;

    const SEALED: bool = true;

    fn write(&self, sealing: &Sealing<'_>, column: &'static str) -> Result<Value, Error> {
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

impl<T> Column for Id<T> {
    type Present = Self;

    fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
        Ok(self.bind())
    }

    fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
        row.decode::<Uuid>(position).map(Self::from)
    }

    fn null() -> Value {
        Value::Uuid(None)
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        column.holds::<Uuid>()
    }
}

impl Column for Timestamp {
    type Present = Self;

    fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
        Ok(self.bind())
    }

    fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
        row.decode::<OffsetDateTime>(position).map(Self::from)
    }

    fn null() -> Value {
        Value::TimeDateTimeWithTimeZone(None)
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        column.holds::<OffsetDateTime>()
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

impl Column for Vec<String> {
    type Present = Self;

    fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
        Ok(self.bind())
    }

    fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
        row.decode(position)
    }

    fn null() -> Value {
        Value::Array(ArrayType::String, None)
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        column.holds::<Vec<String>>()
    }
}

impl<T: TextColumn> Plain for T {
    fn bind(&self) -> Value {
        Value::String(Some(self.as_text().to_owned()))
    }
}

impl<T: Plain> Plain for Option<T> {
    fn bind(&self) -> Value {
        self.as_ref().map_or_else(T::null, T::bind)
    }
}

impl<T> Plain for Id<T> {
    fn bind(&self) -> Value {
        Value::Uuid(Some(self.uuid()))
    }
}

impl Plain for Timestamp {
    fn bind(&self) -> Value {
        moment(*self)
    }
}

impl Plain for Vec<String> {
    fn bind(&self) -> Value {
        let items = self
            .iter()
            .map(|item| Value::String(Some(item.clone())))
            .collect();
        Value::Array(ArrayType::String, Some(Box::new(items)))
    }
}

/// Types that sqlx and sea-query support directly.
macro_rules! plain_columns {
    ($($type:ty => $variant:ident $(($boxed:path))?;)+) => {$(
        impl Plain for $type {
            fn bind(&self) -> Value {
                Value::$variant(Some($($boxed)?(self.clone())))
            }
        }

        impl Column for $type {
            type Present = Self;

            fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
                Ok(self.bind())
            }

            fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
                row.decode(position)
            }

            fn null() -> Value {
                Value::$variant(None)
            }

            fn fits(column: &ColumnType<'_>) -> bool {
                column.holds::<$type>()
            }
        }
    )+};
}

plain_columns! {
    bool => Bool;
    i16 => SmallInt;
    i32 => Int;
    i64 => BigInt;
    f64 => Double;
    Uuid => Uuid;
    Date => TimeDate;
    Vec<u8> => Bytes;
    serde_json::Value => Json(Box::new);
}
