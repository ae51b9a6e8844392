//! Reads the record of processing from the schema's comments, from the tables and rules that
//! modules register, and from the access matrix.

use std::{collections::BTreeMap, time::Duration};

use mainstay_access::BuiltInRole;
use mainstay_config::Setting as _;
use mainstay_database::{
    Database, Erasure, Error, IndexLength, Retention, SchemaColumn, SealedTable, Then,
};
use mainstay_http::{AccessRow, Module, Requirement, access_matrix};

use crate::{AccessRecord, ColumnRecord, DataMap, Platform, TableRecord};

impl DataMap {
    /// Reads the record of a service from its database. `rules` are the effective retention rules.
    ///
    /// # Errors
    /// The error of the database.
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
        "the person that the row represents".to_owned()
    } else {
        format!("the person in `{}`", sealed.subject)
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
        ("personal", _) => "plaintext".to_owned(),
        ("secret", _) => "as described".to_owned(),
        _ => String::new(),
    }
}

fn retention(platform: &Platform, rules: &[Retention], table: &str, personal: bool) -> String {
    let described = platform
        .modules()
        .iter()
        .find_map(|module| module.retention_of(table))
        .map(str::to_owned);

    let configured = rules
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
                    "no period (rule is off); otherwise {then} some time after `{}`{only}",
                    rule.counts_from()
                ),
            }
        });

    let periods: Vec<_> = described.into_iter().chain(configured).collect();
    match (periods.is_empty(), personal) {
        (false, _) => periods.join("; "),
        (true, true) => "until it is deleted or the person is erased".to_owned(),
        (true, false) => "until it is deleted".to_owned(),
    }
}

fn erasure(sealed: &SealedTable) -> &'static str {
    match sealed.erasure {
        Erasure::Empty => {
            "the row stays; its data key, sealed values and blind indexes are deleted"
        }
        Erasure::Delete => "the row is deleted",
    }
}

/// Groups a module's operations by the access that they require.
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
        Requirement::Public => "nothing (public)".to_owned(),
        requirement => requirement.to_string(),
    }
}
