//! Reports of a feature: joins, aggregates, `EXISTS` and window functions, by hand and by columns.

use mainstay::{
    access::BuiltInRole::Owner,
    database::{
        sea_query::{
            Expr, ExprTrait as _, Func, Order as Sequence, Query as Select, SelectStatement,
            WindowStatement,
        },
        table_of,
    },
    http::Listing,
    prelude::*,
};
use mainstay_testing::{Actor, TestApp};
use serde_json::json;

permission! {
    /// Read projects.
    pub ProjectsRead = "projects.read", for [Owner];
}

#[derive(Entity)]
#[entity(table = "projects", resource = "project")]
struct ProjectRow {
    id: Id<ProjectRow>,
    name: String,
    version: i64,
    updated_at: Timestamp,
}

#[derive(Entity)]
#[entity(table = "tasks", resource = "task")]
struct TaskRow {
    id: Id<TaskRow>,
    project_id: Id<ProjectRow>,
    title: String,
    done: bool,
    minutes: i64,
    version: i64,
    updated_at: Timestamp,
}

const SCHEMA: [&str; 7] = [
    r"
        CREATE TABLE projects (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            organization_id uuid NOT NULL,
            name text NOT NULL,
            version bigint NOT NULL DEFAULT 1,
            updated_at timestamptz NOT NULL DEFAULT now()
        )
    ",
    r"
        CREATE TABLE tasks (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            organization_id uuid NOT NULL,
            project_id uuid NOT NULL,
            title text NOT NULL,
            done boolean NOT NULL,
            minutes bigint NOT NULL,
            version bigint NOT NULL DEFAULT 1,
            updated_at timestamptz NOT NULL DEFAULT now()
        )
    ",
    "GRANT SELECT ON projects, tasks TO mainstay_server",
    r"
        INSERT INTO mainstay.permissions (name, help)
        VALUES ('projects.read', '')
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO mainstay.role_permissions
        SELECT id, 'projects.read'
        FROM mainstay.roles
        WHERE name = 'owner'
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO projects (organization_id, name)
        SELECT o.id, project.name
        FROM mainstay.organizations o, unnest(ARRAY['Bridge', 'Tower', 'Tunnel']) AS project (name)
    ",
    r"
        INSERT INTO tasks (organization_id, project_id, title, done, minutes)
        SELECT p.organization_id, p.id, task.title, task.done, task.minutes
        FROM projects p
        JOIN (
            VALUES ('Bridge', 'Draw', true, 10), ('Bridge', 'Build', false, 40),
                ('Bridge', 'Paint', false, 20), ('Tower', 'Draw', true, 5)
        ) AS task (project, title, done, minutes) ON task.project = p.name
    ",
];

/// What is open in a project.
#[view]
#[derive(FromRow)]
struct OpenView {
    /// The project's name.
    name: String,
    /// The number of open tasks.
    open: i64,
    /// The minutes that they take; null if there are none.
    minutes: Option<i64>,
}

/// Report what is open in each project.
#[get("/v1/projects/open")]
async fn report_open(by: Allowed<ProjectsRead>) -> Result<Listing<OpenView>, Problem> {
    const OPEN: &str = r"
        SELECT p.name, count(t.id) AS open, sum(t.minutes)::bigint AS minutes
        FROM projects p
        LEFT JOIN tasks t ON t.project_id = p.id AND t.done = $1
        GROUP BY p.id, p.name
        ORDER BY p.name
    ";

    let items = by
        .query::<(ProjectRow, TaskRow), _>("projects.open", OPEN, values![false])
        .await?;
    Ok(Listing { items })
}

