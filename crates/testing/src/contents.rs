//! Digests of tables.

use std::collections::BTreeMap;

use mainstay_database::Owner;

/// A digest of each table. A test compares two of them to assert that nothing was written. It
/// leaves out what a refused request may write: audit records of denials, failed sign-ins and reads
/// of the log; the schedule of periodic tasks; the seal over the log; the progress of a job (but
/// not its existence); and the time at which a credential was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents(BTreeMap<String, String>);

/// Creates the function in the connection's temporary schema, so that it leaves no trace in the
/// database.
const DEFINE: &str = r"
    CREATE FUNCTION pg_temp.contents() RETURNS TABLE (name text, digest text) LANGUAGE plpgsql AS $$
    DECLARE
        place regclass;
    BEGIN
        FOR place, name IN
            SELECT c.oid, CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname
            FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('public', 'mainstay') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        LOOP
            CONTINUE WHEN name IN (
                'mainstay.periodic_tasks', 'mainstay.root_keys', 'mainstay.audit_leaves',
                'mainstay.audit_checkpoints', 'mainstay.audit_keys'
            );
            EXECUTE format(
                'SELECT count(*) || '' '' || coalesce(md5(string_agg(row, '','' ORDER BY row)), '''')
                FROM (
                    SELECT CASE %1$L
                        WHEN ''mainstay.jobs'' THEN to_jsonb(t) ->> ''id''
                        ELSE (to_jsonb(t) - ''{last_used_at,idle_expires_at}''::text[])::text
                    END AS row, t
                    FROM %2$s t
                ) t
                WHERE coalesce(to_jsonb(t.t) ->> ''action'' NOT IN (
                    ''authz_fail'', ''authn_login_fail'', ''audit_event.listed'', ''finding.listed'',
                    ''audit_key.created''
                ), true)',
                name, place
            ) INTO digest;
            RETURN NEXT;
        END LOOP;
    END $$
";

impl Contents {
    /// Prepares a connection for [`of`](Self::of). Call it once per connection.
    pub(crate) async fn prepare(owner: &mut Owner) {
        owner
            .run(DEFINE, [])
            .await
            .unwrap_or_else(|error| panic!("{error}: {:?}", error.cause()));
    }

    pub(crate) async fn of(owner: &mut Owner) -> Self {
        let rows = owner
            .run("SELECT name, digest FROM pg_temp.contents()", [])
            .await
            .expect("the tables are read");
        let text = |row: &mainstay_database::Row, position| {
            row.get::<String>(position).expect("the column is text")
        };
        Self(
            rows.iter()
                .map(|row| (text(row, 0), text(row, 1)))
                .collect(),
        )
    }

    /// The tables that differ between the two.
    pub fn changed_since(&self, earlier: &Self) -> Vec<&str> {
        let changed = self
            .0
            .iter()
            .filter(|(name, digest)| earlier.0.get(*name) != Some(digest));
        changed.map(|(name, _)| name.as_str()).collect()
    }
}
