//! The `worker` command as a separate process, on the database of an app that runs no jobs itself.

use std::net::SocketAddr;

use mainstay_testing::TestApp;

use crate::{
    program::{Serving, beside, eventually, finish, program},
    smtp_server::SmtpServer,
};

/// An app that queues jobs, and the environment of its workers.
pub struct Deployment {
    pub app: TestApp,
    environment: Vec<(&'static str, String)>,
}

impl Deployment {
    pub async fn new(server: &SmtpServer) -> Self {
        let builder = TestApp::builder(fixture::platform()).setting("jobs.in_process", "false");
        let (app, mut environment) = beside(builder).await;
        environment.extend([
            ("MAINSTAY_MAIL_SMTP_URL", server.url("smtps")),
            (
                "MAINSTAY_MAIL_SMTP_CA",
                server.authority().display().to_string(),
            ),
            (
                "MAINSTAY_MAIL_FROM",
                "Example <no-reply@example.org>".to_owned(),
            ),
            ("MAINSTAY_DATABASE_ACQUIRE_TIMEOUT", "30s".to_owned()),
            ("MAINSTAY_JOBS_POLL", "100ms".to_owned()),
            ("MAINSTAY_JOBS_LEASE", "2s".to_owned()),
            ("MAINSTAY_JOBS_RETRY_DELAY", "10ms".to_owned()),
        ]);

        Self { app, environment }
    }

    /// Adds variables to the workers' environment.
    pub fn with_environment<const N: usize>(mut self, more: [(&'static str, &str); N]) -> Self {
        self.environment
            .extend(more.map(|(name, value)| (name, value.to_owned())));
        self
    }

    /// Starts a worker and waits until it runs. Returns it with the address of its management port.
    pub fn worker(&self) -> (Serving, SocketAddr) {
        let mut worker = Serving::start(program(["worker"]).envs(self.environment.clone()));
        let management = eventually("the worker runs", || {
            let log = worker.log();
            assert!(worker.is_running(), "the worker ended: {log}");
            log.lines().find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                (line["message"] == "working").then(|| line["management"].as_str()?.parse().ok())?
            })
        });
        (worker, management)
    }

    /// Runs another command in the same environment.
    pub fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        finish(program(arguments).envs(self.environment.clone()))
    }
}
