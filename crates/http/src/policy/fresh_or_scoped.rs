//! The policy for changes to the rights of others.

use std::{ops::Deref, sync::Arc};

use mainstay_access::{Credential, Permission, Principal};

use super::{
    Allowed, Fresh,
    contract::{Caller, PlatformPolicy, Policy},
};
use crate::{Operation, Problem, Request};

/// A policy for changes to the rights of others. A person must have authenticated within the last
/// ten minutes, as for [`Fresh`]; a machine's credential must have the permission among its scopes
/// (OWASP ASVS 7.5.3). It only compiles with administrative permissions, which a machine without
/// scopes never has.
pub struct FreshOrScoped<P: Permission>(Allowed<P>);

impl<P: Permission> Deref for FreshOrScoped<P> {
    type Target = Allowed<P>;

    fn deref(&self) -> &Allowed<P> {
        &self.0
    }
}

impl<P: Permission> FreshOrScoped<P> {
    const CHECKED: () = assert!(
        P::ADMINISTRATIVE,
        "only an administrative permission is bound to explicit scopes"
    );
}

impl<P: Permission> Policy for FreshOrScoped<P> {
    async fn admit(request: &mut Request) -> Result<Self, Problem> {
        let () = Self::CHECKED;
        let allowed = Allowed::<P>::admit(request).await?;

        match allowed.principal().credential {
            // A machine has an administrative permission only if its scopes name it.
            Credential::ApiKey | Credential::Client => Ok(Self(allowed)),
            Credential::Token | Credential::Cookie => Fresh::of(allowed, request)
                .await
                .map(|fresh| Self(fresh.into_inner())),
        }
    }

    fn describe(operation: &mut Operation<'_>) {
        Fresh::<Allowed<P>>::describe(operation);
        operation.scoped_machines = true;
    }
}

impl<P: Permission> Caller for FreshOrScoped<P> {
    fn principal(&self) -> &Arc<Principal> {
        self.0.principal()
    }
}

impl<P: Permission> PlatformPolicy for FreshOrScoped<P> {}
