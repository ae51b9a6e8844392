//! The parts that `serve` and `worker` share, created from the settings.

use std::sync::Arc;

use mainstay_audit::Sealer;
use mainstay_database::Database;
use mainstay_http::{App, Parts, Readiness};
use mainstay_jobs::{Handler, Worker};
use mainstay_kernel::Runtime;
use mainstay_mail::{Mailbox, Mailer};
use mainstay_principals::Principals;
use mainstay_watch::{Watch, Webhook};

use crate::{
    Platform, ServiceError, Settings,
    connections::{self, Connections},
    hasher::hasher,
    identity::Identity,
    retention, vital_signs,
    work::Work,
};

/// The parts of a process that `serve` and `worker` share.
pub(crate) struct Assembly {
    pub(crate) app: App,
    pub(crate) principals: Arc<Principals>,
    pub(crate) work: Work,
    pub(crate) mailbox: Option<Mailbox>,
}

impl Assembly {
    pub(crate) fn new(
        platform: &Platform,
        settings: Settings,
        runtime: Runtime,
    ) -> Result<Self, ServiceError> {
        let Settings {
            http,
            database,
            keys,
            identity,
            jobs,
            mail,
            audit,
            watch,
            retention: kept,
            ..
        } = settings;

        let rules = kept.apply(platform.retention_rules())?;

        let work_settings = connections::of_work(&database, &jobs);
        let work_database = Database::new(&work_settings, keys.clone(), runtime.clone())?
            .knowing(platform.tables());
        let database = Database::new(&database, keys, runtime.clone())?.knowing(platform.tables());

        let mailer = Arc::new(Mailer::new(mail));
        let mailbox = mailer.mailbox().cloned();
        let webhook = watch.webhook.clone().map(Webhook::new).transpose()?;
        let webhook = webhook.map(|webhook| Arc::new(webhook) as Arc<dyn Handler>);

        let handlers = platform
            .handlers()
            .chain([mailer as Arc<dyn Handler>])
            .chain(webhook);

        let upkeep = [crate::identity::upkeep(), retention::upkeep(rules)]
            .into_iter()
            .chain(mainstay_audit::upkeep())
            .chain(Watch::new(&watch, platform.rules()).upkeep());
        let sealer = Sealer::new(work_database.clone(), audit);
        let worker = Worker::new(work_database.clone(), handlers, jobs)
            .periodic(platform.periodic_tasks().chain(upkeep));

        let hasher = hasher(runtime);
        vital_signs::record_build(platform.info(), platform.schema_version());
        let measure = Arc::new(vital_signs::at_each_scrape(
            database.clone(),
            work_database,
            hasher.clone(),
        ));

        let identity = Identity::new(identity, hasher, database.clone());
        let app = App::new(Parts {
            database,
            authenticator: identity.authenticator(),
            settings: http,
            readiness: Readiness::new(platform.schema_version()),
            measure,
            shared: platform
                .shared_values()
                .chain(identity.shared_values())
                .collect(),
        });

        Ok(Self {
            app,
            principals: identity.principals().clone(),
            work: Work { worker, sealer },
            mailbox,
        })
    }

    /// The maximum number of connections to Postgres. `in_process` says whether `serve` runs jobs,
    /// too.
    pub(crate) fn connections(&self, in_process: bool) -> Connections {
        let work = self.work.worker.most_connections() + Sealer::CONNECTIONS;
        let serve = self.app.database().most_connections() + Principals::CONNECTIONS;

        Connections {
            serve: serve + if in_process { work } else { 0 },
            worker: work + connections::OF_WORKER + Database::PROBES,
        }
    }
}

impl Connections {
    /// Computes the maximum for a service with these settings.
    ///
    /// # Errors
    /// [`ServiceError`] if the service would not start.
    pub fn of(platform: &Platform, settings: Settings) -> Result<Self, ServiceError> {
        let in_process = settings.jobs.in_process;
        Ok(Assembly::new(platform, settings, Runtime::default())?.connections(in_process))
    }
}
