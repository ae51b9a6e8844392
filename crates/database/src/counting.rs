//! Counts rows, and tells whether there are any.

use mainstay_kernel::Uuid;
use sea_query::PostgresQueryBuilder;

use crate::{
    Authenticated, Authority, Door, Entity, Error, Filter, Limit, Order, ReadBy, Total,
    entity_statements::statements, filter::Condition, page_part::Part, statement::Statement,
    total::count_of,
};

impl<A: Authenticated> Door<A> {
    /// Counts the caller's rows that match, exactly up to 10,000, in one round trip.
    ///
    /// Rows that are found by sealed values are read to be counted, which is recorded and limited
    /// like a [`page`](Self::page); of these, more than 100 are counted approximately.
    ///
    /// # Errors
    /// [`Error::TooManyComparisons`] if the account has filtered by sealed values too often.
    pub async fn count<E>(&self, filter: Filter<E>) -> Result<Total, Error>
    where
        E: Entity<Scope: ReadBy<A>>,
    {
        if filter.compared().is_empty() {
            let count = self.count_matching::<E>(None, self.conditions(&filter));
            return Ok(Total::of(count.await?, true));
        }

        let page = self.page(filter.with_total(true), Order::by_id(), Limit::MOST, None);
        let page = page.await?;

        Ok(match (&page.next, page.total) {
            (Some(_), Some(total)) => total,
            _ => Total::all_of(page.items.len()),
        })
    }

    /// Whether the caller has a row that matches. One round trip.
    ///
    /// A row that is found by sealed values is read to be compared, which is recorded and limited
    /// like a [`page`](Self::page).
    ///
    /// # Errors
    /// [`Error::TooManyComparisons`] if the account has filtered by sealed values too often.
    pub async fn exists<E>(&self, filter: Filter<E>) -> Result<bool, Error>
    where
        E: Entity<Scope: ReadBy<A>>,
    {
        if !filter.compared().is_empty() {
            return self.exists_confirmed(&filter).await;
        }

        let matching = self.matching::<E>("1", None, self.conditions(&filter));
        let (text, values) = matching.build(PostgresQueryBuilder);
        let name = statements::<E>().names.page;
        let rows = self
            .read(Statement::new(
                name,
                format!("SELECT EXISTS ({text})"),
                values.0,
            ))
            .await?;

        rows.first().map_or(Ok(false), |row| row.decode(0))
    }

    /// Reads pages until one has a row that really has the sealed values.
    async fn exists_confirmed<E: Entity>(&self, filter: &Filter<E>) -> Result<bool, Error> {
        let mut after = None;

        loop {
            let page = self
                .read_page(
                    filter,
                    Order::by_id(),
                    Limit::MOST,
                    after.as_ref(),
                    Part::All,
                )
                .await?;
            match page.next {
                _ if !page.items.is_empty() => return Ok(true),
                None => return Ok(false),
                next => after = next,
            }
        }
    }

    pub(crate) fn conditions<E: Entity>(&self, filter: &Filter<E>) -> Vec<Condition> {
        filter.resolve(&self.sealing::<E>(Uuid::nil(), None))
    }
}

impl<A: Authority> Door<A> {
    /// Counts the rows that match, among the caller's or the `public` ones.
    pub(crate) async fn count_matching<E: Entity>(
        &self,
        public: Option<&'static str>,
        conditions: Vec<Condition>,
    ) -> Result<i64, Error> {
        let matching = self.matching::<E>("1", public, conditions);
        let name = statements::<E>().names.page;
        let rows = self.read(count_of(name, matching)).await?;

        rows.first().map_or(Ok(0), |row| row.decode(0))
    }
}
