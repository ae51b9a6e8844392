//! Limits a checked statement to the rows of an owner, by rewriting its syntax tree.
//!
//! A table that is read becomes a subquery with the owner's rows. Postgres folds it into the
//! statement, so that indexes serve it as they serve the table. `writes.rs` limits the tables that
//! are written.

use std::{collections::BTreeMap, ops::ControlFlow};

use sqlparser::{
    ast::{
        Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query,
        SetExpr, TableAlias, TableFactor, VisitMut, VisitorMut,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use super::{
    functions::FUNCTIONS,
    owned::{Argument, OwnerKind, Rows},
    tables::{names, rows_of},
};
use crate::{
    SealedTable,
    wall::{folded, single},
};

/// The owner to whom a statement is limited.
pub(super) struct Limiter<'a> {
    kind: OwnerKind,
    /// The tables of the modules.
    registered: &'a [SealedTable],
    /// The parameter with the owner's ID, such as `$7`.
    pub(super) owner: String,
    /// The clauses that write a table and return the IDs of the rows, with the table.
    pub(super) written: BTreeMap<String, &'static str>,
    /// The alias of the table that the present clause deletes from.
    pub(super) deleting: Option<Ident>,
    /// The number of queries around the present expression, within its clause.
    depth: usize,
}

impl<'a> Limiter<'a> {
    /// A limiter for owners of this kind. The owner's ID is the parameter at `position`.
    pub(super) fn new(kind: OwnerKind, position: usize, registered: &'a [SealedTable]) -> Self {
        Self {
            kind,
            registered,
            owner: format!("${position}"),
            written: BTreeMap::new(),
            deleting: None,
            depth: 0,
        }
    }

    /// The tables that a statement may name.
    pub(super) fn tables(&self) -> impl Iterator<Item = &'static str> {
        names(self.kind, self.registered)
    }

    /// The functions of the schema that it may call.
    pub(super) fn functions(&self) -> impl Iterator<Item = &'static str> {
        FUNCTIONS
            .iter()
            .filter(|function| function.argument(self.kind).is_some())
            .map(|function| function.name)
    }

    /// Limits a statement: first its clauses, in their order, and then the rest.
    pub(super) fn statement(&mut self, query: &mut Query) -> Result<(), String> {
        let mut with = query.with.take();
        for clause in with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            let name = folded(&clause.alias.name);
            if rows_of(&name, self.kind, self.registered).is_some() {
                return Err(format!("the clause {name} has the name of a table"));
            }

            if let Some(table) = self.part(&mut clause.query)?
                && clause.alias.columns.is_empty()
            {
                self.written.insert(name, table);
            }
        }

        self.part(query)?;
        query.with = with;

        Ok(())
    }

    /// Limits an outermost clause. Returns the table whose IDs it returns after writing them.
    fn part(&mut self, query: &mut Query) -> Result<Option<&'static str>, String> {
        match &mut *query.body {
            SetExpr::Insert(write) | SetExpr::Update(write) | SetExpr::Delete(write) => {
                self.write(write)
            }
            _ => self.visit(query).map(|()| None),
        }
    }

    /// Limits the tables and the calls in a part of a statement.
    pub(super) fn visit(&mut self, part: &mut impl VisitMut) -> Result<(), String> {
        match part.visit(self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(refusal) => Err(refusal),
        }
    }

    /// The owner's rows in a table.
    pub(super) fn rows(&self, name: &ObjectName) -> Result<(&'static str, &'static Rows), String> {
        self.rows_of(name)
            .ok_or_else(|| format!("{name} has no rows of this kind of owner"))
    }

    fn rows_of(&self, name: &ObjectName) -> Option<(&'static str, &'static Rows)> {
        let name = single(name).unwrap_or_else(|| name.to_string());
        rows_of(&name, self.kind, self.registered)
    }

    /// A condition of `tables.rs`, for the row `alias`.
    pub(super) fn condition(&self, condition: &str, alias: &str) -> Result<Expr, String> {
        let text = condition
            .replace("t.", &format!("{alias}."))
            .replace('?', &self.owner);

        expression(&text)
    }

    /// Replaces a table by the owner's rows in it. The wall has refused all names but those of
    /// tables and of clauses. One with anything but an alias, such as a sample, is refused here.
    fn limit_table(&self, factor: &mut TableFactor) -> Result<(), String> {
        let Some((name, alias)) = plain_table(factor) else {
            return Err(format!("it may not select from {factor}"));
        };
        let Some((table, rows)) = self.rows_of(name) else {
            return Ok(());
        };

        if rows.condition == "true" {
            return Ok(());
        }

        let condition = self.condition(rows.condition, "t")?;
        let alias = alias.cloned().unwrap_or_else(|| unqualified(table));
        *factor = subquery(
            &format!("SELECT t.* FROM {table} AS t WHERE {condition}"),
            alias,
        )?;

        Ok(())
    }

    /// Limits the call of a function of the schema.
    fn limit_call(&self, call: &mut Function) -> Result<(), String> {
        if call.name.0.len() == 1 {
            return Ok(());
        }

        let name = call.name.to_string();
        let function = FUNCTIONS.iter().find(|function| function.name == name);
        let argument = function.and_then(|function| function.argument(self.kind));

        match argument {
            Some(Argument::Any) => Ok(()),
            Some(Argument::OwnerAt(position)) => {
                let argument = argument_of(call, position)
                    .ok_or_else(|| format!("{name} does not name an owner"))?;
                *argument = expression(&self.owner)?;

                Ok(())
            }
            Some(Argument::Deleted(column)) => match argument_of(call, 0) {
                Some(argument) if self.deletes(argument, column) => Ok(()),
                _ => Err(format!("{name} must have {column} of the deleted row")),
            },
            None => Err(format!("{name} may not be called for this kind of owner")),
        }
    }

    /// Whether an expression is this column of the row that the present clause deletes. In a
    /// subquery, the alias may be that of another table.
    fn deletes(&self, expression: &Expr, column: &str) -> bool {
        match (expression, &self.deleting) {
            (Expr::CompoundIdentifier(path), Some(alias)) if self.depth == 0 => {
                matches!(&path[..], [table, named] if table == alias && folded(named) == column)
            }
            _ => false,
        }
    }
}

