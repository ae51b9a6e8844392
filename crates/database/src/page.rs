//! Listings, page by page.

use mainstay_kernel::Uuid;
use sea_query::{PostgresQueryBuilder, SelectStatement, Value};

use crate::{
    Authenticated, Authority, Cursor, Door, Entity, Error, Filter, Limit, Order, ReadBy, Row,
    Total,
    audit::{ACTOR, COLUMNS, OCCURRED_AT, WIDTH, placeholders},
    entity_statements::statements,
    filter::Condition,
    keyset::{Last, keyset},
    matching::width,
    order::{By, SealedKey, SortKey},
    page_part::Part,
    page_record::PageRecord,
    position::{Position, write_key},
    sorting::{MOST_SORTED, Sort, cut},
    statement::Statement,
    total::counting,
};

/// One page of a listing.
#[derive(Debug)]
pub struct Page<E> {
    /// The rows, in order.
    pub items: Vec<E>,
    /// Cursor of the next page; `None` on the last page.
    pub next: Option<Cursor>,
    /// How many rows match, if the filter asked: see [`Filter::with_total`].
    pub total: Option<Total>,
}

impl<A: Authenticated> Door<A> {
    /// Reads one page of the rows that the caller reaches, in one round trip.
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
    pub async fn page<E>(
        &self,
        filter: Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
    ) -> Result<Page<E>, Error>
    where
        E: Entity<Scope: ReadBy<A>>,
    {
        self.read_page(&filter, order, limit, after, Part::All)
            .await
    }

    /// Like [`page`](Self::page), but always recorded in the audit log, by the same statement.
    /// `asked` has the filters; it is stored in the log permanently, so it must not contain
    /// personal data.
    ///
    /// # Errors
    /// Like [`page`](Self::page).
    pub async fn page_on_record<E>(
        &self,
        filter: Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
        asked: serde_json::Value,
    ) -> Result<Page<E>, Error>
    where
        E: Entity<Scope: ReadBy<A>>,
    {
        self.read_page(&filter, order, limit, after, Part::OnRecord(asked))
            .await
    }
}

impl<A: Authority> Door<A> {
    /// Reads a page of a part of the rows.
    pub(crate) async fn read_page<E: Entity>(
        &self,
        filter: &Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
        part: Part,
    ) -> Result<Page<E>, Error> {
        // Without a caller, the rows are public and have no sealed field.
        if let Some(caller) = self.caller() {
            order.check(caller)?;
        }

        let sealing = self.sealing::<E>(Uuid::nil(), None);
        let conditions = filter.resolve(&sealing);
        let context = self.context::<E>(&conditions, &order);
        let after = after
            .map(|cursor| self.open(&context, cursor))
            .transpose()?;
        let is_first = after.is_none();
        let public = part.condition();
        let recorded = PageRecord::of(filter, &order, part.asked());

        let mut select = self.selection::<E>(public, conditions.clone());
        if filter.counts() {
            select = counting(select, self.matching::<E>("1", public, conditions.clone()));
        }

        let found = match order.by {
            By::Columns(keys) => {
                let after = after.map(|it| Last::of(&it, &keys)).transpose()?;
                let select = keyset(select, &keys, after);
                self.page_by_columns(select, &keys, limit, recorded).await?
            }
            By::Sealed(key) => {
                self.page_sorted(select, key, after, limit, recorded)
                    .await?
            }
        };

        let total = match found.counted {
            _ if !filter.counts() => None,
            Some(count) => Some(count),
            None if is_first => Some(0),
            None => Some(self.count_matching::<E>(public, conditions).await?),
        };

        let mut items = found.items;
        items.retain(|row| filter.confirms(row));
        let next = found.last.map(|last| self.seal(&context, &last));

        Ok(Page {
            items,
            next: next.transpose()?,
            total: total.map(|count| Total::of(count, filter.compared().is_empty())),
        })
    }

    /// Reads a page whose order the database knows.
    async fn page_by_columns<E: Entity>(
        &self,
        select: SelectStatement,
        keys: &[SortKey<E>],
        limit: Limit,
        recorded: Option<PageRecord>,
    ) -> Result<Found<E>, Error> {
        let rows = self.select_page::<E>(select, limit.get(), recorded).await?;
        let decoder = self.decoder::<E>();
        let items = rows
            .iter()
            .map(|row| decoder.decode(row))
            .collect::<Result<Vec<E>, _>>()?;
        let (items, more) = cut(items, limit.get());

        let last = items.last().filter(|_| more);
        let last = last.map(|row| {
            let keys = keys.iter().map(|key| write_key(key.value(row)));
            let keys = keys.collect::<Result<_, _>>()?;
            Ok::<_, Error>(Position {
                keys,
                id: row.id().uuid(),
            })
        });

        Ok(Found {
            last: last.transpose()?,
            counted: counted::<E>(&rows)?,
            items,
        })
    }

    /// Reads all rows and sorts them by a sealed field.
    async fn page_sorted<E: Entity>(
        &self,
        select: SelectStatement,
        key: SealedKey<E>,
        after: Option<Position>,
        limit: Limit,
        recorded: Option<PageRecord>,
    ) -> Result<Found<E>, Error> {
        let turn = self.database().sort_slots().turn().await?;
        let rows = self.select_page::<E>(select, MOST_SORTED, recorded).await?;
        let counted = counted::<E>(&rows)?;

        let sort = Sort {
            key,
            after,
            limit: limit.get(),
        };
        let (items, last) = turn.page(self.decoder::<E>(), rows, sort).await?;

        Ok(Found {
            items,
            last,
            counted,
        })
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

    /// The context that a cursor is bound to: owner, table, order and filter.
    fn context<E: Entity>(&self, conditions: &[Condition], order: &Order<E>) -> String {
        format!(
            "{} {} {} {conditions:?}",
            self.owner::<E>(),
            E::TABLE,
            order.described()
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

    fn seal(&self, context: &str, last: &Position) -> Result<Cursor, Error> {
        let position = serde_json::to_vec(last).map_err(Error::internal)?;
        let ring = self.database().ring();

        Ok(Cursor(ring.seal_cursor(
            &self.runtime().random,
            context.as_bytes(),
            &position,
        )))
    }
}

/// The rows of a page.
struct Found<E> {
    items: Vec<E>,
    /// The position of the last row, if more follow.
    last: Option<Position>,
    /// The number of matching rows, if the statement counted them and found any.
    counted: Option<i64>,
}

/// Reads the number of matching rows, if the statement has it after the entity's columns and key.
fn counted<E: Entity>(rows: &[Row]) -> Result<Option<i64>, Error> {
    let width = width::<E>();
    let counts = |row: &&Row| row.width() > width;

    rows.first()
        .filter(counts)
        .map(|row| row.decode(width))
        .transpose()
}
