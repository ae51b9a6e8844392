//! Column types: how values are bound to a statement and read from a row.

use mainstay_crypto::{Personal, Sealed};
use mainstay_kernel::{Id, Timestamp, Uuid};
use sea_query::{ArrayType, Value};
use time::{Date, OffsetDateTime};

use crate::{Error, Opening, Row, Sealing};

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
}

/// A column that is not sealed, so that the database can compare and sort it, and custom queries
/// can read it.
#[diagnostic::on_unimplemented(
    message = "the database cannot read a column of type `{Self}`",
    label = "sealed, or not a column type",
    note = "to filter by a sealed value, use `Filter::matches`; to sort by one, `Order::by_sealed`",
    note = "to read a sealed value, read its row with `get`, `page` or `reveal`"
)]
pub trait Plain: Column {}

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
        Ok(Value::String(Some(self.as_text().to_owned())))
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
}

impl<T> Column for Id<T> {
    type Present = Self;

    fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
        Ok(Value::Uuid(Some(self.uuid())))
    }

    fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
        row.decode::<Uuid>(position).map(Self::from)
    }

    fn null() -> Value {
        Value::Uuid(None)
    }
}

impl Column for Timestamp {
    type Present = Self;

    fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
        Ok(moment(*self))
    }

    fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
        row.decode::<OffsetDateTime>(position).map(Self::from)
    }

    fn null() -> Value {
        Value::TimeDateTimeWithTimeZone(None)
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
        let items = self
            .iter()
            .map(|item| Value::String(Some(item.clone())))
            .collect();
        Ok(Value::Array(ArrayType::String, Some(Box::new(items))))
    }

    fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
        row.decode(position)
    }

    fn null() -> Value {
        Value::Array(ArrayType::String, None)
    }
}

impl<T: TextColumn> Plain for T {}
impl<T: Plain> Plain for Option<T> {}
impl<T> Plain for Id<T> {}
impl Plain for Timestamp {}
impl Plain for Vec<String> {}

/// Types that sqlx and sea-query support directly.
macro_rules! plain_columns {
    ($($type:ty => $variant:ident $(($boxed:path))?;)+) => {$(
        impl Plain for $type {}

        impl Column for $type {
            type Present = Self;

            fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
                Ok(Value::$variant(Some($($boxed)?(self.clone()))))
            }

            fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
                row.decode(position)
            }

            fn null() -> Value {
                Value::$variant(None)
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
