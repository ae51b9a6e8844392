use mainstay_access::Permission;
use mainstay_kernel::{Id, Uuid};
use sea_query::{Alias, Expr, ExprTrait as _, JoinType, PostgresQueryBuilder, Query, SelectStatement, Value};
use sea_query_sqlx::SqlxBinder as _;
use serde::{Deserialize, Serialize};

use crate::{
    Cursor, Direction, Door, Entity, Error, Filter, Limit, Order,
    audit::{COLUMNS, WIDTH, placeholders},
    door::{texts, uuid},
    filter::Condition,
    order::{By, KeyOf},
    statement::Statement,
    texts::sealed,
};

/// How many rows are sorted in memory at most, where the order is by a sealed field.
const MOST_SORTED: usize = 5_000;

/// One page of a listing.
#[derive(Debug)]
pub struct Page<E> {
    /// The rows, in order.
    pub items: Vec<E>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<Cursor>,
}

/// What a cursor holds under its seal: the last row's key and id.
#[derive(Serialize, Deserialize)]
struct Position {
    key: serde_json::Value,
    id: Uuid,
}

impl<P: Permission> Door<P> {
    /// One page of the caller's organization's rows, in one round trip.
    ///
    /// # Errors
    /// [`Error::Cursor`] when the cursor was not made for this listing, [`Error::TooManyToSort`] when a sealed order
    /// matches too many rows.
    pub async fn page<E: Entity>(
        &self,
        filter: Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
    ) -> Result<Page<E>, Error> {
        self.read_page(filter, order, limit, after, None).await
    }

    /// [`page`](Self::page), which leaves a record of having been read: for what nobody should read unseen. The record is
    /// written by the statement that reads; without it nothing is shown. `asked` says what was asked for, and stands in
    /// the log: no personal value belongs in it.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub async fn page_on_record<E: Entity>(
        &self,
        filter: Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
        asked: serde_json::Value,
    ) -> Result<Page<E>, Error> {
        self.read_page(filter, order, limit, after, Some(asked)).await
    }

    async fn read_page<E: Entity>(
        &self,
        filter: Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
        asked: Option<serde_json::Value>,
    ) -> Result<Page<E>, Error> {
        let sealing = self.sealing::<E>(Uuid::nil(), None);
        let conditions = filter.resolve(&sealing)?;
        let context = self.context::<E>(&conditions, &order);
        let after = after.map(|cursor| self.open(&context, cursor)).transpose()?;
        let mut select = self.selection::<E>(conditions);
        let wanted = match &order.by {
            By::Column { bind, .. } => {
                let start = match &after {
                    Some(position) => Some([bind(position.key.clone(), &sealing)?, uuid(position.id)]),
                    None => None,
                };
                keyset(&mut select, &order, start);
                limit.get()
            }
            By::Sealed { .. } => MOST_SORTED,
        };
        let (text, values) = select.build_sqlx(PostgresQueryBuilder);
        // Not bound: how many rows are wanted decides the plan, and Postgres would plan anew each time.
        let text = format!("{text} LIMIT {}", wanted + 1);
        let name = texts::<E>().names.page;
        let rows = match asked {
            None => self.read(Statement::new(name, text, values.0.0)).await?,
            Some(asked) => self.write(self.on_record::<E>(name, &text, values.0.0, asked)).await?,
        };
        let items = rows.iter().map(|row| self.decode(row)).collect::<Result<Vec<E>, _>>()?;
        let (mut items, more) = match &order.by {
            By::Column { .. } => cut(items, wanted),
            By::Sealed { .. } if items.len() > wanted => return Err(Error::TooManyToSort { most: wanted }),
            By::Sealed { key } => cut(sort(items, key, order.direction, after.as_ref())?, limit.get()),
        };
        let next = match items.last() {
            Some(last) if more => Some(self.seal(&context, &order, last)?),
            _ => None,
        };
        items.retain(|row| filter.confirms(row));
        Ok(Page { items, next })
    }

    /// The statement that reads and writes the record of it.
    fn on_record<E: Entity>(
        &self,
        name: &'static str,
        text: &str,
        mut values: Vec<Value>,
        asked: serde_json::Value,
    ) -> Statement {
        let record = placeholders(values.len() + 1, WIDTH + 1);
        values.extend(self.record_of_all::<E>("listed"));
        values.push(Value::Json(Some(Box::new(asked))));
        let text = format!("WITH recorded AS (INSERT INTO audit_events ({COLUMNS}, after) VALUES ({record})) {text}");
        Statement::new(name, text, values)
    }

    fn selection<E: Entity>(&self, conditions: Vec<Condition>) -> SelectStatement {
        let of = |table: &'static str, column: &'static str| (Alias::new(table), Alias::new(column));
        let mut select = Query::select();
        select.columns(E::COLUMNS.iter().map(|column| of("t", column))).from_as(Alias::new(E::TABLE), Alias::new("t"));
        if sealed::<E>() {
            select.columns(["id", "wrapped", "subject_id"].map(|column| of("k", column))).join_as(
                JoinType::InnerJoin,
                Alias::new("data_keys"),
                Alias::new("k"),
                Expr::col(of("k", "id")).equals(of("t", "data_key")),
            );
        }
        select.and_where(Expr::col(of("t", "organization_id")).eq(uuid(self.organization())));
        for condition in conditions {
            select.and_where(condition.expression());
        }
        select
    }

    /// What a cursor is bound to: another organization, table, order or filter does not open it.
    fn context<E: Entity>(&self, conditions: &[Condition], order: &Order<E>) -> String {
        format!("{} {} {} {:?} {conditions:?}", self.organization(), E::TABLE, order.name, order.direction)
    }

    fn open(&self, context: &str, cursor: &Cursor) -> Result<Position, Error> {
        let position = self.database().ring().open_cursor(context.as_bytes(), &cursor.0).map_err(|_| Error::Cursor)?;
        serde_json::from_slice(&position).map_err(|_| Error::Cursor)
    }

    fn seal<E: Entity>(&self, context: &str, order: &Order<E>, last: &E) -> Result<Cursor, Error> {
        let (By::Column { key, .. } | By::Sealed { key }) = &order.by;
        let position = Position { key: key(last)?, id: last.id().uuid() };
        let position = serde_json::to_vec(&position).map_err(Error::internal)?;
        let ring = self.database().ring();
        Ok(Cursor(ring.seal_cursor(&self.runtime().random, context.as_bytes(), &position)))
    }
}

