//! Opens and sorts the rows of a listing by a sealed field. `sort_slots.rs` bounds how many do so at once.

use mainstay_kernel::{Id, Uuid};
use serde::{Deserialize, Serialize};

use crate::{Direction, Entity, Error, Row, decoder::Decoder, order::KeyOf, sort_slots::SortTurn};

/// How many rows are sorted at most, where the order is by a sealed field.
pub(crate) const MOST_SORTED: usize = 5_000;

/// What a cursor holds under its seal: the last row's key and id.
#[derive(Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) key: serde_json::Value,
    pub(crate) id: Uuid,
}

/// What one page of a sorted listing takes.
pub(crate) struct Sort<E> {
    pub(crate) key: KeyOf<E>,
    pub(crate) direction: Direction,
    pub(crate) after: Option<Position>,
    pub(crate) limit: usize,
}

impl SortTurn {
    /// The page of `rows` that `sort` asks for, with its sort, and whether more rows follow.
    ///
    /// # Errors
    /// [`Error::TooManyToSort`], [`Error::Cursor`], or what opening a row answers.
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

/// Sorts rows by their keys and drops those up to the position.
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
