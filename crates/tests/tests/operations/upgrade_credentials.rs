//! Keys and secrets from before they held rights of their own, brought up to date by the migrations.

use mainstay_database::{DatabaseUrl, Migrations, Owner, Value};
use mainstay_testing::TestApp;

use crate::databases::Beside;

/// The last version whose keys hold whatever their account holds.
const BEFORE: i32 = 23;

const ORGANIZATION: &str = "00000000-0000-7000-8000-0000000000a0";
const OWNER: &str = "00000000-0000-7000-8000-0000000000a1";
const MANAGER: &str = "00000000-0000-7000-8000-0000000000a2";
const GONE: &str = "00000000-0000-7000-8000-0000000000a3";
const SERVICE: &str = "00000000-0000-7000-8000-0000000000a4";

/// A key or secret: its id's last digits, its account, who made it by the log, its scopes; then sponsor and permissions as they
/// must be.
type Credential = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    &'static str,
    &'static str,
);

const KEYS: &[Credential] = &[
    // A person's own.
    (
        "b1",
        MANAGER,
        Some(MANAGER),
        None,
        MANAGER,
        "{customers.read,customers.reveal}",
    ),
    (
        "b2",
        MANAGER,
        Some(MANAGER),
        Some("{customers.read,members.manage}"),
        MANAGER,
        "{customers.read,members.manage}",
    ),
    // A service account's, whose role is the owner's here.
    (
        "b3",
        SERVICE,
        Some(MANAGER),
        None,
        MANAGER,
        "{customers.read,customers.reveal}",
    ),
    ("b4", SERVICE, Some(GONE), None, GONE, "{}"),
    (
        "b5",
        SERVICE,
        None,
        None,
        OWNER,
        "{audit.read,customers.read,customers.reveal}",
    ),
    (
        "b6",
        SERVICE,
        Some(OWNER),
        Some("{roles.manage}"),
        OWNER,
        "{roles.manage}",
    ),
];

async fn connect(beside: &Beside) -> Owner {
    Owner::connect(&DatabaseUrl::parse(&beside.owner).expect("the URL is verified"))
        .await
        .expect("the owner connects")
}

