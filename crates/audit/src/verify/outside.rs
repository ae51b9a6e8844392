//! Checkpoints that were kept outside the database.

use serde_json::Value;

use crate::{
    checkpoint::Checkpoint,
    note_key::{NoteError, NoteKey},
    publish::notes,
};

/// External checkpoints, kept outside the database, where an attacker who rewrites the database
/// cannot change them.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    checkpoints: Vec<Checkpoint>,
    passed_over: usize,
}

impl Outside {
    /// Reads a file of notes, as written by `audit.publish`, or lines of JSON with the member
    /// `audit_checkpoint`.
    ///
    /// Notes that do not verify, such as those truncated by a crash, are skipped and counted.
    ///
    /// # Errors
    /// [`NoteError`] if no note verifies.
    pub fn read(text: &str, keys: &[NoteKey]) -> Result<Self, NoteError> {
        let found = if text.trim_start().starts_with('{') {
            in_lines(text)
        } else {
            notes(text)
        };

        let mut outside = Self::default();
        let mut refused = NoteError::Malformed;
        for note in found {
            match Checkpoint::verify(&note, keys) {
                Ok(checkpoint) => outside.checkpoints.push(checkpoint),
                Err(error) => {
                    outside.passed_over += 1;
                    refused = error;
                }
            }
        }

        if outside.checkpoints.is_empty() {
            Err(refused)
        } else {
            Ok(outside)
        }
    }

    /// The checkpoints that verified.
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// Number of notes that did not verify.
    pub fn passed_over(&self) -> usize {
        self.passed_over
    }
}

fn in_lines(text: &str) -> Vec<String> {
    let notes = text.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["audit_checkpoint"].as_str().map(str::to_owned)
    });

    notes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note_key::NoteSigner;

    #[test]
    fn notes_are_read_from_a_file_or_from_log_lines() {
        let signer = NoteSigner::from_seed("log", &[7; 32]).unwrap();
        let (keys, notes) = (
            [signer.key().clone()],
            [signer.sign(1, [1; 32]), signer.sign(2, [2; 32])],
        );
        let file = format!("{}\n{}\n", notes[0], notes[1]);

        assert_eq!(Outside::read(&file, &keys).unwrap().checkpoints().len(), 2);
        assert_eq!(
            Outside::read(&notes[1], &keys).unwrap().checkpoints().len(),
            1
        );

        let lines = notes.map(|note| serde_json::json!({ "audit_checkpoint": note }).to_string());
        let log = format!("{}\nsomething else\n{}\n", lines[0], lines[1]);
        assert_eq!(Outside::read(&log, &keys).unwrap().checkpoints().len(), 2);

        let other = [NoteSigner::from_seed("log", &[8; 32])
            .unwrap()
            .key()
            .clone()];
        assert_eq!(
            Outside::read(&file, &other).err(),
            Some(NoteError::UnknownKey)
        );
        assert_eq!(Outside::read("", &keys).err(), Some(NoteError::Malformed));
    }
}
