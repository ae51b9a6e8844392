//! Reads the public part of entities.

use mainstay_kernel::Id;

use crate::{
    Anyone, Cursor, Door, Error, Filter, Limit, Order, Page, PublicPart,
    door::uuid,
    entity_statements::{public, statements},
    page_part::Part,
    statement::Statement,
};

impl Door<Anyone> {
    /// Reads one public row of any owner.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such row, or it is not public.
    pub async fn get<E: PublicPart>(&self, id: Id<E>) -> Result<E, Error> {
        let text = E::statement().get_or_init(public::<E>);
        let values = vec![uuid(id.uuid())];

        let rows = self
            .read(Statement::new(
                statements::<E>().names.find,
                text.as_str(),
                values,
            ))
            .await?;

        self.decode(rows.first().ok_or(Error::NotFound)?)
    }

    /// Reads one page of the public rows of `E`, of all owners, in one round trip.
    ///
    /// # Errors
    /// [`Error::Cursor`] if the cursor is of another listing.
    pub async fn page<E: PublicPart>(
        &self,
        filter: Filter<E>,
        order: Order<E>,
        limit: Limit,
        after: Option<&Cursor>,
    ) -> Result<Page<E>, Error> {
        self.read_page(&filter, order, limit, after, Part::Public(E::CONDITION))
            .await
    }
}
