//! The database: connections, key ring and clock, and running a statement on them.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use mainstay_crypto::{DataKey, KeyRing};
use mainstay_kernel::{Runtime, Uuid};
use metrics::Histogram;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use tracing::Instrument as _;

use crate::{
    Error, Row, SealedTable, Settings,
    kept_keys::KeptKeys,
    liveness::Liveness,
    pool::{Lease, Pool, PoolStatus},
    sort_slots::SortSlots,
    statement::{Patience, Statement},
};

/// The connection pool, the key ring and the clock, which every [`Door`](crate::Door) uses. Cloning
/// it is cheap.
#[derive(Clone)]
pub struct Database(Arc<Inner>, Lane);

/// Which share of the connections statements may use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    All,
    /// The share of callers without a credential.
    Anonymous,
}

struct Inner {
    pool: Pool,
    /// Permits for connections of anonymous callers: half of the pool.
    anonymous: Semaphore,
    /// A connection for health checks while the pool is exhausted, so that a busy process stays
    /// ready.
    probe: Pool,
    liveness: Liveness,
    ring: KeyRing,
    runtime: Runtime,
    /// Recently used data keys by row, so that updating a row that was just read takes no extra
    /// round trip.
    data_keys: KeptKeys,
    /// The tables that modules registered.
    sealed_tables: OnceLock<Vec<SealedTable>>,
    sort_slots: SortSlots,
    settings: Settings,
}

impl Database {
    /// Maximum number of connections for health checks.
    pub const PROBES: usize = 1;

    /// Creates a pool; [`warm`](Self::warm) opens its connections.
    ///
    /// # Errors
    /// [`Error::Internal`] if the settings are invalid.
    pub fn new(settings: &Settings, ring: KeyRing, runtime: Runtime) -> Result<Self, Error> {
        let data_keys = KeptKeys::new(runtime.clock.clone());
        let liveness = Liveness::default();
        let probe = Pool::new(
            &Settings {
                pool_size: Self::PROBES,
                ..settings.clone()
            },
            liveness.clone(),
        )?;

        let pool = Pool::new(settings, liveness.clone())?;
        let inner = Inner {
            pool,
            anonymous: Semaphore::new(settings.pool_size.div_ceil(2)),
            probe,
            liveness,
            ring,
            runtime,
            data_keys,
            sealed_tables: OnceLock::new(),
            sort_slots: SortSlots::default(),
            settings: settings.clone(),
        };

        Ok(Self(Arc::new(inner), Lane::All))
    }

    /// The same database for callers without a credential. Their statements use at most half of the
    /// connections, so that a flood of anonymous requests does not block signed-in callers.
    #[must_use]
    pub fn for_strangers(&self) -> Self {
        Self(self.0.clone(), Lane::Anonymous)
    }

    /// Opens all connections of the pool in parallel, and the one for health checks.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if Postgres cannot be reached or its certificate is not valid for its
    /// name.
    pub async fn warm(&self) -> Result<(), Error> {
        tokio::try_join!(self.0.pool.warm(), self.0.probe.warm())?;
        if self.settings().direct_url.is_some() {
            self.check_limits_of_role().await?;
        }

        Ok(())
    }

    /// Warns if statements behind a pooler have no timeout: a pooler accepts none from the client,
    /// so the role must set it.
    async fn check_limits_of_role(&self) -> Result<(), Error> {
        const ASK: &str =
            "SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'";

        let rows = self
            .read(Statement::new("session.statement_timeout", ASK, Vec::new()))
            .await?;
        let milliseconds: i64 = rows.first().map_or(Ok(0), |row| row.get(0))?;

        let most = i64::try_from(self.settings().statement_timeout.as_millis()).unwrap_or(i64::MAX);
        if most > 0 && !(1..=most).contains(&milliseconds) {
            tracing::warn!(
                milliseconds,
                most,
                "statements behind the pooler are not limited to MAINSTAY_DATABASE_STATEMENT_TIMEOUT: \
                 set statement_timeout for the role, as in deploy/database/roles.sql"
            );
        }

        Ok(())
    }

