//! A fake Vault with a transit engine that can fail.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

/// The token that it accepts.
pub const TOKEN: &str = "hvs.canary-of-the-token";

/// Its behaviour.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Answers correctly.
    Well,
    /// Answers this status, with an error that quotes the request.
    Status(u16),
    /// Never answers.
    Silent,
    /// Answers with something other than a Vault response.
    Nonsense,
    /// Redirects to another URL.
    Elsewhere,
}

/// The fake server. It runs until the test's process ends.
pub struct Vault {
    pub address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
}

impl Vault {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let (mood, asked) = (
            Arc::new(Mutex::new(Mood::Well)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (server_mood, its_asked) = (mood.clone(), asked.clone());

        std::thread::spawn(move || {
            // An unanswered connection stays open, so that its client keeps waiting.
            let mut unanswered = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a client connects");
                its_asked.fetch_add(1, Ordering::Relaxed);

                let mood = *server_mood.lock().expect("the lock is not poisoned");
                if mood == Mood::Silent {
                    unanswered.push(stream);
                    continue;
                }

                let (status, body) = answer(mood, &read(&mut stream));
                let location = if status == 307 {
                    "Location: http://127.0.0.1:1/\r\n"
                } else {
                    ""
                };

                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{location}Connection: close\r\n\r\n"
                );
                stream.write_all((head + &body).as_bytes()).ok();
            }
        });

        Self {
            address,
            mood,
            asked,
        }
    }

    pub fn feel(&self, mood: Mood) {
        *self.mood.lock().expect("the lock is not poisoned") = mood;
    }

    pub fn request_count(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Reads a whole request.
fn read(stream: &mut TcpStream) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));

        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 {
                return text;
            }
            continue;
        };

        let length = head.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        if count == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

fn answer(mood: Mood, request: &str) -> (u16, String) {
    match mood {
        Mood::Status(status) => return (status, json!({ "errors": [request] }).to_string()),
        Mood::Nonsense => return (200, "<html>".to_owned()),
        Mood::Elsewhere => return (307, String::new()),
        Mood::Well | Mood::Silent => {}
    }

    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let sent = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("x-vault-token: ")
            .map(str::to_owned)
    });
    if sent.as_deref() != Some(&TOKEN.to_lowercase()) {
        return (403, json!({ "errors": ["permission denied"] }).to_string());
    }

    // Reversed, which is enough to hide the key from a search.
    let turned = |text: &str| text.chars().rev().collect::<String>();
    let data = match head.split(' ').nth(1) {
        Some("/v1/transit/encrypt/mainstay") => {
            let plaintext = body["plaintext"]
                .as_str()
                .filter(|text| text.len() == 44 && text.ends_with('='));
            plaintext
                .map(|plaintext| json!({ "ciphertext": format!("vault:v1:{}", turned(plaintext)) }))
        }
        Some("/v1/transit/decrypt/mainstay") => {
            let wrapped = body["ciphertext"]
                .as_str()
                .and_then(|text| text.strip_prefix("vault:v1:"));
            wrapped
                .filter(|it| it.starts_with('='))
                .map(|wrapped| json!({ "plaintext": turned(wrapped) }))
        }
        _ => return (404, json!({ "errors": [] }).to_string()),
    };

    match data {
        Some(data) => (200, json!({ "data": data }).to_string()),
        None => (400, json!({ "errors": ["invalid ciphertext"] }).to_string()),
    }
}
