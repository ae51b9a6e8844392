//! Finds rows whose data key is missing although the person was not erased, as after a restore
//! without `data_keys`.

use crate::{Database, Error, SealedTable, sealed_table::KeyHolder, statement::Statement};

/// How many of a table's oldest rows, and how many of its newest rows, are checked.
const SAMPLE: usize = 100;

/// The result of checking a table's oldest and newest rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingKeys {
    /// Name of the table.
    pub table: &'static str,
    /// Number of checked rows that refer to a data key. Erased rows do not.
    pub rows: u64,
    /// Number of those rows whose data key is missing.
    pub missing: u64,
}

impl MissingKeys {
    /// Whether keys were lost on a large scale: at least half of the rows cannot be decrypted.
    pub fn is_loss(&self) -> bool {
        self.missing > 0 && self.missing * 2 >= self.rows
    }
}

impl Database {
    /// Checks whether rows have their data keys: at most the hundred oldest and newest of each
    /// table, found by primary key, so that the cost does not depend on the size of the table.
    ///
    /// # Errors
    /// The error of the database.
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
                .ok_or_else(|| Error::internal("the count of missing keys returned no row"))?;
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

/// Whether the rows of the table refer to data keys.
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
                UNION
                (SELECT {id}, data_key FROM {table} ORDER BY {id} DESC LIMIT {SAMPLE})
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
    fn only_half_of_the_rows_or_more_are_a_loss() {
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