/// The same, built from columns.
#[get("/v1/projects/built")]
async fn report_built(by: Allowed<ProjectsRead>) -> Result<Listing<OpenView>, Problem> {
    let minutes = Expr::from(Func::sum(Expr::col(TaskRow::MINUTES))).cast_as("int8");
    let open = Expr::col(TaskRow::PROJECT_ID)
        .equals(ProjectRow::ID)
        .and(TaskRow::DONE.is(&false));

    let mut select = Select::select();
    select
        .column(ProjectRow::NAME)
        .expr_as(Expr::col(TaskRow::ID).count(), "open")
        .expr_as(minutes, "minutes")
        .from(table_of::<ProjectRow>())
        .left_join(table_of::<TaskRow>(), open)
        .group_by_columns([ProjectRow::NAME])
        .order_by(ProjectRow::NAME, Sequence::Asc);

    let items = by
        .query_select::<(ProjectRow, TaskRow), _>("projects.built", select)
        .await?;
    Ok(Listing { items })
}

/// A task with its project's name.
#[view]
#[derive(FromRow)]
struct TaskView {
    /// The project's name.
    project: String,
    /// The task's title.
    title: String,
    /// Its place among the tasks of its project, the longest first.
    place: i64,
}

/// List tasks with the names of their projects, for projects in which something is done.
#[get("/v1/projects/tasks")]
async fn list_tasks(by: Allowed<ProjectsRead>) -> Result<Listing<TaskView>, Problem> {
    let place = WindowStatement::partition_by(TaskRow::PROJECT_ID)
        .order_by(TaskRow::MINUTES, Sequence::Desc)
        .take();

    let mut select = Select::select();
    select
        .expr_as(ProjectRow::NAME, "project")
        .column(TaskRow::TITLE)
        .expr_window_as(Func::cust("row_number"), place, "place")
        .from(table_of::<TaskRow>())
        .inner_join(
            table_of::<ProjectRow>(),
            Expr::col(ProjectRow::ID).equals(TaskRow::PROJECT_ID),
        )
        .and_where(Expr::exists(done()))
        .order_by(ProjectRow::NAME, Sequence::Asc)
        .order_by(TaskRow::MINUTES, Sequence::Desc);

    let items = by
        .query_select::<(ProjectRow, TaskRow), _>("projects.tasks", select)
        .await?;
    Ok(Listing { items })
}

/// What is done in a project.
fn done() -> SelectStatement {
    Select::select()
        .expr(1)
        .from_as(table_of::<TaskRow>(), "other")
        .and_where(Expr::col(("other", "project_id")).equals(ProjectRow::ID))
        .and_where(Expr::col(("other", "done")))
        .take()
}

async fn start() -> (TestApp, Actor) {
    let module = Module::new("projects").endpoints((report_open, report_built, list_tasks));
    let app = TestApp::start(fixture::platform().module(module)).await;
    let (owner, _) = (app.actor(Owner).await, app.stranger(Owner).await);

    let mut database = app.owner().await;
    for statement in SCHEMA {
        database
            .run(statement, [])
            .await
            .unwrap_or_else(|error| panic!("{statement}: {:?}", error.cause()));
    }

    (app, owner)
}

#[tokio::test]
async fn a_report_counts_and_sums_per_parent() {
    let (_app, owner) = start().await;
    let expected = json!([
        { "name": "Bridge", "open": 2, "minutes": 60 },
        { "name": "Tower", "open": 0, "minutes": null },
        { "name": "Tunnel", "open": 0, "minutes": null },
    ]);

    for path in ["/v1/projects/open", "/v1/projects/built"] {
        assert_eq!(owner.get(path).await.json()["items"], expected, "{path}");
    }
}

#[tokio::test]
async fn a_listing_shows_a_name_of_the_parent_and_a_place() {
    let (_app, owner) = start().await;
    let listed = owner.get("/v1/projects/tasks").await.json();
    assert_eq!(
        listed["items"],
        json!([
            { "project": "Bridge", "title": "Build", "place": 1 },
            { "project": "Bridge", "title": "Paint", "place": 2 },
            { "project": "Bridge", "title": "Draw", "place": 3 },
            { "project": "Tower", "title": "Draw", "place": 1 },
        ])
    );
}
