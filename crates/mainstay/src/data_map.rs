//! The record of processing that an auditor asks for (GDPR Article 30): what is kept of whom, what for, how it is
//! protected, who may see it, how long it stays and where it goes.
//!
//! It is read from the schema's comments, the tables and rules that modules register, and the access matrix, so that it
//! tells what is, and not what somebody once wrote down.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use mainstay_access::BuiltInRole;
use mainstay_config::Setting as _;
use mainstay_database::{
    Database, Erasure, Error, IndexLength, Retention, SchemaColumn, SealedTable, Then,
};
use mainstay_http::{AccessRow, Module, Recipient, Requirement, access_matrix};
use serde::Serialize;

use crate::Platform;

/// The record, table by table.
#[derive(Debug, Serialize)]
pub struct DataMap {
    /// What the service is called.
    pub service: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// What it keeps.
    pub tables: Vec<TableRecord>,
    /// To whom personal data goes.
    pub recipients: Vec<Recipient>,
}

/// What is kept in one table.
#[derive(Debug, Serialize)]
pub struct TableRecord {
    /// Its name.
    pub table: String,
    /// What it is for.
    pub purpose: String,
    /// The module that keeps it; null for the platform itself.
    pub module: Option<&'static str>,
    /// Whom a row describes.
    pub subject: Option<String>,
    /// How long a row stays.
    pub retention: String,
    /// What an erasure of the person leaves of a row.
    pub erasure: Option<String>,
    /// Its columns.
    pub columns: Vec<ColumnRecord>,
    /// Who may do what, by the operations of its module.
    pub access: Vec<AccessRecord>,
}

/// A column.
#[derive(Debug, Serialize)]
pub struct ColumnRecord {
    /// Its name.
    pub column: String,
    /// `public`, `internal`, `personal` or `secret`.
    pub class: String,
    /// What it holds.
    pub description: String,
    /// How its values are protected.
    pub protection: String,
}

/// What callers may do, and which.
#[derive(Debug, Serialize)]
pub struct AccessRecord {
    /// What it takes.
    pub needs: String,
    /// The built-in roles that have it from the start.
    pub roles: Vec<&'static str>,
    /// The operations that it opens.
    pub operations: Vec<&'static str>,
}

impl DataMap {
    /// Reads the record of a service from its database. `rules` are the retention rules in force.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn read(
        platform: &Platform,
        database: &Database,
        rules: &[Retention],
    ) -> Result<Self, Error> {
        let mut tables: Vec<(String, Vec<SchemaColumn>)> = Vec::new();
        for column in database.schema(None).await? {
            match tables.last_mut() {
                Some((table, columns)) if *table == column.table => columns.push(column),
                _ => tables.push((column.table.clone(), vec![column])),
            }
        }

        let tables = tables
            .into_iter()
            .map(|(table, columns)| record(platform, rules, table, columns))
            .collect();

        Ok(Self {
            service: platform.info().title,
            purpose: platform.info().description,
            tables,
            recipients: platform
                .modules()
                .iter()
                .flat_map(Module::recipients)
                .copied()
                .collect(),
        })
    }

    /// The record as a Markdown page.
    pub fn to_markdown(&self) -> String {
        let mut page = format!(
            "# Record of processing: {}\n\n{}\n",
            self.service, self.purpose
        );

        // Infallible: it writes to a string.
        let _ = write!(
            page,
            "\n## To whom personal data goes\n\n| recipient | what | when |\n|---|---|---|\n"
        );

        for Recipient { who, what, when } in &self.recipients {
            let _ = writeln!(page, "| {who} | {what} | {when} |");
        }

        for table in &self.tables {
            table.write(&mut page);
        }

        page
    }
}

impl TableRecord {
    fn write(&self, page: &mut String) {
        let Self {
            table,
            purpose,
            module,
            subject,
            retention,
            erasure,
            columns,
            access,
        } = self;

        // Infallible: it writes to a string.
        let _ = write!(page, "\n## {table}\n\n{purpose}\n\n");
        let _ = writeln!(page, "- Kept by: {}", module.unwrap_or("the platform"));

        if let Some(subject) = subject {
            let _ = writeln!(page, "- Describes: {subject}");
        }

        let _ = writeln!(page, "- Retention: {retention}");

        if let Some(erasure) = erasure {
            let _ = writeln!(page, "- On erasure: {erasure}");
        }

        let _ = write!(
            page,
            "\n| column | class | what | protection |\n|---|---|---|---|\n"
        );

        for ColumnRecord {
            column,
            class,
            description,
            protection,
        } in columns
        {
            let _ = writeln!(
                page,
                "| {column} | {class} | {description} | {protection} |"
            );
        }

        if !access.is_empty() {
            let _ = write!(
                page,
                "\n| needs | roles from the start | operations of the module |\n|---|---|---|\n"
            );

            for AccessRecord {
                needs,
                roles,
                operations,
            } in access
            {
                let _ = writeln!(
                    page,
                    "| {needs} | {} | {} |",
                    roles.join(", "),
                    operations.join(", ")
                );
            }
        }
    }
}

