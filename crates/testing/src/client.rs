//! The HTTP client of tests.

use bytes::Bytes;
use http::Method;
use mainstay_kernel::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::Answer;

/// Calls a service over TCP, with or without a bearer token. It does not follow redirects.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<SecretString>,
}

/// A request that is not sent yet.
pub struct Call {
    request: reqwest::RequestBuilder,
    described: String,
}

impl Client {
    /// Creates a client of the service at `base`, such as `http://127.0.0.1:8000`, without a token.
    pub(crate) fn new(base: String) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("the HTTP client is built");
        Self {
            http,
            base,
            token: None,
        }
    }

    /// Returns the same client with a bearer token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.into()),
            ..self.clone()
        }
    }

    /// The bearer token; empty when there is none.
    pub fn token(&self) -> &str {
        self.token
            .as_ref()
            .map_or("", |token| token.expose_secret())
    }

    /// Sends `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    /// Sends `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path).json(&body).send().await
    }

    /// Sends `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PUT, path).json(&body).send().await
    }

    /// Sends `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PATCH, path).json(&body).send().await
    }

    /// Sends `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).send().await
    }

    /// Creates any other request: add headers and a body, then [`send`](Call::send) it. `path`
    /// starts with a slash and may contain a query.
    pub fn request(&self, method: Method, path: &str) -> Call {
        let described = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        Call { request, described }
    }
}

impl Call {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sets the body, without a content type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.request = self.request.body(body.into());
        self
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Sends the request and reads the whole response.
    ///
    /// # Panics
    /// When the request fails.
    pub async fn send(self) -> Answer {
        let Self { request, described } = self;
        let read = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>(Answer {
                status,
                headers,
                body: response.bytes().await?,
                request: described.clone(),
            })
        };

        read.await
            .unwrap_or_else(|error| panic!("{described}: the request failed: {error:?}"))
    }
}
