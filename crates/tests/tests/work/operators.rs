//! Commands of an operator for unfinished jobs: mail that was left behind, webhook messages that
//! failed for good.

use mainstay::kernel::Uuid;
use mainstay_testing::TestApp;

use crate::{
    program::{beside, finish, program},
    queue::{find_job, queue, queue_mail, sql},
};

struct Deployment {
    app: TestApp,
    environment: Vec<(&'static str, String)>,
}

impl Deployment {
    /// Starts an app without a worker.
    async fn new() -> Self {
        let (app, environment) =
            beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
        Self { app, environment }
    }

    fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        finish(program(arguments).envs(self.environment.clone()))
    }

    async fn set(&self, id: Uuid, statement: &'static str) {
        self.app
            .owner()
            .await
            .run(statement, [id.into()])
            .await
            .expect("the owner's statement runs");
    }

    async fn records(&self, action: &str, id: Uuid) -> usize {
        const COUNT: &str = r"
            SELECT 1
            FROM mainstay.audit_events
            WHERE action = $1 AND resource_id = $2
        ";
        let rows = self
            .app
            .owner()
            .await
            .run(COUNT, [action.into(), id.into()])
            .await;
        rows.expect("the rows are read").len()
    }
}

#[tokio::test]
async fn mail_that_arrived_can_be_settled() {
    const LEFT: &str = r"
        UPDATE mainstay.jobs
        SET state = 'handed_over', attempts = 1, leased_until = now()
        WHERE id = $1
    ";

    const UNDER_WAY: &str = r"
        UPDATE mainstay.jobs
        SET state = 'handed_over', claim = gen_random_uuid(),
            leased_until = now() + interval '1 minute'
        WHERE id = $1
    ";

    let deployment = Deployment::new().await;
    let [left, under_way, waiting] = [
        queue_mail(deployment.app.database(), "ada@example.org").await,
        queue_mail(deployment.app.database(), "bea@example.org").await,
        queue_mail(deployment.app.database(), "cleo@example.org").await,
    ];

    deployment.set(left, LEFT).await;
    deployment.set(under_way, UNDER_WAY).await;

    let (code, output) = deployment.command(&["mail", "settle", &left.to_string()]);
    assert_eq!(code, Some(0), "{output}");

    let settled = find_job(&deployment.app, left)
        .await
        .expect("a finished job is kept for a while");
    assert_eq!(
        (settled.state.as_str(), settled.has_payload),
        ("done", false),
        "{settled:?}"
    );
    assert_eq!(deployment.records("mail_settled", left).await, 1);

    for other in [left, under_way, waiting] {
        let (code, output) = deployment.command(&["mail", "settle", &other.to_string()]);
        assert_eq!(code, Some(1), "{output}");
        assert!(
            output.contains("no mail with this ID is handed_over"),
            "{output}"
        );
    }

    assert_eq!(
        find_job(&deployment.app, under_way)
            .await
            .expect("the row exists")
            .state,
        "handed_over"
    );
}

#[tokio::test]
async fn a_failed_job_can_be_retried() {
    const FAIL: &str = r"
        UPDATE mainstay.jobs
        SET state = 'failed', attempts = 15, error = 'the receiver answered 500',
            finished_at = now()
        WHERE id = $1
    ";

    let deployment = Deployment::new().await;
    let mut messages = Vec::new();
    for _ in 0..2 {
        let job = sql(deployment.app.database())
            .job("webhook", &"a message")
            .expect("the payload is serializable");
        messages.push(queue(deployment.app.database(), job).await);
    }

    let mail = queue_mail(deployment.app.database(), "ada@example.org").await;
    for id in [messages[0], messages[1], mail] {
        deployment.set(id, FAIL).await;
    }

    let (code, output) = deployment.command(&["jobs", "list", "--kind", "webhook"]);
    assert_eq!(code, Some(0), "{output}");
    assert!(
        output.contains(&messages[0].to_string()) && output.contains("the receiver answered 500"),
        "{output}"
    );
    assert!(!output.contains(&mail.to_string()), "{output}");

    let (code, output) = deployment.command(&["jobs", "retry", "--kind", "webhook"]);
    assert_eq!(code, Some(0), "{output}");

    for id in messages {
        let waiting = find_job(&deployment.app, id).await.expect("the row exists");
        assert_eq!(
            (
                waiting.state.as_str(),
                waiting.attempts,
                waiting.error.as_str()
            ),
            ("waiting", 0, "")
        );
        assert_eq!(deployment.records("job_retried", id).await, 1);
    }

    assert_eq!(
        find_job(&deployment.app, mail)
            .await
            .expect("the row exists")
            .state,
        "failed"
    );
    assert_eq!(
        deployment
            .command(&["jobs", "retry", "--kind", "webhook"])
            .0,
        Some(1),
        "no job is left to retry"
    );
    assert_eq!(
        deployment.command(&["jobs", "retry", &mail.to_string()]).0,
        Some(0)
    );
}

#[tokio::test]
async fn the_schema_command_prints_the_version() {
    let deployment = Deployment::new().await;
    let (code, output) = deployment.command(&["schema"]);
    let version = deployment.app.platform().schema_version();

    assert_eq!(code, Some(0), "{output}");
    assert!(
        output.contains(&format!(
            "database  {version}\nbuild     {version}\nThe schema is up to date."
        )),
        "{output}"
    );

    let mut owner = deployment.app.owner().await;
    owner
        .run(
            "UPDATE mainstay.schema_history SET version = version - 1000",
            [],
        )
        .await
        .expect("the owner's statement runs");

    let (code, output) = deployment.command(&["schema"]);
    assert!(
        code == Some(1) && output.contains("run `migrate`"),
        "{output}"
    );
}
