//! A signed-in caller, and the requests that it sends.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};

use super::{
    database::EMAIL,
    endpoint::Endpoint,
    http::send,
    load::{Measured, load},
};

/// The paths of a server.
#[derive(Clone, Copy)]
pub struct Paths {
    pub customers: &'static str,
    /// The parameter with the position where a page starts.
    pub cursor: &'static str,
    pub login: &'static str,
}

impl Paths {
    pub const MAINSTAY: Self = Self {
        customers: "/v1/customers",
        cursor: "cursor",
        login: "/v1/sessions",
    };
}

/// A signed-in caller.
pub struct Caller {
    pub api: SocketAddr,
    /// The ids of customers to read, in the order of the listing.
    pub ids: Vec<String>,
    /// The cursors of pages to read; the first is that of the second page.
    pub cursors: Vec<String>,
    paths: Paths,
    password: String,
    token: String,
}

impl Caller {
    /// Signs in, and reads the ids and cursors of the first `pages` pages.
    pub async fn sign_in(api: SocketAddr, paths: Paths, password: &str, pages: usize) -> Self {
        let mut caller = Self {
            api,
            ids: Vec::new(),
            cursors: Vec::new(),
            paths,
            password: password.to_owned(),
            token: String::new(),
        };

        caller.renew().await;
        caller.read_pages(pages).await;

        caller
    }

    /// Signs in again.
    pub async fn renew(&mut self) {
        let credentials = self.credentials().to_string();
        let answer = send(self.api, "POST", self.paths.login, "", &credentials).await;
        self.token = text(&answer.json()["access_token"]);
    }

    async fn read_pages(&mut self, pages: usize) {
        let mut path = format!("{}?limit=50", self.paths.customers);
        for _ in 0..pages {
            let page = send(self.api, "GET", &path, &self.token, "").await.json();
            let items = page["items"].as_array().expect("the page has items");
            assert_eq!(items.len(), 50, "the page is full");
            self.ids.extend(items.iter().map(|item| text(&item["id"])));

            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            path = self.page(cursor);
            self.cursors.push(cursor.to_owned());
        }
    }

    /// Sends requests for `span`.
    pub async fn load(&self, endpoint: Endpoint, span: Duration) -> Measured {
        let request = |number: usize| Some(self.request(endpoint, number));
        load(self.api, endpoint.connections(), span, &request).await
    }

    fn request(&self, endpoint: Endpoint, number: usize) -> String {
        let scattered = number.wrapping_mul(2_654_435_761);
        match endpoint {
            Endpoint::Livez => self.bare("GET", "/livez"),
            Endpoint::Read => {
                let id = &self.ids[scattered % self.ids.len()];
                self.bare("GET", &format!("{}/{id}", self.paths.customers))
            }
            Endpoint::Page => {
                let cursor = &self.cursors[scattered % self.cursors.len()];
                self.bare("GET", &self.page(cursor))
            }
            Endpoint::Create => self.post(self.paths.customers, &customer(number)),
            Endpoint::Login => self.post(self.paths.login, &self.credentials()),
        }
    }

    /// A request without a body.
    pub fn bare(&self, method: &str, path: &str) -> String {
        self.head(method, path) + "\r\n"
    }

    fn post(&self, path: &str, body: &Value) -> String {
        let (head, body) = (self.head("POST", path), body.to_string());
        let length = body.len();
        format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
    }

    fn head(&self, method: &str, path: &str) -> String {
        let (api, token) = (self.api, &self.token);
        format!("{method} {path} HTTP/1.1\r\nHost: {api}\r\nAuthorization: Bearer {token}\r\n")
    }

    fn page(&self, cursor: &str) -> String {
        let Paths {
            customers,
            cursor: name,
            ..
        } = self.paths;
        format!("{customers}?limit=50&{name}={cursor}")
    }

    fn credentials(&self) -> Value {
        json!({ "email": EMAIL, "password": self.password })
    }
}

/// A customer whose address no other has.
fn customer(number: usize) -> Value {
    json!({
        "email": format!("load{number}@example.com"),
        "full_name": format!("Ada Example {number}"),
        "phone": "+15550001111",
        "notes": "note text ".repeat(1 + number % 20).trim_end(),
    })
}

fn text(value: &Value) -> String {
    value.as_str().expect("the answer has the text").to_owned()
}
