//! Writes what the code declares to the database: permissions, and the organization of a service with
//! a single tenant.

use anyhow::{Context as _, ensure};
use mainstay_database::Owner;
use mainstay_kernel::Runtime;

use crate::{
    Platform,
    identity::{Home, OrganizationName, declare_home, declare_permissions},
};

/// Writes the declarations of `platform` to the database, after its migrations.
///
/// # Errors
/// An error of the database; an invalid name of the only organization; a database that has several.
pub async fn declare(platform: &Platform, owner: &mut Owner) -> anyhow::Result<()> {
    declare_permissions(owner, &platform.permissions()).await?;

    let home = platform
        .tenant()
        .map(|(name, role)| {
            let name = OrganizationName::parse(name)
                .context("Platform::single_tenant has an invalid name")?;
            anyhow::Ok(Home { name, role })
        })
        .transpose()?;

    let declared = declare_home(owner, &Runtime::default(), home.as_ref()).await?;
    ensure!(
        declared,
        "the database has several organizations, so the service cannot have a single tenant"
    );

    Ok(())
}
