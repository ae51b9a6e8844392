//! Rows whose data key is not there although their person was not erased: what a restore without `data_keys` leaves.

use crate::{Database, Error, SealedTable, sealed_table::KeyHolder, statement::Statement};

/// How many of a table's oldest and of its newest rows are looked at.
const SAMPLE: usize = 100;

/// What a look at a table's oldest and newest rows found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingKeys {
    /// The table.
    pub table: &'static str,
    /// Rows that name a data key, of those that were looked at.
    pub rows: u64,
    /// Those of them whose data key is not there. An erased row names none.
    pub missing: u64,
}

impl MissingKeys {
    /// Whether that is no accident of one row: at least half of the rows cannot be opened.
    pub fn is_loss(&self) -> bool {
        self.missing > 0 && self.missing * 2 >= self.rows
    }
}

impl Database {
    /// Looks whether rows have their data keys: two hundred of each table at most, the oldest and the newest, by primary
    /// key, so that it costs the same whatever the table's size.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn missing_keys(&self) -> Result<Vec<MissingKeys>, Error> {
        let mut found = Vec::new();
        for table in self.sealed_tables().iter().filter(|table| has_keys(table)) {
            let rows = self
                .read(Statement::new(
                    "data_keys.missing",
                    sample(table),
                    Vec::new(),
                ))
                .await?;

            let row = rows
                .first()
                .ok_or_else(|| Error::internal("a count without conditions has no row"))?;
            let (rows, missing): (i64, i64) = (row.get(0)?, row.get(1)?);
            found.push(MissingKeys {
                table: table.table,
                rows: rows.cast_unsigned(),
                missing: missing.cast_unsigned(),
            });
        }

        Ok(found)
    }
}

/// Whether its rows name data keys themselves.
pub(crate) fn has_keys(table: &SealedTable) -> bool {
    table.key == KeyHolder::Row && table.is_sealed()
}

fn sample(table: &SealedTable) -> String {
    let SealedTable { table, id, .. } = table;
    format!(
        r"
            SELECT count(*), count(*) FILTER (WHERE k.id IS NULL)
            FROM (
                (SELECT {id}, data_key FROM {table} ORDER BY {id} LIMIT {SAMPLE})
                UNION (SELECT {id}, data_key FROM {table} ORDER BY {id} DESC LIMIT {SAMPLE})
            ) sample
            LEFT JOIN mainstay.data_keys k ON k.id = sample.data_key
            WHERE sample.data_key IS NOT NULL
        "
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_is_an_accident_and_half_of_them_a_loss() {
        let of = |rows, missing| {
            MissingKeys {
                table: "customers",
                rows,
                missing,
            }
            .is_loss()
        };
        assert_eq!([of(0, 0), of(200, 0), of(200, 1), of(200, 99)], [false; 4]);
        assert_eq!([of(200, 100), of(1, 1), of(3, 2)], [true; 3]);
    }
}
