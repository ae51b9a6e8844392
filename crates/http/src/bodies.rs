//! Reading of request bodies, limited in the size of each and in the memory of all together (OWASP
//! ASVS 15.2.2).

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The largest body of a public operation, in bytes, unless its attribute sets another limit.
pub const PUBLIC_BODY_LIMIT: usize = 32 * 1024;

/// The unit of a budget, in bytes.
const UNIT: usize = 1024;
/// The initial size of a buffer, in bytes.
const FIRST: usize = 4 * UNIT;

/// The limit of one body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyLimit {
    /// The largest size, in bytes.
    pub(crate) bytes: usize,
    /// Whether the operation is public.
    pub(crate) is_public: bool,
}

/// The memory that all request bodies may take. Half of it is reserved for authenticated callers,
/// so that anonymous ones cannot use it up.
pub(crate) struct BodyBudget {
    public: Arc<Semaphore>,
    authenticated: Arc<Semaphore>,
}

/// The reason why a body was not read.
pub(crate) enum Unread {
    /// It is larger than its limit.
    TooLarge,
    /// The budget is exhausted.
    NoRoom,
    /// The connection ended before the body did.
    BrokeOff,
}

/// A body, and its share of the budget.
pub(crate) type Held = (Bytes, Option<OwnedSemaphorePermit>);

impl BodyBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        let half = || {
            Arc::new(Semaphore::new(
                (bytes / 2 / UNIT).min(Semaphore::MAX_PERMITS),
            ))
        };
        Self {
            public: half(),
            authenticated: half(),
        }
    }

    /// Reads a body. Its share of the budget grows with the bytes that arrive, not with the
    /// announced length, and is released when the permit is dropped.
    pub(crate) async fn read(&self, mut body: Body, limit: BodyLimit) -> Result<Held, Unread> {
        if hyper::body::Body::size_hint(&body).lower() > limit.bytes as u64 {
            return Err(Unread::TooLarge);
        }

        let share = if limit.is_public {
            &self.public
        } else {
            &self.authenticated
        };

        let mut buffer = Buffer {
            bytes: Vec::new(),
            units: 0,
            limit: limit.bytes,
            share,
            permit: None,
        };

        while let Some(frame) = body.frame().await {
            // The data is copied because a frame, however short, keeps the whole read buffer alive.
            if let Ok(data) = frame.map_err(|_| Unread::BrokeOff)?.into_data() {
                buffer.push(&data)?;
            }
        }

        Ok((buffer.bytes.into(), buffer.permit))
    }
}

struct Buffer<'a> {
    bytes: Vec<u8>,
    units: usize,
    limit: usize,
    share: &'a Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Buffer<'_> {
    fn push(&mut self, data: &[u8]) -> Result<(), Unread> {
        let needed = self.bytes.len() + data.len();
        if needed > self.limit {
            return Err(Unread::TooLarge);
        }
        if needed > self.units * UNIT {
            self.grow(needed)?;
        }

        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Doubles the buffer, to at least `needed` bytes and at most the limit, if the budget allows
    /// it.
    fn grow(&mut self, needed: usize) -> Result<(), Unread> {
        let wanted = (2 * self.units * UNIT)
            .max(FIRST)
            .min(self.limit)
            .max(needed);
        let units = wanted.div_ceil(UNIT);
        let more = u32::try_from(units - self.units).map_err(|_| Unread::NoRoom)?;
        let permit = self
            .share
            .clone()
            .try_acquire_many_owned(more)
            .map_err(|_| Unread::NoRoom)?;

        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }

        self.units = units;
        self.bytes.reserve_exact(units * UNIT - self.bytes.len());

        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: BodyLimit = BodyLimit {
        bytes: 10 * UNIT,
        is_public: true,
    };

    async fn read(budget: &BodyBudget, length: usize, limit: BodyLimit) -> Result<Held, Unread> {
        let pieces = vec![7; length]
            .chunks(1000)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect::<Vec<_>>();
        budget
            .read(Body::from_stream(futures_util::stream::iter(pieces)), limit)
            .await
    }

    #[tokio::test]
    async fn a_body_holds_its_share_until_it_is_dropped() {
        let budget = BodyBudget::new(32 * UNIT);
        let Ok((bytes, share)) = read(&budget, 9000, LIMIT).await else {
            panic!("there is room")
        };

        assert_eq!(bytes, vec![7; 9000]);
        assert_eq!(budget.public.available_permits(), 6);
        assert!(matches!(
            read(&budget, 9000, LIMIT).await,
            Err(Unread::NoRoom)
        ));
        assert_eq!(
            budget.public.available_permits(),
            6,
            "a refused body must not keep its share"
        );

        drop(share);
        assert_eq!(budget.public.available_permits(), 16);
        assert!(read(&budget, 9000, LIMIT).await.is_ok());
    }

    #[tokio::test]
    async fn anonymous_callers_leave_room_for_authenticated_ones() {
        let budget = BodyBudget::new(32 * UNIT);
        let Ok(_held) = read(&budget, 9000, LIMIT).await else {
            panic!("there is room")
        };

        assert!(matches!(
            read(&budget, 9000, LIMIT).await,
            Err(Unread::NoRoom)
        ));
        assert!(
            read(
                &budget,
                9000,
                BodyLimit {
                    is_public: false,
                    ..LIMIT
                }
            )
            .await
            .is_ok()
        );
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_refused_with_or_without_an_announced_length() {
        let budget = BodyBudget::new(64 * UNIT);
        assert!(read(&budget, LIMIT.bytes, LIMIT).await.is_ok());
        assert!(matches!(
            read(&budget, LIMIT.bytes + 1, LIMIT).await,
            Err(Unread::TooLarge)
        ));

        let announced = Body::from(vec![7; LIMIT.bytes + 1]);
        assert!(matches!(
            budget.read(announced, LIMIT).await,
            Err(Unread::TooLarge)
        ));
        assert_eq!(budget.public.available_permits(), 32);
    }
}
