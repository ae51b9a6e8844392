//! A server as a process of its own.

use std::{
    net::SocketAddr,
    process::Command,
    time::{Duration, Instant},
};

use super::{http::send, program::Serving};

/// A running server. It ends when this value is dropped.
pub struct Service {
    pub api: SocketAddr,
    /// From the start of the process to its first answer.
    pub started: Duration,
    serving: Serving,
}

impl Service {
    /// Starts a server, and waits until the path `ready` of its management port answers with 200.
    pub async fn start(command: &mut Command, ready: &str) -> Self {
        let began = Instant::now();
        let mut serving = Serving::start(command);
        let (api, management) = serving.addresses();
        while send(management, "GET", ready, "", "").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }

        Self {
            api,
            started: began.elapsed(),
            serving,
        }
    }

    pub fn pid(&self) -> u32 {
        self.serving.pid()
    }

    /// Shuts it down, and waits until it has finished its work.
    pub fn stop(mut self) {
        self.serving.signal("TERM");
        self.serving.exit_code();
    }
}
