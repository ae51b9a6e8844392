//! Counts the values under each key.

use std::collections::BTreeMap;

use super::mover::{Context, key_in};
use crate::{Error, PrivateColumn, SealedTable, missing_keys::has_keys};

/// How much data each key protects.
#[derive(Clone, Debug)]
pub struct KeyRingStatus {
    /// The keys of the ring, the primary first; then keys that stored data names but the ring does
    /// not have.
    pub keys: Vec<KeyUse>,
    /// Number of rows with a sealed value that is not indexed yet, by `table.column`.
    pub unindexed: Vec<(String, u64)>,
    /// Number of rows whose data key is missing, by table. They cannot be decrypted, although the
    /// person was not erased.
    pub missing: Vec<(String, u64)>,
}

/// The data that one key protects.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// Name of the key; `None` if it is not on the ring.
    pub name: Option<String>,
    /// ID of the key, as stored with its output.
    pub id: [u8; 4],
    /// Whether it is the primary, which seals new data.
    pub is_primary: bool,
    /// The uses of the key, by column.
    pub uses: Vec<Usage>,
}

/// The use of one key in one column.
#[derive(Clone, Debug)]
pub struct Usage {
    /// The `table.column`.
    pub place: String,
    /// Number of rows.
    pub rows: u64,
    /// Kind of data.
    pub kind: UsageKind,
}

/// Kinds of data that a key protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageKind {
    /// Wrapped data keys.
    DataKeys,
    /// Blind indexes.
    Indexes,
    /// Private boxes.
    PrivateBoxes,
    /// Digests of unique values under keys other than the primary, for replicas that do not have
    /// the primary yet.
    Spare,
}

impl KeyUse {
    /// The number of rows of this kind.
    pub fn count(&self, kind: UsageKind) -> u64 {
        self.uses
            .iter()
            .filter(|usage| usage.kind == kind)
            .map(|usage| usage.rows)
            .sum()
    }

    /// Whether the key is no longer needed.
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

            // Erased rows have no data key and no index.
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
            // A value shorter than a key ID was not produced by a key; decrypting it fails anyway.
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
