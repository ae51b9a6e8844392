//! Secrets in files, as container platforms mount them.

use std::{fs, io, path::Path};

use mainstay_kernel::SecretString;

/// The largest file that is accepted, in bytes: a larger one cannot be a secret.
const MAX_BYTES: u64 = 64 * 1024;

/// A secret, and whether every user of the machine can read its file.
pub(crate) struct SecretFile {
    pub(crate) secret: SecretString,
    pub(crate) world_readable: bool,
}

/// Reads the file, and removes one line break at its end.
///
/// # Errors
/// A message that follows the name of the variable.
pub(crate) fn read(path: &Path) -> Result<SecretFile, String> {
    let unreadable = |error: io::Error| format!("cannot read the file {path:?}: {}", error.kind());

    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.len() > MAX_BYTES {
        return Err(format!(
            "refers to the file {path:?}, which is longer than {MAX_BYTES} bytes"
        ));
    }

    let text = fs::read_to_string(path).map_err(unreadable)?;
    let secret = SecretString::from(
        text.strip_suffix('\n')
            .map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line)),
    );

    Ok(SecretFile {
        secret,
        world_readable: world_readable(&metadata),
    })
}

#[cfg(unix)]
fn world_readable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn world_readable(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use mainstay_kernel::ExposeSecret;

    use super::*;

    fn read_back(content: impl AsRef<[u8]>) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        read(file.path()).map(|file| file.secret.expose_secret().to_owned())
    }

    #[test]
    fn one_trailing_line_break_is_removed_and_nothing_else() {
        assert_eq!(read_back("s3cret\n").as_deref(), Ok("s3cret"));
        assert_eq!(read_back("s3cret\r\n").as_deref(), Ok("s3cret"));
        assert_eq!(read_back("s3cret").as_deref(), Ok("s3cret"));
        assert_eq!(read_back(" two\nlines\n\n").as_deref(), Ok(" two\nlines\n"));
    }

    #[test]
    fn invalid_files_are_refused() {
        assert!(
            read_back([0xff, 0xfe])
                .unwrap_err()
                .contains("cannot read the file")
        );
        assert!(
            read_back("x".repeat(64 * 1024 + 1))
                .unwrap_err()
                .contains("longer")
        );
        assert!(read(Path::new("/nonexistent/secret")).is_err_and(|why| why.contains("not found")));
    }

    #[cfg(unix)]
    #[test]
    fn a_world_readable_file_is_detected() {
        use std::os::unix::fs::PermissionsExt;

        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, expected) in [(0o600, false), (0o640, false), (0o644, true)] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                read(file.path()).unwrap().world_readable,
                expected,
                "{mode:o}"
            );
        }
    }
}
