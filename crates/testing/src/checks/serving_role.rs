//! The rights of the role that serves requests.

use mainstay::Platform;
use mainstay_database::Row;

use crate::TestApp;

/// The serving role's privileges on tables, columns and functions.
const GRANTED: &str = r"
    SELECT object, string_agg(privilege, ', ' ORDER BY privilege)
    FROM (
        SELECT replace(relnamespace::regnamespace || '.' || relname, 'public.', '') AS object,
            granted.privilege_type AS privilege, granted.grantee
        FROM pg_class, aclexplode(relacl) AS granted
        WHERE relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
        UNION ALL
        SELECT replace(
            relnamespace::regnamespace || '.' || relname || '.' || attname, 'public.', ''
        ), granted.privilege_type, granted.grantee
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl) AS granted
        WHERE relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
    ) AS granted
    WHERE grantee = 'mainstay_server'::regrole
    GROUP BY object
    UNION ALL
    SELECT replace(pronamespace::regnamespace || '.' || oid::regprocedure, 'public.', ''), 'EXECUTE'
    FROM pg_proc
    WHERE pronamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
      AND prorettype <> 'trigger'::regtype
      AND has_function_privilege('mainstay_server', oid, 'EXECUTE')
    ORDER BY 1
";

/// Objects that the serving role owns.
const OWNED: &str = r"
    SELECT relname::text
    FROM pg_class
    WHERE relowner = 'mainstay_server'::regrole
";

/// Tables with privileges for every role.
const OPEN: &str = r"
    SELECT relname::text
    FROM pg_class, aclexplode(relacl) AS granted
    WHERE relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
      AND granted.grantee = 0
";

/// Returns the serving role's privileges, one object per line, for a snapshot (OWASP ASVS 13.2.2).
///
/// # Panics
/// When the role owns an object, or when every role has a privilege on a table.
pub async fn serving_role(platform: Platform) -> String {
    let app = TestApp::start(platform).await;
    let mut owner = app.owner().await;

    for (question, statement) in [
        ("the serving role owns", OWNED),
        ("every role has privileges on", OPEN),
    ] {
        let rows = owner.run(statement, []).await.unwrap();
        let found: Vec<_> = rows.iter().map(|row| text(row, 0)).collect();
        assert!(found.is_empty(), "{question}: {found:?}");
    }

    let rows = owner.run(GRANTED, []).await.unwrap();
    rows.iter()
        .map(|row| format!("{}: {}\n", text(row, 0), text(row, 1)))
        .collect()
}

fn text(row: &Row, position: usize) -> String {
    row.get(position).unwrap()
}
