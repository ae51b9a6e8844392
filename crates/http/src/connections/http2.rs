//! HTTP/2 on one connection: many requests at once, with windows that bound what an unread body holds.

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
    Serving, Stream,
    answers::{Activity, Answer},
};
use crate::edge::Peer;

/// Requests at once.
const STREAMS: u32 = 100;
/// What one request may send before it is read, in bytes.
const STREAM_WINDOW: u32 = 32 * 1024;
/// What all of them may, together.
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// What is kept of an answer that the peer has not yet made room for.
const SEND_BUFFER: usize = 32 * 1024;

pub(super) async fn converse(serving: &Arc<Serving>, stream: impl Stream, peer: Peer) {
    let activity = Activity::new();
    let service = {
        let (serving, activity) = (serving.clone(), activity.clone());
        service_fn(move |request| {
            let (serving, turn) = (serving.clone(), activity.turn());
            async move {
                let reply = serving.answer(peer, request).await;
                Ok::<_, Infallible>(reply.map(|body| Answer::new(body, Some(turn))))
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
        tracing::debug!(why, "a connection ended early");
    }
}

/// Drives a connection to its end. One whose peer leaves an answer unread is cut off; an idle one is told to go, and cut
/// off when it does not.
async fn drive<I, S>(
    serving: &Serving,
    mut connection: Pin<&mut Connection<I, S, TokioExecutor>>,
    activity: &Activity,
) -> Result<(), String>
where
    I: Read + Write + Unpin + 'static,
    S: HttpService<Incoming, ResBody = Answer, Error = Infallible> + 'static,
    S::Future: Send + 'static,
    TokioExecutor: Http2ServerConnExec<S::Future, Answer>,
{
    let (idle, unread) = (serving.limits.header_timeout, serving.limits.write_timeout);
    let mut look = tokio::time::interval(idle.min(unread).max(Duration::from_millis(40)) / 4);
    let mut stop = serving.stop.clone();
    let mut closing = false;
    let mut stopping = false;

    loop {
        tokio::select! {
            outcome = &mut connection => return outcome.map_err(|error| error.to_string()),
            () = super::stopped(&mut stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = look.tick() => {
                if activity.is_stalled(unread) {
                    return Err("the peer takes nothing of an answer".to_owned());
                }
                let idle_for = activity.idle_for();
                if idle_for >= idle + unread {
                    return Err("the peer is idle and does not go".to_owned());
                }
                if idle_for >= idle && !closing {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
