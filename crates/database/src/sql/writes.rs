//! Limits the tables that a statement writes: only the owner's rows are updated and deleted, and a
//! new row is the owner's.

use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Ident, Insert, ObjectName,
    OnConflictAction, OnInsert, Query, Select, SelectItem, SetExpr, Statement, TableFactor,
    TableObject, Update, UpdateTableFromKind,
};

use super::{
    limiter::{Limiter, expression, plain_table, unqualified},
    owned::{Rows, Source},
};
use crate::wall::{folded, single};

/// The table that a clause writes.
struct Target {
    table: &'static str,
    rows: &'static Rows,
    alias: Ident,
}

impl Target {
    /// Refuses to set a column that says whose row it is.
    fn check_assignments(&self, assignments: &[Assignment]) -> Result<(), String> {
        let columns = assignments.iter().flat_map(|it| match &it.target {
            AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
            AssignmentTarget::Tuple(names) => &names[..],
        });

        for name in columns {
            let column = single(name).ok_or_else(|| format!("it may not set {name}"))?;
            if self.rows.is_limited_by(&column) {
                return Err(format!("it may not set {column} of {}", self.table));
            }
        }

        Ok(())
    }

    /// Whether a returned column is the ID of the written row.
    fn is_id(&self, item: &SelectItem) -> bool {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(column)) => folded(column) == "id",
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => {
                matches!(&path[..], [table, column] if *table == self.alias && folded(column) == "id")
            }
            _ => false,
        }
    }

    /// The table, if the clause returns the IDs of the rows that it has written.
    fn returned(&self, returning: Option<&Vec<SelectItem>>) -> Option<&'static str> {
        returning?
            .iter()
            .any(|item| self.is_id(item))
            .then_some(self.table)
    }
}

