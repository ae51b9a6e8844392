//! The types that columns hold: how each is bound to a statement and read back from a row.

use mainstay_crypto::{Personal, Sealed};
use mainstay_kernel::{Id, Timestamp, Uuid};
use sea_query::{ArrayType, Value};
use time::{Date, OffsetDateTime};

use crate::{Error, Opening, Row, Sealing};

/// A type that a column holds: how it is bound and how it is read back. A sealed type seals and opens on the way.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold `{Self}`",
    label = "no type of a column",
    note = "columns hold `bool`, `i16`, `i32`, `i64`, `f64`, `String`, `Vec<String>`, `Vec<u8>`, `Uuid`, `Date`, `Timestamp`, \
            `serde_json::Value`, `Id<T>`, `Sealed<T>`, and an `Option` of each",
    note = "an enumeration is kept as a word: write `#[choice]` above it; another text implements `TextColumn`"
)]
pub trait Column: Sized {
    /// The same without null: what such a column is compared with.
    type Present: Column;

    /// Whether the column holds ciphertext.
    const SEALED: bool = false;

    /// Whether the column may be null.
    const NULLABLE: bool = false;

    /// The value to bind.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no key to seal it with.
    fn write(&self, sealing: &Sealing<'_>, column: &'static str) -> Result<Value, Error>;

    /// The value of `row` at `position`.
    ///
    /// # Errors
    /// [`Error::Internal`] when the column holds something else, or a seal that does not open here.
    fn read(
        row: &Row,
        position: usize,
        opening: &Opening<'_>,
        column: &'static str,
    ) -> Result<Self, Error>;

    /// The value that stands for "none" in a column of this type.
    fn null() -> Value;
}

/// A column that is not sealed: the database can compare and sort it, and a query of one's own can read it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no column that the database can read",
    label = "sealed, or no type of a column",
    note = "a sealed value is found with `Filter::matches` and sorted with `Order::by_sealed`",
    note = "it opens in its row alone: read the row with `get`, `page` or `reveal`"
)]
pub trait Plain: Column {}

/// An enumeration or newtype that the database keeps as text.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold `{Self}`",
    label = "no type of a column",
    note = "columns hold `bool`, `i16`, `i32`, `i64`, `f64`, `String`, `Vec<String>`, `Vec<u8>`, `Uuid`, `Date`, `Timestamp`, \
            `serde_json::Value`, `Id<T>`, `Sealed<T>`, and an `Option` of each",
    note = "an enumeration is kept as a word: write `#[choice]` above it; another text implements `TextColumn`"
)]
pub trait TextColumn: Sized {
    /// The text to keep.
    fn as_text(&self) -> &str;
    /// Reads it back; `None` for text that no value has.
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
            .ok_or_else(|| Error::internal(format!("column {column} holds an unknown value")))
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
    /// The value of a column that is not sealed, by its position from 0.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no such column or it has another type.
    pub fn get<C: Plain>(&self, position: usize) -> Result<C, Error> {
        C::read(self, position, &Opening::closed(), "")
    }
}

/// The value to bind for a moment.
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

/// Types that Postgres, sqlx and sea-query know as they are.
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
