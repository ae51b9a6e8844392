//! Checkpoints that were kept outside the database.

use serde_json::Value;

use crate::{
    checkpoint::Checkpoint,
    note_key::{NoteError, NoteKey},
    publish::notes,
};

/// Checkpoints that were kept outside the database: what whoever rewrites it cannot reach.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    checkpoints: Vec<Checkpoint>,
    passed_over: usize,
}

impl Outside {
    /// Reads a file of notes, as `audit.publish` writes it, or lines of JSON with the member `audit_checkpoint`.
    ///
    /// A note that was cut off by a crash is passed over and counted.
    ///
    /// # Errors
    /// [`NoteError`] when not a single one is believed.
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

    /// Those that are believed.
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// How many are not.
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
    fn a_file_and_the_lines_of_a_log_are_read() {
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
