//! A record of the audit log as it is sealed: every column in the text form that Postgres gives it.

use mainstay_database::{Error, Row, Uuid};
use mainstay_kernel::Timestamp;
use serde_json::{Map, Value};

use crate::tree::{Hash, leaf_hash};

/// The first byte of the canonical form. Whoever adds a column makes another version.
const VERSION: u8 = 1;

/// The columns, in the order of the canonical form.
pub const FIELDS: [&str; 14] = [
    "id",
    "occurred_at",
    "organization_id",
    "actor_id",
    "session_id",
    "action",
    "operation",
    "resource",
    "resource_id",
    "request_id",
    "address",
    "before",
    "after",
    "transaction_id",
];

/// What a statement selects of `e` to read a [`Record`], in the order of [`FIELDS`]. Neither `DateStyle` nor `TimeZone` has
/// a say in it: the moment is as ISO 8601 writes it in UTC, to the microsecond.
macro_rules! record_columns {
    () => {
        "e.id::text, to_jsonb(e.occurred_at AT TIME ZONE 'UTC') #>> '{}', e.organization_id::text, e.actor_id::text, \
         e.session_id::text, e.action, e.operation, e.resource, e.resource_id::text, e.request_id::text, e.address, \
         e.before::text, e.after::text, e.transaction_id::text"
    };
}
pub(crate) use record_columns;

/// A record, column by column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record([Option<String>; FIELDS.len()]);

impl Record {
    /// A record of these columns, in the order of [`FIELDS`].
    pub fn new(columns: [Option<String>; FIELDS.len()]) -> Self {
        Self(columns)
    }

    /// Reads what [`record_columns`] selected, from `position` on; `None` where a join found no record.
    pub(crate) fn read(row: &Row, position: usize) -> Result<Option<Self>, Error> {
        let mut columns = [const { None }; FIELDS.len()];
        for (offset, column) in columns.iter_mut().enumerate() {
            *column = row.get(position + offset)?;
        }
        Ok(columns[0].is_some().then_some(Self(columns)))
    }

    /// The column of this name.
    pub fn get(&self, field: &str) -> Option<&str> {
        let place = FIELDS.iter().position(|name| *name == field)?;
        self.0[place].as_deref()
    }

    /// Its id.
    pub fn id(&self) -> &str {
        self.0[0].as_deref().unwrap_or_default()
    }

    /// The hash of its leaf.
    pub fn leaf(&self) -> Hash {
        leaf_hash(&self.canonical())
    }

    /// The canonical form: a version, then each column as a zero byte where it is null, or else a one, its length in bytes
    /// as eight bytes with the highest first, and its text in UTF-8. No two records have the same.
    fn canonical(&self) -> Vec<u8> {
        let length: usize = self.0.iter().flatten().map(|text| text.len() + 9).sum();
        let mut bytes = Vec::with_capacity(length + FIELDS.len());
        bytes.push(VERSION);

        for column in &self.0 {
            match column {
                None => bytes.push(0),
                Some(text) => {
                    bytes.push(1);
                    bytes.extend((text.len() as u64).to_be_bytes());
                    bytes.extend(text.as_bytes());
                }
            }
        }

        bytes
    }

    /// As an export has it: an object of texts and nulls. What is JSON in the log is a text here, so that its letters stay
    /// as they were sealed.
    pub(crate) fn to_json(&self) -> Value {
        let members = FIELDS
            .iter()
            .zip(&self.0)
            .map(|(name, column)| ((*name).to_owned(), column.clone().into()));
        Value::Object(members.collect())
    }

    /// Reads it back; `None` when a column is missing, another one is there, or one is no text.
    pub(crate) fn from_json(members: &Map<String, Value>) -> Option<Self> {
        let mut columns = [const { None }; FIELDS.len()];
        for (column, name) in columns.iter_mut().zip(FIELDS) {
            *column = match members.get(name)? {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                _ => return None,
            };
        }
        (members.len() == FIELDS.len() && columns[0].is_some()).then_some(Self(columns))
    }
}

/// The lowest id that a record of this moment may have (RFC 9562 §5.7).
pub(crate) fn first_id_of(moment: Timestamp) -> Uuid {
    let milliseconds = moment.inner().unix_timestamp_nanos() / 1_000_000;
    Uuid::from_u128(u128::try_from(milliseconds).unwrap_or(0) << 80)
}

/// The version of the format of exports.
pub(crate) const EXPORT_FORMAT: u64 = 1;

#[cfg(test)]
mod tests {
    use proptest::{array::uniform14, option, prelude::*};

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        uniform14(option::of("[ab\\x01é]{0,3}")).prop_map(Record)
    }

    proptest! {
        /// Whatever differs has another leaf, also where one column ends and the next begins.
        #[test]
        fn no_two_records_have_the_same_form(one in record(), other in record(), at in 0..FIELDS.len() - 1) {
            prop_assert_eq!(one.canonical() == other.canonical(), one == other);
            let mut shifted = one.clone();
            shifted.0.swap(at, at + 1);
            prop_assert_eq!(one.leaf() == shifted.leaf(), one == shifted);
        }

        #[test]
        fn an_export_reads_back_as_it_was(mut record in record()) {
            record.0[0] = Some("id".to_owned());
            let json = record.to_json();
            prop_assert_eq!(Record::from_json(json.as_object().unwrap()), Some(record));
        }
    }

    #[test]
    fn the_form_is_what_the_documentation_says() {
        let mut columns = [const { None }; FIELDS.len()];
        columns[0] = Some("ab".to_owned());
        columns[13] = Some(String::new());
        let mut expected = vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b'];
        expected.extend([0; 12]);
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Record(columns).canonical(), expected);
    }
}
