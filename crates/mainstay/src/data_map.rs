//! The record of processing that an auditor asks for (GDPR Article 30): what is kept of whom, what for, how it is
//! protected, who may see it, how long it stays and where it goes.
//!
//! `data_map_reading.rs` reads it from the schema's comments, the tables and rules that modules register, and the access matrix, so that it
//! tells what is, and not what somebody once wrote down.

use std::fmt::Write as _;

use mainstay_http::Recipient;
use serde::Serialize;

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
