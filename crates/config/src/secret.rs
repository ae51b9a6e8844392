//! A secret in a file, as container platforms mount them: one value, and perhaps a line's end that an editor added.

use std::{fs, io, path::Path};

use mainstay_kernel::SecretString;

/// A longer file is not a secret but a mistake.
const MAX_BYTES: u64 = 64 * 1024;

/// A secret that was read, and whether others on the machine can read it too.
pub(crate) struct SecretFile {
    pub(crate) secret: SecretString,
    pub(crate) world_readable: bool,
}

/// Reads the file and trims one line end from its end.
///
/// # Errors
/// What is wrong with the file, put so that it can follow the variable's name.
pub(crate) fn read(path: &Path) -> Result<SecretFile, String> {
    let unreadable =
        |error: io::Error| format!("names {path:?}, which cannot be read: {}", error.kind());
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.len() > MAX_BYTES {
        return Err(format!(
            "names {path:?}, which is longer than {MAX_BYTES} bytes"
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
    fn one_line_end_is_trimmed_and_nothing_else() {
        assert_eq!(read_back("s3cret\n").as_deref(), Ok("s3cret"));
        assert_eq!(read_back("s3cret\r\n").as_deref(), Ok("s3cret"));
        assert_eq!(read_back("s3cret").as_deref(), Ok("s3cret"));
        assert_eq!(read_back(" two\nlines\n\n").as_deref(), Ok(" two\nlines\n"));
    }

    #[test]
    fn files_that_hold_no_secret_are_refused() {
        assert!(
            read_back([0xff, 0xfe])
                .unwrap_err()
                .contains("cannot be read")
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
    fn a_file_that_everybody_reads_is_noticed() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, noticed) in [(0o600, false), (0o640, false), (0o644, true)] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                read(file.path()).unwrap().world_readable,
                noticed,
                "{mode:o}"
            );
        }
    }
}
