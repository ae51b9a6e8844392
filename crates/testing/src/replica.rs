//! A second replica of the service.

use std::net::SocketAddr;

use crate::{Client, server::Server};

/// A second replica of the service on the same database. What one replica does, the other must see.
pub struct Replica {
    server: Server,
    client: Client,
}

impl Replica {
    pub(crate) fn new(server: Server) -> Self {
        let client = Client::new(format!("http://{}", server.address));
        Self { server, client }
    }

    /// Address of its API.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Returns a client without a token.
    pub fn anonymous(&self) -> Client {
        self.client.clone()
    }

    /// Returns a client with the token of another replica's client.
    pub fn client_of(&self, other: &Client) -> Client {
        self.client.with_token(other.token())
    }

    /// Stops it as SIGTERM does, and waits until it has drained.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
