//! Listings, page by page.

use mainstay_access::Permission;
use mainstay_kernel::Uuid;
use sea_query::{
    Alias, Expr, ExprTrait as _, IntoTableRef as _, JoinType, PostgresQueryBuilder, Query,
    SelectStatement, TableRef, Value,
};

use crate::{
    Cursor, Door, Entity, Error, Filter, Limit, Order, Row,
    audit::{ACTOR, COLUMNS, OCCURRED_AT, WIDTH, placeholders},
    door::uuid,
    entity_statements::{sealed, statements},
    filter::Condition,
    keyset::{Last, keyset},
    order::{By, KeyOf},
    page_record::PageRecord,
    sorting::{MOST_SORTED, Position, Sort, cut},
    statement::Statement,
};

/// One page of a listing.
#[derive(Debug)]
pub struct Page<E> {
    /// The rows, in order.
    pub items: Vec<E>,
    /// Cursor of the next page; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<P: Permission> Door<P> {
    /// Reads one page of rows of the caller's organization, in one round trip.
    ///
    /// A page that filters or sorts by sealed values is recorded as `<resource>.searched` or
    /// `<resource>.sorted`, with the columns, and counts against the account's hourly limit.
    /// Sorting runs on blocking threads, a few listings at a time.
    ///
    /// # Errors
    /// [`Error::Cursor`] if the cursor is of another listing, [`Error::TooManyToSort`] if a sealed
    /// order matches too many rows, [`Error::TooManyComparisons`] if the account has filtered or
    /// sorted by sealed values too often, [`Error::Unavailable`] if too many listings are sorted at
    /// once.
    pub async fn page<E: Entity>(
        &self,
        filter: Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
    ) -> Result<Page<E>, Error> {
        self.read_page(filter, order, limit, after, None).await
    }

    /// Like [`page`](Self::page), but always recorded in the audit log, by the same statement.
    /// `asked` has the filters; it is stored in the log permanently, so it must not contain
    /// personal data.
    ///
    /// # Errors
    /// Like [`page`](Self::page).
    pub async fn page_on_record<E: Entity>(
        &self,
        filter: Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
        asked: serde_json::Value,
    ) -> Result<Page<E>, Error> {
        self.read_page(filter, order, limit, after, Some(asked))
            .await
    }

    async fn read_page<E: Entity>(
        &self,
        filter: Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
        asked: Option<serde_json::Value>,
    ) -> Result<Page<E>, Error> {
        self.check_proof(&order)?;

        let sealing = self.sealing::<E>(Uuid::nil(), None);
        let conditions = filter.resolve(&sealing)?;
        let context = self.context::<E>(&conditions, &order);
        let after = after
            .map(|cursor| self.open(&context, cursor))
            .transpose()?;
        let recorded = PageRecord::of(&filter, &order, asked);

        let select = self.selection::<E>(conditions);

        let Order {
            name,
            direction,
            by,
        } = order;
        let (mut items, more, key) = match by {
            By::Column {
                key,
                bind,
                nullable,
            } => {
                let after = match &after {
                    Some(position) => Some(Last::of(position, bind, nullable, &sealing)?),
                    None => None,
                };

                let rows = self
                    .select_page::<E>(
                        keyset(select, name, direction, after),
                        limit.get(),
                        recorded,
                    )
                    .await?;

                let items = rows
                    .iter()
                    .map(|row| self.decode(row))
                    .collect::<Result<Vec<E>, _>>()?;
                let (items, more) = cut(items, limit.get());

                (items, more, key)
            }
            By::Sealed { key, .. } => {
                let turn = self.database().sort_slots().turn().await?;
                let rows = self.select_page::<E>(select, MOST_SORTED, recorded).await?;
                let sort = Sort {
                    key,
                    direction,
                    after,
                    limit: limit.get(),
                };
                turn.page(self.decoder(), rows, sort).await?
            }
        };

        let next = match items.last() {
            Some(last) if more => Some(self.seal(&context, &key, last)?),
            _ => None,
        };
        items.retain(|row| filter.confirms(row));

        Ok(Page { items, next })
    }

