//! Kept connections, one statement a trip.
//!
//! `sqlx::PgPool` pings when a connection is taken and again when it is given back: two round trips more than the
//! statement itself. Here a connection is used until it fails; one that was left in the middle of something is closed.

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{Manager, Metrics, Object, PoolError, RecycleResult, Timeouts},
};
use futures_util::future::join_all;
use sqlx::postgres::PgConnection;

use crate::{DatabaseUrl, Error, Settings};

pub(crate) struct Pool(deadpool::managed::Pool<Connector>);

/// A connection on loan. Unless it is [`returned`](Lease::give_back), dropping it closes it: a request that was cut off
/// in the middle of a statement leaves nothing for the next one to trip over.
pub(crate) struct Lease(Option<Object<Connector>>);

pub(crate) struct Connector {
    url: DatabaseUrl,
    statement_timeout: Duration,
}

impl Pool {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let connector = Connector { url: settings.url.clone(), statement_timeout: settings.statement_timeout };
        deadpool::managed::Pool::builder(connector)
            .max_size(settings.pool_size)
            .timeouts(Timeouts {
                wait: Some(settings.acquire_timeout),
                create: Some(settings.acquire_timeout),
                recycle: None,
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map(Self)
            .map_err(Error::internal)
    }

    /// Opens every connection at once, so that the first requests do not pay for it.
    pub(crate) async fn warm(&self) -> Result<(), Error> {
        let opened = join_all((0..self.0.status().max_size).map(|_| self.lease())).await;
        opened.into_iter().try_for_each(|lease| {
            lease?.give_back();
            Ok(())
        })
    }

    pub(crate) async fn lease(&self) -> Result<Lease, Error> {
        match self.0.get().await {
            Ok(connection) => Ok(Lease(Some(connection))),
            Err(PoolError::Backend(error)) => Err(match error {
                // A server that is there but refuses us is as unavailable as one that is not.
                Error::Internal(cause) => Error::Unavailable(cause),
                other => other,
            }),
            Err(timeout) => Err(Error::unavailable(timeout.to_string())),
        }
    }

    /// Closes every idle connection: called when one of them turns out to be dead, since its siblings are too.
    pub(crate) fn forget_idle(&self) {
        self.0.retain(|_, _| false);
    }

    /// Connections open, and of those idle.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let status = self.0.status();
        (status.size, status.available)
    }
}

impl Lease {
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        self.0.as_deref_mut().ok_or_else(|| Error::internal("the connection was given back"))
    }

    pub(crate) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

impl Manager for Connector {
    type Type = PgConnection;
    type Error = Error;

    async fn create(&self) -> Result<PgConnection, Error> {
        self.url.connect(self.statement_timeout).await
    }

    async fn recycle(&self, _: &mut PgConnection, _: &Metrics) -> RecycleResult<Error> {
        Ok(())
    }
}
