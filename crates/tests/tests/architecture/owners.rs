//! Every table of the platform with an owner is declared, and the declarations are valid.

use std::collections::BTreeSet;

use mainstay_database::{Uuid, declared_tables};
use mainstay_testing::TestApp;

const OWNED: &str = r"
    SELECT DISTINCT a.attrelid::regclass::text
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'mainstay'::regnamespace
      AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition
      AND a.attname IN ('user_id', 'organization_id')
";

#[tokio::test]
async fn every_table_with_an_owner_is_declared() {
    let app = TestApp::start(fixture::platform()).await;
    let mut owner = app.owner().await;
    owner.run("SET search_path = public", []).await.unwrap();

    let declared: BTreeSet<_> = declared_tables().map(|(name, _)| name.to_owned()).collect();
    let rows = owner.run(OWNED, []).await.unwrap();
    let owned: BTreeSet<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    let undeclared: Vec<_> = owned.difference(&declared).collect();
    assert!(undeclared.is_empty(), "{undeclared:?}");

    for query in declared_tables().flat_map(|(_, queries)| queries) {
        let query: &str = query.leak();
        let rows = owner.run(query, [Uuid::nil().into()]).await;
        assert!(rows.is_ok(), "{query}: {:?}", rows.err());
    }
}
