//! Facts that were verified before a change and must still hold when it is made.
//!
//! Between a check (of a password, a factor, a role) and the statement that acts on it, the fact
//! may change. So the statement repeats the verified facts as conditions on rows that it locks: it
//! waits for concurrent changes of these rows, and then checks the result (PostgreSQL manual,
//! 13.2.1).

use sea_query::Value;

/// A verified fact: a row with certain values. The row is locked, so the fact holds until the
/// change is committed.
#[derive(Clone, Debug)]
pub struct Precondition {
    rows: &'static str,
    lock: &'static str,
    values: Vec<Value>,
}

impl Precondition {
    /// `rows` follows `SELECT FROM`, has `?` for each of `values`, and selects at most one row.
    /// `lock` is the locking clause, such as `FOR SHARE`. It must conflict with the statements that
    /// make the fact untrue. It must also be at least as strong as any lock that the change takes
    /// on the row later, or two such changes deadlock.
    pub fn new(
        rows: &'static str,
        lock: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Self {
        Self {
            rows,
            lock,
            values: values.into_iter().collect(),
        }
    }

    /// The account has this data key, which cannot be replaced meanwhile.
    pub(crate) fn data_key(account: mainstay_kernel::Uuid, key: i64) -> Self {
        Self::new(
            "mainstay.users WHERE id = ? AND data_key = ?",
            "FOR KEY SHARE",
            [account.into(), key.into()],
        )
    }
}

/// The CTE clauses that end in `held`, which has a row if all preconditions hold. Rows are locked
/// in the order of `preconditions`. Their values are appended to `values`.
pub(crate) fn held(preconditions: Vec<Precondition>, values: &mut Vec<Value>) -> String {
    if preconditions.is_empty() {
        return "held AS (SELECT)".to_owned();
    }

    let last = preconditions.len() - 1;
    let mut clauses = String::new();
    for (number, precondition) in preconditions.into_iter().enumerate() {
        let rows = numbered(precondition.rows, values.len() + 1);
        values.extend(precondition.values);

        let name = if number == last {
            "held".to_owned()
        } else {
            format!("held_{number}")
        };

        let separator = if number == 0 { "" } else { ", " };
        let previous = number
            .checked_sub(1)
            .map(|previous| format!(" AND EXISTS (SELECT FROM held_{previous})"))
            .unwrap_or_default();

        clauses.push_str(&format!(
            "{separator}{name} AS (SELECT FROM {rows}{previous} {lock})",
            lock = precondition.lock
        ));
    }

    clauses
}

/// Replaces each `?` by `$n`, counting from `first`.
fn numbered(text: &str, first: usize) -> String {
    let mut parts = text.split('?');
    let mut numbered = parts.next().unwrap_or_default().to_owned();
    for (offset, part) in parts.enumerate() {
        numbered.push_str(&format!("${}{part}", first + offset));
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preconditions_are_locked_in_their_order() {
        let mut values = vec![Value::from(1)];

        let preconditions = [
            Precondition::new(
                "a WHERE id = ? AND b = ?",
                "FOR SHARE",
                [2.into(), 3.into()],
            ),
            Precondition::new("c WHERE id = ?", "FOR KEY SHARE", [4.into()]),
        ];

        let clauses = held(preconditions.to_vec(), &mut values);
        assert_eq!(
            clauses,
            "held_0 AS (SELECT FROM a WHERE id = $2 AND b = $3 FOR SHARE), \
             held AS (SELECT FROM c WHERE id = $4 AND EXISTS (SELECT FROM held_0) FOR KEY SHARE)"
        );
        assert_eq!(values.len(), 4);
    }

    #[test]
    fn without_preconditions_all_hold() {
        assert_eq!(held(Vec::new(), &mut Vec::new()), "held AS (SELECT)");
    }
}
