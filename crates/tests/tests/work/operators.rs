//! What an operator does about work that was not done: mail that was left behind, messages that were given up.

use mainstay::kernel::Uuid;
use mainstay_testing::TestApp;

use crate::{
    program::{beside, finish, program},
    queue::{queue, queue_mail, standing, unscoped},
};

struct House {
    app: TestApp,
    environment: Vec<(&'static str, String)>,
}

impl House {
    /// An app whose work nobody does.
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
            .expect("the owner may");
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
        rows.expect("they are read").len()
    }
}

#[tokio::test]
async fn mail_that_arrived_is_settled() {
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

    let house = House::new().await;
    let [left, under_way, waiting] = [
        queue_mail(house.app.database(), "ada@example.org").await,
        queue_mail(house.app.database(), "bea@example.org").await,
        queue_mail(house.app.database(), "cleo@example.org").await,
    ];

    house.set(left, LEFT).await;
    house.set(under_way, UNDER_WAY).await;

    let (code, told) = house.command(&["mail", "settle", &left.to_string()]);
    assert_eq!(code, Some(0), "{told}");

    let settled = standing(&house.app, left)
        .await
        .expect("it is kept for a while");
    assert_eq!(
        (settled.state.as_str(), settled.has_payload),
        ("done", false),
        "{settled:?}"
    );
    assert_eq!(house.records("mail_settled", left).await, 1);

    for other in [left, under_way, waiting] {
        let (code, told) = house.command(&["mail", "settle", &other.to_string()]);
        assert_eq!(code, Some(1), "{told}");
        assert!(
            told.contains("no mail with this ID is handed_over"),
            "{told}"
        );
    }

    assert_eq!(
        standing(&house.app, under_way)
            .await
            .expect("it is there")
            .state,
        "handed_over"
    );
}

#[tokio::test]
async fn what_was_given_up_begins_anew() {
    const FAIL: &str = r"
        UPDATE mainstay.jobs
        SET state = 'failed', attempts = 15, error = 'the receiver answered 500',
            finished_at = now()
        WHERE id = $1
    ";

    let house = House::new().await;
    let mut messages = Vec::new();
    for _ in 0..2 {
        let job = unscoped(house.app.database())
            .job("webhook", &"a message")
            .expect("it has a JSON form");
        messages.push(queue(house.app.database(), job).await);
    }

    let mail = queue_mail(house.app.database(), "ada@example.org").await;
    for id in [messages[0], messages[1], mail] {
        house.set(id, FAIL).await;
    }

    let (code, told) = house.command(&["jobs", "list", "--kind", "webhook"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains(&messages[0].to_string()) && told.contains("the receiver answered 500"),
        "{told}"
    );
    assert!(!told.contains(&mail.to_string()), "{told}");

    let (code, told) = house.command(&["jobs", "retry", "--kind", "webhook"]);
    assert_eq!(code, Some(0), "{told}");

    for id in messages {
        let waiting = standing(&house.app, id).await.expect("it is there");
        assert_eq!(
            (
                waiting.state.as_str(),
                waiting.attempts,
                waiting.error.as_str()
            ),
            ("waiting", 0, "")
        );
        assert_eq!(house.records("job_retried", id).await, 1);
    }

    assert_eq!(
        standing(&house.app, mail).await.expect("it is there").state,
        "failed"
    );
    assert_eq!(
        house.command(&["jobs", "retry", "--kind", "webhook"]).0,
        Some(1),
        "nothing is left to retry"
    );
    assert_eq!(
        house.command(&["jobs", "retry", &mail.to_string()]).0,
        Some(0)
    );
}

#[tokio::test]
async fn the_schemas_version_is_told() {
    let house = House::new().await;
    let (code, told) = house.command(&["schema"]);
    let version = house.app.platform().schema_version();

    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains(&format!(
            "database  {version}\nbuild     {version}\nup to date"
        )),
        "{told}"
    );

    let mut owner = house.app.owner().await;
    owner
        .run(
            "UPDATE mainstay.schema_history SET version = version - 1000",
            [],
        )
        .await
        .expect("the owner may");

    let (code, told) = house.command(&["schema"]);
    assert!(code == Some(1) && told.contains("run `migrate`"), "{told}");
}