    /// The clock and the random source.
    pub fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    /// The key ring.
    pub fn ring(&self) -> &KeyRing {
        &self.0.ring
    }

    /// Registers the tables of modules. Only the first call has an effect.
    #[must_use]
    pub fn knowing(self, tables: impl IntoIterator<Item = SealedTable>) -> Self {
        self.0
            .sealed_tables
            .get_or_init(|| tables.into_iter().collect());
        self
    }

    /// The tables that modules registered, which erasure and export cover.
    pub fn sealed_tables(&self) -> &[SealedTable] {
        self.0.sealed_tables.get().map_or(&[], Vec::as_slice)
    }

    /// Maximum time until a statement is answered or its connection given up, including the wait
    /// for a connection.
    pub fn patience(&self) -> Duration {
        self.settings().acquire_timeout
            + Patience::beyond(self.settings().statement_timeout)
                .most()
                .unwrap_or_default()
    }

    /// Maximum number of connections to Postgres, without sessions and listeners.
    pub fn most_connections(&self) -> usize {
        self.0.settings.pool_size + Self::PROBES
    }

    /// The current state of the pool.
    pub fn pool(&self) -> PoolStatus {
        self.0.pool.status()
    }

    /// The threads that sort rows by sealed fields.
    pub(crate) fn sort_slots(&self) -> &SortSlots {
        &self.0.sort_slots
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) async fn lease(&self) -> Result<Lease, Error> {
        self.0.pool.lease().await
    }

    /// Runs a statement that writes. It is not repeated if the response is lost, because it may
    /// have been applied.
    pub(crate) async fn write(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        self.settled(&statement.lasting()).await
    }

    /// Runs a statement that only reads; repeats it once on a new connection if the response is
    /// lost.
    pub(crate) async fn read(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        match self.settled(&statement).await {
            Err(Error::Lost(_)) => self.settled(&statement).await,
            answer => answer,
        }
    }

    /// Runs a statement that only reads, on the connection for health checks if the pool is
    /// exhausted.
    pub(crate) async fn probe(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        match self.probe_once(&statement).await {
            Err(Error::Lost(_) | Error::Closed(_) | Error::ReadOnly(_)) => {
                self.probe_once(&statement).await
            }
            answer => answer,
        }
    }

    async fn probe_once(&self, statement: &Statement) -> Result<Vec<Row>, Error> {
        let lease = match self.0.pool.lease_at_once().await? {
            Some(lease) => lease,
            None => self.0.probe.lease().await?,
        };
        self.once(lease, statement).await
    }

    /// Closes all idle connections, because they lead to the wrong server.
    pub(crate) fn forget_connections(&self) {
        self.0.liveness.broke();
        self.0.pool.forget_dead();
        self.0.probe.forget_dead();
    }

    /// Runs a statement, and repeats it once if Postgres aborted it in favour of another
    /// transaction, closed the connection or accepts no writes. The statement is a transaction of
    /// its own, so in these cases nothing of it was applied.
    async fn settled(&self, statement: &Statement) -> Result<Vec<Row>, Error> {
        let _permit = self.permit().await?;

        match self.once(self.lease().await?, statement).await {
            Err(Error::Aborted | Error::Closed(_) | Error::ReadOnly(_)) => {
                tracing::info!(
                    statement = statement.name,
                    "Postgres rolled a statement back; repeating it"
                );
                self.once(self.lease().await?, statement).await
            }
            answer => answer,
        }
    }

    /// Waits for a permit, which only anonymous callers need.
    async fn permit(&self) -> Result<Option<SemaphorePermit<'_>>, Error> {
        if self.1 == Lane::All {
            return Ok(None);
        }

