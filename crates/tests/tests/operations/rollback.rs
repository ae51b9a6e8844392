//! A release that is taken back: the schema is ahead of the program, and nothing stands in the way of it.

use mainstay::kernel::ExposeSecret as _;
use mainstay_testing::TestApp;

use crate::{
    http::send,
    program::{Serving, eventually, finish, program, secrets},
};

const AHEAD: &str = r"
    INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
    VALUES ($1, 'of_the_next_release', '2026-01-01T00:00:00Z', '1')
";

/// A service whose schema is one version ahead of this build.
struct Ahead {
    app: TestApp,
    /// This build's version.
    version: i32,
}

impl Ahead {
    async fn start() -> Self {
        let app = TestApp::start(fixture::platform()).await;
        let version = app.platform().schema_version();
        app.owner()
            .await
            .run(AHEAD, [(version + 1).into()])
            .await
            .expect("it is written");

        Self { app, version }
    }
}

/// Runs `migrate`, and gives its exit code and what it printed.
fn migrate(app: &TestApp) -> (Option<i32>, String) {
    let url = app.owner_url();
    finish(program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", url.expose_secret()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_older_than_its_schema_migrates_serves_and_says_so() {
    let Ahead { app, version } = Ahead::start().await;
    let told = format!(
        "schema {} is newer than this build's {version}: nothing to do",
        version + 1
    );

    assert_eq!(migrate(&app), (Some(0), format!("{told}\n")));

    let ports =
        ["MAINSTAY_HTTP_BIND", "MAINSTAY_MANAGEMENT_BIND"].map(|name| (name, "127.0.0.1:0"));
    let mut service = Serving::start(
        program(["serve"])
            .envs(secrets(app.database_url().expose_secret()))
            .envs(ports),
    );

    let (_, management) = service.addresses();
    let ready = eventually("it is ready", || {
        let asking = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(send(management, "GET", "/readyz", "", ""))
        });
        (asking.status == 200).then_some(asking.body)
    });

    assert_eq!(
        ready,
        format!(
            "ready: schema {} is newer than this build's {version}\n",
            version + 1
        )
    );
}

/// Newer is not the same as other: what this program has must be what was applied.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_line_is_refused() {
    let Ahead { app, version } = Ahead::start().await;
    let mut owner = app.owner().await;

    let altered = "UPDATE refinery_schema_history SET checksum = '2' WHERE version = $1";
    owner
        .run(altered, [version.into()])
        .await
        .expect("the owner may");

    let (code, text) = migrate(&app);
    assert!(
        code == Some(1) && text.contains("different than filesystem"),
        "{text}"
    );

    let absent = "DELETE FROM refinery_schema_history WHERE version = $1";
    owner
        .run(absent, [version.into()])
        .await
        .expect("the owner may");

    let (code, text) = migrate(&app);
    assert!(code == Some(1) && text.contains("missing"), "{text}");
}
