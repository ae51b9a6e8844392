//! The same people twice: sealed in the fixture's table, through the door, and in a plain table.

use std::sync::Arc;

use mainstay::{
    access::{Assurance, BuiltInRole::Owner, Credential, Principal, Proof},
    database::{Origin, Sql, Uuid, Value},
    personal::hidden,
    prelude::*,
};
use mainstay_testing::TestApp;

permission! {
    /// Run the measured operations.
    Measure = "bench.measure", for [Owner];
}

mainstay::personal_text! {
    /// Any sealed text.
    Text, 0..=500 characters, shown as hidden;
}

/// A row of the fixture's `customers`.
#[derive(Entity)]
#[entity(table = "customers", resource = "customer")]
struct Person {
    id: Id<Person>,
    full_name: Sealed<Text>,
    #[entity(blind_index = "email_index")]
    email: Sealed<EmailAddress>,
    phone: Option<Sealed<Text>>,
    date_of_birth: Option<Sealed<Text>>,
    national_id: Option<Sealed<Text>>,
    postal_address: Option<Sealed<Text>>,
    notes: Option<Sealed<Text>>,
    status: String,
    tags: Vec<String>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The same in clear.
#[derive(Entity)]
#[entity(table = "plain_people", resource = "plain_person")]
struct PlainPerson {
    id: Id<PlainPerson>,
    full_name: String,
    email: String,
    phone: Option<String>,
    date_of_birth: Option<String>,
    national_id: Option<String>,
    postal_address: Option<String>,
    notes: Option<String>,
    status: String,
    tags: Vec<String>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The fixture's table without the platform's columns, with the same indexes.
const TABLE: [&str; 7] = [
    r"
        CREATE TABLE plain_people (
            id uuid PRIMARY KEY,
            organization_id uuid NOT NULL REFERENCES mainstay.organizations (id),
            full_name text NOT NULL,
            email text NOT NULL,
            phone text,
            date_of_birth text,
            national_id text,
            postal_address text,
            notes text,
            status text NOT NULL CHECK (status IN ('lead', 'active', 'inactive', 'blocked')),
            tags text[] NOT NULL,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            UNIQUE (organization_id, id)
        )
    ",
    "CREATE INDEX ON plain_people (organization_id, created_at, id)",
    "CREATE INDEX ON plain_people (organization_id, email)",
    "CREATE INDEX ON plain_people (organization_id, phone)",
    "CREATE INDEX ON plain_people (organization_id, national_id)",
    "CREATE INDEX ON plain_people USING gin (tags)",
    "GRANT SELECT, INSERT, UPDATE ON plain_people TO mainstay_server",
];

const INSERT: &str = r"
    INSERT INTO plain_people (
        organization_id, id, full_name, email, phone, date_of_birth, national_id, postal_address,
        notes, status, tags, version, created_at, updated_at
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
";

const UPDATE: &str = r"
    UPDATE plain_people
    SET phone = $3, notes = $4, status = $5, tags = $6, version = version + 1, updated_at = $7
    WHERE id = $1 AND organization_id = $2
    RETURNING id, full_name, email, phone, date_of_birth, national_id, postal_address, notes,
        status, tags, version, created_at, updated_at
";

pub struct People {
    door: Door<Measure>,
    around: Sql,
    sealed: Vec<Id<Person>>,
    plain: Vec<Id<PlainPerson>>,
}

impl People {
    /// Creates the plain table, and `count` people on each side.
    pub async fn new(app: &TestApp, count: usize) -> Self {
        let owner = app.actor(Owner).await;
        let mut schema = app.owner().await;
        for statement in TABLE {
            schema
                .run(statement, [])
                .await
                .expect("the table is created");
        }

        let runtime = app.runtime();
        let principal = Arc::new(Principal {
            user: owner.user(),
            organization: Some(owner.organization()),
            session: runtime.new_id(),
            credential: Credential::Token,
            role: "owner".to_owned(),
            permissions: ["bench.measure"].into_iter().collect(),
            assurance: Assurance {
                authenticated_at: runtime.clock.now(),
                multi_factor: false,
                second_factor_enrolled: false,
            },
        });

        let origin = Origin {
            request: runtime.new_id::<Origin>().uuid(),
            operation: "bench",
            address: Some([203, 0, 113, 7].into()),
        };

        let proof = Proof::check(principal).expect("the permission is granted");
        let door = Door::new(proof, origin, app.database().clone());
        let around = door.unlimited("the benchmark measures a statement without a record");
        let mut people = Self {
            door,
            around,
            sealed: Vec::new(),
            plain: Vec::new(),
        };

        for _ in 0..count {
            let sealed = people.insert_one().await;
            let plain = people.insert_one_plain().await;
            people.sealed.push(sealed);
            people.plain.push(plain);
        }

        for table in [
            "ANALYZE customers",
            "ANALYZE plain_people",
            "ANALYZE mainstay.data_keys",
        ] {
            schema
                .run(table, [])
                .await
                .expect("the owner's statement runs");
        }

        people
    }

    pub async fn insert(&self) {
        self.insert_one().await;
    }

    async fn insert_one(&self) -> Id<Person> {
        let (id, now) = (
            self.door.runtime().new_id(),
            self.door.runtime().clock.now(),
        );
        let text = |value: &str| Some(Sealed::new(Text::new(value)));

        let person = Person {
            id,
            full_name: Sealed::new(Text::new(NAME)),
            email: Sealed::new(
                EmailAddress::parse(&email(id.uuid())).expect("the address is valid"),
            ),
            phone: text(PHONE),
            date_of_birth: text(BORN),
            national_id: text(NUMBER),
            postal_address: text(ADDRESS),
            notes: text(NOTES),
            status: "active".to_owned(),
            tags: tags(),
            version: 1,
            created_at: now,
            updated_at: now,
        };

        self.door
            .insert(&person)
            .await
            .expect("the row is inserted");

        id
    }

    pub async fn insert_plain(&self) {
        self.insert_one_plain().await;
    }

    async fn insert_one_plain(&self) -> Id<PlainPerson> {
        let (id, now) = (
            self.door.runtime().new_id::<PlainPerson>(),
            self.door.runtime().clock.now().inner(),
        );

        let values: [Value; 14] = [
            self.door.organization().into(),
            id.uuid().into(),
            NAME.into(),
            email(id.uuid()).into(),
            PHONE.into(),
            BORN.into(),
            NUMBER.into(),
            ADDRESS.into(),
            NOTES.into(),
            "active".into(),
            tags().into(),
            1_i64.into(),
            now.into(),
            now.into(),
        ];

        self.around
            .upkeep("plain_people.insert", INSERT, values)
            .await
            .expect("the row is inserted");

        id
    }

    pub async fn update(&self, number: usize) {
        let text = |value: &str| Some(Some(Sealed::new(Text::new(value))));
        let changes = Changes::new()
            .set(Person::PHONE, text(PHONE))
            .set(Person::NOTES, text(NOTES))
            .set(Person::STATUS, Some("inactive".to_owned()))
            .set(Person::TAGS, Some(tags()));

        self.door
            .update(
                self.sealed[number % self.sealed.len()],
                IfMatch::Any,
                changes,
            )
            .await
            .expect("the row is updated");
    }

    pub async fn update_plain(&self, number: usize) {
        let values: [Value; 7] = [
            self.plain[number % self.plain.len()].uuid().into(),
            self.door.organization().into(),
            PHONE.into(),
            NOTES.into(),
            "inactive".into(),
            tags().into(),
            self.door.runtime().clock.now().inner().into(),
        ];

        let rows = self
            .around
            .upkeep("plain_people.update", UPDATE, values)
            .await
            .expect("the row is updated");

        assert_eq!(rows.len(), 1);
    }

    pub async fn get(&self, number: usize) {
        self.door
            .get(self.sealed[number])
            .await
            .expect("the row is read");
    }

    pub async fn get_plain(&self, number: usize) {
        self.door
            .get(self.plain[number])
            .await
            .expect("the row is read");
    }

    pub async fn page(&self) {
        let order = Order::by(Person::CREATED_AT, Direction::Ascending);
        let page = self
            .door
            .page(Filter::all(), order, Limit::default(), None)
            .await
            .expect("the row is read");
        assert!(page.items.len() >= self.sealed.len().min(50));
    }

    pub async fn page_plain(&self) {
        let order = Order::by(PlainPerson::CREATED_AT, Direction::Ascending);
        let page = self
            .door
            .page(Filter::all(), order, Limit::default(), None)
            .await
            .expect("the row is read");
        assert!(page.items.len() >= self.plain.len().min(50));
    }
}

const NAME: &str = "Augusta Ada King, Countess of Lovelace";
const PHONE: &str = "+44 20 7946 0958";
const BORN: &str = "1815-12-10";
const NUMBER: &str = "X0123456789";
const ADDRESS: &str = "12 St James's Square\nLondon SW1Y 4JH\nUnited Kingdom";
const NOTES: &str =
    "Prefers to be written to; asked in March about the engine, and whether it can compose music.";

fn email(id: Uuid) -> String {
    format!("{}@example.org", id.simple())
}

fn tags() -> Vec<String> {
    vec!["science".to_owned(), "london".to_owned()]
}