fn record(
    platform: &Platform,
    rules: &[Retention],
    table: String,
    columns: Vec<SchemaColumn>,
) -> TableRecord {
    let module = platform
        .modules()
        .iter()
        .find(|module| module.keeps(&table));
    let sealed = platform
        .modules()
        .iter()
        .flat_map(Module::tables)
        .find(|known| known.table == table);

    let purpose = columns
        .first()
        .map(|column| column.purpose.clone())
        .unwrap_or_default();
    let personal = columns.iter().any(|column| column.class == "personal");

    let describe = |column: SchemaColumn| {
        let protection = protection(platform, sealed, &column);

        let SchemaColumn {
            name,
            class,
            description,
            ..
        } = column;

        ColumnRecord {
            column: name,
            class,
            description,
            protection,
        }
    };

    TableRecord {
        purpose,
        module: module.map(Module::name),
        subject: sealed.map(subject),
        retention: retention(platform, rules, &table, personal),
        erasure: sealed.map(|sealed| erasure(sealed).to_owned()),
        columns: columns.into_iter().map(describe).collect(),
        access: module.map(access).unwrap_or_default(),
        table,
    }
}

fn subject(sealed: &SealedTable) -> String {
    if sealed.subject == sealed.id {
        "the person that the row is".to_owned()
    } else {
        format!("whom `{}` names", sealed.subject)
    }
}

fn protection(platform: &Platform, sealed: Option<&SealedTable>, column: &SchemaColumn) -> String {
    if let Some(sealed) = sealed {
        if sealed
            .columns
            .iter()
            .any(|known| known.column == column.name)
        {
            return "sealed: AES-256-GCM under the person's data key".to_owned();
        }

        if let Some(index) = sealed
            .indexes
            .iter()
            .find(|index| index.column == column.name)
        {
            let length = match index.length {
                IndexLength::Truncated => "8 bytes",
                IndexLength::Unique => "32 bytes, unique",
            };
            return format!("blind index of {}: HMAC-SHA256, {length}", index.source);
        }
    }

    let private = platform.private_columns();
    if private
        .iter()
        .any(|known| known.table == column.table && known.column == column.name)
    {
        return "sealed: AES-256-GCM under the key ring".to_owned();
    }

    match (column.class.as_str(), column.kind.as_str()) {
        ("personal" | "secret", "bytea") => "as described".to_owned(),
        ("personal", _) => "in clear".to_owned(),
        ("secret", _) => "as described".to_owned(),
        _ => String::new(),
    }
}

fn retention(platform: &Platform, rules: &[Retention], table: &str, personal: bool) -> String {
    let kept = platform
        .modules()
        .iter()
        .find_map(|module| module.retention_of(table))
        .map(str::to_owned);

    let ruled = rules
        .iter()
        .filter(|rule| rule.table() == table)
        .map(|rule| {
            let only = rule
                .limited_to()
                .map(|(column, value)| format!(" where `{column}` is `{value}`"))
                .unwrap_or_default();
            let then = match rule.then() {
                Then::Erase => "erased",
                Then::Delete => "deleted",
            };

            match rule.period() {
                Some(period) => format!(
                    "{then} {} after `{}`{only}",
                    Duration::show(&period),
                    rule.counts_from()
                ),
                None => format!(
                    "a rule rests: {then} some time after `{}`{only}",
                    rule.counts_from()
                ),
            }
        });

    let told: Vec<_> = kept.into_iter().chain(ruled).collect();
    match (told.is_empty(), personal) {
        (false, _) => told.join("; "),
        (true, true) => "until it is deleted, or its person erased".to_owned(),
        (true, false) => "until it is deleted".to_owned(),
    }
}

fn erasure(sealed: &SealedTable) -> &'static str {
    match sealed.erasure {
        Erasure::Empty => "stays, emptied: no key, no sealed values, no blind indexes",
        Erasure::Delete => "deleted",
    }
}

/// Who may do what with a module's rows.
fn access(module: &Module) -> Vec<AccessRecord> {
    let mut by_need: BTreeMap<String, AccessRecord> = BTreeMap::new();
    for row in access_matrix(std::slice::from_ref(module)) {
        let roles = BuiltInRole::ALL
            .into_iter()
            .filter(|role| row.allows(*role))
            .map(BuiltInRole::name);
        let needs = needs(&row);

        let record = by_need
            .entry(needs.clone())
            .or_insert_with(|| AccessRecord {
                needs,
                roles: roles.collect(),
                operations: Vec::new(),
            });

        record.operations.push(row.operation);
    }

    by_need.into_values().collect()
}

fn needs(row: &AccessRow) -> String {
    match row.requirement {
        Requirement::Public => "nothing: public".to_owned(),
        requirement => requirement.to_string(),
    }
}
