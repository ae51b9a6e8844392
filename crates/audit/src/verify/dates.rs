//! Checks that the times of records match their order.
//!
//! Records are sealed in the order of their transactions, and the schema compares each with the
//! database's clock when it is written. A record that is older than those sealed before it was
//! backdated.

use mainstay_kernel::Uuid;
use time::{Duration, PrimitiveDateTime, format_description::well_known::Iso8601};

use super::finding::Finding;
use crate::record::Record;

/// How far times may go back between leaves, because the clocks of replicas differ (up to five
/// minutes late, one early) and transactions take time.
const MAX_BACKWARD: Duration = Duration::minutes(10);

/// Maximum difference between the time in a record's ID and its timestamp.
const MAX_ID_DIFFERENCE: Duration = Duration::minutes(1);

/// Checks the times of records in the order of their leaves.
pub(super) struct Dates {
    from: u64,
    latest: Option<PrimitiveDateTime>,
}

impl Dates {
    /// Skips records before the index `from`.
    pub(super) fn new(from: u64) -> Self {
        Self { from, latest: None }
    }

    /// Checks the next record.
    ///
    /// # Errors
    /// [`Finding::Misdated`].
    pub(super) fn check(&mut self, index: u64, record: &Record) -> Result<(), Finding> {
        if index < self.from {
            return Ok(());
        }

        let occurred_at = record.get("occurred_at").unwrap_or_default();
        let misdated = |why: String| Finding::Misdated {
            index,
            id: record.id().to_owned(),
            occurred_at: occurred_at.to_owned(),
            why,
        };

        let moment = PrimitiveDateTime::parse(occurred_at, &Iso8601::PARSING)
            .map_err(|_| misdated("which is not a valid time".to_owned()))?;
        let created = time_of_id(record.id())
            .ok_or_else(|| misdated("but its ID contains no time".to_owned()))?;
        if (created - moment).abs() > MAX_ID_DIFFERENCE {
            return Err(misdated(format!("but its ID is of {created}")));
        }

        match self.latest {
            Some(latest) if moment < latest - MAX_BACKWARD => Err(misdated(format!(
                "but was sealed after a record of {latest}"
            ))),
            _ => {
                self.latest = self.latest.max(Some(moment));
                Ok(())
            }
        }
    }
}

/// The time in an ID (RFC 9562 §5.7).
fn time_of_id(id: &str) -> Option<PrimitiveDateTime> {
    let milliseconds = id.parse::<Uuid>().ok()?.as_u128() >> 80;
    let since = Duration::milliseconds(i64::try_from(milliseconds).ok()?);
    let start = PrimitiveDateTime::new(
        time::Date::from_ordinal_date(1970, 1).ok()?,
        time::Time::MIDNIGHT,
    );

    start.checked_add(since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::FIELDS;

    const START: u128 = 1_764_392_400_000;

    /// A record whose timestamp and ID are these numbers of seconds after the start.
    fn record(occurred: i64, created: i64) -> Record {
        let start = PrimitiveDateTime::new(
            time::macros::date!(2025 - 11 - 29),
            time::macros::time!(5:00),
        );
        let moment = start + Duration::seconds(occurred);
        let milliseconds = START
            .checked_add_signed(i128::from(created) * 1_000)
            .unwrap();

        let mut columns = [const { None }; FIELDS.len()];
        columns[0] = Some(Uuid::from_u128(milliseconds << 80).to_string());
        columns[1] = Some(moment.format(&Iso8601::DATE_TIME).unwrap().replace('Z', ""));
        Record::new(columns)
    }

    fn verdict(records: &[Record], from: u64) -> Result<(), u64> {
        let mut dates = Dates::new(from);
        records
            .iter()
            .zip(0..)
            .try_for_each(|(record, index)| dates.check(index, record).map_err(|_| index))
    }

    #[test]
    fn times_may_go_back_only_by_the_allowed_amount() {
        assert_eq!(
            verdict(&[record(600, 600), record(0, 0), record(601, 600)], 0),
            Ok(())
        );
        assert_eq!(verdict(&[record(601, 601), record(0, 0)], 0), Err(1));
        assert_eq!(
            verdict(&[record(300, 300), record(400, 400), record(-201, -201)], 0),
            Err(2)
        );

        // A record dated in the future is detected by the next one.
        assert_eq!(
            verdict(&[record(0, 0), record(86_400, 86_400), record(1, 1)], 0),
            Err(2)
        );
    }

    #[test]
    fn the_id_must_match_the_timestamp() {
        assert_eq!(verdict(&[record(60, 0), record(0, 60)], 0), Ok(()));
        assert_eq!(verdict(&[record(61, 0)], 0), Err(0));
        assert_eq!(verdict(&[record(0, 61)], 0), Err(0));
    }

    #[test]
    fn known_misdated_records_can_be_skipped() {
        let records = [record(86_400, 86_400), record(0, 0), record(1, 1)];
        assert_eq!(verdict(&records, 0), Err(1));
        assert_eq!(verdict(&records, 1), Ok(()));
    }
}
