//! Bodies of requests while they are read: how large one may be, and how much memory all of them hold together
//! (OWASP ASVS 15.2.2).

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest body of an operation that is open to anybody, in bytes, unless its attribute says otherwise.
pub const PUBLIC_BODY_LIMIT: usize = 32 * 1024;

/// What budgets count in, in bytes.
const UNIT: usize = 1024;
/// The first piece of a buffer, in bytes.
const FIRST: usize = 4 * UNIT;

/// What a body is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyLimit {
    /// Its most bytes.
    pub(crate) bytes: usize,
    /// Whether anybody may send it.
    pub(crate) is_public: bool,
}

/// The memory that bodies under way may hold. Half of it is for public operations, half for those that know their caller:
/// who shows no credential keeps nobody from being served who does.
pub(crate) struct BodyBudget {
    public: Arc<Semaphore>,
    known: Arc<Semaphore>,
}

/// Why a body was not read.
pub(crate) enum Unread {
    /// It is larger than its limit.
    TooLarge,
    /// The budget is spent.
    NoRoom,
    /// The connection ended before it did.
    BrokeOff,
}

/// A body that was read, and its share of the budget.
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
            known: half(),
        }
    }

    /// Reads a body. Its share of the budget grows with what arrives, not with what the client announces, and lasts as
    /// long as the permit.
    pub(crate) async fn read(&self, mut body: Body, limit: BodyLimit) -> Result<Held, Unread> {
        if hyper::body::Body::size_hint(&body).lower() > limit.bytes as u64 {
            return Err(Unread::TooLarge);
        }

        let share = if limit.is_public {
            &self.public
        } else {
            &self.known
        };

        let mut buffer = Buffer {
            bytes: Vec::new(),
            units: 0,
            limit: limit.bytes,
            share,
            permit: None,
        };

        while let Some(frame) = body.frame().await {
            // Copied: a frame keeps the whole buffer alive that it was read into, however short it is.
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

    /// Doubles the buffer, at least to `needed` bytes and at most to the limit, once the budget has room for it.
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
            "what was refused holds nothing"
        );

        drop(share);
        assert_eq!(budget.public.available_permits(), 16);
        assert!(read(&budget, 9000, LIMIT).await.is_ok());
    }

    #[tokio::test]
    async fn strangers_leave_room_for_known_callers() {
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
    async fn a_body_ends_at_its_limit_whether_announced_or_not() {
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
