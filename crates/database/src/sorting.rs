//! Opens and sorts the rows of a listing by a sealed field. `sort_slots.rs` limits how many run at
//! once.

use mainstay_crypto::Zeroizing;
use mainstay_kernel::Id;

use crate::{
    Direction, Entity, Error, Row, decoder::Decoder, order::SealedKey, position::Position,
    sort_slots::SortTurn,
};

/// Maximum number of rows that are sorted by a sealed field.
pub(crate) const MOST_SORTED: usize = 5_000;

/// The parameters of one page of a sorted listing.
pub(crate) struct Sort<E> {
    pub(crate) key: SealedKey<E>,
    pub(crate) after: Option<Position>,
    pub(crate) limit: usize,
}

impl SortTurn {
    /// Decrypts and sorts `rows`. Returns the page described by `sort`, and the position of its last
    /// row if more rows follow.
    ///
    /// # Errors
    /// [`Error::TooManyToSort`], [`Error::Cursor`], or the error of decrypting a row.
    pub(crate) async fn page<E: Entity>(
        self,
        decoder: Decoder,
        rows: Vec<Row>,
        sort: Sort<E>,
    ) -> Result<(Vec<E>, Option<Position>), Error> {
        if rows.len() > MOST_SORTED {
            return Err(Error::TooManyToSort { most: MOST_SORTED });
        }

        self.work(move || {
            let items = rows
                .iter()
                .map(|row| decoder.decode(row))
                .collect::<Result<Vec<E>, _>>()?;
            let sorted = sorted(items, &sort)?;
            let (items, more) = cut(sorted, sort.limit);

            let last = items.last().filter(|_| more);
            let last = last.map(|row| Position {
                keys: vec![(sort.key.text)(row).as_str().into()],
                id: row.id().uuid(),
            });

            Ok((items, last))
        })
        .await
    }
}

/// A row with the text that it is sorted by.
struct Keyed<E> {
    key: Zeroizing<String>,
    row: E,
}

impl<E: Entity> Keyed<E> {
    fn place(&self) -> (&str, Id<E>) {
        (&self.key, self.row.id())
    }
}

/// Sorts rows by their keys and removes those up to the cursor's position.
fn sorted<E: Entity>(items: Vec<E>, sort: &Sort<E>) -> Result<Vec<E>, Error> {
    let mut keyed: Vec<_> = items
        .into_iter()
        .map(|row| Keyed {
            key: (sort.key.text)(&row),
            row,
        })
        .collect();

    if let Some(position) = &sort.after {
        let key = position.keys.first().and_then(|key| key.as_str());
        let start = (key.ok_or(Error::Cursor)?, Id::from(position.id));
        keyed.retain(|keyed| match sort.key.direction {
            Direction::Ascending => keyed.place() > start,
            Direction::Descending => keyed.place() < start,
        });
    }

    keyed.sort_by(|one, other| match sort.key.direction {
        Direction::Ascending => one.place().cmp(&other.place()),
        Direction::Descending => other.place().cmp(&one.place()),
    });

    Ok(keyed.into_iter().map(|keyed| keyed.row).collect())
}

/// The first `wanted` items, and whether there were more.
pub(crate) fn cut<E>(mut items: Vec<E>, wanted: usize) -> (Vec<E>, bool) {
    let more = items.len() > wanted;
    items.truncate(wanted);
    (items, more)
}
