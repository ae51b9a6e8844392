//! Keyset pagination: the rows that follow the last row of the previous page.

use mainstay_kernel::Uuid;
use sea_query::{Alias, Expr, NullOrdering, SelectStatement, Value};

use crate::{
    Direction, Entity, Error,
    door::uuid,
    order::{Nulls, SortKey},
    position::{Position, read_key},
};

/// The sort keys of the last row of the previous page.
pub(crate) struct Last {
    /// A value for each column; `None` for null.
    values: Vec<Option<Value>>,
    id: Uuid,
}

impl Last {
    /// Reads the position of a cursor.
    ///
    /// # Errors
    /// [`Error::Cursor`] if it does not belong to the order.
    pub(crate) fn of<E: Entity>(position: &Position, keys: &[SortKey<E>]) -> Result<Self, Error> {
        if position.keys.len() != keys.len() {
            return Err(Error::Cursor);
        }

        let values = keys
            .iter()
            .zip(&position.keys)
            .map(|(key, value)| read_key(value, &(key.null)()))
            .collect::<Result<_, _>>()?;

        Ok(Self {
            values,
            id: position.id,
        })
    }
}

/// Adds the order, and the condition for the rows after the previous page.
pub(crate) fn keyset<E: Entity>(
    mut select: SelectStatement,
    keys: &[SortKey<E>],
    after: Option<Last>,
) -> SelectStatement {
    if let Some(last) = after {
        select.and_where(following(keys, &last.values, last.id));
    }

    for key in keys {
        let (column, order) = (of_row(key.column), order(key.direction));
        match (key.direction, key.nulls) {
            // What Postgres does of its own.
            (Direction::Ascending, Nulls::Last) | (Direction::Descending, Nulls::First) => {
                select.order_by_expr(column, order);
            }
            (_, Nulls::First) => {
                select.order_by_expr_with_nulls(column, order, NullOrdering::First);
            }
            (_, Nulls::Last) => {
                select.order_by_expr_with_nulls(column, order, NullOrdering::Last);
            }
        }
    }

    select.order_by_expr(of_row("id"), order(last_direction(keys)));

    select
}

/// The rows after the one with these values and this ID.
///
/// Columns in one direction, none of which is nullable, are compared as a row, for which Postgres
/// goes to the place in an index. Otherwise, a row follows if its first column does, or if that is
/// equal and the rest follows.
fn following<E: Entity>(keys: &[SortKey<E>], values: &[Option<Value>], id: Uuid) -> Expr {
    let (Some(key), Some(value)) = (keys.first(), values.first()) else {
        return row_after(keys, values, id, Direction::Ascending);
    };

    let direction = last_direction(keys);
    if keys
        .iter()
        .all(|key| !key.nullable && key.direction == direction)
    {
        return row_after(keys, values, id, direction);
    }

    let rest = if keys.len() == 1 {
        row_after::<E>(&[], &[], id, direction)
    } else {
        following(&keys[1..], &values[1..], id)
    };

    first_or_rest(key, value.clone(), rest)
}

/// The columns and the ID, compared as a row.
fn row_after<E: Entity>(
    keys: &[SortKey<E>],
    values: &[Option<Value>],
    id: Uuid,
    direction: Direction,
) -> Expr {
    let columns = keys.iter().map(|key| of_row(key.column));
    let here = Expr::tuple(columns.chain([of_row("id")]));
    let values = values.iter().flatten().cloned().map(Expr::val);
    let there = Expr::tuple(values.chain([Expr::val(uuid(id))]));

    match direction {
        Direction::Ascending => Expr::cust_with_exprs("($1 > $2)", [here, there]),
        Direction::Descending => Expr::cust_with_exprs("($1 < $2)", [here, there]),
    }
}

/// The rows whose column follows, and those whose column is equal and the rest follows.
fn first_or_rest<E: Entity>(key: &SortKey<E>, value: Option<Value>, rest: Expr) -> Expr {
    let nulls_follow = key.nullable && key.nulls == Nulls::Last;
    let column = of_row(key.column);

    let Some(value) = value else {
        let text = match key.nulls {
            Nulls::First => "($1 IS NOT NULL OR ($1 IS NULL AND $2))",
            Nulls::Last => "($1 IS NULL AND $2)",
        };
        return Expr::cust_with_exprs(text, [column, rest]);
    };

    // The first comparison is implied by the others; Postgres finds the place in an index by it.
    let text = match (key.direction, nulls_follow) {
        (Direction::Ascending, false) => "($1 >= $2 AND ($1 > $2 OR ($1 = $2 AND $3)))",
        (Direction::Descending, false) => "($1 <= $2 AND ($1 < $2 OR ($1 = $2 AND $3)))",
        (Direction::Ascending, true) => "($1 > $2 OR ($1 = $2 AND $3) OR $1 IS NULL)",
        (Direction::Descending, true) => "($1 < $2 OR ($1 = $2 AND $3) OR $1 IS NULL)",
    };

    Expr::cust_with_exprs(text, [column, Expr::val(value), rest])
}

/// The direction of the ID.
fn last_direction<E: Entity>(keys: &[SortKey<E>]) -> Direction {
    keys.last()
        .map_or(Direction::Ascending, |key| key.direction)
}

fn order(direction: Direction) -> sea_query::Order {
    match direction {
        Direction::Ascending => sea_query::Order::Asc,
        Direction::Descending => sea_query::Order::Desc,
    }
}

fn of_row(column: &'static str) -> Expr {
    Expr::col((Alias::new("t"), Alias::new(column)))
}
