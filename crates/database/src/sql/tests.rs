//! Tests of how a text is limited. `attacks/careless_statements.rs` runs such texts.

use super::{
    limit::{Form, Limit},
    owned::OwnerKind,
};

fn limited(kind: OwnerKind, text: &'static str) -> Result<&'static str, String> {
    let limit = Limit {
        kind,
        owner: mainstay_kernel::Uuid::nil(),
    };
    limit
        .text(text, Form::Clauses, 9, &[])
        .map(|limited| limited.text)
}

fn of_person(text: &'static str) -> Result<&'static str, String> {
    limited(OwnerKind::Person, text)
}

fn of_organization(text: &'static str) -> Result<&'static str, String> {
    limited(OwnerKind::Organization, text)
}

#[test]
fn a_table_is_read_in_a_subquery() {
    assert_eq!(
        of_person("found AS (SELECT s.id FROM mainstay.sessions s WHERE s.id = $1 FOR UPDATE)"),
        Ok(
            "found AS (SELECT s.id FROM (SELECT t.* FROM mainstay.sessions AS t WHERE t.user_id = $9) s \
            WHERE s.id = $1 FOR UPDATE)"
        )
    );
    assert_eq!(
        of_organization("found AS (SELECT FROM mainstay.permissions)"),
        Ok("found AS (SELECT FROM mainstay.permissions)")
    );
}

#[test]
fn a_write_has_the_condition_for_own_rows() {
    assert_eq!(
        of_person("changed AS (UPDATE mainstay.sessions SET ended_at = $1 WHERE id = $2 OR true)"),
        Ok("changed AS (UPDATE mainstay.sessions SET ended_at = $1 \
            WHERE (id = $2 OR true) AND (sessions.user_id = $9))")
    );
    assert_eq!(
        of_organization(
            "changed AS (DELETE FROM mainstay.users u RETURNING mainstay.forget_account(u.id))"
        ),
        Ok("changed AS (DELETE FROM mainstay.users u \
            WHERE (u.id IN (SELECT user_id FROM mainstay.memberships WHERE organization_id = $9)) \
            AND (u.kind = 'service') RETURNING mainstay.forget_account(u.id))")
    );
}

#[test]
fn a_new_row_is_the_owners() {
    assert_eq!(
        of_person(
            "changed AS (INSERT INTO mainstay.totps AS t (user_id, pending) SELECT $1, $2 FROM held \
            ON CONFLICT ON CONSTRAINT totps_pkey DO UPDATE SET pending = excluded.pending)"
        ),
        Ok(
            "changed AS (INSERT INTO mainstay.totps AS t (user_id, pending) SELECT $9, $2 FROM held \
            ON CONFLICT ON CONSTRAINT totps_pkey DO UPDATE SET pending = excluded.pending \
            WHERE (t.user_id = $9))"
        )
    );
}

#[test]
fn a_function_is_called_for_the_owner() {
    assert_eq!(
        of_person("changed AS (SELECT mainstay.end_sessions($1, NULL, $2, $3) FROM held)"),
        Ok("changed AS (SELECT mainstay.end_sessions($9, NULL, $2, $3) FROM held)")
    );
}

#[test]
fn clauses_do_not_end_early() {
    for text in [
        "a AS (SELECT 1) SELECT 2",
        "a AS (SELECT 1) SELECT 2; WITH b AS (SELECT 1)",
        "RECURSIVE a AS (SELECT 1)",
    ] {
        assert!(of_person(text).is_err(), "{text}");
    }
}
