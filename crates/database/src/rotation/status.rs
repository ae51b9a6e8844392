//! Counts what stands under which key.

use std::collections::BTreeMap;

use super::mover::{Context, key_in};
use crate::{Error, PrivateColumn, SealedTable, missing_keys::has_keys};

/// What stands under which key.
#[derive(Clone, Debug)]
pub struct KeyRingStatus {
    /// The keys of the ring, the primary first; then the keys that something names and the ring does not have.
    pub keys: Vec<KeyUse>,
    /// Rows whose value is sealed and not indexed yet, by `table.column`.
    pub unindexed: Vec<(String, u64)>,
    /// Rows that name a data key that is not there, by table: they cannot be opened, though nobody was erased.
    pub missing: Vec<(String, u64)>,
}

/// What one key made.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// Its name on the ring; `None` when it is not on it.
    pub name: Option<String>,
    /// Its id, as it stands in what the key made.
    pub id: [u8; 4],
    /// Whether it seals what is new.
    pub is_primary: bool,
    /// What it made, place by place.
    pub uses: Vec<Usage>,
}

/// What one key made in one column.
#[derive(Clone, Debug)]
pub struct Usage {
    /// The `table.column`.
    pub place: String,
    /// In how many rows.
    pub rows: u64,
    /// What kind of thing it is.
    pub kind: UsageKind,
}

/// What a key makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageKind {
    /// Wrapped data keys.
    DataKeys,
    /// Blind indexes.
    Indexes,
    /// Private boxes.
    PrivateBoxes,
    /// What unique values are under keys other than the primary: kept for replicas that have no other, needed by none
    /// that has.
    Spare,
}

impl KeyUse {
    /// How many of `kind` it made.
    pub fn count(&self, kind: UsageKind) -> u64 {
        self.uses
            .iter()
            .filter(|usage| usage.kind == kind)
            .map(|usage| usage.rows)
            .sum()
    }

    /// Whether nothing needs it any more.
    pub fn is_unused(&self) -> bool {
        self.uses.iter().all(|usage| usage.kind == UsageKind::Spare)
    }
}

pub(super) async fn read(
    context: &mut Context,
    tables: &[SealedTable],
    boxes: &[PrivateColumn],
) -> Result<KeyRingStatus, Error> {
    let mut missing = Vec::new();
    for table in tables.iter().filter(|table| has_keys(table)) {
        let text = format!(
            r"
                SELECT count(*)
                FROM {} t
                WHERE t.data_key IS NOT NULL
                  AND NOT EXISTS (SELECT FROM mainstay.data_keys k WHERE k.id = t.data_key)
            ",
            table.table
        );
        let rows = context.count(text, []).await?;
        if rows > 0 {
            missing.push((table.table.to_owned(), rows));
        }
    }

    let mut places = vec![
        ("mainstay.data_keys", "wrapped", UsageKind::DataKeys),
        ("mainstay.unique_indexes", "digest", UsageKind::Spare),
    ];
    let mut unindexed = Vec::new();
    for table in tables {
        for index in &table.indexes {
            places.push((table.table, index.column, UsageKind::Indexes));

            // What was erased has no data key, and no index.
            let text = format!(
                r"
                    SELECT count(*)
                    FROM {} t {}
                    WHERE t.{} IS NOT NULL AND t.{} IS NULL
                ",
                table.table,
                table.joined_key(),
                index.source,
                index.column
            );

            let rows = context.count(text, []).await?;
            if rows > 0 {
                unindexed.push((format!("{}.{}", table.table, index.column), rows));
            }
        }
    }

    places.extend(
        boxes
            .iter()
            .map(|it| (it.table, it.column, UsageKind::PrivateBoxes)),
    );

    let mut uses: BTreeMap<[u8; 4], Vec<Usage>> = BTreeMap::new();
    for (table, column, kind) in places {
        let key = key_in(column);
        let text = format!(
            r"
                SELECT {key}, count(*)
                FROM {table}
                WHERE {column} IS NOT NULL
                GROUP BY 1
                ORDER BY 1
            "
        );
        for row in context.run(text, []).await? {
            // What is shorter than a key's id is nothing that a key made; opening it fails loudly enough.
            let Ok(id) = row.decode::<&[u8]>(0)?.try_into() else {
                continue;
            };
            let rows = u64::try_from(row.decode::<i64>(1)?).unwrap_or_default();
            uses.entry(id).or_default().push(Usage {
                place: format!("{table}.{column}"),
                rows,
                kind,
            });
        }
    }

    let mut keys = Vec::new();
    for (position, (name, id)) in context.ring.key_ids().enumerate() {
        let uses = uses.remove(&id).unwrap_or_default();
        keys.push(KeyUse {
            name: Some(name.to_owned()),
            id,
            is_primary: position == 0,
            uses,
        });
    }

    keys.extend(uses.into_iter().map(|(id, uses)| KeyUse {
        name: None,
        id,
        is_primary: false,
        uses,
    }));

    Ok(KeyRingStatus {
        keys,
        unindexed,
        missing,
    })
}
