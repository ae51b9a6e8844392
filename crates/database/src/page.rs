use mainstay_access::Permission;
use mainstay_crypto::{Indexed, Sealed};
use mainstay_kernel::{Id, Uuid};
use sea_query::{Alias, Expr, ExprTrait as _, JoinType, PostgresQueryBuilder, Query, SelectStatement, Value};
use sea_query_sqlx::SqlxBinder as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Column, Cursor, Door, Entity, Error, Field, Indexable, Limit, Sealing,
    door::{texts, uuid},
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

/// Which rows a listing holds. A filter without a value is no filter.
pub struct Filter<E> {
    conditions: Vec<Box<dyn Fn(&Sealing<'_>) -> Result<Condition, Error> + Send + Sync>>,
    /// Asked of each row once its seals are open: a blind index finds a few rows too many.
    confirmations: Vec<Box<dyn Fn(&E) -> bool + Send + Sync>>,
}

struct Condition {
    column: &'static str,
    comparison: Comparison,
    values: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    /// Equal to one of the values.
    OneOf,
    /// An array that contains the value.
    Contains,
    /// At or after the value.
    AtLeast,
    /// Before the value.
    Below,
}

impl<E: Entity> Filter<E> {
    /// Every row of the organization.
    pub fn all() -> Self {
        Self { conditions: Vec::new(), confirmations: Vec::new() }
    }

    /// Rows whose `field` is `value`.
    #[must_use]
    pub fn equal<V: Column + Send + Sync + 'static>(self, field: Field<E, V>, value: Option<V>) -> Self {
        self.compare(field, Comparison::OneOf, value)
    }

    /// Rows whose `field` is `value` or greater.
    #[must_use]
    pub fn at_least<V: Column + Send + Sync + 'static>(self, field: Field<E, V>, value: Option<V>) -> Self {
        self.compare(field, Comparison::AtLeast, value)
    }

    /// Rows whose `field` is less than `value`.
    #[must_use]
    pub fn below<V: Column + Send + Sync + 'static>(self, field: Field<E, V>, value: Option<V>) -> Self {
        self.compare(field, Comparison::Below, value)
    }

    /// Rows whose array `field` contains `value`.
    #[must_use]
    pub fn contains(self, field: Field<E, Vec<String>>, value: Option<String>) -> Self {
        self.compare(field, Comparison::Contains, value.map(|value| vec![value]))
    }

    /// Rows whose sealed `field` is `value`, found through the field's blind index.
    #[must_use]
    pub fn matches<V>(mut self, field: Field<E, V>, value: Option<V>) -> Self
    where
        V: Indexable + Clone + Send + Sync + 'static,
    {
        if let (Some(value), Some(index)) = (value, field.blind_index) {
            let sought = value.clone();
            self.conditions.push(Box::new(move |sealing| {
                let values = (index.find)(&value, sealing, index.column, index.length);
                Ok(Condition { column: index.column, comparison: Comparison::OneOf, values })
            }));
            self.confirmations.push(Box::new(move |row| (field.get)(row).is_same(&sought)));
        }
        self
    }

    fn compare<V>(mut self, field: Field<E, V>, comparison: Comparison, value: Option<V>) -> Self
    where
        V: Column + Send + Sync + 'static,
    {
        if let Some(value) = value {
            self.conditions.push(Box::new(move |sealing| {
                let values = vec![value.write(sealing, field.column)?];
                Ok(Condition { column: field.column, comparison, values })
            }));
        }
        self
    }

    fn resolve(&self, sealing: &Sealing<'_>) -> Result<Vec<Condition>, Error> {
        self.conditions.iter().map(|condition| condition(sealing)).collect()
    }
}

impl Condition {
    fn expression(self) -> Expr {
        let column = Expr::col((Alias::new("t"), Alias::new(self.column)));
        let mut values = self.values.into_iter();
        let Some(value) = values.next() else { return Expr::val(false) };
        match self.comparison {
            Comparison::OneOf => column.is_in(std::iter::once(value).chain(values)),
            Comparison::AtLeast => column.gte(value),
            Comparison::Below => column.lt(value),
            Comparison::Contains => column.binary(sea_query::extension::postgres::PgBinOper::Contains, value),
        }
    }
}

/// Which way a listing runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest or oldest first.
    Ascending,
    /// Largest or newest first.
    Descending,
}

/// In which order a listing comes. Rows that are alike come in the order of their ids.
pub struct Order<E> {
    name: &'static str,
    direction: Direction,
    by: By<E>,
}

enum By<E> {
    /// A column that the database sorts by.
    Column { key: KeyOf<E>, bind: Bind },
    /// A sealed field: the database cannot see its order, so the matching rows are sorted here.
    Sealed { key: KeyOf<E> },
}

/// Makes a cursor's key a value to compare the column with.
type Bind = fn(serde_json::Value, &Sealing<'_>) -> Result<Value, Error>;

type KeyOf<E> = Box<dyn Fn(&E) -> Result<serde_json::Value, Error> + Send + Sync>;

impl<E: Entity> Order<E> {
    /// By a column that is not sealed. There should be an index on organization, column and id.
    pub fn by<V>(field: Field<E, V>, direction: Direction) -> Self
    where
        V: Column + Serialize + DeserializeOwned + 'static,
    {
        let key = Box::new(move |row: &E| serde_json::to_value((field.get)(row)).map_err(Error::internal));
        let bind: Bind = |key, sealing| {
            let value: V = serde_json::from_value(key).map_err(|_| Error::Cursor)?;
            value.write(sealing, "")
        };
        Self { name: field.column, direction, by: By::Column { key, bind } }
    }

    /// By the normalised value of a sealed field. A database that cannot read a name cannot sort by it either, and an
    /// index that kept the order would tell a thief most of the names; so up to 5,000 matching rows are sorted in
    /// memory, and more are refused with [`Error::TooManyToSort`].
    pub fn by_sealed<T: Indexed + 'static>(field: Field<E, Sealed<T>>, direction: Direction) -> Self {
        let key = Box::new(move |row: &E| Ok((field.get)(row).sort_key().as_str().into()));
        Self { name: field.column, direction, by: By::Sealed { key } }
    }
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
        select.limit(wanted as u64 + 1);
        let (text, values) = select.build_sqlx(PostgresQueryBuilder);
        let rows = self.database().read(Statement::new(texts::<E>().names.page, text, values.0.0)).await?;
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
        items.retain(|row| filter.confirmations.iter().all(|confirmed| confirmed(row)));
        Ok(Page { items, next })
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
        let filters: Vec<_> = conditions.iter().map(|it| (it.column, &it.comparison, &it.values)).collect();
        format!("{} {} {} {:?} {filters:?}", self.organization(), E::TABLE, order.name, order.direction)
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
