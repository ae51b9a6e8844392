use crate::{Database, Error, statement::Statement};

impl Database {
    /// The version of the schema that stands in the database: that of the last migration, or 0.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres does not answer; [`Error::Internal`] when it was never migrated.
    pub async fn schema_version(&self) -> Result<i32, Error> {
        let text = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
        let rows = self.read(Statement::new("schema_version", text, Vec::new())).await?;
        rows.first().map_or(Ok(0), |row| row.get(0))
    }
}