        match timeout(self.settings().acquire_timeout, self.0.anonymous.acquire()).await {
            Ok(permit) => permit.map(Some).map_err(Error::internal),
            Err(_) => Err(Error::unavailable(
                "too many anonymous callers are waiting for a connection",
            )),
        }
    }

    async fn once(&self, mut lease: Lease, statement: &Statement) -> Result<Vec<Row>, Error> {
        let answer = self.run_on(&mut lease, statement.clone()).await;
        settle(lease, answer)
    }

    /// Runs a statement on the caller's connection, in a span, and measures its duration.
    pub(crate) async fn run_on(
        &self,
        lease: &mut Lease,
        statement: Statement,
    ) -> Result<Vec<Row>, Error> {
        let (name, unlimited) = (statement.name, statement.unlimited);
        let statement = statement.encode();
        let span = tracing::info_span!(
            "statement",
            otel.name = name,
            db.system = "postgresql",
            unlimited
        );
        let started = Instant::now();
        let answer = lease.run(statement).instrument(span).await;
        let took = started.elapsed();

        record_duration(name, took);

        if self.is_slow(took) {
            // Neither the text nor values are logged: they may contain personal data.
            let rows = answer.as_ref().ok().map(Vec::len);
            let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                statement = name,
                unlimited,
                milliseconds,
                rows,
                "slow statement"
            );
        }

        if let Err(error) = &answer
            && error.breaks_connection()
        {
            tracing::warn!(statement = name, unlimited, %error, cause = error.cause(), "statement failed");
            self.forget_connections();
        }

        answer
    }

    fn is_slow(&self, took: Duration) -> bool {
        let slow = self.0.settings.slow_statement;
        !slow.is_zero() && took >= slow
    }

    /// Unwraps the data key of a row, or takes it from the cache.
    pub(crate) fn unwrap(
        &self,
        owner: Uuid,
        row: Uuid,
        wrapped: &StoredDataKey<'_>,
    ) -> Result<DataKey, Error> {
        if let Some(key) = self.kept_key(row).filter(|key| key.id() == wrapped.id) {
            return Ok(key);
        }

        let key = self
            .0
            .ring
            .unwrap(wrapped.id, owner, wrapped.subject, wrapped.bytes)
            .map_err(|error| {
                Error::internal(format!("cannot unwrap data key {}: {error}", wrapped.id))
            })?;

        self.keep_key(row, key.clone());

        Ok(key)
    }

    /// The cached data key of a row that was read or created recently.
    pub(crate) fn kept_key(&self, row: Uuid) -> Option<DataKey> {
        self.0.data_keys.get(row)
    }

    pub(crate) fn keep_key(&self, row: Uuid, key: DataKey) {
        self.0.data_keys.insert(row, key);
    }

    pub(crate) fn forget_key(&self, row: Uuid) {
        self.0.data_keys.forget(row);
    }
}

/// Records the duration of a statement. Each thread keeps the histograms that it has used, because
/// finding one by its label costs several times as much as recording a value.
fn record_duration(statement: &'static str, took: Duration) {
    thread_local! {
        static DURATIONS: RefCell<HashMap<&'static str, Histogram>> = RefCell::default();
    }

    let find =
        || metrics::histogram!("db_client_statement_duration_seconds", "statement" => statement);
    DURATIONS.with_borrow_mut(|durations| {
        durations
            .entry(statement)
            .or_insert_with(find)
            .record(took.as_secs_f64());
    });
}

/// Returns a connection to the pool, unless the error says that it is broken.
fn settle(lease: Lease, answer: Result<Vec<Row>, Error>) -> Result<Vec<Row>, Error> {
    if answer
        .as_ref()
        .err()
        .is_none_or(|error| !error.breaks_connection())
    {
        lease.give_back();
    }
    answer
}

/// A data key as stored in the database.
pub(crate) struct StoredDataKey<'a> {
    pub(crate) id: i64,
    pub(crate) subject: Uuid,
    pub(crate) bytes: &'a [u8],
}
