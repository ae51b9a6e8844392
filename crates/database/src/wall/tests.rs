//! Tests of what a hand-written query may contain.

use super::*;

const NAMES: Names<'static> = Names {
    relations: &["tasks", "projects"],
    functions: &["mainstay.role_exceeds"],
};

fn refusal(text: &str) -> String {
    match checked_query(text, &NAMES) {
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
        "SELECT e.key, e.value FROM tasks t CROSS JOIN LATERAL jsonb_each_text(t.data) AS e",
        "SELECT n.value, n.place FROM tasks, unnest(labels) WITH ORDINALITY AS n (value, place)",
        r"SELECT t.labels[1] FROM tasks t WHERE t.name ~ '^\d+$' AND t.place = 'it''s'",
        "SELECT mainstay.role_exceeds(id, $1, $2), created_at::date FROM tasks",
        "SELECT ARRAY(SELECT id FROM tasks ORDER BY id), CASE WHEN $1::uuid IS NULL THEN 1 END",
        "SELECT data -> 'a' ->> 'b', data @> '{\"a\": 1}'::jsonb FROM tasks",
        "SELECT extract(year FROM created_at), date_trunc('day', now()), created_at AT TIME ZONE 'UTC' FROM tasks",
    ] {
        checked_query(text, &NAMES).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
    }
}

#[test]
fn a_name_is_known_only_where_postgres_knows_it() {
    assert!(
        refusal("WITH a AS (SELECT * FROM users), users AS (SELECT 1) SELECT * FROM a")
            .contains("users")
    );
    assert!(refusal("SELECT * FROM (WITH users AS (SELECT 1) SELECT 1) a, users").contains("WITH"));
    assert!(refusal(r#"SELECT * FROM "Tasks""#).contains("Tasks"));
}

#[test]
fn comments_are_not_sent() {
    let text = "SELECT id /* all */ FROM tasks -- WHERE organization_id = $1";
    assert_eq!(
        checked_query(text, &NAMES),
        Ok("SELECT id FROM tasks".to_owned())
    );
}

#[test]
fn a_column_is_not_the_call_of_a_function() {
    for text in [
        "SELECT ('/etc/passwd'::text).pg_read_file",
        "SELECT t.pg_read_file FROM unnest(ARRAY['/etc/passwd']) AS t",
        "SELECT t.pg_read_file FROM unnest(ARRAY['/etc/passwd']) AS t (path)",
        "SELECT unnest.pg_read_file FROM unnest(ARRAY['/etc/passwd'])",
        "SELECT t.a FROM unnest($1) AS t, LATERAL (SELECT 1 FROM unnest($2) AS t (a)) AS s",
        "SELECT format.ts_stat FROM format('SELECT 1')",
    ] {
        refusal(text);
    }
}

#[test]
fn what_is_sent_is_what_was_checked() {
    for text in [
        r"SELECT id FROM tasks WHERE name = '\'' UNION SELECT id FROM users --'",
        "SELECT id FROM tasks WHERE name = 'a''''b'",
        r#"SELECT id AS "a""""b" FROM tasks"#,
        r"SELECT id FROM tasks WHERE name = E'\''",
        "SELECT id FROM tasks WHERE name = $$a$$",
        "SELECT id FROM TA\u{17f}KS",
        "SELECT 'users'::regclass::text",
        "SELECT id::mainstay.secret FROM tasks",
        "SELECT public.tasks.id FROM tasks",
        "SELECT mainstay.other(id) FROM tasks",
    ] {
        refusal(text);
    }
}
