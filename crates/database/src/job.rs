//! Jobs that are queued with a change.

use mainstay_crypto::KeyRing;
use mainstay_kernel::{Id, Runtime};
use sea_query::Value;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, PrivateColumn};

/// A job: queued in the same statement as the change that requires it, and run by the worker. It
/// runs if and only if the change is committed.
///
/// The payload is sealed, because it may contain an address or a one-time secret, and is deleted
/// when the job is done.
#[derive(Clone, Debug)]
pub struct Job {
    id: Id<Job>,
    kind: &'static str,
    payload: Vec<u8>,
}

/// The purpose for which payloads are sealed.
const PURPOSE: &str = "job";

impl Job {
    /// The column of payloads.
    pub const PAYLOAD: PrivateColumn = PrivateColumn {
        table: "mainstay.jobs",
        id: "id",
        id_type: "uuid",
        column: "payload",
        purpose: PURPOSE,
        context: "uuid_send(id)",
    };

    /// Creates a job of this kind, which is due as soon as it is committed.
    ///
    /// # Errors
    /// [`Error::Internal`] if the payload cannot be serialized.
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

    /// ID of the job.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// Decrypts and deserializes the stored payload of the job `id`.
    ///
    /// # Errors
    /// [`Error::Internal`] if it cannot be decrypted or is not a `T`.
    pub fn open<T: DeserializeOwned>(
        id: Id<Self>,
        sealed: &[u8],
        ring: &KeyRing,
    ) -> Result<T, Error> {
        let payload = ring.open_private(PURPOSE, id.uuid().as_bytes(), sealed);
        let payload = payload
            .map_err(|error| Error::internal(format!("cannot decrypt job {id}: {error}")))?;

        serde_json::from_slice(&payload).map_err(Error::internal)
    }
}

/// The clause that queues jobs if `changed` has a row; empty without jobs. It adds their values to
/// those of the statement. The jobs are due by the database's clock, so that a replica whose clock is
/// ahead does not delay them.
pub(crate) fn queued(jobs: Vec<Job>, values: &mut Vec<Value>) -> String {
    if jobs.is_empty() {
        return String::new();
    }

    let first = values.len() + 1;
    let ids: Vec<_> = jobs.iter().map(|job| job.id.uuid()).collect();
    let kinds: Vec<_> = jobs.iter().map(|job| job.kind.to_owned()).collect();
    let payloads: Vec<_> = jobs.into_iter().map(|job| job.payload).collect();
    values.extend([ids.into(), kinds.into(), payloads.into()]);

    format!(
        r"
            , queued AS (
                INSERT INTO mainstay.jobs (id, kind, payload, run_at, created_at)
                SELECT id, kind, payload, now(), now()
                FROM unnest(${ids}::uuid[], ${kinds}::text[], ${payloads}::bytea[]) AS job (id, kind, payload)
                WHERE EXISTS (SELECT FROM changed)
            )
        ",
        ids = first,
        kinds = first + 1,
        payloads = first + 2,
    )
}
