//! Opens and sorts the rows of a listing by a sealed field. `sort_slots.rs` limits how many run at
//! once.

use mainstay_kernel::{Id, Uuid};
use serde::{Deserialize, Serialize};

use crate::{Direction, Entity, Error, Row, decoder::Decoder, order::KeyOf, sort_slots::SortTurn};

/// Maximum number of rows that are sorted by a sealed field.
pub(crate) const MOST_SORTED: usize = 5_000;

/// The encrypted content of a cursor: the sort key and ID of the last row.
#[derive(Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) key: serde_json::Value,
    pub(crate) id: Uuid,
}

/// The parameters of one page of a sorted listing.
pub(crate) struct Sort<E> {
    pub(crate) key: KeyOf<E>,
    pub(crate) direction: Direction,
    pub(crate) after: Option<Position>,
    pub(crate) limit: usize,
}

impl SortTurn {
    /// Decrypts and sorts `rows`. Returns the page described by `sort`, whether more rows follow,
    /// and the sort key.
    ///
    /// # Errors
    /// [`Error::TooManyToSort`], [`Error::Cursor`], or the error of decrypting a row.
    pub(crate) async fn page<E: Entity>(
        self,
        decoder: Decoder,
        rows: Vec<Row>,
        sort: Sort<E>,
    ) -> Result<(Vec<E>, bool, KeyOf<E>), Error> {
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
            Ok((items, more, sort.key))
        })
        .await
    }
}

/// Sorts rows by their keys and removes those up to the cursor's position.
fn sorted<E: Entity>(items: Vec<E>, sort: &Sort<E>) -> Result<Vec<E>, Error> {
    let mut keyed = Vec::with_capacity(items.len());
    for row in items {
        keyed.push((
            (
                (sort.key)(&row)?.as_str().unwrap_or_default().to_owned(),
                row.id(),
            ),
            row,
        ));
    }

    if let Some(position) = &sort.after {
        let start = (
            position.key.as_str().ok_or(Error::Cursor)?.to_owned(),
            Id::from(position.id),
        );
        keyed.retain(|(place, _)| match sort.direction {
            Direction::Ascending => *place > start,
            Direction::Descending => *place < start,
        });
    }

    keyed.sort_by(|(one, _), (other, _)| match sort.direction {
        Direction::Ascending => one.cmp(other),
        Direction::Descending => other.cmp(one),
    });

    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

/// The first `wanted` items, and whether there were more.
pub(crate) fn cut<E>(mut items: Vec<E>, wanted: usize) -> (Vec<E>, bool) {
    let more = items.len() > wanted;
    items.truncate(wanted);
    (items, more)
}
