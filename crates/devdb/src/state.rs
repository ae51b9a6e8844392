//! The state of a cluster that is kept between starts: its port, its passwords and the expiry of
//! its certificate.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use mainstay_kernel::Random;
use serde::{Deserialize, Serialize};

use crate::{ClusterError, layout::Layout};

/// The state of a cluster. It is stored in a file that only the caller can read.
#[derive(Serialize, Deserialize)]
pub(crate) struct State {
    /// The port of the last start; 0 before the first.
    pub(crate) port: u16,
    /// When the server's certificate expires, as a Unix timestamp; 0 before there is one.
    pub(crate) certificate_ends: i64,
    pub(crate) owner_password: String,
    pub(crate) server_password: String,
}

impl State {
    /// Creates the state of a new cluster.
    pub(crate) fn new(random: &Random) -> Self {
        Self {
            port: 0,
            certificate_ends: 0,
            owner_password: password(random),
            server_password: password(random),
        }
    }

    /// Reads the state of an existing cluster.
    pub(crate) fn load(layout: &Layout) -> Result<Self, ClusterError> {
        let path = layout.state();
        let failed = || ClusterError::io("read", &path);
        let text = fs::read(&path).map_err(failed())?;

        serde_json::from_slice(&text)
            .map_err(io::Error::from)
            .map_err(failed())
    }

    /// Writes the file atomically.
    pub(crate) fn save(&self, layout: &Layout) -> Result<(), ClusterError> {
        let path = layout.state();
        let failed = || ClusterError::io("write", &path);
        let text = serde_json::to_vec(self)
            .map_err(io::Error::from)
            .map_err(failed())?;

        let unfinished = path.with_extension("unfinished");
        create_private(&unfinished)
            .and_then(|mut file| file.write_all(&text))
            .map_err(failed())?;
        fs::rename(&unfinished, &path).map_err(failed())
    }
}

/// Creates an empty file with mode 0600, and removes an existing one first.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }

    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Generates 256 random bits in characters that never need quoting.
fn password(random: &Random) -> String {
    hex::encode(random.bytes::<32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_are_hexadecimal() {
        let state = State::new(&Random::default());
        assert_ne!(state.owner_password, state.server_password);
        assert_eq!(state.owner_password.len(), 64);
        assert!(
            state
                .owner_password
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit())
        );
    }
}
