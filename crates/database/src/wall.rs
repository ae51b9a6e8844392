//! What a hand-written query or statement may contain.
//!
//! The text is parsed, checked and printed again from its syntax tree, so that Postgres runs what
//! was checked. A name that the check does not know is refused: it never reaches the search path.
//!
//! A query through a door only reads (`query.rs`). A limited statement may also lock rows, and
//! write in its outermost clauses (`sql.rs`).

mod functions;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use sqlparser::{
    ast::{
        AccessExpr, DataType, Expr, Ident, ObjectName, Query, Select, SetExpr, TableAlias,
        TableFactor, Value, ValueWithSpan, Visit, Visitor,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
    tokenizer::Token,
};

use self::functions::is_allowed;

#[cfg(test)]
mod tests;

/// Maximum length of a name, in bytes. Postgres cuts longer ones, after which they may be equal to
/// another.
const LONGEST_NAME: usize = 63;

/// The columns that functions in `FROM` name themselves.
const OWN_NAMES: [&str; 3] = ["key", "value", "ordinality"];

/// The names that a text may use.
pub(crate) struct Names<'a> {
    /// What it may select from.
    pub(crate) relations: &'a [&'static str],
    /// Functions that it may call by their qualified names.
    pub(crate) functions: &'a [&'static str],
}

/// Checks a query, which only reads, and returns its text.
///
/// # Errors
/// Says what the query may not contain, and what to write instead.
pub(crate) fn checked_query(text: &str, names: &Names<'_>) -> Result<String, String> {
    checked(text, names, false).map(|query| query.to_string())
}

/// Checks a statement, which may also lock and write, and returns its tree.
///
/// # Errors
/// Says what the statement may not contain, and what to write instead.
pub(crate) fn checked_statement(text: &str, names: &Names<'_>) -> Result<Query, String> {
    checked(text, names, true)
}

fn checked(text: &str, names: &Names<'_>, writes: bool) -> Result<Query, String> {
    let query = parsed(text)?;

    let mut wall = Wall {
        known: names
            .relations
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        functions: names.functions.iter().copied().collect(),
        items: BTreeMap::new(),
        fields: Vec::new(),
        writes,
    };

    wall.check(&query)?;
    wall.check_fields()?;

    // The parser prints some literals otherwise than it reads them.
    match parsed(&query.to_string()) {
        Ok(again) if again == query => Ok(query),
        _ => Err("it has a literal or a name with quotes: bind it as a value".to_owned()),
    }
}

/// Parses one query, or a statement that writes.
fn parsed(text: &str) -> Result<Query, String> {
    let unparsed = |error| format!("it cannot be parsed: {error}");
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(text)
        .map_err(unparsed)?;

    let query = parser.parse_query().map_err(unparsed)?;
    match parser.peek_token().token {
        Token::EOF => Ok(*query),
        _ => Err("it must be one statement".to_owned()),
    }
}

/// The names that a part of a query may use.
struct Wall {
    /// What it may select from.
    known: BTreeSet<String>,
    /// Functions that it may call by their qualified names.
    functions: BTreeSet<&'static str>,
    /// The functions in `FROM`, by their aliases, and the columns that they return.
    items: BTreeMap<String, BTreeSet<String>>,
    /// The columns that are named with a table: the name of the table, and that of the column.
    fields: Vec<(String, String)>,
    /// Whether it may lock rows, and write in its outermost clauses.
    writes: bool,
}

impl Wall {
    /// Checks the common table expressions in their order, since each sees the ones before it, and
    /// then the rest.
    fn check(&mut self, query: &Query) -> Result<(), String> {
        let mut rest = query.clone();
        let Some(with) = rest.with.take() else {
            return self.part(&rest);
        };

        let names: Vec<_> = with
            .cte_tables
            .iter()
            .map(|clause| folded(&clause.alias.name))
            .collect();
        if with.recursive {
            self.known.extend(names.iter().cloned());
        }

        for (clause, name) in with.cte_tables.iter().zip(names) {
            self.part(&clause.query)?;
            self.known.insert(name);
        }

        self.part(&rest)
    }

    /// Checks an outermost clause.
    fn part(&mut self, query: &Query) -> Result<(), String> {
        match &*query.body {
            SetExpr::Insert(write) | SetExpr::Update(write) | SetExpr::Delete(write)
                if self.writes && query.with.is_none() =>
            {
                self.visit(write)
            }
            _ => self.visit(query),
        }
    }

    fn visit(&mut self, part: &impl Visit) -> Result<(), String> {
        match part.visit(self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(refusal) => Err(refusal),
        }
    }

    fn relation(&self, name: &ObjectName) -> Result<(), String> {
        match single(name) {
            Some(name) if self.known.contains(&name) => Ok(()),
            Some(_) => Err(format!(
                "{name} is none of its relations: name its entity in the type of the query"
            )),
            None if self.known.contains(&name.to_string()) => Ok(()),
            None => Err(format!("{name} is none of the tables that it reaches")),
        }
    }

    fn function(&self, name: &ObjectName) -> Result<(), String> {
        match single(name) {
            Some(function) if is_allowed(&function) => Ok(()),
            None if self.functions.contains(&*name.to_string()) => Ok(()),
            _ => Err(format!("it may not call the function {name}")),
        }
    }

