//! HTTP/1.1 on one connection: one request at a time. The next is read when the response to the
//! last is being sent.

use std::{convert::Infallible, pin::Pin};

use hyper::{server::conn::http1::Builder, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::{
    answers::WatchedBody,
    parser::{self, Intercepted},
    serving::{Serving, Stream, stopped},
};
use crate::frame::Peer;

/// The largest buffer for a head and for pipelined requests, in bytes.
const BUFFER: usize = 32 * 1024;

pub(super) async fn serve(serving: &Serving, stream: impl Stream, peer: Peer) {
    let service = service_fn(|request| async move {
        let reply = serving.answer(peer, request).await;
        Ok::<_, Infallible>(reply.map(|body| WatchedBody::new(body, None)))
    });

    let mut protocol = Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(serving.limits.header_timeout)
        .max_headers(64)
        .max_buf_size(BUFFER)
        // `parser` looks for hyper's own responses at the end of a write.
        .writev(false);

    let mut connection = protocol.serve_connection(TokioIo::new(Intercepted::new(stream)), service);
    let mut stop = serving.stop.clone();

    let ended = tokio::select! {
        outcome = &mut connection => Some(outcome),
        () = stopped(&mut stop) => None,
    };

    let outcome = match ended {
        Some(outcome) => outcome,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };

    if let Err(error) = outcome {
        tracing::debug!(%error, "connection ended early");
        let parts = connection.into_parts();
        parser::refuse(
            &serving.app,
            parts.io.into_inner(),
            &error,
            !parts.read_buf.is_empty(),
        )
        .await;
    }
}
