//! Keyset pagination: the rows that follow the last row of the previous page.

use mainstay_kernel::Uuid;
use sea_query::{Alias, Expr, ExprTrait as _, SelectStatement, Value};

use crate::{Direction, Error, Sealing, door::uuid, order::Bind, sorting::Position};

/// The sort key of the last row of the previous page.
pub(crate) struct Last {
    /// The value in the sort column; `None` for null.
    value: Option<Value>,
    id: Uuid,
    /// Whether the column may be null.
    nullable: bool,
}

impl Last {
    pub(crate) fn of(
        position: &Position,
        bind: Bind,
        nullable: bool,
        sealing: &Sealing<'_>,
    ) -> Result<Self, Error> {
        let value = bind(position.key.clone(), sealing)?;
        let is_null = nullable && position.key == serde_json::Value::Null;

        Ok(Self {
            value: (!is_null).then_some(value),
            id: position.id,
            nullable,
        })
    }

    /// The condition for the rows after this one. Postgres sorts nulls last in ascending and first
    /// in descending order.
    fn followed_by(self, column: &'static str, direction: Direction) -> Expr {
        let ascending = direction == Direction::Ascending;
        let after = |here: Expr, there: Expr| {
            if ascending {
                here.gt(there)
            } else {
                here.lt(there)
            }
        };

        let (is_null, last) = (of_row(column).is_null(), Expr::val(uuid(self.id)));

        match self.value {
            Some(value) => {
                let here = Expr::tuple([of_row(column), of_row("id")]);
                let rest = after(here, Expr::tuple([Expr::val(value), last]));
                if self.nullable && ascending {
                    rest.or(is_null)
                } else {
                    rest
                }
            }
            None => {
                let rest = is_null.clone().and(after(of_row("id"), last));
                if ascending {
                    rest
                } else {
                    rest.or(is_null.not())
                }
            }
        }
    }
}

/// Adds the order, and the condition for the rows after the previous page.
pub(crate) fn keyset(
    mut select: SelectStatement,
    column: &'static str,
    direction: Direction,
    after: Option<Last>,
) -> SelectStatement {
    if let Some(last) = after {
        select.and_where(last.followed_by(column, direction));
    }

    let direction = match direction {
        Direction::Ascending => sea_query::Order::Asc,
        Direction::Descending => sea_query::Order::Desc,
    };

    select
        .order_by_expr(of_row(column), direction.clone())
        .order_by_expr(of_row("id"), direction);

    select
}

fn of_row(column: &'static str) -> Expr {
    Expr::col((Alias::new("t"), Alias::new(column)))
}
