//! The running service's shared state.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use mainstay_database::Database;

use crate::{Authenticator, Settings, bodies::BodyBudget, health::Readiness};

/// The running service's shared state. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    bodies: BodyBudget,
}

/// The parts of an [`App`].
pub struct Parts {
    /// The database.
    pub database: Database,
    /// Checks credentials.
    pub authenticator: Arc<dyn Authenticator>,
    /// The HTTP settings.
    pub settings: Settings,
    /// Whether the service is ready for requests.
    pub readiness: Readiness,
    /// Updates the cheap gauges before each scrape of the metrics.
    pub measure: Arc<dyn Fn() + Send + Sync>,
    /// Values that modules share with their endpoints, by type: see [`Shared`](crate::Shared).
    pub shared: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl App {
    /// Creates an app from its parts.
    pub fn new(parts: Parts) -> Self {
        let bodies = BodyBudget::new(parts.settings.body_budget);
        Self(Arc::new(Inner { parts, bodies }))
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.0.parts.database
    }

    /// The HTTP settings.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// Whether the service is ready for requests.
    pub fn readiness(&self) -> &Readiness {
        &self.0.parts.readiness
    }

    pub(crate) fn measure(&self) {
        (self.0.parts.measure)();
    }

    pub(crate) fn bodies(&self) -> &BodyBudget {
        &self.0.bodies
    }

    pub(crate) fn authenticator(&self) -> &dyn Authenticator {
        self.0.parts.authenticator.as_ref()
    }

    pub(crate) fn shared<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0
            .parts
            .shared
            .get(&TypeId::of::<T>())
            .and_then(|value| value.clone().downcast().ok())
    }
}
