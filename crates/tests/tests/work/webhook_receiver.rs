//! A webhook receiver that records its requests, and answers with given status codes.

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

/// The received requests, in order.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Reply>>>,
}

impl Receiver {
    /// Starts a receiver that answers with these status codes in turn, and with 204 after that.
    pub async fn start(answers: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let receiver = Self {
            address: listener.local_addr().expect("the port is bound"),
            received: Arc::default(),
        };

        let kept = receiver.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("the connection is accepted");
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
            let count = stream.read(&mut buffer).await.expect("the bytes are sent");
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
            let mut received = self.received.lock().expect("the lock is not poisoned");
            received.push(request);
            received.len() - 1
        };

        let status = answers.get(turn).copied().unwrap_or(204);
        let head = format!(
            "HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.ok();
    }

    /// Waits until it has received `count` requests, and returns them.
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
            .expect("the requests arrive in time")
    }

    pub fn received(&self) -> Vec<Reply> {
        self.received
            .lock()
            .expect("the lock is not poisoned")
            .clone()
    }
}
