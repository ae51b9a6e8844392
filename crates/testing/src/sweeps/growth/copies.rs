//! Copies of rows, which Postgres makes in bulk.

use mainstay_database::{Owner, Value};
use mainstay_kernel::Uuid;

/// Number of rows in a collection.
pub(super) const MANY: i64 = 100;

/// Number of rows in a large table.
pub(super) const ROWS: i64 = 100_000;

/// The columns of a table, and expressions for each: its value in the n-th copy of a row, and an
/// example where there is no row. In each unique index one column gets a new value; if that is an
/// id, it keeps the time of the original's. Copies that are spread belong to 1,000 organizations
/// and accounts and to 10,000 other rows, a text that an index has and no list of values limits is
/// one of 1,000, and moments lie a millisecond apart.
const DEFINE_COLUMNS: &str = r"
    CREATE FUNCTION pg_temp.columns_of_copies(
        place regclass, spread boolean, OUT names text, OUT copies text, OUT examples text
    ) LANGUAGE sql AS $$
        WITH keys AS (
            SELECT i.indexrelid, i.indisunique, k.attnum, k.nth
            FROM pg_index i
            CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, nth)
            WHERE i.indrelid = place
        ),
        distinct_columns AS (
            SELECT DISTINCT ON (k.indexrelid) a.attnum
            FROM keys k
            JOIN pg_attribute a ON a.attrelid = place AND a.attnum = k.attnum
            JOIN pg_type t ON t.oid = a.atttypid
            WHERE k.indisunique
                AND (t.typcategory IN ('N', 'S') OR t.typname IN ('uuid', 'bytea'))
            ORDER BY k.indexrelid, a.attnotnull DESC, a.attname = 'organization_id', a.attname LIKE '%\_id', k.nth DESC
        ),
        listed AS (
            SELECT
                a.attnum,
                a.attname,
                format_type(a.atttypid, a.atttypmod) AS type,
                CASE
                    WHEN t.typname IN ('uuid', 'bytea', 'timestamptz') THEN t.typname
                    ELSE t.typcategory::text
                END AS kind,
                a.attnum IN (SELECT attnum FROM distinct_columns) AS is_distinct,
                a.attnum IN (SELECT attnum FROM keys) AS is_indexed,
                EXISTS (
                    SELECT
                    FROM pg_constraint c
                    WHERE c.conrelid = place
                        AND a.attnum = ANY (c.conkey)
                        AND pg_get_constraintdef(c.oid) LIKE '%ANY (ARRAY[%'
                ) AS is_one_of_a_list
            FROM pg_attribute a
            JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attrelid = place
                AND a.attnum > 0
                AND NOT a.attisdropped
                AND a.attgenerated = ''
                AND a.attidentity = ''
        )
        SELECT
            string_agg(quote_ident(attname), ', ' ORDER BY attnum),
            string_agg(
                format(
                    CASE
                        WHEN kind = 'uuid' AND is_distinct AND spread
                            THEN '(left(replace(%1$s::text, ''-'', ''''), 12) || lpad(to_hex(n), 20, ''0''))::uuid'
                        WHEN kind = 'uuid' AND is_distinct THEN 'CASE WHEN %1$s IS NOT NULL THEN gen_random_uuid() END'
                        WHEN kind = 'uuid' AND spread
                            THEN 'CASE WHEN %1$s IS NOT NULL THEN lpad(to_hex(n %% %3$s), 32, ''0'')::uuid END'
                        WHEN kind = 'bytea' AND (is_distinct OR is_indexed AND spread)
                            THEN 'substring(sha256(%1$s || n::text::bytea) FOR octet_length(%1$s))'
                        WHEN kind = 'S' AND is_distinct THEN '(%1$s || n)::%2$s'
                        WHEN kind = 'S' AND is_indexed AND spread AND NOT is_one_of_a_list
                            THEN '(%1$s || n %% 1000)::%2$s'
                        WHEN kind = 'N' AND is_distinct THEN '%1$s + n'
                        WHEN kind = 'timestamptz' AND spread THEN '%1$s - n * interval ''1 millisecond'''
                        ELSE '%1$s'
                    END,
                    'copied.' || quote_ident(attname),
                    type,
                    CASE WHEN attname IN ('organization_id', 'user_id') THEN 1000 ELSE 10000 END
                ),
                ', ' ORDER BY attnum
            ),
            string_agg(
                format(
                    CASE kind
                        WHEN 'uuid' THEN 'gen_random_uuid()'
                        WHEN 'bytea' THEN 'sha256(''x'')'
                        WHEN 'timestamptz' THEN 'now()'
                        WHEN 'A' THEN '''{}'''
                        WHEN 'B' THEN 'true'
                        WHEN 'D' THEN 'now()'
                        WHEN 'E' THEN '(enum_range(NULL::%1$s))[1]'
                        WHEN 'I' THEN '''127.0.0.1'''
                        WHEN 'N' THEN '1'
                        WHEN 'S' THEN '''x'''
                        WHEN 'T' THEN '''1 second'''
                        ELSE '''1'''
                    END,
                    type
                ),
                ', ' ORDER BY attnum
            )
        FROM listed
    $$
