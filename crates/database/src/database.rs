//! The database: connections, key ring and clock, and how one statement is run on them.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use mainstay_crypto::{DataKey, KeyRing};
use mainstay_kernel::{OrganizationId, Runtime, Uuid};
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

/// The pool, the key ring and the clock: what every door stands on. Cloning it is cheap.
#[derive(Clone)]
pub struct Database(Arc<Inner>, Lane);

/// Whose statements they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Anybody,
    /// Of callers who have not shown a credential.
    Strangers,
}

struct Inner {
    pool: Pool,
    /// How many connections strangers may hold: half of them.
    strangers: Semaphore,
    /// A connection for health checks while the pool's are all in use: to be busy is no reason to be taken out of service.
    probe: Pool,
    liveness: Liveness,
    ring: KeyRing,
    runtime: Runtime,
    /// By row, so that a patch of a row that was just read seals without asking for its key.
    data_keys: KeptKeys,
    /// What modules registered, once they are put together.
    sealed_tables: OnceLock<Vec<SealedTable>>,
    sort_slots: SortSlots,
    settings: Settings,
}

impl Database {
    /// Connections that health checks take at most.
    pub const PROBES: usize = 1;

    /// Prepares a pool; [`warm`](Self::warm) opens its connections.
    ///
    /// # Errors
    /// [`Error::Internal`] when the settings make no pool.
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
            strangers: Semaphore::new(settings.pool_size.div_ceil(2)),
            probe,
            liveness,
            ring,
            runtime,
            data_keys,
            sealed_tables: OnceLock::new(),
            sort_slots: SortSlots::default(),
            settings: settings.clone(),
        };

        Ok(Self(Arc::new(inner), Lane::Anybody))
    }

    /// The same database for callers who have not shown a credential: their statements hold half of the connections at most,
    /// so that a flood of them leaves the rest to those who have.
    #[must_use]
    pub fn for_strangers(&self) -> Self {
        Self(self.0.clone(), Lane::Strangers)
    }

    /// Opens every connection of the pool at once, and the one for health checks.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres cannot be reached or its certificate does not prove its name.
    pub async fn warm(&self) -> Result<(), Error> {
        tokio::try_join!(self.0.pool.warm(), self.0.probe.warm())?;
        if self.settings().direct_url.is_some() {
            self.check_limits_of_role().await?;
        }
        Ok(())
    }

    /// Warns where nobody holds statements to an end: a pooler takes no limits with its connections.
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
                "statements behind the pooler are not limited to MAINSTAY_DATABASE_STATEMENT_TIMEOUT: set statement_timeout \
                 for the role, as deploy/database/roles.sql does"
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

    /// Tells it which tables modules registered. What it was told first, counts.
    #[must_use]
    pub fn knowing(self, tables: impl IntoIterator<Item = SealedTable>) -> Self {
        self.0
            .sealed_tables
            .get_or_init(|| tables.into_iter().collect());
        self
    }

    /// The tables that modules registered: what an erasure and an export look through.
    pub fn sealed_tables(&self) -> &[SealedTable] {
        self.0.sealed_tables.get().map_or(&[], Vec::as_slice)
    }

    /// How long a statement takes at most until it is answered or its connection given up, the way to a connection included.
    pub fn patience(&self) -> Duration {
        self.settings().acquire_timeout
            + Patience::beyond(self.settings().statement_timeout)
                .most()
                .unwrap_or_default()
    }

    /// Connections to Postgres at most, those of sessions and listeners aside.
    pub fn most_connections(&self) -> usize {
        self.0.settings.pool_size + Self::PROBES
    }

    /// How the pool stands at this moment.
    pub fn pool(&self) -> PoolStatus {
        self.0.pool.status()
    }

    /// Where rows are opened and sorted by sealed fields.
    pub(crate) fn sort_slots(&self) -> &SortSlots {
        &self.0.sort_slots
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) async fn lease(&self) -> Result<Lease, Error> {
        self.0.pool.lease().await
    }

    /// Runs a statement whose effect lasts. One whose answer was lost may or may not have happened, so it is not repeated.
    pub(crate) async fn write(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        self.settled(&statement.lasting()).await
    }

    /// Runs a statement that changes nothing; when no answer comes, once more on a new connection.
    pub(crate) async fn read(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        match self.settled(&statement).await {
            Err(Error::Lost(_)) => self.settled(&statement).await,
            answer => answer,
        }
    }

    /// Reads as a request would; on the connection for health checks while all others are in use.
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

    /// Gives up every idle connection: they lead to the wrong server.
    pub(crate) fn forget_connections(&self) {
        self.0.liveness.broke();
        self.0.pool.forget_dead();
        self.0.probe.forget_dead();
    }

    /// Runs a statement, and once more if Postgres undid it in favour of another transaction, or answered that it closes the
    /// connection or takes no writes. It is a transaction of its own, so nothing of it has happened then; a statement inside
    /// a longer transaction does not come here.
    async fn settled(&self, statement: &Statement) -> Result<Vec<Row>, Error> {
        let _place = self.place().await?;
        match self.once(self.lease().await?, statement).await {
            Err(Error::Aborted | Error::Closed(_) | Error::ReadOnly(_)) => {
                tracing::info!(
                    statement = statement.name,
                    "a statement was undone by Postgres and runs once more"
                );
                self.once(self.lease().await?, statement).await
            }
            answer => answer,
        }
    }

    /// A place among those that strangers may take; whoever is none needs none.
    async fn place(&self) -> Result<Option<SemaphorePermit<'_>>, Error> {
        if self.1 == Lane::Anybody {
            return Ok(None);
        }
        match timeout(self.settings().acquire_timeout, self.0.strangers.acquire()).await {
            Ok(place) => place.map(Some).map_err(Error::internal),
            Err(_) => Err(Error::unavailable(
                "too many callers without a credential wait for a connection",
            )),
        }
    }

    async fn once(&self, mut lease: Lease, statement: &Statement) -> Result<Vec<Row>, Error> {
        let answer = self.run_on(&mut lease, statement.clone()).await;
        settle(lease, answer)
    }

    /// Runs a statement on a connection that the caller holds, in a span and with its duration measured.
    pub(crate) async fn run_on(
        &self,
        lease: &mut Lease,
        statement: Statement,
    ) -> Result<Vec<Row>, Error> {
        let (name, unscoped) = (statement.name, statement.unscoped);
        let statement = statement.encode();
        let span = tracing::info_span!(
            "statement",
            otel.name = name,
            db.system = "postgresql",
            unscoped
        );
        let started = Instant::now();
        let answer = lease.run(statement).instrument(span).await;
        let took = started.elapsed();

        metrics::histogram!("db_client_statement_duration_seconds", "statement" => name)
            .record(took.as_secs_f64());

        if self.is_slow(took) {
            // Never its text with values, nor a value: both may be personal data.
            let rows = answer.as_ref().ok().map(Vec::len);
            let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                statement = name,
                unscoped,
                milliseconds,
                rows,
                "a statement is slow"
            );
        }

        if let Err(error) = &answer
            && error.breaks_connection()
        {
            tracing::warn!(statement = name, unscoped, %error, cause = error.cause(), "a statement failed");
            self.forget_connections();
        }

        answer
    }

    fn is_slow(&self, took: Duration) -> bool {
        let slow = self.0.settings.slow_statement;
        !slow.is_zero() && took >= slow
    }

    /// The data key of a row, from the wrapped form that was read with it.
    pub(crate) fn unwrap(
        &self,
        organization: OrganizationId,
        row: Uuid,
        wrapped: &StoredDataKey<'_>,
    ) -> Result<DataKey, Error> {
        if let Some(key) = self.kept_key(row).filter(|key| key.id() == wrapped.id) {
            return Ok(key);
        }

        let key = self
            .0
            .ring
            .unwrap(
                wrapped.id,
                organization.uuid(),
                wrapped.subject,
                wrapped.bytes,
            )
            .map_err(|error| {
                Error::internal(format!("data key {} does not unwrap: {error}", wrapped.id))
            })?;

        self.keep_key(row, key.clone());

        Ok(key)
    }

    /// The data key of a row that was read or made a short while ago.
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

/// Gives a connection back, unless the answer says that it is broken.
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

/// A data key as it stands in the database.
pub(crate) struct StoredDataKey<'a> {
    pub(crate) id: i64,
    pub(crate) subject: Uuid,
    pub(crate) bytes: &'a [u8],
}
