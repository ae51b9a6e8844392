//! The position of a cursor: the sort keys of the last row, as JSON.

use mainstay_kernel::{Date, TimeOfDay, Timestamp, Uuid};
use sea_query::{Enum, OptionEnum, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::Error;

/// The encrypted content of a cursor: the sort keys and the ID of the last row.
#[derive(Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) keys: Vec<Json>,
    pub(crate) id: Uuid,
}

/// Writes a sort key. Floats are written by their bits, because JSON has no `NaN`.
///
/// # Errors
/// [`Error::Internal`] for a value of a type that cannot be sorted.
pub(crate) fn write_key(value: Value) -> Result<Json, Error> {
    Ok(match value {
        Value::Bool(value) => value.into(),
        Value::SmallInt(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::BigInt(value) => value.into(),
        Value::Float(value) => value.map(f32::to_bits).into(),
        Value::Double(value) => value.map(f64::to_bits).into(),
        Value::String(value) => value.into(),
        Value::Decimal(value) => value.map(|it| it.to_string()).into(),
        Value::Bytes(value) => value.map(hex::encode).into(),
        Value::Uuid(value) => value.map(|it| it.to_string()).into(),
        Value::TimeDate(value) => value
            .and_then(Date::from_inner)
            .map(|it| it.to_string())
            .into(),
        Value::TimeTime(value) => value.map(|it| TimeOfDay::from_inner(it).to_string()).into(),
        Value::TimeDateTimeWithTimeZone(value) => {
            value.map(|it| Timestamp::from(it).to_string()).into()
        }
        Value::Enum(OptionEnum::Some(value)) => value.value.into_owned().into(),
        Value::Enum(OptionEnum::None(_)) => Json::Null,
        _ => return Err(Error::internal("a sort key of a type that has no order")),
    })
}

/// Reads a sort key of the type of `null`; `None` if it is null.
///
/// # Errors
/// [`Error::Cursor`] if it is of another type.
pub(crate) fn read_key(key: &Json, null: &Value) -> Result<Option<Value>, Error> {
    if key.is_null() {
        return Ok(None);
    }

    of_type(key, null).ok_or(Error::Cursor).map(Some)
}

fn of_type(key: &Json, null: &Value) -> Option<Value> {
    Some(match null {
        Value::Bool(_) => key.as_bool()?.into(),
        Value::SmallInt(_) => i16::try_from(key.as_i64()?).ok()?.into(),
        Value::Int(_) => i32::try_from(key.as_i64()?).ok()?.into(),
        Value::BigInt(_) => key.as_i64()?.into(),
        Value::Float(_) => f32::from_bits(key.as_u64()?.try_into().ok()?).into(),
        Value::Double(_) => f64::from_bits(key.as_u64()?).into(),
        Value::String(_) => key.as_str()?.into(),
        Value::Decimal(_) => Value::Decimal(Some(key.as_str()?.parse().ok()?)),
        Value::Bytes(_) => hex::decode(key.as_str()?).ok()?.into(),
        Value::Uuid(_) => key.as_str()?.parse::<Uuid>().ok()?.into(),
        Value::TimeDate(_) => Date::parse(key.as_str()?)?.inner().into(),
        Value::TimeTime(_) => TimeOfDay::parse(key.as_str()?)?.inner().into(),
        Value::TimeDateTimeWithTimeZone(_) => Timestamp::parse(key.as_str()?).ok()?.inner().into(),
        Value::Enum(OptionEnum::None(name)) => {
            let (type_name, value) = (name.clone(), key.as_str()?.to_owned().into());
            Value::Enum(OptionEnum::Some(Box::new(Enum { type_name, value })))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scalar;

    fn again<T: Scalar>(value: T) -> Value {
        let key = write_key(value.bound()).unwrap();
        read_key(&key, &T::null_value()).unwrap().unwrap()
    }

    #[test]
    fn a_key_keeps_its_value() {
        assert_eq!(again(f64::MIN_POSITIVE), Value::from(f64::MIN_POSITIVE));
        assert_eq!(again(i64::MIN), Value::from(i64::MIN));
        assert_eq!(again(Timestamp::MAX), Timestamp::MAX.bound());
        assert_eq!(again("•".to_owned()), Value::from("•"));
        assert_eq!(again(Date::MIN), Date::MIN.bound());
        assert!(matches!(again(f32::NAN), Value::Float(Some(read)) if read.is_nan()));
    }

    #[test]
    fn a_key_of_another_type_is_refused() {
        let wrong = read_key(&"x".into(), &i64::null_value());
        assert!(matches!(wrong, Err(Error::Cursor)));
        assert!(matches!(
            read_key(&Json::Null, &i64::null_value()),
            Ok(None)
        ));
    }
}