    /// Refuses an order by a sealed field with the proof of another caller.
    fn check_proof<E: Entity>(&self, order: &Order<E>) -> Result<(), Error> {
        match &order.by {
            By::Sealed { allowed, .. } if **allowed != **self.principal() => Err(Error::internal(
                "the proof for a sealed order belongs to another caller",
            )),
            _ => Ok(()),
        }
    }

    /// Reads up to `wanted` rows, plus one to show that there are more.
    async fn select_page<E: Entity>(
        &self,
        select: SelectStatement,
        wanted: usize,
        recorded: Option<PageRecord>,
    ) -> Result<Vec<Row>, Error> {
        let (text, values) = select.build(PostgresQueryBuilder);
        // The limit is not a parameter, because the plan depends on it, and Postgres would plan
        // each execution again.
        let text = format!("{text} LIMIT {}", wanted + 1);
        let name = statements::<E>().names.page;

        match recorded {
            None => self.read(Statement::new(name, text, values.0)).await,
            Some(recorded) => {
                self.write(self.on_record::<E>(name, &text, values.0, recorded))
                    .await
            }
        }
    }

    /// The statement that reads a page and records it. A page that compares sealed values is also
    /// counted, and refused above the limit.
    fn on_record<E: Entity>(
        &self,
        name: &'static str,
        text: &str,
        mut values: Vec<Value>,
        recorded: PageRecord,
    ) -> Statement {
        let first = values.len() + 1;
        let record = placeholders(first, WIDTH + 1);
        values.extend(self.record_of_all::<E>(recorded.verb));
        values.push(Value::Json(Some(Box::new(recorded.asked))));

        let admitted = if recorded.compares {
            let (most, account, at) = (first + WIDTH + 1, first + ACTOR, first + OCCURRED_AT);
            values.push(i64::from(self.database().settings().comparisons).into());
            format!("WHERE mainstay.admit_comparison(${account}, ${at}, ${most})")
        } else {
            String::new()
        };

        let text = format!(
            r"
                WITH recorded AS (
                    INSERT INTO mainstay.audit_events ({COLUMNS}, after)
                    SELECT {record}
                    {admitted}
                )
                {text}
            "
        );

        Statement::new(name, text, values)
    }

    fn selection<E: Entity>(&self, conditions: Vec<Condition>) -> SelectStatement {
        let of =
            |table: &'static str, column: &'static str| (Alias::new(table), Alias::new(column));
        let mut select = Query::select();
        select
            .columns(E::COLUMNS.iter().map(|column| of("t", column)))
            .from_as(table(E::TABLE), Alias::new("t"));

        if sealed::<E>() {
            select
                .columns(["id", "wrapped", "subject_id"].map(|column| of("k", column)))
                .join_as(
                    JoinType::InnerJoin,
                    table("mainstay.data_keys"),
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

    /// The context that a cursor is bound to: organization, table, order and filter.
    fn context<E: Entity>(&self, conditions: &[Condition], order: &Order<E>) -> String {
        format!(
            "{} {} {} {:?} {conditions:?}",
            self.organization(),
            E::TABLE,
            order.name,
            order.direction
        )
    }

    fn open(&self, context: &str, cursor: &Cursor) -> Result<Position, Error> {
        let position = self
            .database()
            .ring()
            .open_cursor(context.as_bytes(), &cursor.0)
            .map_err(|_| Error::Cursor)?;
        serde_json::from_slice(&position).map_err(|_| Error::Cursor)
    }

    fn seal<E: Entity>(&self, context: &str, key: &KeyOf<E>, last: &E) -> Result<Cursor, Error> {
        let position = Position {
            key: key(last)?,
            id: last.id().uuid(),
        };
        let position = serde_json::to_vec(&position).map_err(Error::internal)?;
        let ring = self.database().ring();

        Ok(Cursor(ring.seal_cursor(
            &self.runtime().random,
            context.as_bytes(),
            &position,
        )))
    }
}

/// A table by its name, which has the schema before a dot unless that is `public`.
fn table(name: &'static str) -> TableRef {
    match name.split_once('.') {
        Some((schema, table)) => (Alias::new(schema), Alias::new(table)).into_table_ref(),
        None => Alias::new(name).into_table_ref(),
    }
}
