//! An attacker with write access to every table against the verifier: ten thousand seeded random
//! mutations of a log in memory. `crates/tests/tests/attacks/sealed_log.rs` runs the same attacks
//! on a real database.

use std::collections::HashMap;

use mainstay_kernel::{Random, Uuid};

use super::*;
use crate::{
    note_key::{NoteKey, NoteSigner},
    record::{FIELDS, Record},
    tree::{Frontier, Hash, leaf_hash},
};

const RECORDS: usize = 24;
const MUTATIONS: usize = 10_000;

/// The tables of the log.
#[derive(Clone)]
struct Log {
    records: Vec<Record>,
    leaves: Vec<(Uuid, Hash)>,
    checkpoints: Vec<StoredCheckpoint>,
}

struct Draw(Random);

impl Draw {
    fn below(&self, limit: usize) -> usize {
        usize::try_from(u64::from_be_bytes(self.0.bytes()) % limit as u64).unwrap()
    }

    fn record(&self) -> Record {
        let id = Uuid::from_u128(u128::from_be_bytes(self.0.bytes())).to_string();
        let mut columns = [const { None }; FIELDS.len()];
        for (column, name) in columns.iter_mut().zip(FIELDS) {
            *column = (self.below(4) > 0).then(|| format!("{name} {}", self.below(1_000)));
        }
        columns[0] = Some(id);
        Record::new(columns)
    }

    /// The record with one column changed or set to null.
    fn edited(&self, record: &Record, field: usize) -> Record {
        let columns = FIELDS.map(|name| record.get(name).map(str::to_owned));
        loop {
            let mut edited = columns.clone();
            edited[field] = match (self.below(3), &columns[field]) {
                (0, _) if field != 0 => None,
                (1, Some(text)) => {
                    let mut bytes = text.clone().into_bytes();
                    let at = self.below(bytes.len().max(1));
                    bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1);
                    String::from_utf8(bytes).ok()
                }
                _ => Some(format!("{}", self.below(1_000_000))),
            };

            if edited != columns && edited[0].is_some() {
                return Record::new(edited);
            }
        }
    }
}

impl Log {
    fn new(draw: &Draw, signer: &NoteSigner) -> Self {
        let mut log = Self {
            records: Vec::new(),
            leaves: Vec::new(),
            checkpoints: Vec::new(),
        };

        while log.records.len() < RECORDS {
            let batch = 1 + draw.below(5);
            log.records
                .extend((0..batch.min(RECORDS - log.records.len())).map(|_| draw.record()));
            log.seal(signer);
        }

        log
    }

    /// Seals as the sealer does: adds a leaf for each unsealed record, and a checkpoint over all.
    fn seal(&mut self, signer: &NoteSigner) {
        for record in &self.records[self.leaves.len()..] {
            self.leaves
                .push((record.id().parse().unwrap(), record.leaf()));
        }
        self.sign(self.leaves.len(), signer);
    }

    fn sign(&mut self, size: usize, signer: &NoteSigner) {
        let mut frontier = Frontier::default();
        self.leaves[..size]
            .iter()
            .for_each(|(_, leaf)| frontier.push(*leaf));
        self.checkpoints.push(StoredCheckpoint {
            size: frontier.size(),
            root: frontier.root().to_vec(),
            frontier: frontier.to_bytes(),
            note: signer.sign(frontier.size(), frontier.root()),
        });
    }

    /// Signs every checkpoint again.
    fn rebuild(&mut self, signer: &NoteSigner) {
        let sizes: Vec<_> = self
            .checkpoints
            .drain(..)
            .map(|checkpoint| checkpoint.size)
            .collect();
        for size in sizes {
            self.sign(
                usize::try_from(size).unwrap().min(self.leaves.len()),
                signer,
            );
        }
    }

