//! What the endpoints of accounts share.

use std::sync::Arc;

use mainstay_crypto::PasswordHasher;
use mainstay_kernel::Runtime;
use mainstay_principals::Principals;

use crate::{passwords::estimator::Estimator, settings::Settings, throttle::flood::Flood};

/// What signing in to accounts takes.
pub struct Accounts {
    /// How accounts work.
    pub settings: Settings,
    /// Where passwords are hashed.
    pub hasher: PasswordHasher,
    /// Whose credential is whose.
    pub principals: Arc<Principals>,
    pub(crate) estimator: Estimator,
    pub(crate) flood: Flood,
}

impl Accounts {
    /// Accounts whose sessions `principals` knows.
    pub fn new(settings: Settings, hasher: PasswordHasher, principals: Arc<Principals>) -> Self {
        Self {
            settings,
            hasher,
            principals,
            estimator: Estimator::new(),
            flood: Flood::default(),
        }
    }

    /// The clock and the random bytes.
    pub fn runtime(&self) -> &Runtime {
        self.principals.runtime()
    }
}
