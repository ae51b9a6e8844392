//! A second replica of the service.

use std::net::SocketAddr;

use crate::{Client, server::Server};

/// Another process' worth of the service, on the same database: what one replica does, the other must see.
pub struct Replica {
    server: Server,
    client: Client,
}

impl Replica {
    pub(crate) fn new(server: Server) -> Self {
        let client = Client::new(format!("http://{}", server.address));
        Self { server, client }
    }

    /// Where it serves the API.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Calls it as nobody.
    pub fn anonymous(&self) -> Client {
        self.client.clone()
    }

    /// Calls it with the token of a client of another replica.
    pub fn client_of(&self, other: &Client) -> Client {
        self.client.with_token(other.token())
    }

    /// Asks it to stop, as SIGTERM does, and waits until it has drained.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