    /// Verifies as `live.rs` does, but over tables in memory.
    fn verify(&self, keys: &[NoteKey], outside: &Outside) -> Result<Summary, Finding> {
        let records: HashMap<&str, &Record> = self
            .records
            .iter()
            .map(|record| (record.id(), record))
            .collect();

        let Some(newest) = self.checkpoints.last() else {
            return Err(Finding::Cut {
                size: 0,
                outside: outside.checkpoints()[0].size,
            });
        };

        let mut verifier = Verifier::new(keys, outside, None);
        let mut checkpoints = self.checkpoints.iter().peekable();
        for (index, (event_id, hash)) in self
            .leaves
            .iter()
            .enumerate()
            .take(usize::try_from(newest.size).unwrap())
        {
            let record = records
                .get(event_id.to_string().as_str())
                .map(|record| (*record).clone());
            let (index, event_id, hash) = (index as u64, *event_id, hash.to_vec());
            verifier.leaf(&Leaf {
                index,
                event_id,
                hash,
                record,
            })?;

            while let Some(checkpoint) =
                checkpoints.next_if(|checkpoint| checkpoint.size <= verifier.size())
            {
                verifier.checkpoint(checkpoint)?;
            }
        }

        let (size, leaves) = (newest.size, self.leaves.len() as u64);
        let summary = verifier.finish(newest)?;

        if size != leaves {
            return Err(Finding::Unsigned { size, leaves });
        }

        let sealed: Vec<_> = self.leaves.iter().map(|(id, _)| id.to_string()).collect();

        match self
            .records
            .iter()
            .find(|record| !sealed.iter().any(|id| id == record.id()))
        {
            Some(record) => Err(Finding::Unsealed {
                id: record.id().to_owned(),
                occurred_at: String::new(),
                why: WhyUnsealed::PassedOver,
            }),
            None => Ok(summary),
        }
    }
}

/// Number of kinds of mutation.
const KINDS: usize = 16;

/// Applies one mutation. `thief` has the log's key, `forger` another key.
fn mutate(log: &mut Log, kind: usize, draw: &Draw, thief: &NoteSigner, forger: &NoteSigner) {
    let (at, other) = (draw.below(RECORDS), draw.below(RECORDS - 1));
    let other = if other >= at { other + 1 } else { other };
    let checkpoint = draw.below(log.checkpoints.len());

    match kind {
        0 => log.records[at] = draw.edited(&log.records[at], draw.below(FIELDS.len())),
        1 => drop(log.records.remove(at)),
        2 => log.records.insert(at, draw.record()),
        // Two records swap their content under their IDs.
        3 => {
            let [one, two] = [at, other]
                .map(|at| FIELDS.map(|name| log.records[at].get(name).map(str::to_owned)));
            let with_id = |mut columns: [Option<String>; FIELDS.len()], id: &Option<String>| {
                columns[0].clone_from(id);
                Record::new(columns)
            };
            (log.records[at], log.records[other]) =
                (with_id(two.clone(), &one[0]), with_id(one, &two[0]));
        }
        4 => log.leaves[at].1[draw.below(32)] ^= 1 << draw.below(8),
        5 => {
            let edited = draw.edited(&log.records[at], 1 + draw.below(FIELDS.len() - 1));
            log.leaves[at].1 = edited.leaf();
            log.records[at] = edited;
        }
        6 => {
            log.records.remove(at);
            log.leaves.remove(at);
        }
        7 => {
            let slipped_in = draw.record();
            log.leaves
                .insert(at, (slipped_in.id().parse().unwrap(), slipped_in.leaf()));
            log.records.insert(at, slipped_in);
        }
        // An earlier state, complete and correctly signed, possibly with new records.
        8 | 9 => {
            log.checkpoints
                .truncate(checkpoint.min(log.checkpoints.len() - 1));

            let size = log
                .checkpoints
                .last()
                .map_or(0, |checkpoint| usize::try_from(checkpoint.size).unwrap());
            log.leaves.truncate(size);
            log.records.truncate(size);

            if kind == 9 {
                let more = 1 + draw.below(RECORDS);
                log.records.extend((0..more).map(|_| draw.record()));
                log.seal(thief);
            }
        }
        // A whole log rebuilt over an altered record, signed with another key or with the stolen
        // one.
        10 | 11 => {
            log.records[at] = draw.edited(&log.records[at], 1 + draw.below(FIELDS.len() - 1));
            log.leaves[at].1 = log.records[at].leaf();
            log.rebuild(if kind == 10 { forger } else { thief });
        }
        12 => (log.leaves[at].0, log.leaves[other].0) = (log.leaves[other].0, log.leaves[at].0),
        13 => log.leaves.swap(at, other),
        14 => {
            let altered = &mut log.checkpoints[checkpoint];
            match draw.below(4) {
                0 => altered.root = leaf_hash(b"another").to_vec(),
                1 => altered.frontier[0] ^= 1,
                2 => {
                    let place = draw.below(altered.note.len());
                    let mut bytes = altered.note.clone().into_bytes();
                    bytes[place] ^= 1;
                    altered.note = String::from_utf8_lossy(&bytes).into_owned();
                }
                _ => altered.note = forger.sign(altered.size, leaf_hash(b"another")),
            }
        }
        _ => drop(log.checkpoints.pop()),
    }
}

