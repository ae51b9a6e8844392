use std::{any::TypeId, collections::HashMap, sync::Arc};

use mainstay_database::Database;
use mainstay_http::{App, Parts, Readiness};
use mainstay_identity::Identity;
use mainstay_jobs::{Handler, Worker};
use mainstay_kernel::Runtime;
use mainstay_mail::{Mailbox, Mailer};

use crate::{Platform, ServiceError, Settings, retention::upkeep, service::hasher};

/// What serving and working have in common, put together.
pub(crate) struct Assembly {
    pub(crate) app: App,
    pub(crate) identity: Arc<Identity>,
    pub(crate) worker: Worker,
    pub(crate) mailbox: Option<Mailbox>,
}

impl Assembly {
    pub(crate) fn new(platform: &Platform, settings: Settings, runtime: Runtime) -> Result<Self, ServiceError> {
        let Settings { http, database, keys, identity, jobs, mail, retention, .. } = settings;
        let rules = retention.apply(platform.retention_rules())?;
        // Work has connections of its own, opened when there is some: it never keeps a request waiting for one.
        let few = mainstay_database::Settings { pool_size: jobs.concurrency.clamp(2, 8), ..database.clone() };
        let beside = Database::new(&few, keys.clone(), runtime.clone())?.knowing(platform.tables());
        let database = Database::new(&database, keys, runtime.clone())?.knowing(platform.tables());

        let mailer = Arc::new(Mailer::new(mail));
        let mailbox = mailer.mailbox().cloned();
        let handlers = platform.handlers().chain([mailer as Arc<dyn Handler>]);
        let worker = Worker::new(beside, handlers, jobs)
            .periodic(platform.periodic_tasks().chain([mainstay_identity::upkeep(), upkeep(rules)]));

        let identity = Identity::new(identity, hasher(runtime), database.clone());
        let app = App::new(Parts {
            database,
            authenticator: identity.clone(),
            settings: http,
            readiness: Readiness::new(platform.schema_version()),
            shared: HashMap::from([(TypeId::of::<Identity>(), identity.clone() as _)]),
        });
        Ok(Self { app, identity, worker, mailbox })
    }
}
