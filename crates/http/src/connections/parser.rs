//! Problems for requests that the HTTP/1.1 parser refuses.
//!
//! hyper itself responds to a head that it cannot parse, with a bare status. [`Intercepted`]
//! suppresses that response, and [`refuse`] writes a problem with a request id when the connection
//! has ended.

use std::{
    io,
    pin::Pin,
    str::from_utf8,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use time::macros::format_description;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::timeout,
};

use super::serving::Stream;
use crate::{
    App, HEAD_TOO_LARGE, MALFORMED, Problem, REQUEST_TIMEOUT, URI_TOO_LONG, VERSION_NOT_SUPPORTED,
    frame, reply::Reply,
};

/// How long sending a refusal may take, until the peer has read it. A connection that is closed
/// with unread bytes is reset, and the reset may overtake the refusal (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(2);
/// The most that is read and discarded meanwhile, in bytes.
const DISCARDED: u64 = 1 << 20;
/// The longest response of the parser, in bytes.
const LONGEST: usize = 256;

/// A connection that suppresses the responses of hyper's parser.
pub(super) struct Intercepted<S> {
    stream: S,
    refused: Option<StatusCode>,
    /// Whether a write is pending: a refusal would end up in the middle of a response.
    blocked: bool,
}

impl<S> Intercepted<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            refused: None,
            blocked: false,
        }
    }
}

impl<S: Stream> AsyncRead for Intercepted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: Stream> AsyncWrite for Intercepted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowed = match refusal(bytes) {
            Some((0, status)) => {
                self.refused = Some(status);
                return Poll::Ready(Ok(bytes.len()));
            }
            Some((start, _)) => &bytes[..start],
            None => bytes,
        };

        self.blocked = true;
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, allowed));
        self.blocked = false;

        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The refusal has yet to be written.
        if self.refused.is_some() {
            return Poll::Ready(Ok(()));
        }

        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Finds a response of hyper's parser at the end of `bytes`: its start and status. hyper writes
/// nothing after it.
///
/// It is recognised by its missing headers: our responses have a request id, and our bodies do not
/// end like a head.
fn refusal(bytes: &[u8]) -> Option<(usize, StatusCode)> {
    bytes.strip_suffix(b"\r\n\r\n")?;

    let from = bytes.len().saturating_sub(LONGEST);
    let start = from
        + bytes[from..]
            .windows(7)
            .rposition(|window| window == b"HTTP/1.")?;
    let mut lines = from_utf8(&bytes[start..]).ok()?.trim_end().split("\r\n");
    let status: StatusCode = lines.next()?.split(' ').nth(1)?.parse().ok()?;

    let is_bare = lines.all(|line| {
        let name = line.split(':').next().unwrap_or_default();
        ["date", "connection"].contains(&name) || line == "content-length: 0"
    });

    (is_bare && [400, 414, 431].contains(&status.as_u16())).then_some((start, status))
}

/// Writes a problem to a connection that ended with `error` before a request could be read.
/// `is_within_head` says whether a part of the head arrived.
pub(super) async fn refuse<S: Stream>(
    app: &App,
    connection: Intercepted<S>,
    error: &hyper::Error,
    is_within_head: bool,
) {
    let is_timeout = error.is_timeout() && is_within_head;
    let problem = match connection.refused {
        _ if connection.blocked => return,
        None if is_timeout => REQUEST_TIMEOUT.problem(),
        None if error.is_parse_version_h2() => VERSION_NOT_SUPPORTED.problem(),
        None => return,
        Some(status) => problem(status, error),
    };

    let reply = frame::refused(app, None, problem);
    let sent = timeout(LINGER, send(app, connection.stream, reply)).await;
    if !matches!(sent, Ok(Ok(()))) {
        tracing::debug!("client did not read the refusal");
    }
}

fn problem(status: StatusCode, error: &hyper::Error) -> Problem {
    let problem = match status {
        // hyper exposes this error only as text.
        _ if error.to_string() == "invalid HTTP version parsed" => VERSION_NOT_SUPPORTED.problem(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => HEAD_TOO_LARGE.problem(),
        StatusCode::URI_TOO_LONG => URI_TOO_LONG.problem(),
        _ => MALFORMED.problem(),
    };
    problem.caused_by(error)
}

async fn send(app: &App, mut stream: impl Stream, reply: Reply) -> io::Result<()> {
    let (mut parts, body) = reply.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let now = app.database().runtime().clock.now().inner();
    let date = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = now.format(date).map_err(io::Error::other)?;

    parts
        .headers
        .insert(header::DATE, date.try_into().map_err(io::Error::other)?);
    parts
        .headers
        .insert(header::CONTENT_LENGTH, body.len().into());

    let mut bytes = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);

    stream.write_all(&bytes).await?;
    stream.shutdown().await?;

    tokio::io::copy(&mut stream.take(DISCARDED), &mut tokio::io::sink())
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";

    #[test]
    fn a_response_of_the_parser_is_distinguished_from_ours() {
        let is_at =
            |text: &str| refusal(text.as_bytes()).map(|(start, status)| (start, status.as_u16()));
        assert_eq!(is_at(BARE), Some((0, 400)));
        assert_eq!(is_at(&format!("{{}}{BARE}")), Some((2, 400)));
        assert_eq!(
            is_at(
                &BARE
                    .replace("400 Bad Request", "431 Too Large")
                    .replace("1.1", "1.0")
            ),
            Some((0, 431))
        );

        for ours in [
            BARE.replace("400 Bad Request", "204 No Content"),
            BARE.replace("date", "x-request-id: 1\r\ndate"),
            BARE.replace("length: 0", "length: 2"),
            format!("{BARE}{{}}"),
            BARE.trim_end().to_owned(),
            "\r\n\r\n".to_owned(),
        ] {
            assert_eq!(is_at(&ours), None, "{ours}");
        }
    }
}
