//! The tables of an app, and which of them grow.

use std::collections::BTreeSet;

use mainstay_database::Owner;

use super::copies;
use crate::TestApp;

const DEFINE: &str = r"
    CREATE FUNCTION pg_temp.row_counts() RETURNS TABLE (place regclass, rows bigint) LANGUAGE plpgsql AS $$
    BEGIN
        FOR place IN
            SELECT oid
            FROM pg_class
            WHERE relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
                AND relkind IN ('r', 'p')
                AND NOT relispartition
        LOOP
            EXECUTE format('SELECT count(*) FROM %s', place) INTO rows;
            RETURN NEXT;
        END LOOP;
    END $$
";

const REMEMBER: &str = r"
    CREATE TEMPORARY TABLE counted AS
    SELECT place, rows
    FROM pg_temp.row_counts()
";

/// A partition stands for its table.
const GROWING: &str = r"
    SELECT DISTINCT place::text
    FROM unnest($1::text[]) AS read (name)
    CROSS JOIN LATERAL (SELECT coalesce(pg_partition_root(name::regclass), name::regclass) AS place) AS whole
    JOIN pg_temp.row_counts() AS now USING (place)
    JOIN counted USING (place)
    WHERE now.rows > counted.rows
        OR EXISTS (
            SELECT
            FROM pg_attribute
            WHERE attrelid = place
                AND attname IN ('organization_id', 'user_id')
                AND NOT attisdropped
        )
    ORDER BY 1
";

/// A connection of the schema's owner that knows how many rows each table had at first.
pub(super) struct Tables {
    pub(super) owner: Owner,
}

impl Tables {
    /// Counts the rows of each table.
    pub(super) async fn of(app: &TestApp) -> Self {
        let mut owner = app.owner().await;
        copies::prepare(&mut owner).await;
        for statement in [DEFINE, REMEMBER] {
            owner
                .run(statement, [])
                .await
                .expect("the rows are counted");
        }

        Self { owner }
    }

    /// Fills those of these tables that grow with the use of the service: rows were added since the
    /// start, or each row belongs to an organization or a person. All others stay small: the code
    /// or an operator writes them, such as permissions and signing keys.
    pub(super) async fn fill(&mut self, read: &BTreeSet<String>) {
        let names: Vec<_> = read.iter().cloned().collect();
        let growing = self
            .owner
            .run(GROWING, [names.into()])
            .await
            .expect("the rows are counted");

        for row in growing {
            let table: String = row.get(0).expect("a table has a name");
            copies::fill(&mut self.owner, &table).await;
        }
    }
}
