//! The HTTP client of tests.

use bytes::Bytes;
use http::Method;
use mainstay_kernel::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::Answer;

/// Calls a service over TCP: as nobody, or with a bearer token. Redirects are not followed.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<SecretString>,
}

/// A request in the making.
pub struct Call {
    request: reqwest::RequestBuilder,
    described: String,
}

impl Client {
    /// Calls the service at `base`, such as `http://127.0.0.1:8000`, as nobody.
    pub(crate) fn new(base: String) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client needs nothing");
        Self {
            http,
            base,
            token: None,
        }
    }

    /// The same client, with a bearer token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.into()),
            ..self.clone()
        }
    }

    /// The bearer token that is sent; empty when none is.
    pub fn token(&self) -> &str {
        self.token
            .as_ref()
            .map_or("", |token| token.expose_secret())
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    /// `POST` of a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path).json(&body).send().await
    }

    /// `PUT` of a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PUT, path).json(&body).send().await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PATCH, path).json(&body).send().await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).send().await
    }

    /// Any other request: add headers and a body, then send it. `path` starts with a slash and may have a query.
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

    /// Sends these bytes, without saying of which type they are.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.request = self.request.body(body.into());
        self
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Panics
    /// When there is no answer.
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
            .unwrap_or_else(|error| panic!("{described}: no answer: {error:?}"))
    }
}