/// Puts the rows in `order`, behind `start` where there is one.
fn keyset<E>(select: &mut SelectStatement, order: &Order<E>, start: Option<[Value; 2]>) {
    let column = |name| Expr::col((Alias::new("t"), Alias::new(name)));
    if let Some(start) = start {
        let here = Expr::tuple([column(order.name), column("id")]);
        let there = Expr::tuple(start.map(Expr::val));
        select.and_where(match order.direction {
            Direction::Ascending => here.gt(there),
            Direction::Descending => here.lt(there),
        });
    }
    let direction = match order.direction {
        Direction::Ascending => sea_query::Order::Asc,
        Direction::Descending => sea_query::Order::Desc,
    };
    select.order_by_expr(column(order.name), direction.clone()).order_by_expr(column("id"), direction);
}

/// Sorts rows by their keys and drops those up to `after`.
fn sort<E: Entity>(
    items: Vec<E>,
    key: &KeyOf<E>,
    direction: Direction,
    after: Option<&Position>,
) -> Result<Vec<E>, Error> {
    let mut keyed = Vec::with_capacity(items.len());
    for row in items {
        keyed.push(((key(&row)?.as_str().unwrap_or_default().to_owned(), row.id()), row));
    }
    if let Some(position) = after {
        let start = (position.key.as_str().ok_or(Error::Cursor)?.to_owned(), Id::from(position.id));
        keyed.retain(|(place, _)| match direction {
            Direction::Ascending => *place > start,
            Direction::Descending => *place < start,
        });
    }
    keyed.sort_by(|(one, _), (other, _)| match direction {
        Direction::Ascending => one.cmp(other),
        Direction::Descending => other.cmp(one),
    });
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

/// The first `wanted` items, and whether there were more.
fn cut<E>(mut items: Vec<E>, wanted: usize) -> (Vec<E>, bool) {
    let more = items.len() > wanted;
    items.truncate(wanted);
    (items, more)
}
