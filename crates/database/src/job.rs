//! Jobs, as they are queued with a change.

use mainstay_crypto::KeyRing;
use mainstay_kernel::{Id, Runtime};
use sea_query::Value;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, PrivateColumn};

/// Work for later: queued in the statement of the change that asks for it, done by the worker. What was not committed
/// is never done, and what was committed is never forgotten.
///
/// The payload is sealed, since it may hold an address or a one-time secret, and wiped once the work is done.
#[derive(Clone, Debug)]
pub struct Job {
    id: Id<Job>,
    kind: &'static str,
    payload: Vec<u8>,
}

/// What the payload of a job is sealed for.
const PURPOSE: &str = "job";

impl Job {
    /// Where payloads stand.
    pub const PAYLOAD: PrivateColumn = PrivateColumn {
        table: "mainstay.jobs",
        id: "id",
        id_type: "uuid",
        column: "payload",
        purpose: PURPOSE,
        context: "uuid_send(id)",
    };

    /// Work of this kind, to be done as soon as it is committed.
    ///
    /// # Errors
    /// [`Error::Internal`] when the payload has no JSON form.
    pub fn new(
        kind: &'static str,
        payload: &impl Serialize,
        ring: &KeyRing,
        runtime: &Runtime,
    ) -> Result<Self, Error> {
        let id: Id<Self> = runtime.new_id();
        let payload = serde_json::to_vec(payload).map_err(Error::internal)?;
        let payload = ring.seal_private(&runtime.random, PURPOSE, id.uuid().as_bytes(), &payload);
        Ok(Self { id, kind, payload })
    }

    /// Which one it is.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// Opens the payload of the job `id` as it stands in the database.
    ///
    /// # Errors
    /// [`Error::Internal`] when it does not open or is no `T`.
    pub fn open<T: DeserializeOwned>(
        id: Id<Self>,
        sealed: &[u8],
        ring: &KeyRing,
    ) -> Result<T, Error> {
        let payload = ring.open_private(PURPOSE, id.uuid().as_bytes(), sealed);
        let payload =
            payload.map_err(|error| Error::internal(format!("job {id} does not open: {error}")))?;
        serde_json::from_slice(&payload).map_err(Error::internal)
    }
}

/// The clause that queues jobs if there is a row in `changed`, its first value at position `first`. They are due by the
/// clock of the database, as the queue is: a replica whose clock is ahead delays none.
pub(crate) fn queued(first: usize) -> String {
    format!(
        r"
            , queued AS (
                INSERT INTO mainstay.jobs (id, kind, payload, run_at, created_at)
                SELECT id, kind, payload, now(), now()
                FROM unnest(${}::uuid[], ${}::text[], ${}::bytea[]) AS job (id, kind, payload)
                WHERE EXISTS (SELECT FROM changed)
            )
        ",
        first,
        first + 1,
        first + 2
    )
}

/// The values of [`queued`].
pub(crate) fn values(jobs: Vec<Job>) -> [Value; 3] {
    let ids: Vec<_> = jobs.iter().map(|job| job.id.uuid()).collect();
    let kinds: Vec<_> = jobs.iter().map(|job| job.kind.to_owned()).collect();
    let payloads: Vec<_> = jobs.into_iter().map(|job| job.payload).collect();
    [ids.into(), kinds.into(), payloads.into()]
}
