//! Detects a configured database.

/// Whether the environment configures a database.
#[cfg(feature = "dev")]
pub(super) fn is_configured() -> bool {
    let names = ["MAINSTAY_DATABASE_URL", "MAINSTAY_DATABASE_OWNER_URL"];
    names.iter().any(|name| {
        std::env::var_os(name)
            .or_else(|| std::env::var_os(format!("{name}_FILE")))
            .is_some()
    })
}
