use mainstay_crypto::{Personal, Sealed};
use mainstay_kernel::{Id, Timestamp, Uuid};
use sea_query::{ArrayType, Value};
use time::{Date, OffsetDateTime};

use crate::{Error, Opening, Row, Sealing};

/// A type that a column holds: how it is bound and how it is read back. A sealed type seals and opens on the way.
pub trait Column: Sized {
    /// Whether the column holds ciphertext.
    const SEALED: bool = false;

    /// The value to bind.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no key to seal it with.
    fn write(&self, sealing: &Sealing<'_>, column: &'static str) -> Result<Value, Error>;

    /// The value of `row` at `position`.
    ///
    /// # Errors
    /// [`Error::Internal`] when the column holds something else, or a seal that does not open here.
    fn read(row: &Row, position: usize, opening: &Opening<'_>, column: &'static str) -> Result<Self, Error>;

    /// The value that stands for "none" in a column of this type.
    fn null() -> Value;
}

/// An enumeration or newtype that the database keeps as text.
pub trait TextColumn: Sized {
    /// The text to keep.
    fn as_text(&self) -> &str;
    /// Reads it back; `None` for text that no value has.
    fn from_text(text: &str) -> Option<Self>;
}

impl<T: TextColumn> Column for T {
    fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
        Ok(Value::String(Some(self.as_text().to_owned())))
    }

    fn read(row: &Row, position: usize, _: &Opening<'_>, column: &'static str) -> Result<Self, Error> {
        let text: &str = row.decode(position)?;
        Self::from_text(text).ok_or_else(|| Error::internal(format!("column {column} holds an unknown value")))
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
    const SEALED: bool = true;

    fn write(&self, sealing: &Sealing<'_>, column: &'static str) -> Result<Value, Error> {
        sealing.seal(self, column).map(|cell| Value::Bytes(Some(cell)))
    }

    fn read(row: &Row, position: usize, opening: &Opening<'_>, column: &'static str) -> Result<Self, Error> {
        opening.open(row.decode(position)?, column)
    }

    fn null() -> Value {
        Value::Bytes(None)
    }
}

impl<C: Column> Column for Option<C> {
    const SEALED: bool = C::SEALED;

    fn write(&self, sealing: &Sealing<'_>, column: &'static str) -> Result<Value, Error> {
        self.as_ref().map_or_else(|| Ok(C::null()), |value| value.write(sealing, column))
    }

    fn read(row: &Row, position: usize, opening: &Opening<'_>, column: &'static str) -> Result<Self, Error> {
        if row.is_null(position)? { Ok(None) } else { C::read(row, position, opening, column).map(Some) }
    }

    fn null() -> Value {
        C::null()
    }
}

impl<T> Column for Id<T> {
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

/// The value to bind for a moment.
pub(crate) fn moment(moment: Timestamp) -> Value {
    Value::TimeDateTimeWithTimeZone(Some(moment.inner()))
}

impl Column for Vec<String> {
    fn write(&self, _: &Sealing<'_>, _: &'static str) -> Result<Value, Error> {
        let items = self.iter().map(|item| Value::String(Some(item.clone()))).collect();
        Ok(Value::Array(ArrayType::String, Some(Box::new(items))))
    }

    fn read(row: &Row, position: usize, _: &Opening<'_>, _: &'static str) -> Result<Self, Error> {
        row.decode(position)
    }

    fn null() -> Value {
        Value::Array(ArrayType::String, None)
    }
}

/// Types that Postgres, sqlx and sea-query know as they are.
macro_rules! plain_columns {
    ($($type:ty => $variant:ident $(($boxed:path))?;)+) => {$(
        impl Column for $type {
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
