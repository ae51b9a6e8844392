//! A file of notes, to which several processes may add: the one that seals now, and the one that sealed a moment ago.
//! Reading its end and writing behind it are one step under the file's lock.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::publish_error::PublishError;
use crate::checkpoint::Checkpoint;

/// More than two notes take.
const TAIL: i64 = 8 * 1024;

/// What became of a note that was to be added.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// It stands in the file, or a later one of the same log does.
    Done,
    /// Another note stands at the end than the one that was compared with the log: compare it, and come again.
    Moved,
}

/// The last note of the file that can be read; none where there is no file yet.
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

/// Puts a note at the end of the file and waits until it is on the disk, unless it stands there already or a later one
/// does. `compared` is the last note, which is known to be of this log. The file is never cut, nor written anywhere but at
/// its end.
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

    // Given back when the file is closed, also by a process that dies.
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

    // What was cut off by a crash ends here.
    let apart = if tail.is_empty() || tail.ends_with("\n\n") {
        ""
    } else {
        "\n\n"
    };

    file.write_all(format!("{apart}{note}\n").as_bytes())?;
    file.sync_all()?;

    Ok(Added::Done)
}

/// A signature that was cut off is no reason to pass a note over: what it is about is there.
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

/// The whole notes in a text in which they stand apart from each other by an empty line; what was cut off by a crash is
/// passed over.
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

    /// Adds as one does who has compared what stands there.
    fn add(path: &Path, size: u64) -> Added {
        append(path, &note(size), last(path).unwrap().as_ref()).unwrap()
    }

    #[test]
    fn notes_are_added_at_the_end_and_the_same_one_once() {
        let (_folder, path) = file();
        for size in [1, 2, 2, 3] {
            assert_eq!(add(&path, size), Added::Done);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(notes(&text), [note(1), note(2), note(3)]);
        assert!(text.ends_with("\n\n"));
    }

    /// The one that led before comes late with a note of its own: a later one of the same log says all that it does.
    #[test]
    fn an_earlier_note_of_the_same_log_is_no_contradiction() {
        let (_folder, path) = file();
        add(&path, 7);
        assert_eq!(add(&path, 5), Added::Done);
        assert_eq!(notes(&std::fs::read_to_string(&path).unwrap()), [note(7)]);
    }

    #[test]
    fn what_another_process_added_meanwhile_is_to_be_compared_first() {
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
    fn what_a_crash_cut_off_is_passed_over() {
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
