//! Response bodies in pieces, and how long each waits for its peer.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

/// The largest piece that is passed to a connection, in bytes. A connection whose peer does not
/// read buffers only a few of them besides the response itself.
const PIECE: usize = 16 * 1024;

/// The body of a response, in pieces of at most 16 KiB.
pub(super) struct WatchedBody {
    body: Body,
    rest: Bytes,
    turn: Option<Turn>,
}

impl WatchedBody {
    pub(super) fn new(body: Body, turn: Option<Turn>) -> Self {
        if let Some(turn) = &turn {
            turn.made_progress();
        }
        Self {
            body,
            rest: Bytes::new(),
            turn,
        }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        if let Some(turn) = &self.turn {
            turn.made_progress();
        }

        Frame::data(self.rest.split_to(self.rest.len().min(PIECE)))
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(self.piece())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);

        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }

        hint
    }
}

/// The requests in flight on a connection that carries several at once.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<UnderWay>>);

struct UnderWay {
    /// By number: the time since which the response has waited for the peer, if there is a response
    /// yet.
    turns: HashMap<u64, Option<Instant>>,
    last: u64,
    idle_since: Instant,
}

/// A request in flight, until its response is written completely or dropped.
pub(super) struct Turn {
    activity: Activity,
    number: u64,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(UnderWay {
            turns: HashMap::new(),
            last: 0,
            idle_since: Instant::now(),
        })))
    }

    pub(super) fn turn(&self) -> Turn {
        let mut under_way = self.lock();
        under_way.last += 1;
        let number = under_way.last;
        under_way.turns.insert(number, None);

        Turn {
            activity: self.clone(),
            number,
        }
    }

    /// Whether the peer has read nothing of some response for `timeout`.
    pub(super) fn is_stalled(&self, timeout: Duration) -> bool {
        self.lock()
            .turns
            .values()
            .flatten()
            .any(|since| since.elapsed() >= timeout)
    }

    /// How long there has been no request in flight.
    pub(super) fn idle_for(&self) -> Duration {
        let under_way = self.lock();
        if under_way.turns.is_empty() {
            under_way.idle_since.elapsed()
        } else {
            Duration::ZERO
        }
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    fn made_progress(&self) {
        self.activity
            .lock()
            .turns
            .insert(self.number, Some(Instant::now()));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.activity.lock();
        under_way.turns.remove(&self.number);
        if under_way.turns.is_empty() {
            under_way.idle_since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_is_split_into_pieces_and_keeps_its_known_length() {
        let text = Bytes::from(vec![7; 3 * PIECE + 1]);
        let mut answer = WatchedBody::new(Body::from(text.clone()), None);
        assert_eq!(answer.size_hint().exact(), Some(text.len() as u64));

        let first = answer.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first.len(), PIECE);
        assert_eq!(
            answer.size_hint().exact(),
            Some((text.len() - PIECE) as u64)
        );
        assert_eq!(
            answer.collect().await.unwrap().to_bytes(),
            text.slice(PIECE..)
        );
        assert!(WatchedBody::new(Body::empty(), None).is_end_stream());
    }

    #[test]
    fn a_connection_is_idle_when_every_response_is_written() {
        let activity = Activity::new();
        let (first, second) = (activity.turn(), activity.turn());
        assert!(
            !activity.is_stalled(Duration::ZERO),
            "neither has an answer yet"
        );

        let answer = WatchedBody::new(Body::empty(), Some(first));
        assert!(activity.is_stalled(Duration::ZERO));
        assert_eq!(activity.idle_for(), Duration::ZERO);

        drop(answer);
        assert!(!activity.is_stalled(Duration::ZERO));

        drop(second);
        assert!(activity.lock().turns.is_empty());
    }
}
