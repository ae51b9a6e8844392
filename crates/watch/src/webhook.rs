//! Tells a receiver of findings.

use std::time::Duration;

use futures_util::future::BoxFuture;
use mainstay_database::{Error, Job, Unscoped, Uuid};
use mainstay_jobs::{Claimed, Handler, JobError};
use mainstay_kernel::Timestamp;
use reqwest::{StatusCode, Url, header::CONTENT_TYPE, redirect::Policy, tls::Version};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::signature::Signer;

/// The kind of job that tells of a finding.
const KIND: &str = "webhook";

/// How long it takes at most to reach the receiver.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Who is told of findings, and how.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    pub(crate) url: Url,
    pub(crate) signer: Signer,
    /// How long the receiver may take.
    pub(crate) timeout: Duration,
    /// Whether http will do: in development.
    pub(crate) clear: bool,
}

/// What is to be sent. It is made once, so that each attempt sends the same under the same id, by which a receiver tells
/// what it already has.
#[derive(Serialize, Deserialize)]
struct Message {
    id: Uuid,
    body: String,
}

/// Queues messages with the change that they tell of.
#[derive(Clone, Copy)]
pub(crate) struct Queue;

impl Queue {
    pub(crate) fn job(
        self,
        around: &Unscoped,
        id: Uuid,
        at: Timestamp,
        data: &Value,
    ) -> Result<Job, Error> {
        let body = json!({ "type": "security.finding", "timestamp": at, "data": data }).to_string();
        around.job(KIND, &Message { id, body })
    }
}

/// Sends what is queued to the receiver, over verified TLS and never to where an answer redirects (OWASP ASVS 12.3.1,
/// 12.3.2, 15.3.2), until it takes it: at least once, and more often when its answer is lost.
pub struct Webhook {
    settings: WebhookSettings,
    client: reqwest::Client,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
#[error("the webhook has no TLS")]
pub struct WebhookError(#[from] reqwest::Error);

impl Webhook {
    /// A sender to where the settings say.
    ///
    /// # Errors
    /// When TLS cannot be had.
    pub fn new(settings: WebhookSettings) -> Result<Self, WebhookError> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
            .timeout(settings.timeout)
            .https_only(!settings.clear)
            .tls_version_min(Version::TLS_1_2)
            .user_agent("mainstay")
            .build()?;
        Ok(Self { settings, client })
    }

    async fn send(&self, job: &Claimed) -> Result<(), JobError> {
        let Message { id, body } = job.payload()?;
        let (id, seconds) = (
            id.to_string(),
            job.database().runtime().clock.now().unix_timestamp(),
        );

        let sent = self
            .client
            .post(self.settings.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-timestamp", seconds)
            .header(
                "webhook-signature",
                self.settings.signer.sign(&id, seconds, &body),
            )
            .header("webhook-id", id)
            .body(body)
            .send()
            .await;

        // The answer's body is not read: its status says everything.
        match sent.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(StatusCode::GONE) => Err(JobError::give_up(
                "the webhook's receiver wants nothing more (410)",
            )),
            Ok(status) => Err(JobError::retry(format!(
                "the webhook's receiver answered {}",
                status.as_u16()
            ))),
            Err(error) if error.is_timeout() => {
                Err(JobError::retry("the webhook's receiver takes too long"))
            }
            Err(_) => Err(JobError::retry("the webhook's receiver cannot be reached")),
        }
    }
}

impl Handler for Webhook {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run<'a>(&'a self, job: &'a Claimed) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.send(job))
    }
}