#[test]
fn each_of_ten_thousand_mutations_is_detected() {
    let draw = Draw(Random::seeded(20_261_124));
    let signer = NoteSigner::from_seed("log", &[7; 32]).unwrap();
    let forger = NoteSigner::from_seed("log", &[8; 32]).unwrap();
    let keys = [signer.key().clone()];
    let log = Log::new(&draw, &signer);
    let published = log.checkpoints.last().unwrap().note.clone();
    let outside = Outside::read(&published, &keys).unwrap();

    let whole = log.verify(&keys, &outside).unwrap();
    assert_eq!((whole.until, whole.outside), (RECORDS as u64, 1));

    let mut of_kind = [0; KINDS];
    for n in 0..MUTATIONS {
        let kind = n % KINDS;
        let mut mutated = log.clone();
        mutate(&mut mutated, kind, &draw, &signer, &forger);
        let verdict = mutated.verify(&keys, &outside);
        assert!(
            verdict.is_err(),
            "mutation {n} of kind {kind} was not detected"
        );
        of_kind[kind] += 1;
    }

    assert_eq!(of_kind.iter().sum::<usize>(), MUTATIONS);
    assert!(of_kind.iter().all(|count| *count >= 600), "{of_kind:?}");
}

#[test]
fn the_first_bad_index_is_named() {
    let draw = Draw(Random::seeded(7));
    let signer = NoteSigner::from_seed("log", &[7; 32]).unwrap();
    let keys = [signer.key().clone()];
    let log = Log::new(&draw, &signer);
    let outside = Outside::default();

    for at in 0..RECORDS {
        for (field, name) in FIELDS.iter().enumerate().skip(1) {
            let mut edited = log.clone();
            edited.records[at] = draw.edited(&log.records[at], field);
            let (index, id) = (at as u64, log.records[at].id().to_owned());
            assert_eq!(
                edited.verify(&keys, &outside),
                Err(Finding::Altered { index, id }),
                "{name}"
            );
        }

        let mut removed = log.clone();
        removed.records.remove(at);

        let id = log.records[at].id().to_owned();
        assert_eq!(
            removed.verify(&keys, &outside),
            Err(Finding::NoRecord {
                index: at as u64,
                id
            })
        );

        // If record and leaf are altered, the finding names the range between the checkpoints
        // around them.
        let mut consistent = log.clone();
        consistent.records[at] = draw.edited(&log.records[at], 3);
        consistent.leaves[at].1 = consistent.records[at].leaf();

        let Err(Finding::Rewritten { from, until }) = consistent.verify(&keys, &outside) else {
            panic!("index {at}")
        };

        assert!(
            (from..until).contains(&(at as u64)) && until - from <= 5,
            "index {at}: {from} to {until}"
        );
    }
}
