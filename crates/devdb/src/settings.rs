//! Postgres' settings and access rules. They are written at each start, so that they follow this
//! code.

use std::{io::Write, path::Path};

use crate::{ClusterError, Durability, layout::Layout, site::Site, state::create_private};

/// Allows only TLS from this machine with a password: no plain TCP, and no Unix socket.
const ACCESS_RULES: &str = "\
hostssl all all 127.0.0.1/32 scram-sha-256
hostssl all all ::1/128      scram-sha-256
";

/// Writes the files for a server on `port`.
pub(crate) fn write(site: &Site<'_>, port: u16) -> Result<(), ClusterError> {
    let Site {
        layout,
        user,
        durability,
        ..
    } = site;

    let settings = settings(layout, port, *durability);
    for (path, text) in [
        (layout.settings(), settings.as_str()),
        (layout.access_rules(), ACCESS_RULES),
    ] {
        create_private(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(ClusterError::io("write", &path))?;
        user.give(&path)?;
    }

    Ok(())
}

fn settings(layout: &Layout, port: u16, durability: Durability) -> String {
    let mut lines = vec![
        "listen_addresses = '127.0.0.1,::1'".to_owned(),
        format!("port = {port}"),
        "unix_socket_directories = ''".to_owned(),
        "max_connections = 200".to_owned(),
        "ssl = on".to_owned(),
        "ssl_min_protocol_version = 'TLSv1.2'".to_owned(),
        path("ssl_cert_file", &layout.certificate()),
        path("ssl_key_file", &layout.key()),
        path("hba_file", &layout.access_rules()),
        path("ident_file", &layout.cluster().join("pg_ident.conf")),
        "password_encryption = 'scram-sha-256'".to_owned(),
        "timezone = 'UTC'".to_owned(),
        "log_timezone = 'UTC'".to_owned(),
        "lc_messages = 'C'".to_owned(),
        "log_line_prefix = '%m [%p] %u@%d '".to_owned(),
        "log_checkpoints = off".to_owned(),
    ];

    if durability == Durability::Throwaway {
        lines.extend(THROWAWAY.map(str::to_owned));
    }

    lines.join("\n") + "\n"
}

/// Settings that may lose data in a crash, or let tables grow, which does not matter for throwaway
/// clusters. Autovacuum would visit each of hundreds of databases all the time.
const THROWAWAY: [&str; 5] = [
    "autovacuum = off",
    "fsync = off",
    "synchronous_commit = off",
    "full_page_writes = off",
    "shared_buffers = '64MB'",
];

/// Formats a setting with a path. Quotes and backslashes are doubled in quoted values.
fn path(name: &str, value: &Path) -> String {
    let value = value
        .to_string_lossy()
        .replace('\\', r"\\")
        .replace('\'', "''");
    format!("{name} = '{value}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_in_paths_are_escaped() {
        assert_eq!(
            path("hba_file", Path::new(r"/it's\n")),
            r"hba_file = '/it''s\\n'"
        );
    }

    #[test]
    fn only_a_throwaway_cluster_disables_fsync() {
        let layout = Layout::of("/data".into()).unwrap();
        assert!(!settings(&layout, 1, Durability::Durable).contains("fsync"));
        assert!(settings(&layout, 1, Durability::Throwaway).contains("fsync = off"));
    }

    #[test]
    fn every_rule_requires_tls_and_a_password() {
        assert!(
            ACCESS_RULES
                .lines()
                .all(|rule| rule.starts_with("hostssl ") && rule.ends_with(" scram-sha-256"))
        );
    }
}
