//! What a hand-written query may contain.
//!
//! The text is parsed, checked and printed again from its syntax tree, so that Postgres runs what
//! was checked. A name that the check does not know is refused: it never reaches the search path.

use std::{collections::BTreeSet, ops::ControlFlow};

use sqlparser::{
    ast::{
        Expr, Ident, ObjectName, Query, Select, SetExpr, Statement, TableFactor, Visit, Visitor,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use super::functions::is_allowed;

/// Maximum length of a name, in bytes. Postgres cuts longer ones, after which they may be equal to
/// another.
const LONGEST_NAME: usize = 63;

/// Checks a query that selects from `relations`, and returns its text.
///
/// # Errors
/// Says what the query may not contain, and what to write instead.
pub(super) fn checked(text: &str, relations: &[&str]) -> Result<String, String> {
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, text)
        .map_err(|error| format!("it cannot be parsed: {error}"))?;

    let statement = match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => statement,
        _ => return Err("it must be one statement".to_owned()),
    };
    let Statement::Query(query) = statement else {
        return Err(
            "it must be a query: to write, use a method that records the change".to_owned(),
        );
    };

    let mut wall = Wall {
        known: relations.iter().map(|name| (*name).to_owned()).collect(),
    };

    wall.check(&query)?;
    Ok(query.to_string())
}

/// The names that a part of a query may select from.
struct Wall {
    known: BTreeSet<String>,
}

impl Wall {
    /// Checks the common table expressions in their order, since each sees the ones before it, and
    /// then the rest.
    fn check(&mut self, query: &Query) -> Result<(), String> {
        let mut rest = query.clone();
        let Some(with) = rest.with.take() else {
            return self.visit(&rest);
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
            self.visit(&*clause.query)?;
            self.known.insert(name);
        }

        self.visit(&rest)
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
            None => Err(format!(
                "{name} has a schema: write the name of the table alone"
            )),
        }
    }
}

impl Visitor for Wall {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        let refused = match &*query.body {
            _ if query.with.is_some() => Some("a WITH inside a subquery: move it to the beginning"),
            _ if !query.locks.is_empty() => Some("a locking clause: use `get_for_update`"),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Some("a statement that writes")
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
            TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => function(name),
            TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => Ok(()),
            other => Err(format!("it may not select from {other}")),
        };

        checked.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        match expression {
            Expr::Function(call) => {
                function(&call.name).map_or_else(ControlFlow::Break, ControlFlow::Continue)
            }
            _ => ControlFlow::Continue(()),
        }
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

fn function(name: &ObjectName) -> Result<(), String> {
    match single(name) {
        Some(function) if is_allowed(&function) => Ok(()),
        _ => Err(format!("it may not call the function {name}")),
    }
}

/// The name, unless it is qualified.
fn single(name: &ObjectName) -> Option<String> {
    match &name.0[..] {
        [only] => only.as_ident().map(folded),
        _ => None,
    }
}

/// A name as Postgres compares it: in lower case, unless it is quoted.
fn folded(name: &Ident) -> String {
    match name.quote_style {
        None => name.value.to_lowercase(),
        Some(_) => name.value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        match checked(text, &["tasks", "projects"]) {
            Ok(text) => panic!("accepted: {text}"),
            Err(refusal) => refusal,
        }
    }

    #[test]
    fn ordinary_queries_are_accepted() {
        for text in [
            "SELECT * FROM tasks",
            r#"SELECT t.id FROM "tasks" AS t WHERE t.done = $1 ORDER BY t.id DESC NULLS LAST LIMIT 5"#,
            "SELECT p.name, count(t.id) FILTER (WHERE t.done) FROM Projects p LEFT JOIN tasks t ON t.project_id = p.id \
             GROUP BY p.name HAVING count(*) > 1",
            "WITH open AS (SELECT id FROM tasks), late AS (SELECT id FROM open) SELECT * FROM late",
            "WITH RECURSIVE up AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM up WHERE n < 5) SELECT n FROM up",
            "WITH tasks AS (SELECT id FROM tasks WHERE done) SELECT * FROM tasks",
            "SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY id) FROM tasks",
            "SELECT * FROM projects p WHERE EXISTS (SELECT 1 FROM tasks t WHERE t.project_id = p.id)",
            "SELECT day FROM generate_series($1::date, $2::date, interval '1 day') AS day",
            "SELECT label FROM tasks CROSS JOIN LATERAL unnest(labels) AS label",
            "SELECT data -> 'a' ->> 'b', data @> '{\"a\": 1}'::jsonb FROM tasks",
            "SELECT extract(year FROM created_at), date_trunc('day', now()), created_at AT TIME ZONE 'UTC' FROM tasks",
        ] {
            checked(text, &["tasks", "projects"])
                .unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
        }
    }

    #[test]
    fn a_name_is_known_only_where_postgres_knows_it() {
        assert!(
            refusal("WITH a AS (SELECT * FROM users), users AS (SELECT 1) SELECT * FROM a")
                .contains("users")
        );
        assert!(
            refusal("SELECT * FROM (WITH users AS (SELECT 1) SELECT 1) a, users").contains("WITH")
        );
        assert!(refusal(r#"SELECT * FROM "Tasks""#).contains("Tasks"));
    }

    #[test]
    fn comments_are_not_sent() {
        let text = "SELECT id /* all */ FROM tasks -- WHERE organization_id = $1";
        assert_eq!(
            checked(text, &["tasks"]),
            Ok("SELECT id FROM tasks".to_owned())
        );
    }
}
