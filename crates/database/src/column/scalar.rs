//! The base types of Postgres: how single values and arrays of them are bound and read.

use mainstay_kernel::{
    Bytes, Date, Decimal, EmailAddress, Id, Interval, JsonOf, NetworkAddress, TimeOfDay, Timestamp,
    Uuid,
};
use sea_query::{ArrayType, Enum, OptionEnum, Value};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::postgres::types::PgInterval;

use crate::{ColumnType, Error, Row};

/// The types for which sea-query has no values, by their names in Postgres. Their values are text,
/// which `binding.rs` parses.
pub(super) const INTERVAL: &str = "interval";
pub(super) const NETWORK: &str = "inet";

/// Why a document is refused, such as a map whose keys are not texts.
const NOT_JSON: &str = "a value that JSON can represent";

/// Why a float is refused.
pub(super) const NOT_FINITE: &str = "a finite number";

/// A single value that is not sealed.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold `{Self}`",
    label = "not a column type",
    note = "columns hold `bool`, `i16`, `i32`, `i64`, `f32`, `f64`, `Decimal`, `String`, `EmailAddress`, `Uuid`, \
            `Id<T>`, `Date`, `TimeOfDay`, `Timestamp`, `Interval`, `NetworkAddress`, `Bytes<MOST>`, `JsonOf<T>` and \
            `serde_json::Value`, a `Vec` of each, `Sealed<T>`, and an `Option` of each",
    note = "for an enumeration, which is stored as text, add `#[choice]`; for another text type, implement `TextColumn`"
)]
pub trait Scalar: Sized {
    /// The value to bind.
    fn bound(&self) -> Value;

    /// What the column expected, if the value must not be stored.
    fn refusal(&self) -> Option<&'static str> {
        None
    }

    /// Reads the value of `row` at `position`.
    ///
    /// # Errors
    /// [`Error::Internal`] if the column has another type or an invalid value.
    fn read_one(row: &Row, position: usize, column: &'static str) -> Result<Self, Error>;

    /// Reads the array of `row` at `position`.
    ///
    /// # Errors
    /// Like [`read_one`](Self::read_one).
    fn read_all(row: &Row, position: usize, column: &'static str) -> Result<Vec<Self>, Error>;

    /// The null value of this type.
    fn null_value() -> Value;

    /// The type of arrays of it.
    fn array_type() -> ArrayType;

    /// Whether a column of this type can be read.
    #[doc(hidden)]
    fn fits(column: &ColumnType<'_>) -> bool;

    /// Whether an array of this type can be read.
    #[doc(hidden)]
    fn array_fits(column: &ColumnType<'_>) -> bool;
}

/// A type whose values Postgres puts in an order that a page can follow.
#[diagnostic::on_unimplemented(
    message = "rows cannot be sorted by a column of type `{Self}`",
    label = "sealed, a list, JSON, or not a column type",
    note = "to sort by a sealed value, use `Order::by_sealed`"
)]
pub trait Sortable {}

impl<T: Sortable> Sortable for Option<T> {}
impl<T: TextColumn> Sortable for T {}
impl<T> Sortable for Id<T> {}
impl<const MOST: usize> Sortable for Bytes<MOST> {}

/// An enumeration or newtype that is stored as text.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold `{Self}`",
    label = "not a column type",
    note = "columns hold `bool`, `i16`, `i32`, `i64`, `f32`, `f64`, `Decimal`, `String`, `EmailAddress`, `Uuid`, \
            `Id<T>`, `Date`, `TimeOfDay`, `Timestamp`, `Interval`, `NetworkAddress`, `Bytes<MOST>`, `JsonOf<T>` and \
            `serde_json::Value`, a `Vec` of each, `Sealed<T>`, and an `Option` of each",
    note = "for an enumeration, which is stored as text, add `#[choice]`; for another text type, implement `TextColumn`"
)]
pub trait TextColumn: Sized {
    /// The text to store.
    fn as_text(&self) -> &str;
    /// Parses a stored text; `None` if it is invalid.
    fn from_text(text: &str) -> Option<Self>;
}

impl<T: TextColumn> Scalar for T {
    fn bound(&self) -> Value {
        Value::String(Some(self.as_text().to_owned()))
    }

    fn read_one(row: &Row, position: usize, column: &'static str) -> Result<Self, Error> {
        let text: &str = row.decode(position)?;
        Self::from_text(text).ok_or_else(|| invalid(column))
    }

    fn read_all(row: &Row, position: usize, column: &'static str) -> Result<Vec<Self>, Error> {
        let texts: Vec<String> = row.decode(position)?;
        let values = texts
            .iter()
            .map(|text| Self::from_text(text))
            .collect::<Option<_>>();
        values.ok_or_else(|| invalid(column))
    }

    fn null_value() -> Value {
        Value::String(None)
    }

    fn array_type() -> ArrayType {
        ArrayType::String
    }

    fn fits(column: &ColumnType<'_>) -> bool {
        column.holds::<String>()
    }

