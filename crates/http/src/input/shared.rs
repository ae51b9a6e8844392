//! Values that a module shares with its endpoints.

use std::{
    any::{Any, TypeId, type_name},
    ops::Deref,
    sync::Arc,
};

use super::Input;
use crate::{INTERNAL, Operation, Problem, Request};

/// A value that a module shares with its endpoints through [`Module::share`](crate::Module::share),
/// such as a cache or a client. The service does not start if an endpoint takes a value that no
/// module shares.
#[derive(Debug)]
pub struct Shared<T>(Arc<T>);

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Any + Send + Sync> Input for Shared<T> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        let missing = || {
            INTERNAL
                .problem()
                .caused_by(format!("no module shares a {}", type_name::<T>()))
        };

        request.app.shared::<T>().map(Self).ok_or_else(missing)
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.shared.push((TypeId::of::<T>(), type_name::<T>()));
    }
}
