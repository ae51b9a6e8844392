//! A Vault of the tests' own: its transit engine, and how it may fail.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

/// The token that it takes.
pub const TOKEN: &str = "hvs.canary-of-the-token";

/// How it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Well,
    /// With this status and an error that quotes what was asked.
    Status(u16),
    /// Never.
    Silent,
    /// With something that is no answer of Vault.
    Nonsense,
    /// With another URL to ask.
    Elsewhere,
}

/// It serves until the test's process ends.
pub struct Vault {
    pub address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
}

impl Vault {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
        let address = listener.local_addr().expect("it is bound");
        let (mood, asked) = (
            Arc::new(Mutex::new(Mood::Well)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (its_mood, its_asked) = (mood.clone(), asked.clone());

        std::thread::spawn(move || {
            // What is left unanswered stays open, so that whoever waits does wait.
            let mut unanswered = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("somebody comes");
                its_asked.fetch_add(1, Ordering::Relaxed);

                let mood = *its_mood.lock().expect("nobody panicked");
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
        *self.mood.lock().expect("nobody panicked") = mood;
    }

    pub fn times_asked(&self) -> usize {
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

    // Turned about, which hides it well enough from a search for the key.
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
