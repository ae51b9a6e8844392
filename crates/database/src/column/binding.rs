//! Encodes values for the driver.

use mainstay_kernel::{Interval, NetworkAddress};
use sea_query::{ArrayType, OptionEnum, Value};
use sqlx::{
    Arguments as _, Encode, Postgres, Type,
    postgres::{PgArguments, types::PgInterval},
    types::ipnet::IpNet,
};

use super::scalar::{INTERVAL, NETWORK};
use crate::Error;

/// Encodes values for the driver.
///
/// # Errors
/// [`Error::Internal`] for a value of a type that no column has.
pub(crate) fn arguments(values: Vec<Value>) -> Result<PgArguments, Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        add(&mut arguments, value)?;
    }

    Ok(arguments)
}

fn add(to: &mut PgArguments, value: Value) -> Result<(), Error> {
    match value {
        Value::Bool(value) => push(to, value),
        Value::SmallInt(value) => push(to, value),
        Value::Int(value) => push(to, value),
        Value::BigInt(value) => push(to, value),
        Value::SmallUnsigned(value) => push(to, value.map(i32::from)),
        Value::Unsigned(value) => push(to, value.map(i64::from)),
        Value::Float(value) => push(to, value),
        Value::Double(value) => push(to, value),
        Value::Decimal(value) => push(to, value),
        Value::String(value) => push(to, value),
        Value::Bytes(value) => push(to, value),
        Value::Uuid(value) => push(to, value),
        Value::TimeDate(value) => push(to, value),
        Value::TimeTime(value) => push(to, value),
        Value::TimeDateTimeWithTimeZone(value) => push(to, value),
        Value::Json(value) => push(to, value.map(|json| *json)),
        Value::Enum(OptionEnum::None(name)) => match &*name {
            INTERVAL => push(to, None::<PgInterval>),
            NETWORK => push(to, None::<IpNet>),
            _ => Err(unknown()),
        },
        Value::Enum(OptionEnum::Some(value)) => match &*value.type_name {
            INTERVAL => push(to, interval(&value.value)?),
            NETWORK => push(to, network(&value.value)?),
            _ => Err(unknown()),
        },
        Value::Array(of, items) => add_array(to, &of, items.map(|items| *items)),
        _ => Err(unknown()),
    }
}

fn add_array(to: &mut PgArguments, of: &ArrayType, items: Option<Vec<Value>>) -> Result<(), Error> {
    macro_rules! push_all {
        ($variant:ident) => {
            push_items(to, items, |item| match item {
                Value::$variant(Some(item)) => Ok(item),
                _ => Err(unknown()),
            })
        };
    }

    match of {
        ArrayType::Bool => push_all!(Bool),
        ArrayType::SmallInt => push_all!(SmallInt),
        ArrayType::Int => push_all!(Int),
        ArrayType::BigInt => push_all!(BigInt),
        ArrayType::Float => push_all!(Float),
        ArrayType::Double => push_all!(Double),
        ArrayType::Decimal => push_all!(Decimal),
        ArrayType::String => push_all!(String),
        ArrayType::Bytes => push_all!(Bytes),
        ArrayType::Uuid => push_all!(Uuid),
        ArrayType::TimeDate => push_all!(TimeDate),
        ArrayType::TimeTime => push_all!(TimeTime),
        ArrayType::TimeDateTimeWithTimeZone => push_all!(TimeDateTimeWithTimeZone),
        ArrayType::Json => push_items(to, items, |item| match item {
            Value::Json(Some(json)) => Ok(*json),
            _ => Err(unknown()),
        }),
        ArrayType::Enum(name) if &***name == INTERVAL => {
            push_items(to, items, |item| interval(&text_of(item)?))
        }
        ArrayType::Enum(name) if &***name == NETWORK => {
            push_items(to, items, |item| network(&text_of(item)?))
        }
        _ => Err(unknown()),
    }
}

fn push_items<T>(
    to: &mut PgArguments,
    items: Option<Vec<Value>>,
    item: impl Fn(Value) -> Result<T, Error>,
) -> Result<(), Error>
where
    Option<Vec<T>>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
{
    let items: Option<Vec<T>> = items
        .map(|items| items.into_iter().map(item).collect::<Result<_, _>>())
        .transpose()?;
    push(to, items)
}

fn push<T>(to: &mut PgArguments, value: T) -> Result<(), Error>
where
    T: for<'q> Encode<'q, Postgres> + Type<Postgres>,
{
    to.add(value).map_err(Error::internal)
}

fn text_of(value: Value) -> Result<String, Error> {
    match value {
        Value::Enum(OptionEnum::Some(value)) => Ok(value.value.into_owned()),
        _ => Err(unknown()),
    }
}

fn interval(text: &str) -> Result<PgInterval, Error> {
    let interval = Interval::parse(text).ok_or_else(unknown)?;
    Ok(PgInterval {
        months: interval.months(),
        days: interval.days(),
        microseconds: interval.microseconds(),
    })
}

fn network(text: &str) -> Result<IpNet, Error> {
    NetworkAddress::parse(text)
        .map(NetworkAddress::inner)
        .ok_or_else(unknown)
}

/// A value that no column type writes.
fn unknown() -> Error {
    Error::internal("a value of a type that no column has")
}
