//! Rows with one column of each type: plain, optional, lists, and the same sealed. Each kind of row
//! has an endpoint that stores a body and answers what the database returns.

use mainstay::{access::BuiltInRole::Owner, prelude::*};
use mainstay_testing::{Actor, TestApp};
use serde_json::Value;

permission! {
    /// See, store and reveal specimens.
    pub Specimens = "specimens.use", for [Owner];
}

/// A choice.
#[choice]
pub enum Kind {
    /// The first.
    FirstOne,
    /// The second.
    Second,
}

/// A typed JSON document.
#[part]
pub struct Detail {
    /// A name.
    #[garde(length(chars, max = 20))]
    name: String,
    /// A number.
    #[garde(range(min = -5, max = 5))]
    number: i32,
    /// A day.
    day: Option<Date>,
}

/// The field, its type, its type in Postgres, and the rules of a single value and of a list.
macro_rules! for_each_type {
    ($make:ident $($arguments:tt)*) => {
        $make! {
            $($arguments)*
            small: [i16] "smallint" [#[garde(skip)]] [#[garde(length(max = 50))]],
            whole: [i32] "integer" [#[garde(skip)]] [#[garde(length(max = 50))]],
            large: [i64] "bigint" [#[garde(skip)]] [#[garde(length(max = 50))]],
            single: [f32] "real" [#[garde(skip)]] [#[garde(length(max = 50))]],
            double: [f64] "double precision" [#[garde(skip)]] [#[garde(length(max = 50))]],
            amount: [Decimal] "numeric" [] [#[garde(length(max = 50))]],
            flag: [bool] "boolean" [] [#[garde(length(max = 50))]],
            text: [String] "text" [#[garde(skip)]] [#[garde(length(max = 50))]],
            kind: [Kind] "text" [] [#[garde(length(max = 50))]],
            token: [Uuid] "uuid" [] [#[garde(length(max = 50))]],
            other: [Id<Kind>] "uuid" [] [#[garde(length(max = 50))]],
            day: [Date] "date" [] [#[garde(length(max = 50))]],
            hour: [TimeOfDay] "time" [] [#[garde(length(max = 50))]],
            moment: [Timestamp] "timestamptz" [] [#[garde(length(max = 50))]],
            span: [Interval] "interval" [] [#[garde(length(max = 50))]],
            raw: [Value] "jsonb" [] [#[garde(length(max = 50))]],
            detail: [JsonOf<Detail>] "jsonb" [] [#[garde(length(max = 50), dive)]],
            content: [Bytes<300>] "bytea" [] [#[garde(length(max = 50))]],
            network: [NetworkAddress] "inet" [] [#[garde(length(max = 50))]],
            email: [EmailAddress] "text" [] [#[garde(length(max = 50), dive)]],
        }
    };
}

/// Declares a kind of row: the column holds `$column`, input and view have `$shown`.
macro_rules! rows {
    (
        $row:ident, $input:ident, $view:ident, $create:ident, $path:literal, $table:literal, $seals:ident;
        $($name:ident: [$($column:tt)+] [$($shown:tt)+] [$($rule:tt)*],)+
    ) => {
        #[derive(Entity)]
        #[entity(table = $table, resource = "specimen", reveal = Specimens)]
        struct $row {
            id: Id<$row>,
            $($name: $($column)+,)+
        }

        /// A specimen.
        #[input]
        struct $input {
            $(
                /// A field such as `x`.
                $($rule)*
                $name: $($shown)+,
            )+
        }

        /// A specimen.
        #[view]
        struct $view {
            $(
                /// A field such as `x`.
                $name: rows!(@view $seals $($shown)+),
            )+
        }

        /// Store a specimen and show what was stored.
        #[post($path)]
        async fn $create(by: Allowed<Specimens>, Json(body): Json<$input>) -> Result<Json<$view>, Problem> {
            let id = by.runtime().new_id();
            by.insert(&$row { id, $($name: body.$name,)+ }).await?;
            rows!(@read $seals by, id, $row, $view, $($name)+)
        }
    };
    (@view plain $($shown:tt)+) => { $($shown)+ };
    (@view sealed Sealed<$($inner:tt)+) => { rows!(@unsealed [] $($inner)+) };
    // Removes the last `>`.
    (@unsealed [$($kept:tt)*] >) => { $($kept)* };
    (@unsealed [$($kept:tt)*] >>) => { $($kept)* > };
    (@unsealed [$($kept:tt)*] $next:tt $($rest:tt)+) => { rows!(@unsealed [$($kept)* $next] $($rest)+) };
    (@read plain $by:ident, $id:ident, $row:ident, $view:ident, $($name:ident)+) => {{
        let row: $row = $by.get($id).await?;
        Ok(Json($view { $($name: row.$name,)+ }))
    }};
    (@read sealed $by:ident, $id:ident, $row:ident, $view:ident, $($name:ident)+) => {{
        let revealed = $by.reveal::<$row>($id).await?;
        Ok(Json($view { $($name: revealed.open(|row| &row.$name).clone(),)+ }))
    }};
}

macro_rules! plain {
    ($($name:ident: [$($type:tt)+] $sql:literal [$($rule:tt)*] [$($list:tt)*],)+) => {
        rows! {
            PlainRow, CreatePlain, PlainView, create_plain, "/v1/plain", "plain_specimens", plain;
            $($name: [$($type)+] [$($type)+] [$($rule)*],)+
        }

        /// The columns and their types in Postgres.
        const COLUMNS: &[(&str, &str)] = &[$((stringify!($name), $sql)),+];
    };
}

macro_rules! optional {
    ($($name:ident: [$($type:tt)+] $sql:literal [$($rule:tt)*] [$($list:tt)*],)+) => {
        rows! {
            OptionalRow, CreateOptional, OptionalView, create_optional, "/v1/optional", "optional_specimens", plain;
            $($name: [Option<$($type)+>] [Option<$($type)+>] [$($rule)*],)+
        }
    };
}

macro_rules! list {
    ($($name:ident: [$($type:tt)+] $sql:literal [$($rule:tt)*] [$($list:tt)*],)+) => {
        rows! {
            ListRow, CreateList, ListView, create_list, "/v1/lists", "list_specimens", plain;
            $($name: [Vec<$($type)+>] [Vec<$($type)+>] [$($list)*],)+
        }
    };
}

macro_rules! sealed {
    ($($name:ident: [$($type:tt)+] $sql:literal [$($rule:tt)*] [$($list:tt)*],)+) => {
        rows! {
            SealedRow, CreateSealed, SealedView, create_sealed, "/v1/sealed", "sealed_specimens", sealed;
            $($name: [Sealed<$($type)+>] [Sealed<$($type)+>] [$($rule)*],)+
        }
    };
}

for_each_type!(plain);
for_each_type!(optional);
for_each_type!(list);
for_each_type!(sealed);

/// Starts a service with the specimens' endpoints.
pub async fn start() -> (TestApp, Actor) {
    let module = Module::new("specimens").endpoints((
        create_plain,
        create_optional,
        create_list,
        create_sealed,
    ));
    let app = TestApp::start(fixture::platform().module(module)).await;

    for (table, with) in [
        ("plain_specimens", |sql: &str| format!("{sql} NOT NULL")),
        ("optional_specimens", |sql: &str| sql.to_owned()),
        ("list_specimens", |sql: &str| format!("{sql}[] NOT NULL")),
        ("sealed_specimens", |_: &str| "bytea NOT NULL".to_owned()),
    ] as [(&str, fn(&str) -> String); 4]
    {
        create_table(&app, table, with).await;
    }

    grant(&app, "specimens.use").await;
    let owner = app.actor(Owner).await;

    (app, owner)
}

async fn create_table(app: &TestApp, table: &str, column: fn(&str) -> String) {
    let columns: Vec<_> = COLUMNS
        .iter()
        .map(|(name, sql)| format!("{name} {}", column(sql)))
        .collect();
    let create = format!(
        "CREATE TABLE {table} (id uuid PRIMARY KEY, organization_id uuid NOT NULL, data_key bigint, {})",
        columns.join(", ")
    );

    run(app, &create).await;
    run(
        app,
        &format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO mainstay_server"),
    )
    .await;
}

/// Runs a statement as the owner of the schema.
pub async fn run(app: &TestApp, statement: &str) {
    // Leaked once per table of a test.
    let statement: &'static str = Box::leak(statement.to_owned().into_boxed_str());
    app.owner().await.run(statement, []).await.unwrap();
}

/// Gives owners a permission that a test declares.
pub async fn grant(app: &TestApp, permission: &str) {
    run(app, &format!("INSERT INTO permissions (name, help) VALUES ('{permission}', '') ON CONFLICT DO NOTHING")).await;
    run(
        app,
        &format!(
            "INSERT INTO role_permissions SELECT id, '{permission}' FROM roles WHERE name = 'owner' \
             ON CONFLICT DO NOTHING"
        ),
    )
    .await;
}
