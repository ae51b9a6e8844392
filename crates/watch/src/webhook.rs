//! Sends findings to the webhook.

use std::time::Duration;

use futures_util::future::BoxFuture;
use mainstay_database::{Error, Job, Sql, Uuid};
use mainstay_jobs::{Claimed, Handler, JobError};
use mainstay_kernel::Timestamp;
use reqwest::{StatusCode, Url, header::CONTENT_TYPE, redirect::Policy, tls::Version};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::signature::Signer;

/// The kind of job that delivers a finding.
const KIND: &str = "webhook";

/// Timeout for connecting to the receiver.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings of the webhook for findings.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    pub(crate) url: Url,
    pub(crate) signer: Signer,
    /// Timeout for a request.
    pub(crate) timeout: Duration,
    /// Whether http is allowed, as in development.
    pub(crate) allows_http: bool,
}

/// A message to send. It is created once, so that every attempt sends the same ID and body, and the
/// receiver can discard duplicates.
#[derive(Serialize, Deserialize)]
struct Message {
    id: Uuid,
    body: String,
}

/// Queues messages in the same statement as the finding.
#[derive(Clone, Copy)]
pub(crate) struct Queue;

impl Queue {
    pub(crate) fn job(
        self,
        around: &Sql,
        id: Uuid,
        at: Timestamp,
        data: &Value,
    ) -> Result<Job, Error> {
        let body = json!({ "type": "security.finding", "timestamp": at, "data": data }).to_string();
        around.job(KIND, &Message { id, body })
    }
}

/// Delivers queued messages to the receiver, over verified TLS and without following redirects
/// (OWASP ASVS 12.3.1, 12.3.2, 15.3.2). Delivery is at least once: a message is repeated if the
/// response is lost.
pub struct Webhook {
    settings: WebhookSettings,
    client: reqwest::Client,
}

/// The HTTP client of the webhook could not be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot initialize TLS for the webhook")]
pub struct WebhookError(#[from] reqwest::Error);

impl Webhook {
    /// Creates a webhook.
    ///
    /// # Errors
    /// [`WebhookError`] if TLS cannot be initialized.
    pub fn new(settings: WebhookSettings) -> Result<Self, WebhookError> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
            .timeout(settings.timeout)
            .https_only(!settings.allows_http)
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

        // The status decides; the body of the response is ignored.
        match sent.map(|response| response.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(StatusCode::GONE) => Err(JobError::give_up(
                "the webhook no longer accepts messages (410 Gone)",
            )),
            Ok(status) => Err(JobError::retry(format!(
                "the webhook responded with status {}",
                status.as_u16()
            ))),
            Err(error) if error.is_timeout() => {
                Err(JobError::retry("the request to the webhook timed out"))
            }
            Err(_) => Err(JobError::retry("the webhook cannot be reached")),
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
