use std::{
    any::{Any, TypeId, type_name},
    ops::Deref,
    sync::Arc,
};

use super::Input;
use crate::{INTERNAL, Operation, Problem, Request};

/// What a module shares with its endpoints, as [`Module::share`](crate::Module::share) says: a cache, a client, a key. An
/// endpoint that takes what nobody shares is refused when the service starts.
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
                .caused_by(format!("no {} is shared", type_name::<T>()))
        };
        request.app.shared::<T>().map(Self).ok_or_else(missing)
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.shared.push((TypeId::of::<T>(), type_name::<T>()));
    }
}
