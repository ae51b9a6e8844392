//! One condition of a filter, and its SQL.

use sea_query::{Alias, ArrayType, Expr, Value};

/// A condition. Cursors are bound to its `Debug` form.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// A comparison of a column.
    Of(&'static str, Comparison),
    /// At least one condition holds.
    Any(Vec<Condition>),
    /// Every condition holds.
    All(Vec<Condition>),
    /// No condition holds. One that SQL cannot decide, because of a null, does not hold.
    None(Vec<Condition>),
}

#[derive(Clone, Debug)]
pub(crate) enum Comparison {
    /// With one value, which may be a list.
    With(Term, Value),
    /// Equal to one of the blind indexes.
    OneOf(Vec<Value>),
    /// Null, or not null.
    IsNull(bool),
    /// Text that begins with this one, in any case.
    StartsWith(String),
    /// Text that contains this one, in any case.
    ContainsText(String),
    /// A document of this language that a query of words finds.
    Search(&'static str, String),
}

/// A comparison with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    Equal,
    NotEqual,
    AtLeast,
    Above,
    AtMost,
    Below,
    InList,
    NotInList,
    /// A list or JSON document that contains the value.
    Contains,
    /// A list that has a common item with the value.
    Overlaps,
    /// A JSON object that has the key.
    HasKey,
}

/// Sorts after every character: the last code point, which is none.
const LAST: &str = "\u{10ffff}";

impl Condition {
    /// The condition on the columns of the table `t`.
    pub(crate) fn expression(self) -> Expr {
        match self {
            Self::Of(column, comparison) => {
                comparison.expression(Expr::col((Alias::new("t"), Alias::new(column))))
            }
            Self::Any(group) => joined(group, " OR "),
            Self::All(group) => joined(group, " AND "),
            Self::None(group) => {
                Expr::cust_with_exprs("(($1) IS NOT TRUE)", [joined(group, " OR ")])
            }
        }
    }
}

/// The conditions of a group, which is not empty.
fn joined(group: Vec<Condition>, between: &str) -> Expr {
    let places: Vec<_> = (1..=group.len()).map(|place| format!("${place}")).collect();
    let text = format!("({})", places.join(between));
    Expr::cust_with_exprs(text, group.into_iter().map(Condition::expression))
}

impl Comparison {
    fn expression(self, column: Expr) -> Expr {
        let with = |text: &'static str, values: Vec<Value>| {
            let values = values.into_iter().map(Expr::val);
            Expr::cust_with_exprs(text, std::iter::once(column).chain(values))
        };

        match self {
            Self::With(term, value) => with(term.text(), vec![value]),
            Self::IsNull(true) => with("($1 IS NULL)", Vec::new()),
            Self::IsNull(false) => with("($1 IS NOT NULL)", Vec::new()),
            Self::OneOf(values) => one_of(with, values),
            // The operators of `text_pattern_ops`, so that an index on `lower(column)` of this
            // class is used in a generic plan too, in which the pattern of a LIKE is unknown.
            Self::StartsWith(prefix) => with(
                "(lower($1) ~>=~ lower($2) AND lower($1) ~<~ (lower($2) || $3))",
                vec![prefix.into(), LAST.into()],
            ),
            Self::ContainsText(part) => with(
                "(lower($1) LIKE lower($2))",
                vec![pattern_within(&part).into()],
            ),
            Self::Search(language, query) => with(
                "($1 @@ websearch_to_tsquery($2::regconfig, $3))",
                vec![language.into(), query.into()],
            ),
        }
    }
}

fn one_of(with: impl FnOnce(&'static str, Vec<Value>) -> Expr, values: Vec<Value>) -> Expr {
    match values.len() {
        0 => Expr::cust("false"),
        1 => with("($1 = $2)", values),
        // Blind indexes under several keys of the ring.
        _ => {
            let items = Value::Array(ArrayType::Bytes, Some(Box::new(values)));
            with("($1 = ANY($2))", vec![items])
        }
    }
}

impl Term {
    fn text(self) -> &'static str {
        match self {
            Self::Equal => "($1 = $2)",
            Self::NotEqual => "($1 IS DISTINCT FROM $2)",
            Self::AtLeast => "($1 >= $2)",
            Self::Above => "($1 > $2)",
            Self::AtMost => "($1 <= $2)",
            Self::Below => "($1 < $2)",
            Self::InList => "($1 = ANY($2))",
            Self::NotInList => "(($1 = ANY($2)) IS NOT TRUE)",
            Self::Contains => "($1 @> $2)",
            Self::Overlaps => "($1 && $2)",
            Self::HasKey => "($1 ? $2)",
        }
    }
}

/// The pattern of LIKE for texts that contain `part`, without wildcards of its own.
fn pattern_within(part: &str) -> String {
    let mut pattern = String::from("%");
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');

    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_escaped() {
        assert_eq!(pattern_within(r"50%_\a"), r"%50\%\_\\a%");
    }
}
