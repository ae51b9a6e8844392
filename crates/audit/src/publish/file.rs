//! A file of notes. Several processes may append to it: the current and a former leader. Reading
//! its end and appending are one step under a lock of the file.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::publish_error::PublishError;
use crate::checkpoint::Checkpoint;

/// How much of the end of the file is read, in bytes; more than two notes.
const TAIL: i64 = 8 * 1024;

/// The outcome of appending a note.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// The file has this note, or a later one of the same log.
    Done,
    /// The last note of the file changed after it was compared with the log: compare it again and
    /// retry.
    Moved,
}

/// The last valid note of the file; `None` if there is no file yet.
pub(super) fn last(path: &Path) -> Result<Option<Checkpoint>, PublishError> {
    match File::open(path) {
        Ok(mut file) => {
            file.lock_shared()?;
            Ok(last_of(&tail(&mut file)?))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Appends a note to the file and syncs it to disk, unless the file has this note or a later one.
/// `compared` is the last note, which was compared with the log. The file is never truncated or
/// overwritten.
pub(super) fn append(
    path: &Path,
    note: &str,
    compared: Option<&Checkpoint>,
) -> Result<Added, PublishError> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .mode(0o640)
        .open(path)?;

    // Released when the file is closed, also if the process dies.
    file.lock()?;

    let tail = tail(&mut file)?;
    let last = last_of(&tail);
    if last.as_ref() != compared {
        return Ok(Added::Moved);
    }
    if let (Some(last), Ok(new)) = (last, Checkpoint::parse(note))
        && last.size >= new.size
    {
        return Ok(Added::Done);
    }

    // Separates the note from one that was truncated by a crash.
    let separator = if tail.is_empty() || tail.ends_with("\n\n") {
        ""
    } else {
        "\n\n"
    };

    file.write_all(format!("{separator}{note}\n").as_bytes())?;
    file.sync_all()?;

    Ok(Added::Done)
}

/// Parses the last note without its signature, which may be truncated.
fn last_of(tail: &str) -> Option<Checkpoint> {
    notes(tail)
        .last()
        .and_then(|note| Checkpoint::parse(note).ok())
}

fn tail(file: &mut File) -> Result<String, PublishError> {
    let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
    file.seek(SeekFrom::End(-length.min(TAIL)))?;

    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;

    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The complete notes in a text, which are separated by empty lines. Notes truncated by a crash are
/// skipped.
pub(crate) fn notes(text: &str) -> Vec<String> {
    let paragraphs: Vec<_> = text
        .split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n'))
        .collect();
    let pairs = paragraphs
        .windows(2)
        .filter(|pair| pair[1].starts_with("— ") && !pair[0].starts_with("— "));

    pairs
        .map(|pair| format!("{}\n\n{}\n", pair[0], pair[1]))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::note_key::NoteSigner;

    fn note(size: u64) -> String {
        NoteSigner::from_seed("log", &[7; 32])
            .unwrap()
            .sign(size, [u8::try_from(size).unwrap(); 32])
    }

    fn file() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        (folder, path)
    }

    /// Adds a note after comparing the last one.
    fn add(path: &Path, size: u64) -> Added {
        append(path, &note(size), last(path).unwrap().as_ref()).unwrap()
    }

    #[test]
    fn each_note_is_appended_once() {
        let (_folder, path) = file();
        for size in [1, 2, 2, 3] {
            assert_eq!(add(&path, size), Added::Done);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(notes(&text), [note(1), note(2), note(3)]);
        assert!(text.ends_with("\n\n"));
    }

    /// A former leader may be late with its note. A later note of the same log covers it.
    #[test]
    fn an_earlier_note_of_the_same_log_is_skipped() {
        let (_folder, path) = file();
        add(&path, 7);
        assert_eq!(add(&path, 5), Added::Done);
        assert_eq!(notes(&std::fs::read_to_string(&path).unwrap()), [note(7)]);
    }

    #[test]
    fn a_note_added_concurrently_must_be_compared_first() {
        let (_folder, path) = file();
        add(&path, 1);

        let seen = last(&path).unwrap();
        add(&path, 2);
        assert_eq!(
            append(&path, &note(3), seen.as_ref()).unwrap(),
            Added::Moved
        );
        assert_eq!(
            notes(&std::fs::read_to_string(&path).unwrap()),
            [note(1), note(2)]
        );
    }

    #[test]
    fn a_note_truncated_by_a_crash_is_skipped() {
        let (_folder, path) = file();
        add(&path, 1);

        let whole = std::fs::read_to_string(&path).unwrap();
        for cut in (1..note(2).len()).filter(|cut| note(2).is_char_boundary(*cut)) {
            std::fs::write(&path, format!("{whole}{}", &note(2)[..cut])).unwrap();
            add(&path, 3);
            let found = notes(&std::fs::read_to_string(&path).unwrap());
            assert!(
                found.contains(&note(1)) && found.contains(&note(3)),
                "cut at {cut}: {found:?}"
            );
        }
    }
}
