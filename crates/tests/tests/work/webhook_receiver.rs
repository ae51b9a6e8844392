//! A receiver of webhooks that remembers what it was sent, and answers as it was told.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use crate::http::{PATIENCE, Reply};

/// What it was sent, in order.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Reply>>>,
}

impl Receiver {
    /// Answers with these status codes in turn, and with 204 from then on.
    pub async fn start(answers: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("there is a port");
        let receiver = Self {
            address: listener.local_addr().expect("it is bound"),
            received: Arc::default(),
        };

        let kept = receiver.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("it accepts");
                kept.receive(stream, answers).await;
            }
        });

        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/findings", self.address)
    }

    async fn receive(&self, mut stream: TcpStream, answers: &[u16]) {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
        let request = loop {
            let count = stream.read(&mut buffer).await.expect("it is sent");
            bytes.extend_from_slice(&buffer[..count]);
            let request = Reply::of(&bytes);
            let length = request
                .header("content-length")
                .parse()
                .unwrap_or(usize::MAX);
            if count == 0 || request.body.len() >= length {
                break request;
            }
        };

        let turn = {
            let mut received = self.received.lock().expect("nobody panicked in it");
            received.push(request);
            received.len() - 1
        };

        let status = answers.get(turn).copied().unwrap_or(204);
        let head = format!(
            "HTTP/1.1 {status} Said\r\nContent-Length: 0\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.ok();
    }

    /// Waits until it was sent so many requests, and gives them.
    pub async fn until(&self, count: usize) -> Vec<Reply> {
        let reached = async {
            loop {
                let received = self.received();
                if received.len() >= count {
                    return received;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };

        timeout(PATIENCE, reached)
            .await
            .expect("it is sent so many")
    }

    pub fn received(&self) -> Vec<Reply> {
        self.received.lock().expect("nobody panicked in it").clone()
    }
}
