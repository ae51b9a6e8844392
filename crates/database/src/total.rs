//! How many rows a listing has.

use sea_query::{Expr, PostgresQueryBuilder, SelectStatement, Values};

use crate::statement::Statement;

/// The largest number that is counted exactly.
const MOST: i64 = 10_000;

/// The number of rows that match the filter of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The number of rows, at most 10,000.
    pub count: u64,
    /// Whether it is the number of rows that match. Otherwise there are more than 10,000; or, for
    /// a filter by sealed values, perhaps fewer, because a truncated blind index finds a few rows
    /// too many.
    pub exact: bool,
}

/// Adds the number of matching rows as the last column of a page. `matching` selects the rows; its
/// parameters are those that the page begins with.
pub(crate) fn counting(mut page: SelectStatement, matching: SelectStatement) -> SelectStatement {
    let (text, _) = counted(matching);
    page.expr(Expr::cust(format!("({text})")));
    page
}

/// The statement that counts the rows that `matching` selects.
pub(crate) fn count_of(name: &'static str, matching: SelectStatement) -> Statement {
    let (text, values) = counted(matching);
    Statement::new(name, text, values.0)
}

/// Like the size of a page, the limit is not a parameter, because the plan depends on it.
fn counted(matching: SelectStatement) -> (String, Values) {
    let (text, values) = matching.build(PostgresQueryBuilder);
    let more = MOST + 1;
    (
        format!("SELECT count(*) FROM ({text} LIMIT {more}) AS counted"),
        values,
    )
}

impl Total {
    /// The total of a count up to [`MOST`] and one. `confirmed` says that no row was sorted out
    /// after it was read.
    pub(crate) fn of(count: i64, confirmed: bool) -> Self {
        Self {
            count: count.min(MOST).unsigned_abs(),
            exact: confirmed && count <= MOST,
        }
    }

    /// The exact total of rows that have all been read.
    pub(crate) fn all_of(rows: usize) -> Self {
        Self {
            count: u64::try_from(rows).unwrap_or(u64::MAX),
            exact: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_exact_up_to_its_limit() {
        let of = |count| Total::of(count, true);
        assert_eq!((of(0).count, of(0).exact), (0, true));
        assert_eq!((of(MOST).count, of(MOST).exact), (10_000, true));
        assert_eq!((of(MOST + 1).count, of(MOST + 1).exact), (10_000, false));
        assert!(!Total::of(3, false).exact);
    }
}
