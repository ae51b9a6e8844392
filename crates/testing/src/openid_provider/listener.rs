//! Just enough HTTP/1.1 for the service's client.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{
    exchange::{Request, Response},
    state::{Misbehaviour, Shared, locked},
};

/// Answers one request per connection, until it is stopped.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, shared.clone()));
    }
}

async fn converse(mut stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let Some(request) = read(&mut stream).await? else {
        return Ok(());
    };

    *locked(&shared.calls)
        .entry(request.path.clone())
        .or_default() += 1;
    let misbehaviour = locked(&shared.script)
        .misbehaviours
        .get(request.path.as_str())
        .cloned();

    let Response {
        status,
        headers,
        body,
    } = match misbehaviour {
        Some(Misbehaviour::Silent) => return std::future::pending().await,
        Some(Misbehaviour::Broken) => Response::of(500, b"broken".to_vec()),
        Some(Misbehaviour::Endless) => Response::of(200, vec![b' '; 10_000_000]),
        Some(Misbehaviour::RedirectTo(url)) => Response {
            headers: format!("Location: {url}\r\n"),
            ..Response::of(307, Vec::new())
        },
        None => shared.answer(&request),
    };

    let head = format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;

    stream.shutdown().await
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };

    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        let mut lines = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
            .to_owned()
    };

    let length: usize = header("content-length").parse().unwrap_or_default();
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }

    Ok(Some(Request {
        path: head.split(' ').nth(1).unwrap_or_default().to_owned(),
        authorization: header("authorization"),
        body: String::from_utf8_lossy(&bytes[end + 4..]).into_owned(),
    }))
}
