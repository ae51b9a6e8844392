//! The export of an account.

use std::fmt::Write as _;

use mainstay_kernel::{UserId, Uuid};

use super::{
    contents::Export,
    reading::{LOG, Reading},
};
use crate::{
    Cursor, Error, Event, Scope, SealedTable, Sql,
    audit::{COLUMNS, WIDTH, placeholders},
    entity_statements::FIRST,
    statement::Statement,
};

impl Sql {
    /// Exports all data about an account, as [`Door::export`](crate::Door::export) does for a
    /// person of an organization: the registered tables that belong to no organization, those of
    /// people's own rows, and `unsealed_tables`, whose rows are not sealed. The statement also
    /// records `event`, once per page.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such account; [`Error::Cursor`] if the cursor is of
    /// another export.
    pub async fn export_account(
        &self,
        user: UserId,
        unsealed_tables: &[SealedTable],
        event: Event,
        after: Option<&Cursor>,
    ) -> Result<Export, Error> {
        if !self.shows() {
            return Err(Error::NotShown);
        }

        if !self.reaches(user.uuid()) {
            return Err(Error::NotFound);
        }

        let database = self.database();
        let registered = database
            .sealed_tables()
            .iter()
            .filter(|table| matches!(table.scope, Scope::Nowhere | Scope::Person));
        let tables: Vec<_> = registered.chain(unsealed_tables).collect();

        let reading = Reading::start(
            database,
            (Uuid::nil(), user.uuid()),
            format!("export account {user}"),
            tables,
            after,
        )
        .await?;

        let text = text(&reading.tables);
        let values = self
            .record_of(event)
            .into_iter()
            .chain(reading.values())
            .collect();
        let found = database
            .write(Statement::new("users.export", text, values))
            .await?;

        reading.finish(&found)
    }
}

/// The statement, with the parameters of that of `Door::export`. Each of the person's own rows has a
/// key; all others are sealed under the account's key.
fn text(tables: &[&SealedTable]) -> String {
    let (mut rows, mut ids) = (String::new(), String::new());
    for (number, table) in tables.iter().enumerate() {
        let SealedTable {
            table: name,
            id,
            subject,
            ..
        } = table;
        let key = match (table.scope, table.is_sealed()) {
            (Scope::Person, true) => "t.data_key",
            (Scope::Person, false) => "NULL",
            _ => "person.data_key",
        };

        // Writing to a string cannot fail. Names come from the code at compile time; no value is
        // part of the text.
        let _ = write!(
            rows,
            r"
                SELECT {number} AS section, t.{id} AS id, to_jsonb(t) AS content, k.id AS key, k.wrapped, k.subject_id
                FROM {name} t
                JOIN person ON t.{subject} = person.id
                LEFT JOIN mainstay.data_keys k ON k.id = {key}
                UNION ALL"
        );

        if table.scope == Scope::Person {
            let _ = write!(
                ids,
                r"
                    UNION ALL
                    SELECT t.{id}
                    FROM {name} t
                    JOIN person ON t.{subject} = person.id"
            );
        }
    }

    format!(
        r"
            WITH person AS (
                SELECT id, data_key
                FROM mainstay.users
                WHERE id = ${id}
            ),
            recorded AS (
                INSERT INTO mainstay.audit_events ({COLUMNS})
                SELECT {record}
                FROM person
            ),
            known AS (
                {rows}
                SELECT {LOG}, e.id, to_jsonb(e), k.id, k.wrapped, k.subject_id
                FROM mainstay.audit_events e
                JOIN person ON true
                LEFT JOIN mainstay.data_keys k
                    ON k.subject_id = person.id
                    AND k.organization_id = person.id
                    AND k.id = coalesce(e.after ->> 'data_key', e.before ->> 'data_key')::bigint
                WHERE e.resource_id IN (
                    SELECT id
                    FROM person{ids}
                )
                  AND (
                      e.organization_id IS NULL
                      OR e.organization_id IN (
                          SELECT organization_id
                          FROM mainstay.memberships
                          WHERE user_id = person.id
                      )
                  )
            )
            SELECT known.*
            FROM person
            LEFT JOIN (
                SELECT *
                FROM known
                WHERE (section, id) > (${section}, ${after})
                ORDER BY section, id
                LIMIT ${limit}
            ) AS known ON true
            ORDER BY section, id
        ",
        id = FIRST,
        section = FIRST + 1,
        after = FIRST + 2,
        limit = FIRST + 3,
        record = placeholders(1, WIDTH),
    )
}