";

/// Copies the row with this id, whichever table it is in.
const DEFINE_COPY_ROW: &str = r"
    CREATE FUNCTION pg_temp.copy_row(row_id uuid, copies bigint) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        place regclass;
        found boolean;
        columns record;
    BEGIN
        FOR place IN
            SELECT a.attrelid
            FROM pg_attribute a
            JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.attname = 'id'
                AND a.atttypid = 'uuid'::regtype
                AND c.relkind = 'r'
                AND c.relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE id = $1)', place) INTO found USING row_id;
            CONTINUE WHEN NOT found;

            columns := pg_temp.columns_of_copies(place, false);
            EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', place);
            EXECUTE format(
                'INSERT INTO %1$s (%2$s) SELECT %3$s FROM %1$s AS copied, generate_series(1, $1) AS n WHERE id = $2',
                place, columns.names, columns.copies
            ) USING copies, row_id;
            EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', place);
        END LOOP;
    END $$
";

/// Fills a table with copies of up to 100 of its rows, or of an example. Its foreign keys and checks
/// are dropped and its triggers disabled, since the copies refer to nothing. Indexes are built
/// afterwards, which takes less time, but for those of constraints.
const DEFINE_FILL: &str = r"
    CREATE FUNCTION pg_temp.fill(place regclass, rows bigint) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        columns record;
        unwanted record;
        definition text;
        definitions text[];
        filling text;
        is_empty boolean;
    BEGIN
        columns := pg_temp.columns_of_copies(place, true);

        FOR unwanted IN
            SELECT conname
            FROM pg_constraint
            WHERE conrelid = place
                AND contype IN ('c', 'f')
                AND conparentid = 0
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', place, unwanted.conname);
        END LOOP;

        FOR unwanted IN
            SELECT
                indexrelid::regclass AS name,
                replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') AS definition
            FROM pg_index
            WHERE indrelid = place
                AND NOT indisunique
                AND indexrelid NOT IN (SELECT conindid FROM pg_constraint)
        LOOP
            EXECUTE format('DROP INDEX %s', unwanted.name);
            definitions := definitions || unwanted.definition;
        END LOOP;

        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', place);
        EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', place) INTO is_empty;
        IF is_empty THEN
            EXECUTE format('INSERT INTO %s (%s) SELECT %s', place, columns.names, columns.examples);
        END IF;

        filling := format(
            'INSERT INTO %1$s (%2$s)
            SELECT %3$s
            FROM generate_series(1, $1) AS n
            JOIN (
                SELECT *, row_number() OVER () - 1 AS nth_copied, count(*) OVER () AS all_copied
                FROM (SELECT * FROM %1$s LIMIT 100) AS sampled
            ) AS copied ON nth_copied = n %% all_copied',
            place, columns.names, columns.copies
        );
        BEGIN
            EXECUTE filling USING rows;
        EXCEPTION WHEN unique_violation THEN
            EXECUTE filling || ' ON CONFLICT DO NOTHING' USING rows;
        END;

        FOREACH definition IN ARRAY coalesce(definitions, '{}') LOOP
            EXECUTE definition;
        END LOOP;
        EXECUTE format('ANALYZE %s', place);
    END $$
";

/// A sample of 3,000 rows is enough, and to compile the statements takes more than it saves.
const FAST: [&str; 2] = ["SET default_statistics_target = 10", "SET jit = off"];

/// Prepares a connection for the functions below.
pub(super) async fn prepare(owner: &mut Owner) {
    let defined = [DEFINE_COLUMNS, DEFINE_COPY_ROW, DEFINE_FILL];
    for statement in defined.into_iter().chain(FAST) {
        run(owner, statement, []).await;
    }
}

/// Copies a row, next to its original: for the same organization and person.
pub(super) async fn of_row(owner: &mut Owner, id: Uuid, copies: i64) {
    const COPY: &str = "SELECT pg_temp.copy_row($1, $2)";
    run(owner, COPY, [id.into(), copies.into()]).await;
}

/// Fills a table, given as `schema.name`.
pub(super) async fn fill(owner: &mut Owner, table: &str) {
    const FILL: &str = "SELECT pg_temp.fill($1::text::regclass, $2)";
    run(owner, FILL, [table.into(), ROWS.into()]).await;
}

async fn run<const N: usize>(owner: &mut Owner, text: &'static str, values: [Value; N]) {
    owner
        .run(text, values.clone())
        .await
        .unwrap_or_else(|error| panic!("{values:?}: {error}: {:?}", error.cause()));
}
