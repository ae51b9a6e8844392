//! Whether the times of records go with their order.
//!
//! Records are sealed in the order of their transactions, and the schema holds each to the database's clock as it is written.
//! One that says it is older than what was sealed before it was written later than it says.

use mainstay_kernel::Uuid;
use time::{Duration, PrimitiveDateTime, format_description::well_known::Iso8601};

use super::finding::Finding;
use crate::record::Record;

/// How far times may go back from one leaf to a later one: the clocks of replicas (five minutes late, one early), and
/// what a transaction takes between its first record and its last.
const APART: Duration = Duration::minutes(10);

/// How far a record's id and its moment may be apart.
const ID_APART: Duration = Duration::minutes(1);

/// Holds records to their order, one after the other.
pub(super) struct Dates {
    from: u64,
    latest: Option<PrimitiveDateTime>,
}

impl Dates {
    /// Records before the index `from` are not looked at.
    pub(super) fn new(from: u64) -> Self {
        Self { from, latest: None }
    }

    /// Looks at the next record.
    ///
    /// # Errors
    /// [`Finding::Misdated`].
    pub(super) fn check(&mut self, index: u64, record: &Record) -> Result<(), Finding> {
        if index < self.from {
            return Ok(());
        }

        let said = record.get("occurred_at").unwrap_or_default();
        let misdated = |why: String| {
            let (id, occurred_at) = (record.id().to_owned(), said.to_owned());
            Finding::Misdated {
                index,
                id,
                occurred_at,
                why,
            }
        };

        let moment = PrimitiveDateTime::parse(said, &Iso8601::PARSING)
            .map_err(|_| misdated("which is no moment".to_owned()))?;
        let made =
            made(record.id()).ok_or_else(|| misdated("and its id has no time".to_owned()))?;
        if (made - moment).abs() > ID_APART {
            return Err(misdated(format!("and its id is of {made}")));
        }

        match self.latest {
            Some(latest) if moment < latest - APART => {
                Err(misdated(format!("and was sealed behind one of {latest}")))
            }
            _ => {
                self.latest = self.latest.max(Some(moment));
                Ok(())
            }
        }
    }
}

/// When an id was made (RFC 9562 §5.7).
fn made(id: &str) -> Option<PrimitiveDateTime> {
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

    /// A record of some seconds after the start, whose id was made some others after it.
    fn record(said: i64, made: i64) -> Record {
        let start = PrimitiveDateTime::new(
            time::macros::date!(2025 - 11 - 29),
            time::macros::time!(5:00),
        );
        let moment = start + Duration::seconds(said);
        let milliseconds = START.checked_add_signed(i128::from(made) * 1_000).unwrap();
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
    fn times_go_back_by_as_much_as_clocks_and_transactions_do() {
        assert_eq!(
            verdict(&[record(600, 600), record(0, 0), record(601, 600)], 0),
            Ok(())
        );
        assert_eq!(verdict(&[record(601, 601), record(0, 0)], 0), Err(1));
        assert_eq!(
            verdict(&[record(300, 300), record(400, 400), record(-201, -201)], 0),
            Err(2)
        );

        // One of the future is told by the next.
        assert_eq!(
            verdict(&[record(0, 0), record(86_400, 86_400), record(1, 1)], 0),
            Err(2)
        );
    }

    #[test]
    fn an_id_is_of_the_moment_that_its_record_says() {
        assert_eq!(verdict(&[record(60, 0), record(0, 60)], 0), Ok(()));
        assert_eq!(verdict(&[record(61, 0)], 0), Err(0));
        assert_eq!(verdict(&[record(0, 61)], 0), Err(0));
    }

    #[test]
    fn what_is_known_to_be_misdated_may_be_passed_over() {
        let records = [record(86_400, 86_400), record(0, 0), record(1, 1)];
        assert_eq!(verdict(&records, 0), Err(1));
        assert_eq!(verdict(&records, 1), Ok(()));
    }
}