    /// Notes the columns of a function in `FROM`.
    fn item(&mut self, function: &str, alias: Option<&TableAlias>) -> Result<(), String> {
        let name = alias.map_or_else(|| function.to_owned(), |alias| folded(&alias.name));
        let columns = alias.iter().flat_map(|alias| &alias.columns);
        let columns: BTreeSet<_> = columns.map(|column| folded(&column.name)).collect();

        match self.items.insert(name.clone(), columns) {
            None => Ok(()),
            Some(_) => Err(format!(
                "two functions have the name {name}: give them different aliases"
            )),
        }
    }

    /// Notes the column of a path such as `t.labels[1]`, which may have no further field.
    fn access(&mut self, root: &Expr, path: &[AccessExpr]) -> Result<(), String> {
        let rest = match (root, path) {
            (Expr::Identifier(table), [AccessExpr::Dot(Expr::Identifier(column)), rest @ ..]) => {
                self.fields.push((folded(table), folded(column)));
                rest
            }
            _ => path,
        };

        match rest.iter().find(|step| matches!(step, AccessExpr::Dot(_))) {
            None => Ok(()),
            Some(field) => Err(format!("{field} may be the call of a function")),
        }
    }

    /// Refuses columns of functions that may be calls of other functions: Postgres takes `f.g` for
    /// `g(f)` if the value `f` has no field `g` (PostgreSQL manual, 8.16.5).
    fn check_fields(&self) -> Result<(), String> {
        let unknown = |(table, column): &&(String, String)| {
            self.items.get(table).is_some_and(|columns| {
                column != table
                    && !columns.contains(column)
                    && !OWN_NAMES.contains(&column.as_str())
            })
        };

        match self.fields.iter().find(unknown) {
            None => Ok(()),
            Some((table, column)) => Err(format!(
                "{column} may be a function: write AS {table} ({column}) after the function"
            )),
        }
    }
}

impl Visitor for Wall {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        let refused = match &*query.body {
            _ if query.with.is_some() => Some("a WITH inside a subquery: move it to the beginning"),
            _ if !query.locks.is_empty() && !self.writes => {
                Some("a locking clause: use `get_for_update`")
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Some("a statement that writes: use a method that records the change")
            }
            SetExpr::Table(_) => Some("TABLE: write SELECT * FROM"),
            _ => None,
        };

        refuse(refused)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        refuse(select.into.as_ref().map(|_| "INTO, which makes a table"))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        let checked = match factor {
            TableFactor::Table {
                name, args: None, ..
            } => self.relation(name),
            TableFactor::Table { name, alias, .. } | TableFactor::Function { name, alias, .. } => {
                self.function(name)
                    .and_then(|()| self.item(&single(name).unwrap_or_default(), alias.as_ref()))
            }
            TableFactor::UNNEST { alias, .. } => self.item("unnest", alias.as_ref()),
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => Ok(()),
            other => Err(format!("it may not select from {other}")),
        };

        verdict(checked)
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        let checked = match expression {
            Expr::Function(call) => self.function(&call.name),
            Expr::Cast { data_type, .. } => data_type_of(data_type),
            Expr::TypedString(literal) => data_type_of(&literal.data_type),
            Expr::CompoundIdentifier(path) => match &path[..] {
                [table, column] => {
                    self.fields.push((folded(table), folded(column)));
                    Ok(())
                }
                _ => Err("a column may have the name of its table, and no schema".to_owned()),
            },
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            _ => Ok(()),
        };

        verdict(checked)
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<String> {
        let plain = matches!(
            value.value,
            Value::Number(..)
                | Value::SingleQuotedString(_)
                | Value::Boolean(_)
                | Value::Null
                | Value::Placeholder(_)
        );

        refuse((!plain).then_some("a literal with a prefix or `$`: bind it as a value"))
    }

    fn pre_visit_ident(&mut self, name: &Ident) -> ControlFlow<String> {
        refuse((name.value.len() > LONGEST_NAME).then_some("a name of more than 63 bytes"))
    }
}

fn refuse(what: Option<&str>) -> ControlFlow<String> {
    match what {
        Some(what) => ControlFlow::Break(format!("it may not contain {what}")),
        None => ControlFlow::Continue(()),
    }
}

fn verdict(checked: Result<(), String>) -> ControlFlow<String> {
    checked.map_or_else(ControlFlow::Break, ControlFlow::Continue)
}

/// Refuses types that look a name up in the catalog, such as `regclass`, and those of a schema.
fn data_type_of(data_type: &DataType) -> Result<(), String> {
    let name = data_type.to_string().to_ascii_lowercase();
    let name = name.trim_start_matches('"');

    if name.starts_with("reg") || name.contains('.') {
        return Err(format!("it may not cast to the type {data_type}"));
    }

    Ok(())
}

/// The name, unless it is qualified.
pub(crate) fn single(name: &ObjectName) -> Option<String> {
    match &name.0[..] {
        [only] => only.as_ident().map(folded),
        _ => None,
    }
}

/// A name as Postgres compares it: with ASCII letters in lower case, unless it is quoted.
pub(crate) fn folded(name: &Ident) -> String {
    match name.quote_style {
        None => name.value.to_ascii_lowercase(),
        Some(_) => name.value.clone(),
    }
}
