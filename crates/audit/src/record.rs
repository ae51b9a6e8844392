//! A record of the audit log in its sealed form: every column as text, as formatted by Postgres.

use mainstay_database::{Error, ExpectedColumn, Fields, FromRow, Uuid};
use mainstay_kernel::Timestamp;
use serde_json::{Map, Value};

use crate::tree::{Hash, leaf_hash};

/// The first byte of the canonical form. Adding a column requires a new version.
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

/// The columns of `e` that a statement selects to read a [`JoinedRecord`], with the names of
/// [`FIELDS`]. The time is formatted as ISO 8601 in UTC with microseconds, independent of
/// `DateStyle` and `TimeZone`.
macro_rules! record_columns {
    () => {
        r"
        e.id::text AS id,
        to_jsonb(e.occurred_at AT TIME ZONE 'UTC') #>> '{}' AS occurred_at,
        e.organization_id::text AS organization_id, e.actor_id::text AS actor_id,
        e.session_id::text AS session_id, e.action, e.operation, e.resource,
        e.resource_id::text AS resource_id, e.request_id::text AS request_id, e.address,
        e.before::text AS before, e.after::text AS after,
        e.transaction_id::text AS transaction_id"
    };
}
pub(crate) use record_columns;

/// A record, column by column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record([Option<String>; FIELDS.len()]);

/// The record that a join found, if any, in the columns of [`record_columns`].
pub(crate) struct JoinedRecord(pub(crate) Option<Record>);

impl Record {
    /// Creates a record of these columns, in the order of [`FIELDS`].
    pub fn new(columns: [Option<String>; FIELDS.len()]) -> Self {
        Self(columns)
    }

    /// The value of a column.
    pub fn get(&self, field: &str) -> Option<&str> {
        let place = FIELDS.iter().position(|name| *name == field)?;
        self.0[place].as_deref()
    }

    /// ID of the record.
    pub fn id(&self) -> &str {
        self.0[0].as_deref().unwrap_or_default()
    }

    /// Hash of the record's leaf.
    pub fn leaf(&self) -> Hash {
        leaf_hash(&self.canonical())
    }

    /// The canonical form: the version, then for each column a 0 byte if it is null, or a 1 byte,
    /// its length as 8 bytes in big-endian order, and its text in UTF-8. Different records have
    /// different forms.
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

    /// The record as exported: an object of strings and nulls. JSON columns are strings, too, so
    /// that they stay byte for byte as they were sealed.
    pub(crate) fn to_json(&self) -> Value {
        let members = FIELDS
            .iter()
            .zip(&self.0)
            .map(|(name, column)| ((*name).to_owned(), column.clone().into()));
        Value::Object(members.collect())
    }

    /// Reads an exported record; `None` if a column is missing, unknown or not a string.
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

impl FromRow for JoinedRecord {
    fn columns(columns: &mut Vec<ExpectedColumn>) {
        columns.extend(FIELDS.map(ExpectedColumn::named::<Option<String>>));
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        let mut columns = [const { None }; FIELDS.len()];
        for column in &mut columns {
            *column = fields.take()?;
        }

        Ok(Self(columns[0].is_some().then_some(Record(columns))))
    }
}

/// The lowest ID of a record of this time (RFC 9562 §5.7).
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
        /// Different records have different leaves, also if text moves from one column to the next.
        #[test]
        fn different_records_have_different_forms(one in record(), other in record(), at in 0..FIELDS.len() - 1) {
            prop_assert_eq!(one.canonical() == other.canonical(), one == other);
            let mut shifted = one.clone();
            shifted.0.swap(at, at + 1);
            prop_assert_eq!(one.leaf() == shifted.leaf(), one == shifted);
        }

        #[test]
        fn an_exported_record_reads_back(mut record in record()) {
            record.0[0] = Some("id".to_owned());
            let json = record.to_json();
            prop_assert_eq!(Record::from_json(json.as_object().unwrap()), Some(record));
        }
    }

    #[test]
    fn the_canonical_form_is_as_documented() {
        let mut columns = [const { None }; FIELDS.len()];
        columns[0] = Some("ab".to_owned());
        columns[13] = Some(String::new());
        let mut expected = vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b'];
        expected.extend([0; 12]);
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Record(columns).canonical(), expected);
    }
}
