//! The access log: what was done with the record, by which device, in chains that nobody can shorten unseen.
//!
//! Each incarnation of a device writes one chain: a line names the hash of the line before it. The lines lie in the
//! `access` section and sync like everything else; cutting, editing or reordering one breaks its chain, and
//! [`Record::verify_ledger`] names the first that does not fit. The log holds what happened and how many, never what a
//! document says.

use std::collections::BTreeMap;

use carnet_crypto::{
    digest,
    id::{DeviceId, Incarnation},
};
use carnet_record::{EntryId, Instant, SectionKind};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    devices::entry_write,
    record::{Record, RecordError},
    store::Writer,
    tables::{ENTRY, Key, Look},
    volumes::ViewRow,
};

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LedgerKind {
    /// A device was let in.
    DeviceAdded,
    /// A device was removed.
    DeviceRemoved,
    /// The record was exported, in clear.
    Export,
    /// A file was taken in.
    Import,
    /// The record began.
    RecordCreated,
    /// The recovery kit was used.
    Recovered,
    /// What this device saw of the relay and what another one says it saw there contradict each other.
    RelayContradicted,
}

/// How strong a line is: what it proves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// The device that did it says so.
    Declared,
    /// A signed operation that every device evaluates stands behind it.
    Proved,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerLine {
    /// The device that wrote it.
    pub device: String,
    /// Its installation.
    pub incarnation: String,
    /// Place in the chain, from 1.
    pub number: u64,
    /// The device's clock.
    pub at: Instant,
    /// What happened.
    pub kind: LedgerKind,
    /// What the line proves by itself.
    pub strength: Strength,
    /// Numbers and names of formats: `added`, `format`, `device`. No content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
    /// Hash of the line before, in hexadecimal; zeros for the first.
    pub previous: String,
}

/// The first line of a chain that does not fit, or what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenLine {
    /// The device whose chain it is.
    pub device: String,
    /// The place in the chain.
    pub number: u64,
}

impl LedgerLine {
    fn hash(&self) -> String {
        let line = serde_json::to_vec(self).unwrap_or_default();
        carnet_crypto::id::OpId(digest::hash("ledger", &[&line])).to_string()
    }

    fn strength_of(kind: LedgerKind) -> Strength {
        match kind {
            LedgerKind::Export | LedgerKind::Import | LedgerKind::RelayContradicted => Strength::Declared,
            _ => Strength::Proved,
        }
    }
}

impl Record<'_> {
    /// The lines of the log, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn ledger(&self) -> Result<Vec<LedgerLine>, RecordError> {
        let mut lines = self.read_ledger(&self.store.read()?)?;
        lines.sort_by_key(|line| (line.at.millis(), line.device.clone(), line.number));
        Ok(lines)
    }

    /// Checks every chain. None when all of them hold.
    ///
    /// # Errors
    /// The store's.
    pub fn verify_ledger(&self) -> Result<Option<BrokenLine>, RecordError> {
        Ok(verify(&self.ledger()?))
    }

    /// Adds a line to this device's chain, durable when this returns.
    ///
    /// # Errors
    /// The store's.
    pub fn log(&mut self, kind: LedgerKind, detail: BTreeMap<String, String>) -> Result<(), RecordError> {
        self.commit(|record, writer| record.write_line(writer, kind, detail))
    }

    /// Adds a line to this device's chain, in this step.
    pub(crate) fn write_line(
        &mut self,
        writer: &mut Writer,
        kind: LedgerKind,
        detail: BTreeMap<String, String>,
    ) -> Result<(), RecordError> {
        let (device, incarnation) = (self.live.row.device.to_string(), self.live.row.incarnation.to_string());
        let lines = self.read_ledger(writer)?;
        let own = lines.iter().filter(|line| line.device == device && line.incarnation == incarnation);
        let last = own.max_by_key(|line| line.number);
        let line = LedgerLine {
            device,
            incarnation,
            number: last.map_or(1, |last| last.number.saturating_add(1)),
            at: crate::entries::instant(self.now()),
            kind,
            strength: LedgerLine::strength_of(kind),
            detail,
            previous: last.map_or_else(|| "0".repeat(64), LedgerLine::hash),
        };
        let key = line_key(&self.live.row.device, self.live.row.incarnation, line.number);
        let fields = serde_json::to_value(&line).unwrap_or(Json::Null);
        self.write_technical(writer, SectionKind::Access, vec![entry_write("ledger", &key.to_string(), fields)])
    }

    fn read_ledger(&self, look: &impl Look) -> Result<Vec<LedgerLine>, RecordError> {
        let rows = look.look_all(ENTRY, &Key::of(&self.live.id).container("ledger"))?;
        let mut lines = Vec::new();
        for (_, row) in &rows {
            // Any device of the record may write any value here. What is no line is none: its chain shows the gap.
            lines.extend(serde_json::from_value::<LedgerLine>(Json::Object(ViewRow::read(row)?.fields)));
        }
        Ok(lines)
    }
}

/// Checks the chains among `lines`, of one record or of an exported log.
pub fn verify(lines: &[LedgerLine]) -> Option<BrokenLine> {
    let mut chains: BTreeMap<(&str, &str), Vec<&LedgerLine>> = BTreeMap::new();
    for line in lines {
        chains.entry((&line.device, &line.incarnation)).or_default().push(line);
    }
    for ((device, _), mut chain) in chains {
        chain.sort_by_key(|line| line.number);
        let mut previous = "0".repeat(64);
        for (number, line) in (1..).zip(chain) {
            if line.number != number || line.previous != previous {
                return Some(BrokenLine { device: device.to_owned(), number });
            }
            previous = line.hash();
        }
    }
    None
}

fn line_key(device: &DeviceId, incarnation: Incarnation, number: u64) -> EntryId {
    EntryId(digest::hash16("ledger line", &[&device.0, &incarnation.0, &number.to_le_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: u64) -> Vec<LedgerLine> {
        let mut lines: Vec<LedgerLine> = Vec::new();
        for number in 1..=length {
            let previous = lines.last().map_or_else(|| "0".repeat(64), LedgerLine::hash);
            lines.push(LedgerLine {
                device: "aa".to_owned(),
                incarnation: "01".to_owned(),
                number,
                at: Instant::at_most(1_790_000_000_000),
                kind: LedgerKind::Import,
                strength: Strength::Declared,
                detail: BTreeMap::from([("added".to_owned(), number.to_string())]),
                previous,
            });
        }
        lines
    }

    #[test]
    fn a_whole_chain_holds_in_any_order() {
        let mut lines = chain(5);
        lines.reverse();
        assert_eq!(verify(&lines), None);
        assert_eq!(verify(&[]), None);
    }

    #[test]
    fn a_line_that_was_cut_or_edited_shows() {
        let mut cut = chain(5);
        cut.remove(2);
        assert_eq!(verify(&cut).map(|broken| broken.number), Some(3));
        let mut edited = chain(5);
        edited[1].detail.insert("added".to_owned(), "999".to_owned());
        assert_eq!(verify(&edited).map(|broken| broken.number), Some(3));
        let mut first = chain(3);
        first.remove(0);
        assert_eq!(verify(&first).map(|broken| broken.number), Some(1));
    }
}
