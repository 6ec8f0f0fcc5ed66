//! What people wrote in a world, and what must be found of it on every device afterwards.

use std::collections::{BTreeMap, BTreeSet};

use carnet_record::EntryId;
use carnet_vault::{Record, entries::Filter};

use crate::executor::NodeId;

/// Kinds of entries that people of a world write.
const KINDS: [&str; 2] = ["allergy", "document"];

/// A device, and how often it was put back to an earlier state. What it wrote before it does not know afterwards, so that
/// the two are like two authors.
type Author = (NodeId, u32);

/// What was written, by whom, and whether it was said to be saved.
#[derive(Default)]
pub(crate) struct Model {
    returns: BTreeMap<NodeId, u32>,
    is_forked: bool,
    entries: BTreeMap<EntryId, Written>,
    /// Names of documents that were said to be saved.
    documents: BTreeSet<String>,
    /// Names of what may be there or not, because the device died before it said so.
    doubtful: BTreeSet<String>,
}

/// One entry.
#[derive(Default)]
struct Written {
    /// Whether its addition was said to be saved; else its first name is among the doubtful ones.
    is_added: bool,
    /// Every name that it may have had, in the order in which they were given.
    names: Vec<(Author, String, Said)>,
    /// Every time when it was removed (true) or brought back.
    removals: Vec<(Author, bool, Said)>,
}

/// What became of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It was said to be saved.
    Saved,
    /// The device died first: it may be there or not.
    Nothing,
}

impl Model {
    /// A device goes on from a backup in such a way that nobody can keep it from writing two branches.
    pub(crate) fn put_back_forked(&mut self, device: NodeId) {
        self.put_back(device);
        self.is_forked = true;
    }

    /// Whether some device may have written two branches.
    pub(crate) fn has_fork(&self) -> bool {
        self.is_forked
    }

    /// A device goes on from a backup.
    pub(crate) fn put_back(&mut self, device: NodeId) {
        *self.returns.entry(device).or_default() += 1;
    }

    fn author(&self, device: NodeId) -> Author {
        (device, self.returns.get(&device).copied().unwrap_or_default())
    }

    /// An entry was added.
    pub(crate) fn added(&mut self, id: EntryId, by: NodeId, name: &str) {
        let names = vec![(self.author(by), name.to_owned(), Said::Saved)];
        self.entries.insert(id, Written { is_added: true, names, removals: Vec::new() });
    }

    /// A document was attached.
    pub(crate) fn attached(&mut self, name: &str) {
        self.documents.insert(name.to_owned());
    }

    /// Something may have been added.
    pub(crate) fn tried(&mut self, name: &str) {
        self.doubtful.insert(name.to_owned());
    }

    /// An entry was given another name.
    pub(crate) fn renamed(&mut self, id: EntryId, by: NodeId, name: &str, said: Said) {
        let by = self.author(by);
        self.entries.entry(id).or_default().names.push((by, name.to_owned(), said));
    }

    /// An entry was removed, or brought back.
    pub(crate) fn removed(&mut self, id: EntryId, by: NodeId, is_removed: bool, said: Said) {
        let by = self.author(by);
        self.entries.entry(id).or_default().removals.push((by, is_removed, said));
    }

    /// How many entries and documents were said to be saved.
    pub(crate) fn saved(&self) -> usize {
        self.entries.len() + self.documents.len()
    }

    /// What is lost, and what is there that nobody wrote.
    pub(crate) fn compare(&self, record: &Record<'_>) -> Result<(), String> {
        let filter = Filter { kinds: KINDS.map(str::to_owned).to_vec(), with_removed: true, ..Filter::default() };
        let found = record.list(&filter).map_err(|error| format!("the record does not read: {error}"))?;
        let mut names = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for found in found {
            let (id, name) = (found.entry.id, found.entry.fact.label());
            names.insert(name.clone());
            seen.insert(id);
            match self.entries.get(&id) {
                Some(written) => {
                    let is_first = !written.is_added && self.doubtful.contains(&name);
                    written.compare(&name, is_first, found.entry.removed.is_some())?;
                }
                None if self.documents.contains(&name) || self.doubtful.contains(&name) => {}
                None => return Err(format!("forged: nobody wrote {name}")),
            }
        }
        if let Some((_, written)) = self.entries.iter().find(|(id, _)| !seen.contains(id)) {
            return Err(format!("lost: {:?}", written.names));
        }
        match self.documents.iter().find(|name| !names.contains(*name)) {
            Some(name) => Err(format!("lost: the document {name}")),
            None => Ok(()),
        }
    }
}

impl Written {
    fn compare(&self, name: &str, is_first: bool, is_removed: bool) -> Result<(), String> {
        let allowed = possible(&self.names);
        if !is_first && !allowed.iter().any(|allowed| *allowed == name) {
            return Err(format!("an entry is called {name}, not one of {allowed:?}; names given: {:?}", self.names));
        }
        let mut removals = possible(&self.removals);
        if self.removals.iter().all(|(_, _, said)| *said == Said::Nothing) {
            removals.push(&false);
        }
        if removals.contains(&&is_removed) {
            Ok(())
        } else {
            Err(format!("{name} is removed: {is_removed}, after {:?}", self.removals))
        }
    }
}

/// What may stand in the end: the last thing that each author was told is saved, and whatever it tried after that. Which
/// of two authors wrote last is for the record to say.
fn possible<T>(acts: &[(Author, T, Said)]) -> Vec<&T> {
    let mut authors: BTreeMap<Author, Vec<&T>> = BTreeMap::new();
    for (author, value, said) in acts {
        let values = authors.entry(*author).or_default();
        if *said == Said::Saved {
            values.clear();
        }
        values.push(value);
    }
    authors.into_values().flatten().collect()
}
