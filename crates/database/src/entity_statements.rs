//! The statements of an entity, composed once per type.
//!
//! Each write is one statement that includes its audit record: data-modifying CTEs run under one
//! snapshot and commit together or not at all (PostgreSQL manual, 7.8.4). `$1` to `$11` are always
//! the values of the record, so `$3` is always the caller's organization, and `$4` the caller. They
//! say whose rows a statement reaches ([`Scope::owner_in_record`](crate::Scope)).

use crate::{
    Entity, EntityScope as _, Scope,
    audit::{COLUMNS, WIDTH, placeholders},
    changes::How,
    claims,
    recorded_values::{set, shown, written},
    selection::{alive, columns_of, joined_keys, selected},
    statements::{Names, Statements},
};

pub(crate) use crate::selection::{public, sealed};

/// The first position after the record's values.
pub(crate) const FIRST: usize = WIDTH + 1;

/// Number of values of the data key, which come before the entity's own.
const KEY_WIDTH: usize = 3;

/// The statements of an entity type, written at their first use.
pub(crate) fn statements<E: Entity>() -> &'static Statements {
    E::statements().get_or_init(Statements::of::<E>)
}

impl Statements {
    pub(crate) fn of<E: Entity>() -> Self {
        let table = E::TABLE;
        let selected = selected::<E>();
        let keys = joined_keys::<E>();
        let record = placeholders(1, WIDTH);
        let alive = alive::<E>();
        let asked = scope::<E>().condition("t.", "$2");
        let own = scope::<E>().of_record("");

        Self {
            names: Names::of::<E>(),
            find: format!(
                r"
                    SELECT {selected}
                    FROM {table} t {keys}
                    WHERE t.id = $1{asked}
                "
            ),
            find_under: format!(
                r"
                    SELECT {columns}, t.data_key
                    FROM {table} t
                    WHERE t.id = $1{asked}{alive}
                ",
                columns = columns_of::<E>(),
            ),
            find_key: format!(
                r"
                    SELECT k.id, k.wrapped, k.subject_id
                    FROM {table} t
                    JOIN mainstay.data_keys k ON k.id = t.data_key
                    WHERE t.id = $1{asked}
                "
            ),
            reveal: format!(
                r"
                    WITH t AS (
                        SELECT *
                        FROM {table}
                        WHERE id = ${FIRST}{own}{alive}
                    ),
                    recorded AS (
                        INSERT INTO mainstay.audit_events ({COLUMNS})
                        SELECT {record}
                        FROM t
                    )
                    SELECT {selected}
                    FROM t {keys}
                "
            ),
            insert: insert::<E>(""),
            delete: delete::<E>(""),
            selected,
        }
    }

