//! The record of processing (GDPR Article 30): which data is stored about whom and why, how it is
//! protected, who may see it, how long it is kept and who receives it.
//!
//! `data_map_reading.rs` reads it from the schema's comments, the tables and rules that modules
//! register, and the access matrix, so that it cannot become outdated.

use std::fmt::Write as _;

use mainstay_http::Recipient;
use serde::Serialize;

/// The record of processing.
#[derive(Debug, Serialize)]
pub struct DataMap {
    /// Name of the service.
    pub service: &'static str,
    /// Purpose of the service.
    pub purpose: &'static str,
    /// The tables, in order of their names.
    pub tables: Vec<TableRecord>,
    /// Recipients of personal data.
    pub recipients: Vec<Recipient>,
}

/// The record of one table.
#[derive(Debug, Serialize)]
pub struct TableRecord {
    /// Name of the table.
    pub table: String,
    /// Purpose of the table.
    pub purpose: String,
    /// The module that owns the table; null for the platform.
    pub module: Option<&'static str>,
    /// The person whom a row describes.
    pub subject: Option<String>,
    /// How long a row is kept.
    pub retention: String,
    /// What happens to a row when the person is erased.
    pub erasure: Option<String>,
    /// The columns of the table.
    pub columns: Vec<ColumnRecord>,
    /// The operations of the table's module, grouped by the access that they require.
    pub access: Vec<AccessRecord>,
}

/// The record of one column.
#[derive(Debug, Serialize)]
pub struct ColumnRecord {
    /// Name of the column.
    pub column: String,
    /// `public`, `internal`, `personal` or `secret`.
    pub class: String,
    /// Content of the column.
    pub description: String,
    /// How its values are protected.
    pub protection: String,
}

/// The operations that one permission allows.
#[derive(Debug, Serialize)]
pub struct AccessRecord {
    /// The required permission.
    pub needs: String,
    /// The built-in roles that have it by default.
    pub roles: Vec<&'static str>,
    /// The operations that it allows.
    pub operations: Vec<&'static str>,
}

impl DataMap {
    /// Renders the record as Markdown.
    pub fn to_markdown(&self) -> String {
        let mut page = format!(
            "# Record of processing: {}\n\n{}\n",
            self.service, self.purpose
        );

        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "\n## Recipients of personal data\n\n| recipient | what | when |\n|---|---|---|\n"
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

        // Writing to a string cannot fail.
        let _ = write!(page, "\n## {table}\n\n{purpose}\n\n");
        let _ = writeln!(page, "- Module: {}", module.unwrap_or("platform"));
        if let Some(subject) = subject {
            let _ = writeln!(page, "- Data subject: {subject}");
        }
        let _ = writeln!(page, "- Retention: {retention}");
        if let Some(erasure) = erasure {
            let _ = writeln!(page, "- On erasure: {erasure}");
        }

        let _ = write!(
            page,
            "\n| column | class | content | protection |\n|---|---|---|---|\n"
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

        if access.is_empty() {
            return;
        }

        let _ = write!(
            page,
            "\n| required | built-in roles | operations of the module |\n|---|---|---|\n"
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