/// People and roles as version 23 kept them.
async fn write(owner: &mut Owner) {
    let run = async |owner: &mut Owner, text: &'static str, values: Vec<Value>| {
        owner.run(text, values).await.expect("it is written");
    };
    let permissions = r"
        INSERT INTO permissions (name, help)
        SELECT unnest(
            ARRAY[
                'audit.read', 'customers.read', 'customers.reveal', 'members.manage', 'roles.manage'
            ]
        ), 'x'
    ";
    run(owner, permissions, vec![]).await;

    let grants = r"
        INSERT INTO role_permissions (role_id, permission)
        SELECT r.id, p.name
        FROM roles r, permissions p
        WHERE r.name = 'owner'
          OR (r.name = 'manager' AND p.name NOT IN ('audit.read', 'roles.manage'))
    ";
    run(owner, grants, vec![]).await;

    let organization = r"
        INSERT INTO organizations (id, name, created_at)
        VALUES ($1::text::uuid, 'Home', '2025-01-01Z')
    ";
    run(owner, organization, vec![ORGANIZATION.into()]).await;

    for person in [OWNER, MANAGER] {
        let key = r"
            INSERT INTO data_keys (id, organization_id, subject_id, wrapped, created_at)
            VALUES (hashtext($1), gen_random_uuid(), $1::text::uuid, '', now())
        ";
        run(owner, key, vec![person.into()]).await;
        let user = r"
            INSERT INTO users (id, data_key, email, email_index, password_hash, created_at)
            VALUES ($1::text::uuid, hashtext($1), '', convert_to($1, 'UTF8'), 'x', '2025-01-01Z')
        ";
        run(owner, user, vec![person.into()]).await;
    }

    let service = r"
        INSERT INTO users (id, kind, name, created_at)
        VALUES ($1::text::uuid, 'service', 'export', '2025-01-01Z')
    ";
    run(owner, service, vec![SERVICE.into()]).await;

    for (user, role) in [(OWNER, "owner"), (MANAGER, "manager"), (SERVICE, "owner")] {
        let member = r"
            INSERT INTO memberships (user_id, organization_id, role_id, created_at)
            SELECT $1::text::uuid, $2::text::uuid, id, '2025-01-01Z'
            FROM roles
            WHERE name = $3
        ";
        run(
            owner,
            member,
            vec![user.into(), ORGANIZATION.into(), role.into()],
        )
        .await;
    }

    for (id, account, maker, scopes, ..) in KEYS {
        let key = r"
            INSERT INTO api_keys (
                id, user_id, organization_id, member_since, name, secret_hash, scopes, created_at,
                expires_at
            )
            VALUES (
                ('00000000-0000-7000-8000-0000000000' || $1)::uuid, $2::text::uuid, $3::text::uuid,
                '2025-01-01Z', $1, '', $4::text::text[], '2025-02-01Z', '2099-01-01Z'
            )
        ";

        run(
            owner,
            key,
            vec![
                (*id).into(),
                (*account).into(),
                ORGANIZATION.into(),
                (*scopes).into(),
            ],
        )
        .await;

        let secret = r"
            INSERT INTO client_secrets (
                id, user_id, organization_id, member_since, secret_hash, created_at, expires_at
            )
            VALUES (
                ('00000000-0000-7000-8000-0000000001' || $1)::uuid, $2::text::uuid, $3::text::uuid,
                '2025-01-01Z', '', '2025-02-01Z', '2099-01-01Z'
            )
        ";

        run(
            owner,
            secret,
            vec![(*id).into(), (*account).into(), ORGANIZATION.into()],
        )
        .await;

        for (kind, prefix) in [("api_key", "00"), ("client_secret", "01")] {
            let record = r"
                INSERT INTO audit_events (
                    id, occurred_at, organization_id, actor_id, action, operation, resource,
                    resource_id, request_id
                )
                SELECT gen_random_uuid(), '2025-02-01Z', $3::text::uuid, $4::text::uuid,
                    'authn_token_created', 'test', $5,
                    ('00000000-0000-7000-8000-00000000' || $2 || $1)::uuid, gen_random_uuid()
                WHERE $4 IS NOT NULL
            ";
            let values = [*id, prefix].map(Value::from).into_iter().chain([
                ORGANIZATION.into(),
                (*maker).into(),
                kind.into(),
            ]);
            run(owner, record, values.collect()).await;
        }
    }
}

#[tokio::test]
async fn credentials_from_before_hold_what_their_maker_holds() {
    let app = TestApp::start(fixture::platform()).await;
    let beside = Beside::make(&app, "CREATE DATABASE version_24").await;
    let mut owner = connect(&beside).await;
    let all = app.platform().schema().get_migrations();
    let old: Vec<_> = all
        .iter()
        .filter(|migration| migration.version() <= BEFORE)
        .cloned()
        .collect();

    owner
        .migrate(&Migrations::new(&old))
        .await
        .expect("it is migrated");
    write(&mut owner).await;
    owner
        .migrate(&Migrations::new(all))
        .await
        .expect("it is migrated");

    for (id, account, maker, scopes, sponsor, permissions) in KEYS {
        let find = r"
            SELECT made_by::text, sponsor_id::text, permissions::text
            FROM api_keys
            WHERE name = $1
        ";
        let rows = owner.run(find, [(*id).into()]).await.expect("it is read");
        let text = |position| rows[0].get::<Option<String>>(position).expect("a text");

        assert_eq!(text(0).as_deref(), *maker, "{id}");
        assert_eq!(
            (text(1).as_deref(), text(2).as_deref()),
            (Some(*sponsor), Some(*permissions)),
            "{id}"
        );

        // Secrets had no scopes, and only service accounts have them.
        if *account == SERVICE && scopes.is_none() {
            let find = r"
                SELECT sponsor_id::text, permissions::text
                FROM client_secrets
                WHERE id = ('00000000-0000-7000-8000-0000000001' || $1)::uuid
            ";
            let rows = owner.run(find, [(*id).into()]).await.expect("it is read");
            let text = |position| rows[0].get::<Option<String>>(position).expect("a text");
            assert_eq!(
                (text(0).as_deref(), text(1).as_deref()),
                (Some(*sponsor), Some(*permissions)),
                "{id}"
            );
        }
    }
}