    /// The update that assigns the values from `$15` on. After the record come `$12` ID,
    /// `$13` versions or null, and `$14` time. The last value is the ID of the data key that sealed
    /// the values, if any is sealed. Then come those of the clauses `beside` it.
    ///
    /// It returns the row after the change, or nulls if it did not change, and last the version
    /// found. The row's data key is included unless it is the one that sealed the values.
    pub(crate) fn update<E: Entity>(
        &self,
        assigned: &[(&'static str, How)],
        seals: bool,
        beside: &str,
    ) -> String {
        let table = E::TABLE;
        let first = FIRST + 3;
        let assignments: String = assigned
            .iter()
            .zip(first..)
            .map(|((column, how), position)| how.assignment(column, position))
            .collect();
        let columns: Vec<_> = assigned.iter().map(|(column, _)| *column).collect();

        let key = if seals {
            format!("AND t.data_key = ${}", first + columns.len())
        } else {
            String::new()
        };

        let record = placeholders(1, WIDTH);

        let (selected, keys) = match seals {
            true => (columns_of::<E>(), String::new()),
            false => (
                self.selected.clone(),
                joined_keys::<E>().replacen("JOIN", "LEFT JOIN", 1),
            ),
        };

        format!(
            r"
                WITH found AS (
                    SELECT *
                    FROM {table}
                    WHERE id = ${id}{own}{alive}
                    FOR UPDATE
                ),
                changed AS (
                    UPDATE {table} t
                    SET {assignments}version = t.version + 1, updated_at = ${now}
                    FROM found
                    WHERE t.id = found.id
                      AND (${version}::bigint[] IS NULL OR t.version = ANY(${version})) {key}
                    RETURNING t.*
                ),
                recorded AS (
                    INSERT INTO mainstay.audit_events ({COLUMNS}, before, after)
                    SELECT {record}, {before}, {after}
                    FROM found
                    JOIN changed USING (id)
                ){beside}
                SELECT {selected}, found.version
                FROM found
                LEFT JOIN changed t ON t.id = found.id {keys}
            ",
            own = scope::<E>().of_record(""),
            alive = alive::<E>(),
            before = set::<E>("found", &columns),
            after = set::<E>("changed", &columns),
            id = FIRST,
            version = FIRST + 1,
            now = FIRST + 2,
        )
    }
}

impl Names {
    fn of<E: Entity>() -> Self {
        // Leaked once per entity type.
        let table = E::TABLE.rsplit('.').next().unwrap_or(E::TABLE);
        let name =
            |verb: &str| -> &'static str { Box::leak(format!("{table}.{verb}").into_boxed_str()) };

        Self {
            find: name("find"),
            page: name("page"),
            reveal: name("reveal"),
            insert: name("insert"),
            update: name("update"),
            delete: name("delete"),
            erase: name("erase"),
            export: name("export"),
        }
    }
}

/// Whose rows an entity has.
fn scope<E: Entity>() -> Scope {
    E::Scope::SCOPE
}

/// The column with the owner, followed by a comma, and the owner's value; empty for rows without
/// one.
pub(crate) fn owner<E: Entity>() -> (String, String) {
    let scope = scope::<E>();
    match scope.column() {
        Some(column) => (
            format!("{column}, "),
            format!("{}, ", scope.owner_in_record()),
        ),
        None => (String::new(), String::new()),
    }
}

/// The insert. `queued` is a clause that queues jobs, or empty.
pub(crate) fn insert<E: Entity>(queued: &str) -> String {
    let record = placeholders(1, WIDTH);
    let columns = [E::COLUMNS, E::BLIND_INDEXES].concat();

    let (key, key_column, key_value, first) = if sealed::<E>() {
        let key = insert_keys(&format!(
            "(${id}, {owner}, ${subject}, ${wrapped}, $2)",
            owner = scope::<E>().owner_in_record(),
            id = FIRST,
            subject = FIRST + 1,
            wrapped = FIRST + 2
        ));
        (key, "data_key, ", format!("${FIRST}, "), FIRST + KEY_WIDTH)
    } else {
        (String::new(), "", String::new(), FIRST)
    };

    let values = placeholders(first, columns.len());
    let (owner_column, owner) = owner::<E>();

    format!(
        r"
            WITH {key}changed AS (
                INSERT INTO {table} ({owner_column}{key_column}{columns})
                VALUES ({owner}{key_value}{values})
                RETURNING *
            ){claimed}{queued}
            INSERT INTO mainstay.audit_events ({COLUMNS}, after)
            SELECT {record}, {after}
            FROM changed
        ",
        table = E::TABLE,
        claimed = claims::of_new_rows::<E>(first + columns.len()),
        after = written::<E>("changed"),
        columns = columns.join(", ")
    )
}

/// The delete. `queued` is a clause that queues jobs, or empty.
pub(crate) fn delete<E: Entity>(queued: &str) -> String {
    let (record, table) = (placeholders(1, WIDTH), E::TABLE);
    let (alive, after) = (alive::<E>(), shown::<E>("changed"));
    let own = scope::<E>().of_record("");
    let (destroyed, from_changed) = if sealed::<E>() {
        ("mainstay.destroy_data_key(data_key)", "FROM changed")
    } else {
        ("false", "")
    };

    format!(
        r"
            WITH found AS (
                SELECT *
                FROM {table}
                WHERE id = ${FIRST}{own}{alive}
                FOR UPDATE
            ),
            changed AS (
                DELETE FROM {table} t
                USING found
                WHERE t.id = found.id
                  AND (${version}::bigint[] IS NULL OR t.version = ANY(${version}))
                RETURNING t.*
            ),
            destroyed AS (
                SELECT {destroyed} AS gone
                {from_changed}
            ),
            recorded AS (
                INSERT INTO mainstay.audit_events ({COLUMNS}, before)
                SELECT {record}, {after}
                FROM changed
            ){queued}
            SELECT found.version, changed.id IS NOT NULL, (SELECT gone FROM destroyed)
            FROM found
            LEFT JOIN changed USING (id)
        ",
        version = FIRST + 1,
    )
}

/// The clause that inserts data keys, before `changed`.
fn insert_keys(tuples: &str) -> String {
    format!(
        r"key AS (
                INSERT INTO mainstay.data_keys (id, organization_id, subject_id, wrapped, created_at)
                VALUES {tuples}
            ),
            "
    )
}

/// The statement that inserts `count` rows. After the record comes an array of the records' IDs;
/// then, for each row, its data key if it is sealed, and its values; last the claims.
pub(crate) fn insert_many<E: Entity>(count: usize, queued: &str) -> String {
    let columns = [E::COLUMNS, E::BLIND_INDEXES].concat();
    let key_width = if sealed::<E>() { KEY_WIDTH } else { 0 };
    let starts = (0..count).map(|row| FIRST + 1 + row * (key_width + columns.len()));
    let rows =
        |tuple: &dyn Fn(usize) -> String| starts.clone().map(tuple).collect::<Vec<_>>().join(", ");
    let mut keys = String::new();

    if sealed::<E>() {
        keys = insert_keys(&rows(&|start| {
            format!(
                "(${start}, {}, ${}, ${}, $2)",
                scope::<E>().owner_in_record(),
                start + 1,
                start + 2
            )
        }));
    }

    let (owner_column, owner) = owner::<E>();
    let tuples = rows(&|start| {
        let key = if sealed::<E>() {
            format!("${start}, ")
        } else {
            String::new()
        };
        format!(
            "({owner}{key}{})",
            placeholders(start + key_width, columns.len())
        )
    });

    let record = placeholders(2, 7);

    format!(
        r"
            WITH {keys}changed AS (
                INSERT INTO {table} ({owner_column}{key_column}{columns})
                VALUES {tuples}
                RETURNING *
            ){claimed}{queued}
            INSERT INTO mainstay.audit_events ({COLUMNS}, after)
            SELECT (${FIRST}::uuid[])[row_number() OVER ()], {record}, id, $10, $11, {after}
            FROM changed
        ",
        claimed = claims::of_new_rows::<E>(FIRST + 1 + count * (key_width + columns.len())),
        after = written::<E>("changed"),
        table = E::TABLE,
        key_column = if sealed::<E>() { "data_key, " } else { "" },
        columns = columns.join(", "),
    )
}
