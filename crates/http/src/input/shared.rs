use std::{any::Any, ops::Deref, sync::Arc};

use super::Input;
use crate::{INTERNAL, Operation, Problem, Request};

/// What a module shares with its endpoints: a cache, a client, a key.
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
        let missing = || INTERNAL.problem().caused_by(format!("no {} is shared", std::any::type_name::<T>()));
        request.app.shared::<T>().map(Self).ok_or_else(missing)
    }

    fn describe(_: &mut Operation<'_>) {}
}
