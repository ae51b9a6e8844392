use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::PublishError;
use crate::note::Checkpoint;

/// More than two notes take.
const TAIL: i64 = 8 * 1024;

/// Puts a note at the end of the file and waits until it is on the disk. The file is never cut, nor written anywhere but
/// at its end.
pub(super) fn append(path: &Path, note: &str, size: u64) -> Result<(), PublishError> {
    let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o640).open(path)?;
    let tail = tail(&mut file)?;
    if let Some(last) = notes(&tail).last() {
        if last == note {
            return Ok(());
        }
        // A signature that was cut off is no reason; another tree is.
        let (last, new) = (Checkpoint::parse(last), Checkpoint::parse(note));
        if last.is_ok_and(|last| last.size > size || (last.size == size && new.is_ok_and(|new| new != last))) {
            return Err(PublishError::Contradiction);
        }
    }
    // What was cut off by a crash ends here.
    let apart = if tail.is_empty() || tail.ends_with("\n\n") { "" } else { "\n\n" };
    file.write_all(format!("{apart}{note}\n").as_bytes())?;
    file.sync_all()?;
    Ok(())
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
    let paragraphs: Vec<_> = text.split("\n\n").map(|paragraph| paragraph.trim_matches('\n')).collect();
    let pairs = paragraphs.windows(2).filter(|pair| pair[1].starts_with("— ") && !pair[0].starts_with("— "));
    pairs.map(|pair| format!("{}\n\n{}\n", pair[0], pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::NoteSigner;

    fn note(size: u64) -> String {
        NoteSigner::from_seed("log", &[7; 32]).unwrap().sign(size, [u8::try_from(size).unwrap(); 32])
    }

    #[test]
    fn notes_are_added_at_the_end_and_the_same_one_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        for size in [1, 2, 2, 3] {
            append(&path, &note(size), size).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(notes(&text), [note(1), note(2), note(3)]);
        assert!(text.ends_with("\n\n"));
    }

    #[test]
    fn what_a_crash_cut_off_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        append(&path, &note(1), 1).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        for cut in (1..note(2).len()).filter(|cut| note(2).is_char_boundary(*cut)) {
            std::fs::write(&path, format!("{whole}{}", &note(2)[..cut])).unwrap();
            append(&path, &note(3), 3).unwrap();
            let found = notes(&std::fs::read_to_string(&path).unwrap());
            assert!(found.contains(&note(1)) && found.contains(&note(3)), "cut at {cut}: {found:?}");
        }
    }

    /// A log that was restored from yesterday's dump goes on where it was yesterday.
    #[test]
    fn a_log_that_fell_back_is_not_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        append(&path, &note(5), 5).unwrap();
        let before = std::fs::read_to_string(&path).unwrap();
        for size in [4, 5] {
            let other = NoteSigner::from_seed("log", &[7; 32]).unwrap().sign(size, [9; 32]);
            assert!(matches!(append(&path, &other, size), Err(PublishError::Contradiction)));
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    }
}
