//! A rolled-back release: the program runs on a schema that is newer than its own.

use mainstay::kernel::ExposeSecret as _;
use mainstay_database::SchemaVersion;
use mainstay_testing::TestApp;

use crate::{
    http::send,
    program::{Serving, eventually, finish, program, secrets},
};

/// Statements on a migration history: add a migration of the next release, alter one, remove one.
struct History {
    ahead: &'static str,
    altered: &'static str,
    absent: &'static str,
}

const PLATFORM: History = History {
    ahead: r"
        INSERT INTO mainstay.schema_history (version, name, applied_on, checksum)
        VALUES ($1, 'of_the_next_release', '2026-01-01T00:00:00Z', '1')
    ",
    altered: "UPDATE mainstay.schema_history SET checksum = '2' WHERE version = $1",
    absent: "DELETE FROM mainstay.schema_history WHERE version = $1",
};

const APP: History = History {
    ahead: r"
        INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum)
        VALUES ($1, 'of_the_next_release', '2026-01-01T00:00:00Z', '1')
    ",
    altered: "UPDATE public.refinery_schema_history SET checksum = '2' WHERE version = $1",
    absent: "DELETE FROM public.refinery_schema_history WHERE version = $1",
};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_older_than_the_platforms_schema_serves_and_reports_it() {
    let app = TestApp::start(fixture::platform()).await;
    let own = app.platform().schema_version();
    let found = SchemaVersion {
        platform: own.platform + 1,
        ..own
    };

    serves_on_a_newer_schema(&app, &PLATFORM, found.platform, found).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_older_than_the_apps_schema_serves_and_reports_it() {
    let app = TestApp::start(fixture::platform()).await;
    let own = app.platform().schema_version();
    let found = SchemaVersion {
        app: own.app + 1,
        ..own
    };

    serves_on_a_newer_schema(&app, &APP, found.app, found).await;
}

async fn serves_on_a_newer_schema(
    app: &TestApp,
    history: &History,
    ahead: i32,
    found: SchemaVersion,
) {
    let own = app.platform().schema_version();
    let mut owner = app.owner().await;

    owner
        .run(history.ahead, [ahead.into()])
        .await
        .expect("the write succeeds");

    let url = app.owner_url();
    let migrate =
        || finish(program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", url.expose_secret()));
    let output = format!("schema ({found}) is newer than this build's ({own}): nothing to do\n");

    assert_eq!(migrate(), (Some(0), output));

    let ports =
        ["MAINSTAY_HTTP_BIND", "MAINSTAY_MANAGEMENT_BIND"].map(|name| (name, "127.0.0.1:0"));
    let mut service = Serving::start(
        program(["serve"])
            .envs(secrets(app.database_url().expose_secret()))
            .envs(ports),
    );

    let (_, management) = service.addresses();
    let ready = eventually("the service is ready", || {
        let asking = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(send(management, "GET", "/readyz", "", ""))
        });
        (asking.status == 200).then_some(asking.body)
    });

    assert_eq!(
        ready,
        format!("ready: schema ({found}) is newer than this build's ({own})\n")
    );
}

/// A newer schema must contain the program's own migrations unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_with_other_migrations_is_refused() {
    let app = TestApp::start(fixture::platform()).await;
    let own = app.platform().schema_version();
    refuses_other_migrations(&app, &PLATFORM, own.platform).await;

    let app = TestApp::start(fixture::platform()).await;
    refuses_other_migrations(&app, &APP, own.app).await;
}

async fn refuses_other_migrations(app: &TestApp, history: &History, version: i32) {
    let mut owner = app.owner().await;
    owner
        .run(history.ahead, [(version + 1).into()])
        .await
        .expect("the write succeeds");

    let url = app.owner_url();
    let migrate =
        || finish(program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", url.expose_secret()));

    owner
        .run(history.altered, [version.into()])
        .await
        .expect("the owner's statement runs");

    let (code, text) = migrate();
    assert!(
        code == Some(1) && text.contains("different than filesystem"),
        "{text}"
    );

    owner
        .run(history.absent, [version.into()])
        .await
        .expect("the owner's statement runs");

    let (code, text) = migrate();
    assert!(code == Some(1) && text.contains("missing"), "{text}");
}