impl VisitorMut for Limiter<'_> {
    type Break = String;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<String> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<String> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<String> {
        let limited = match factor {
            TableFactor::Table {
                name,
                args: Some(_),
                ..
            }
            | TableFactor::Function { name, .. }
                if name.0.len() > 1 =>
            {
                Err(format!("{name} may not be called in FROM"))
            }
            TableFactor::Table { args: None, .. } => self.limit_table(factor),
            _ => Ok(()),
        };

        limited.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<String> {
        let limited = match expression {
            Expr::Function(call) => self.limit_call(call),
            _ => Ok(()),
        };

        limited.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }
}

/// The name and the alias of a table without anything else, such as a sample.
pub(super) fn plain_table(factor: &TableFactor) -> Option<(&ObjectName, Option<&TableAlias>)> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_directives,
            inheritance: None,
        } if with_hints.is_empty() && partitions.is_empty() && index_directives.is_empty() => {
            Some((name, alias.as_ref()))
        }
        _ => None,
    }
}

/// The alias of a table that has none: its name without the schema.
pub(super) fn unqualified(table: &'static str) -> TableAlias {
    let name = table.rsplit('.').next().unwrap_or(table);

    TableAlias {
        explicit: true,
        name: Ident::new(name),
        columns: Vec::new(),
        at: None,
    }
}

pub(super) fn expression(text: &str) -> Result<Expr, String> {
    Parser::new(&PostgreSqlDialect {})
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_expr())
        .map_err(|error| error.to_string())
}

fn subquery(text: &str, alias: TableAlias) -> Result<TableFactor, String> {
    let subquery = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_query())
        .map_err(|error| error.to_string())?;

    Ok(TableFactor::Derived {
        lateral: false,
        subquery,
        alias: Some(alias),
        sample: None,
    })
}

/// The argument of a call at this position, unless it has a name.
fn argument_of(call: &mut Function, position: usize) -> Option<&mut Expr> {
    let FunctionArguments::List(list) = &mut call.args else {
        return None;
    };

    match list.args.get_mut(position) {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))) => Some(argument),
        _ => None,
    }
}
