//! Verifies an export, offline.

use std::io::BufRead;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    dates::Dates,
    finding::{Finding, Summary},
    outside::Outside,
};
use crate::{
    AuditError,
    checkpoint::Checkpoint,
    note_key::NoteKey,
    record::{EXPORT_FORMAT, Record},
    tree::{Frontier, Hash, is_consistent, is_included},
};

/// Verifies an export, offline and in one pass: each record against its leaf, each leaf against the checkpoint, and the
/// checkpoint against `keys` and those from outside. From the index `dated_from` on, records must be of the time of their
/// place in the log.
///
/// # Errors
/// [`AuditError::Found`] with the first thing that is wrong, [`AuditError::Export`] for a line that is none.
pub fn verify_export(
    input: impl BufRead,
    keys: &[NoteKey],
    outside: &Outside,
    dated_from: u64,
) -> Result<Summary, AuditError> {
    let mut lines = input
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line));
    let (_, first) = lines.next().ok_or(AuditError::Export {
        line: 1,
        what: "there is none",
    })?;

    let mut reading = Reading::begin(&first?, keys, outside, Dates::new(dated_from))?;
    for (number, line) in lines {
        if reading.line(&line?, number)? {
            return reading.finish();
        }
    }

    Err(Finding::Incomplete(reading.next).into())
}

struct Reading<'a> {
    note: String,
    checkpoint: Checkpoint,
    from: u64,
    until: u64,
    next: u64,
    /// The tree, where the export begins at its beginning.
    frontier: Frontier,
    dates: Dates,
    /// The checkpoints from outside, and whether the export has shown that it agrees with them.
    outside: Vec<(&'a Checkpoint, bool)>,
}

impl<'a> Reading<'a> {
    fn begin(
        line: &str,
        keys: &[NoteKey],
        outside: &'a Outside,
        dates: Dates,
    ) -> Result<Self, AuditError> {
        let wrong = |what| AuditError::Export { line: 1, what };
        let header: Value = serde_json::from_str(line).map_err(|_| wrong("it is no JSON"))?;
        if header["export"] != EXPORT_FORMAT {
            return Err(wrong("it is not the first of an export of this version"));
        }

        let note = header["checkpoint"]
            .as_str()
            .ok_or(wrong("it has no checkpoint"))?
            .to_owned();
        let checkpoint = Checkpoint::verify(&note, keys).map_err(Finding::NotBelieved)?;
        let bounds = (header["from"].as_u64(), header["until"].as_u64());
        let (Some(from), Some(until)) = bounds else {
            return Err(wrong("it does not say what is exported"));
        };
        if from > until || until > checkpoint.size {
            return Err(wrong("it says that more is exported than there is"));
        }
        if let Some(ahead) = outside
            .checkpoints()
            .iter()
            .find(|outside| outside.size > checkpoint.size)
        {
            return Err(Finding::Cut {
                size: checkpoint.size,
                outside: ahead.size,
            }
            .into());
        }

        let outside = outside
            .checkpoints()
            .iter()
            .map(|checkpoint| (checkpoint, false))
            .collect();

        Ok(Self {
            note,
            checkpoint,
            from,
            until,
            next: from,
            frontier: Frontier::default(),
            dates,
            outside,
        })
    }

    /// Reads a line behind the first; whether it was the last.
    fn line(&mut self, line: &str, number: usize) -> Result<bool, AuditError> {
        let wrong = |what| AuditError::Export { line: number, what };
        let line: Value = serde_json::from_str(line).map_err(|_| wrong("it is no JSON"))?;
        if let Some(note) = line.get("checkpoint") {
            return if *note == *self.note {
                Ok(true)
            } else {
                Err(wrong("its checkpoint is not that of the first line"))
            };
        }

        if let Some(proof) = line.get("consistency") {
            self.consistency(proof)
                .ok_or(wrong("it is no proof of consistency"))??;
            return Ok(false);
        }

        let index = line["index"].as_u64().ok_or(wrong("it has no index"))?;
        if index != self.next || index >= self.until {
            return Err(Finding::NoLeaf(self.next).into());
        }

        let record = line["record"]
            .as_object()
            .and_then(Record::from_json)
            .ok_or(wrong("it has no whole record"))?;
        let leaf = hash(&line["leaf"]).ok_or(wrong("it has no leaf"))?;
        if record.leaf() != leaf {
            return Err(Finding::Altered {
                index,
                id: record.id().to_owned(),
            }
            .into());
        }

        let proof = hashes(&line["proof"]).ok_or(wrong("it has no proof"))?;
        if !is_included(
            &leaf,
            index,
            self.checkpoint.size,
            &proof,
            &self.checkpoint.root,
        ) {
            return Err(Finding::BadProof(index).into());
        }

        self.dates.check(index, &record)?;
        self.next += 1;

        if self.from == 0 {
            self.frontier.push(leaf);
            self.compare()?;
        }

        Ok(false)
    }

    /// Holds the tree so far against the checkpoints from outside that are of its size.
    fn compare(&mut self) -> Result<(), Finding> {
        let (size, root) = (self.frontier.size(), self.frontier.root());
        self.agree(size, |outside| outside.root == root)
            .unwrap_or(Ok(()))
    }

    /// A proof that a checkpoint from outside is the beginning of this one; `None` when it is none, or of another.
    fn consistency(&mut self, proof: &Value) -> Option<Result<(), Finding>> {
        let (size, proof) = (proof["size"].as_u64()?, hashes(&proof["proof"])?);
        let (new, root) = (self.checkpoint.size, self.checkpoint.root);
        let agreed = self.agree(size, |outside| {
            is_consistent((size, &outside.root), (new, &root), &proof)
        });
        // Whoever has nothing from outside has nothing to hold it against.
        agreed.or_else(|| self.outside.is_empty().then_some(Ok(())))
    }

    /// Notes that the checkpoints from outside of this size are right, or finds that one is not; `None` without any.
    fn agree(
        &mut self,
        size: u64,
        is_right: impl Fn(&Checkpoint) -> bool,
    ) -> Option<Result<(), Finding>> {
        let mut agreed = None;
        for (outside, is_shown) in self
            .outside
            .iter_mut()
            .filter(|(outside, _)| outside.size == size)
        {
            if !is_right(outside) {
                return Some(Err(Finding::Forked { size }));
            }
            *is_shown = true;
            agreed = Some(Ok(()));
        }

        agreed
    }

    fn finish(mut self) -> Result<Summary, AuditError> {
        if self.next != self.until {
            return Err(Finding::Incomplete(self.next).into());
        }

        let (size, root) = (self.checkpoint.size, self.checkpoint.root);
        self.agree(size, |outside| outside.root == root)
            .unwrap_or(Ok(()))?;

        if self.outside.iter().any(|(_, is_shown)| !is_shown) {
            return Err(AuditError::Export {
                line: 1,
                what: "it holds no proof for a checkpoint from outside",
            });
        }

        let outside = self.outside.len();

        Ok(Summary {
            from: self.from,
            until: self.until,
            checkpoint: self.checkpoint,
            detached: 0,
            outside,
        })
    }
}

fn hash(value: &Value) -> Option<Hash> {
    STANDARD.decode(value.as_str()?).ok()?.try_into().ok()
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    value.as_array()?.iter().map(hash).collect()
}
