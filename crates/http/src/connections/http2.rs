//! HTTP/2 on one connection: many requests at once, with flow-control windows that limit the memory
//! of unread bodies.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use hyper::{
    body::Incoming,
    rt::{Read, Write, bounds::Http2ServerConnExec},
    server::conn::http2::{Builder, Connection},
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::{
    answers::{Activity, WatchedBody},
    serving::{Serving, Stream, stopped},
};
use crate::frame::Peer;

/// Number of concurrent requests.
const STREAMS: u32 = 100;
/// The flow-control window of one request, in bytes.
const STREAM_WINDOW: u32 = 32 * 1024;
/// The flow-control window of all requests together, in bytes.
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// The largest part of a response that is buffered until the peer's window opens, in bytes.
const SEND_BUFFER: usize = 32 * 1024;

pub(super) async fn serve(serving: &Arc<Serving>, stream: impl Stream, peer: Peer) {
    let activity = Activity::new();
    let service = {
        let (serving, activity) = (serving.clone(), activity.clone());
        service_fn(move |request| {
            let (serving, turn) = (serving.clone(), activity.turn());
            async move {
                let reply = serving.answer(peer, request).await;
                Ok::<_, Infallible>(reply.map(|body| WatchedBody::new(body, Some(turn))))
            }
        })
    };

    let mut protocol = Builder::new(TokioExecutor::new());
    protocol
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(50)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(serving.limits.header_timeout);

    let connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));

    if let Err(why) = drive(serving, connection, &activity).await {
        tracing::debug!(why, "connection ended early");
    }
}

/// Drives a connection until it ends. It is dropped if the peer does not read a response. An idle
/// connection is shut down gracefully, and dropped if the peer does not close it.
async fn drive<I, S>(
    serving: &Serving,
    mut connection: Pin<&mut Connection<I, S, TokioExecutor>>,
    activity: &Activity,
) -> Result<(), String>
where
    I: Read + Write + Unpin + 'static,
    S: HttpService<Incoming, ResBody = WatchedBody, Error = Infallible> + 'static,
    S::Future: Send + 'static,
    TokioExecutor: Http2ServerConnExec<S::Future, WatchedBody>,
{
    let (idle, unread) = (serving.limits.header_timeout, serving.limits.write_timeout);
    let mut checks = tokio::time::interval(idle.min(unread).max(Duration::from_millis(40)) / 4);
    let mut stop = serving.stop.clone();
    let mut closing = false;
    let mut stopping = false;

    loop {
        tokio::select! {
            outcome = &mut connection => return outcome.map_err(|error| error.to_string()),
            () = stopped(&mut stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = checks.tick() => {
                if activity.is_stalled(unread) {
                    return Err("the peer does not read a response".to_owned());
                }
                let idle_for = activity.idle_for();
                if idle_for >= idle + unread {
                    return Err("the peer is idle and does not close the connection".to_owned());
                }
                if idle_for >= idle && !closing {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
