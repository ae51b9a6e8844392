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

/// Verifies an export offline in one pass: each record against its leaf, each leaf against the
/// checkpoint, and the checkpoint against `keys` and the external checkpoints. From the index
/// `dated_from` on, the times of records must match their order.
///
/// # Errors
/// [`AuditError::Found`] with the first problem, [`AuditError::Export`] for an invalid line.
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
        what: "the export is empty",
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
    /// The tree, if the export starts at index 0.
    frontier: Frontier,
    dates: Dates,
    /// The external checkpoints, and whether the export has proven consistency with each.
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
        let header: Value = serde_json::from_str(line).map_err(|_| wrong("not valid JSON"))?;
        if header["export"] != EXPORT_FORMAT {
            return Err(wrong("not the first line of an export of this version"));
        }

        let note = header["checkpoint"]
            .as_str()
            .ok_or(wrong("the checkpoint is missing"))?
            .to_owned();
        let checkpoint = Checkpoint::verify(&note, keys).map_err(Finding::NotBelieved)?;
        let bounds = (header["from"].as_u64(), header["until"].as_u64());
        let (Some(from), Some(until)) = bounds else {
            return Err(wrong("from or until is missing"));
        };
        if from > until || until > checkpoint.size {
            return Err(wrong("from or until exceeds the size of the checkpoint"));
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

    /// Verifies a line after the first. Returns whether it was the last.
    fn line(&mut self, line: &str, number: usize) -> Result<bool, AuditError> {
        let wrong = |what| AuditError::Export { line: number, what };
        let line: Value = serde_json::from_str(line).map_err(|_| wrong("not valid JSON"))?;

        if let Some(note) = line.get("checkpoint") {
            return if *note == *self.note {
                Ok(true)
            } else {
                Err(wrong("the checkpoint differs from that of the first line"))
            };
        }

        if let Some(proof) = line.get("consistency") {
            self.consistency(proof)
                .ok_or(wrong("not a consistency proof"))??;
            return Ok(false);
        }

        self.record(&line, number)?;

        Ok(false)
    }

    /// Verifies a record against its leaf, and the leaf against the checkpoint.
    fn record(&mut self, line: &Value, number: usize) -> Result<(), AuditError> {
        let wrong = |what| AuditError::Export { line: number, what };

        let index = line["index"]
            .as_u64()
            .ok_or(wrong("the index is missing"))?;
        if index != self.next || index >= self.until {
            return Err(Finding::NoLeaf(self.next).into());
        }

        let record = line["record"]
            .as_object()
            .and_then(Record::from_json)
            .ok_or(wrong("the record is missing or incomplete"))?;
        let leaf = hash(&line["leaf"]).ok_or(wrong("the leaf is missing"))?;
        if record.leaf() != leaf {
            return Err(Finding::Altered {
                index,
                id: record.id().to_owned(),
            }
            .into());
        }

        let proof = hashes(&line["proof"]).ok_or(wrong("the proof is missing"))?;
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

        Ok(())
    }

    /// Compares the tree so far with the external checkpoints of its size.
    fn compare(&mut self) -> Result<(), Finding> {
        let (size, root) = (self.frontier.size(), self.frontier.root());
        self.agree(size, |outside| outside.root == root)
            .unwrap_or(Ok(()))
    }

    /// Verifies a proof that an external checkpoint is a prefix of this log; `None` if it is
    /// malformed or for an unknown checkpoint.
    fn consistency(&mut self, proof: &Value) -> Option<Result<(), Finding>> {
        let (size, proof) = (proof["size"].as_u64()?, hashes(&proof["proof"])?);
        let (new, root) = (self.checkpoint.size, self.checkpoint.root);
        let agreed = self.agree(size, |outside| {
            is_consistent((size, &outside.root), (new, &root), &proof)
        });

        // Without external checkpoints, there is nothing to compare with.
        agreed.or_else(|| self.outside.is_empty().then_some(Ok(())))
    }

    /// Checks the external checkpoints of this size with `matches`; `None` if there are none.
    fn agree(
        &mut self,
        size: u64,
        matches: impl Fn(&Checkpoint) -> bool,
    ) -> Option<Result<(), Finding>> {
        let mut agreed = None;
        for (outside, is_proven) in self
            .outside
            .iter_mut()
            .filter(|(outside, _)| outside.size == size)
        {
            if !matches(outside) {
                return Some(Err(Finding::Forked { size }));
            }

            *is_proven = true;
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

        if self.outside.iter().any(|(_, is_proven)| !is_proven) {
            return Err(AuditError::Export {
                line: 1,
                what: "the export has no consistency proof for an external checkpoint",
            });
        }

        Ok(Summary {
            from: self.from,
            until: self.until,
            checkpoint: self.checkpoint,
            detached: 0,
            outside: self.outside.len(),
        })
    }
}

fn hash(value: &Value) -> Option<Hash> {
    STANDARD.decode(value.as_str()?).ok()?.try_into().ok()
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    value.as_array()?.iter().map(hash).collect()
}