    fn array_fits(column: &ColumnType<'_>) -> bool {
        column.holds::<Vec<String>>()
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

/// Not checked when it is read, because the rules may have changed since it was stored.
impl TextColumn for EmailAddress {
    fn as_text(&self) -> &str {
        self.as_str()
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(Self::from_stored(text.to_owned()))
    }
}

/// Implements [`Scalar`] by the driver's type: how a value becomes one of sea-query's, and how it is
/// made of the driver's.
macro_rules! scalars {
    ($(
        $({$($parameter:tt)*})? $type:ty as $stored:ty => $variant:ident,
        bind $bind:expr, read $read:expr $(, refuse $refuse:expr)?;
    )+) => {$(
        impl $($($parameter)*)? Scalar for $type {
            fn bound(&self) -> Value {
                let bind: fn(&Self) -> _ = $bind;
                Value::$variant(Some(bind(self)))
            }

            $(fn refusal(&self) -> Option<&'static str> {
                let refuse: fn(&Self) -> Option<&'static str> = $refuse;
                refuse(self)
            })?

            fn read_one(row: &Row, position: usize, column: &'static str) -> Result<Self, Error> {
                let read: fn($stored) -> Option<Self> = $read;
                read(row.decode(position)?).ok_or_else(|| invalid(column))
            }

            fn read_all(row: &Row, position: usize, column: &'static str) -> Result<Vec<Self>, Error> {
                let read: fn($stored) -> Option<Self> = $read;
                let stored: Vec<$stored> = row.decode(position)?;
                let values = stored.into_iter().map(read).collect::<Option<_>>();
                values.ok_or_else(|| invalid(column))
            }

            fn null_value() -> Value {
                Value::$variant(None)
            }

            fn array_type() -> ArrayType {
                ArrayType::$variant
            }

            fn fits(column: &ColumnType<'_>) -> bool {
                column.holds::<$stored>()
            }

            fn array_fits(column: &ColumnType<'_>) -> bool {
                column.holds::<Vec<$stored>>()
            }
        }
    )+};
}

scalars! {
    bool as bool => Bool, bind |value| *value, read Some;
    i16 as i16 => SmallInt, bind |value| *value, read Some;
    i32 as i32 => Int, bind |value| *value, read Some;
    i64 as i64 => BigInt, bind |value| *value, read Some;
    f32 as f32 => Float, bind |value| *value, read Some,
        refuse |value| (!value.is_finite()).then_some(NOT_FINITE);
    f64 as f64 => Double, bind |value| *value, read Some,
        refuse |value| (!value.is_finite()).then_some(NOT_FINITE);
    Decimal as sqlx::types::Decimal => Decimal, bind |value| value.inner(), read |number| Some(number.into());
    Uuid as Uuid => Uuid, bind |value| *value, read Some;
    {<T>} Id<T> as Uuid => Uuid, bind |value| value.uuid(), read |uuid| Some(uuid.into());
    Date as time::Date => TimeDate, bind |value| value.inner(), read Self::from_inner;
    TimeOfDay as time::Time => TimeTime, bind |value| value.inner(), read |time| Some(Self::from_inner(time));
    Timestamp as time::OffsetDateTime => TimeDateTimeWithTimeZone, bind |value| value.inner(),
        read |moment| Some(moment.into());
    {<const MOST: usize>} Bytes<MOST> as Vec<u8> => Bytes, bind |value| value.as_slice().to_vec(),
        read |bytes| Some(Self::from_stored(bytes));
    serde_json::Value as serde_json::Value => Json, bind |value| Box::new(value.clone()), read Some;
    {<T: Serialize + DeserializeOwned>} JsonOf<T> as serde_json::Value => Json,
        bind |value| Box::new(serde_json::to_value(value).unwrap_or_default()),
        read |json| serde_json::from_value(json).ok(),
        refuse |value| serde_json::to_value(value).is_err().then_some(NOT_JSON);
}

/// Implements [`Scalar`] for types that sea-query has no values for.
macro_rules! named_scalars {
    ($($type:ty as $stored:ty => $name:ident, read $read:expr;)+) => {$(
        impl Scalar for $type {
            fn bound(&self) -> Value {
                let (type_name, value) = ($name.into(), self.to_string().into());
                Value::Enum(OptionEnum::Some(Box::new(Enum { type_name, value })))
            }

            fn read_one(row: &Row, position: usize, column: &'static str) -> Result<Self, Error> {
                let read: fn($stored) -> Option<Self> = $read;
                read(row.decode(position)?).ok_or_else(|| invalid(column))
            }

            fn read_all(row: &Row, position: usize, column: &'static str) -> Result<Vec<Self>, Error> {
                let read: fn($stored) -> Option<Self> = $read;
                let stored: Vec<$stored> = row.decode(position)?;
                let values = stored.into_iter().map(read).collect::<Option<_>>();
                values.ok_or_else(|| invalid(column))
            }

            fn null_value() -> Value {
                Value::Enum(OptionEnum::None($name.into()))
            }

            fn array_type() -> ArrayType {
                ArrayType::Enum(Box::new($name.into()))
            }

            fn fits(column: &ColumnType<'_>) -> bool {
                column.holds::<$stored>()
            }

            fn array_fits(column: &ColumnType<'_>) -> bool {
                column.holds::<Vec<$stored>>()
            }
        }
    )+};
}

named_scalars! {
    Interval as PgInterval => INTERVAL, read |it| Self::new(it.months, it.days, it.microseconds);
    NetworkAddress as sqlx::types::ipnet::IpNet => NETWORK, read |network| Some(network.into());
}

macro_rules! sortable {
    ($($type:ty)+) => {$(impl Sortable for $type {})+};
}

sortable! { bool i16 i32 i64 f32 f64 Decimal Uuid Date TimeOfDay Timestamp Interval NetworkAddress }

fn invalid(column: &str) -> Error {
    Error::internal(format!(
        "column {column} has a value that its type does not allow"
    ))
}