impl Limiter<'_> {
    /// Limits a clause that writes. Returns the table whose IDs it returns.
    pub(super) fn write(
        &mut self,
        statement: &mut Statement,
    ) -> Result<Option<&'static str>, String> {
        match statement {
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            other => Err(format!("it may not contain {other}")),
        }
    }

    fn update(&mut self, update: &mut Update) -> Result<Option<&'static str>, String> {
        let target = self.target(&update.table.relation)?;
        if !target.rows.updated || !update.table.joins.is_empty() {
            return Err(format!("it may not update {}", target.table));
        }
        target.check_assignments(&update.assignments)?;

        self.visit(&mut update.assignments)?;
        match &mut update.from {
            Some(UpdateTableFromKind::AfterSet(tables)) => self.visit(tables)?,
            Some(UpdateTableFromKind::BeforeSet(_)) => {
                return Err("FROM comes after SET".to_owned());
            }
            None => {}
        }
        self.visit(&mut update.selection)?;
        self.visit(&mut update.returning)?;

        update.selection = Some(self.and_own(update.selection.take(), &target)?);

        Ok(target.returned(update.returning.as_ref()))
    }

    /// What a deletion returns is no longer there, so that its ID is of no use to later clauses.
    fn delete(&mut self, delete: &mut Delete) -> Result<Option<&'static str>, String> {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let [from] = &from[..] else {
            return Err("it may delete from one table".to_owned());
        };

        let target = self.target(&from.relation)?;
        if !target.rows.deleted || !from.joins.is_empty() || !delete.tables.is_empty() {
            return Err(format!("it may not delete from {}", target.table));
        }

        self.visit(&mut delete.using)?;
        self.visit(&mut delete.selection)?;

        self.deleting = Some(target.alias.clone());
        let returning = self.visit(&mut delete.returning);
        self.deleting = None;
        returning?;

        delete.selection = Some(self.and_own(delete.selection.take(), &target)?);

        Ok(None)
    }

    fn insert(&mut self, insert: &mut Insert) -> Result<Option<&'static str>, String> {
        let TableObject::TableName(name) = &insert.table else {
            return Err("it may insert into a table".to_owned());
        };

        let (table, rows) = self.rows(name)?;
        let alias = insert.table_alias.as_ref().map(|alias| alias.alias.clone());
        let target = Target {
            table,
            rows,
            alias: alias.unwrap_or_else(|| unqualified(table).name),
        };

        let (Some(sources), Some(query)) = (rows.inserted, &mut insert.source) else {
            return Err(format!("it may not insert into {table}"));
        };

        self.visit(query)?;
        for source in sources {
            self.set_source(&insert.columns, query, *source)?;
        }

        if let Some(on) = &mut insert.on {
            self.conflict(on, &target)?;
        }
        self.visit(&mut insert.returning)?;

        Ok(target.returned(insert.returning.as_ref()))
    }

    /// Limits what happens to a row that exists already.
    fn conflict(&mut self, on: &mut OnInsert, target: &Target) -> Result<(), String> {
        self.visit(on)?;

        let OnInsert::OnConflict(on) = on else {
            return Err("it may contain ON CONFLICT only".to_owned());
        };
        let OnConflictAction::DoUpdate(update) = &mut on.action else {
            return Ok(());
        };

        if !target.rows.updated {
            return Err(format!("it may not update {}", target.table));
        }
        target.check_assignments(&update.assignments)?;
        update.selection = Some(self.and_own(update.selection.take(), target)?);

        Ok(())
    }

    /// Makes sure where a column of the new rows takes its value from.
    fn set_source(
        &self,
        columns: &[ObjectName],
        query: &mut Query,
        source: Source,
    ) -> Result<(), String> {
        let (Source::Owner(column) | Source::Written(column, _) | Source::Own(column, _)) = source;
        let position = columns
            .iter()
            .position(|name| single(name).as_deref() == Some(column))
            .ok_or_else(|| format!("it must name the column {column}"))?;

        self.set_in(&mut query.body, columns.len(), position, source)
    }

    fn set_in(
        &self,
        body: &mut SetExpr,
        width: usize,
        position: usize,
        source: Source,
    ) -> Result<(), String> {
        match body {
            SetExpr::Select(select) => {
                let clauses = clauses_of(select);
                let values = select.projection.iter_mut().map(value);
                let mut values: Vec<_> = values.collect::<Option<_>>().unwrap_or_default();
                self.set_value(&mut values, width, position, source, &clauses)
            }
            SetExpr::Values(values) => values.rows.iter_mut().try_for_each(|row| {
                let mut values: Vec<_> = row.content.iter_mut().collect();
                self.set_value(&mut values, width, position, source, &[])
            }),
            SetExpr::SetOperation { left, right, .. } => {
                self.set_in(left, width, position, source)?;
                self.set_in(right, width, position, source)
            }
            other => Err(format!("it may not insert {other}")),
        }
    }

    /// `clauses` are those that the values may come from.
    fn set_value(
        &self,
        values: &mut [&mut Expr],
        width: usize,
        position: usize,
        source: Source,
        clauses: &[String],
    ) -> Result<(), String> {
        if values.len() != width {
            return Err("it must have a value for each column".to_owned());
        }

        let value = &mut *values[position];
        match source {
            Source::Owner(_) => *value = expression(&self.owner)?,
            Source::Written(column, table) => {
                if !self.is_written(value, table, clauses) {
                    return Err(format!(
                        "{column} must be the id of a clause that writes {table}"
                    ));
                }
            }
            Source::Own(column, table) => {
                let Expr::Value(_) = value else {
                    return Err(format!("{column} must be a parameter"));
                };
                *value = self.own_id(table, value)?;
            }
        }

        Ok(())
    }

    /// Whether a value is `clause.id`, where the clause has written the table.
    fn is_written(&self, value: &Expr, table: &str, clauses: &[String]) -> bool {
        let Expr::CompoundIdentifier(path) = value else {
            return false;
        };
        let [clause, column] = &path[..] else {
            return false;
        };

        let clause = folded(clause);
        folded(column) == "id"
            && clauses.contains(&clause)
            && self.written.get(&clause).is_some_and(|it| *it == table)
    }

    /// The ID of a row, if the owner has it; otherwise null.
    fn own_id(&self, table: &'static str, id: &Expr) -> Result<Expr, String> {
        let name = ObjectName::from(table.split('.').map(Ident::new).collect::<Vec<_>>());
        let (_, rows) = self.rows(&name)?;
        let own = self.condition(rows.condition, "t")?;

        expression(&format!(
            "(SELECT t.id FROM {table} AS t WHERE t.id = {id} AND ({own}))"
        ))
    }

    fn target(&self, factor: &TableFactor) -> Result<Target, String> {
        let (name, alias) =
            plain_table(factor).ok_or_else(|| format!("it may not write {factor}"))?;
        let (table, rows) = self.rows(name)?;
        let alias = alias.cloned().unwrap_or_else(|| unqualified(table));

        Ok(Target {
            table,
            rows,
            alias: alias.name,
        })
    }

    /// The condition of a write, and that for the owner's rows.
    fn and_own(&self, selection: Option<Expr>, target: &Target) -> Result<Expr, String> {
        let alias = target.alias.to_string();
        let mut conditions = Vec::from_iter(selection);
        conditions.push(self.condition(target.rows.condition, &alias)?);
        if let Some(only) = target.rows.only {
            conditions.push(self.condition(only, &alias)?);
        }

        let conditions = conditions.iter().map(|condition| format!("({condition})"));
        expression(&conditions.collect::<Vec<_>>().join(" AND "))
    }
}

/// The clauses that a query selects from under their own names.
fn clauses_of(select: &Select) -> Vec<String> {
    let factors = select.from.iter().flat_map(|table| {
        std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation))
    });

    factors
        .filter_map(|factor| match plain_table(factor)? {
            (name, None) => single(name),
            _ => None,
        })
        .collect()
}

fn value(item: &mut SelectItem) -> Option<&mut Expr> {
    match item {
        SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. } => {
            Some(value)
        }
        _ => None,
    }
}
