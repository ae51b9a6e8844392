//! Claims of unique values. The index of a value differs under each key of the ring, so a
//! constraint on the column alone does not hold while replicas write with different primary keys.
//! Each unique value therefore also has a row in `unique_indexes` under every key of the ring,
//! written in the statement that writes the value.
//!
//! A trigger on the entity's table deletes these rows (`mainstay.release_unique_index`).

use mainstay_kernel::Uuid;
use sea_query::{ArrayType, Value};

use crate::{Claim, Entity, EntityScope as _};

/// The claims of a row that is written.
pub(crate) struct Claimed {
    pub(crate) row: Uuid,
    pub(crate) claims: Vec<Claim>,
}

/// The unique index columns of an entity that are among `columns`, with their constraints.
fn unique<E: Entity>(
    columns: &[&'static str],
) -> impl Iterator<Item = (&'static str, &'static str)> {
    E::INDEXES
        .iter()
        .filter(|index| columns.contains(&index.column))
        .filter_map(|index| Some((index.column, index.uniqueness.constraint()?)))
}

/// The clauses that claim the unique values among `columns` for the rows of `changed`, each with a
/// leading comma. Their parameters are those of [`values`], from `first` on.
///
/// Values are claimed in order, so that two statements do not wait for each other. The join finds
/// rows from before the column was unique, which have no claims until their index is rotated.
pub(crate) fn clauses<E: Entity>(columns: &[&'static str], first: usize) -> String {
    unique::<E>(columns)
        .enumerate()
        .map(|(number, (column, constraint))| {
            format!(
                r",
                claimed_{number} AS (
                    INSERT INTO mainstay.unique_indexes (digest, row_id, constraint_name)
                    SELECT claim.digest, changed.id,
                        mainstay.unless_taken('{constraint}', changed.id, other.id)
                    FROM unnest(${rows}::uuid[], ${digests}::bytea[]) AS claim (id, digest)
                    JOIN changed USING (id)
                    LEFT JOIN {table} other
                        ON other.{column} = claim.digest AND other.id <> claim.id{of_the_owner}
                    ORDER BY claim.digest
                    ON CONFLICT ON CONSTRAINT unique_indexes_pkey DO UPDATE
                    SET constraint_name = mainstay.unless_taken(
                        '{constraint}', excluded.row_id, unique_indexes.row_id
                    )
                )",
                rows = first + 2 * number,
                digests = first + 2 * number + 1,
                table = E::TABLE,
                of_the_owner = E::Scope::SCOPE.of_record("other."),
            )
        })
        .collect()
}

/// The clauses that claim all unique values of new rows.
pub(crate) fn of_new_rows<E: Entity>(first: usize) -> String {
    clauses::<E>(E::BLIND_INDEXES, first)
}

/// For each unique column among `columns`, the rows and digests of its claims.
pub(crate) fn values<E: Entity>(columns: &[&'static str], claimed: &[Claimed]) -> Vec<Value> {
    unique::<E>(columns)
        .flat_map(|(column, _)| {
            let (mut rows, mut digests) = (Vec::new(), Vec::new());
            for Claimed { row, claims } in claimed {
                for claim in claims.iter().filter(|claim| claim.column == column) {
                    rows.extend(claim.digests.iter().map(|_| *row));
                    digests.extend(claim.digests.iter().cloned());
                }
            }

            [
                rows.into(),
                Value::Array(ArrayType::Bytes, Some(Box::new(digests))),
            ]
        })
        .collect()
}
