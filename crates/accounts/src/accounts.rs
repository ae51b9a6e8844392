//! What the endpoints of accounts share.

use std::sync::Arc;

use mainstay_crypto::PasswordHasher;
use mainstay_kernel::Runtime;
use mainstay_principals::Principals;

use crate::{passwords::estimator::Estimator, settings::Settings, throttle::flood::Flood};

/// The shared state of the accounts' endpoints.
pub struct Accounts {
    /// The settings of accounts.
    pub settings: Settings,
    /// The password hasher.
    pub hasher: PasswordHasher,
    /// The principals of credentials.
    pub principals: Arc<Principals>,
    pub(crate) estimator: Estimator,
    pub(crate) flood: Flood,
}

impl Accounts {
    /// Creates the state. `principals` authenticates the accounts' sessions.
    pub fn new(settings: Settings, hasher: PasswordHasher, principals: Arc<Principals>) -> Self {
        Self {
            settings,
            hasher,
            principals,
            estimator: Estimator::new(),
            flood: Flood::default(),
        }
    }

    /// The clock and the random source.
    pub fn runtime(&self) -> &Runtime {
        self.principals.runtime()
    }
}
