//! What the five nouns of data have in common: lists, one entry, links, removal, entries from JSON.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use carnet_record::{
    Draft, Entry, EntryId, Fact, Instant, LinkKind, Provenance, ZoneHistory, date::INSTANT_MS_MAX, draft::Restored,
    kind::donation::REFUSAL_REGISTER,
};
pub(crate) use carnet_vault::entries::Found;
use carnet_vault::{Record, entries::Filter};
use rand::CryptoRng;
use serde_json::{Map, Value, json};

use crate::{
    error::Failure,
    form,
    i18n::Message,
    input, msg,
    ui::{Block, Cell, Report},
    words,
};

/// Where the state of entries stands in a list: after the name.
const STANDING_COLUMN: usize = 3;
/// Largest file of entries that `--from-json` reads, in bytes.
const JSON_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A group of kinds that one command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noun {
    Agenda,
    Contact,
    Document,
    Measure,
    Profile,
}

impl Noun {
    /// The kinds of facts of this noun.
    pub(crate) fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Agenda => &["appointment", "prevention", "reminder"],
            Self::Contact => &["contact"],
            Self::Document => &["document"],
            Self::Measure => &["measure"],
            Self::Profile => &[
                "absence",
                "allergy",
                "blood-group",
                "directive",
                "disability",
                "disease",
                "donation",
                "encounter",
                "family-history",
                "identity",
                "import-report",
                "lifestyle",
                "procedure",
                "result",
                "treatment",
                "vaccination",
            ],
        }
    }

    fn holds(self, fact: &Fact) -> bool {
        self.kinds().contains(&fact.kind()) || (self == Self::Profile && matches!(fact, Fact::Unknown(_)))
    }
}

/// What every `add` and `edit` takes beside the fields.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Common {
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    #[arg(long, value_name = "ID")]
    pub(crate) link: Vec<String>,
}

/// How a list is cut and sorted.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ListOptions {
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    #[arg(long, value_name = "KEY", default_value = "date")]
    pub(crate) sort: SortKey,
    #[arg(long)]
    pub(crate) all: bool,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SortKey {
    #[default]
    Date,
    Kind,
    Name,
}

impl ListOptions {
    /// The filter for `kinds`.
    pub(crate) fn filter(&self, kinds: &[&str]) -> Result<Filter, Failure> {
        let from = self.from.as_ref().map(|text| input::partial_date("--from", text)).transpose()?;
        let to = self.to.as_ref().map(|text| input::partial_date("--to", text)).transpose()?;
        Ok(Filter {
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            from: from.map(carnet_record::PartialDate::earliest),
            until: to.map(carnet_record::PartialDate::latest),
            with_removed: self.all,
        })
    }

    /// Sorts `found`, and keeps the last `--limit` of it.
    pub(crate) fn arrange(&self, found: &mut Vec<Found>) {
        match self.sort {
            // The vault gives them by date.
            SortKey::Date => {}
            SortKey::Kind => found.sort_by(|left, right| left.entry.fact.kind().cmp(right.entry.fact.kind())),
            SortKey::Name => found.sort_by_key(|found| found.entry.fact.label().to_lowercase()),
        }
        if let Some(limit) = self.limit {
            found.drain(..found.len().saturating_sub(limit));
        }
    }
}

/// The entries of `kinds` as a list.
pub(crate) fn list(record: &Record<'_>, kinds: &[&str], options: &ListOptions) -> Result<Report, Failure> {
    Ok(listed(record.list(&options.filter(kinds)?)?, options))
}

/// Entries that were found, as a list.
pub(crate) fn listed(mut found: Vec<Found>, options: &ListOptions) -> Report {
    options.arrange(&mut found);
    let mut head =
        vec![msg!("column-date"), msg!("column-kind"), msg!("column-name"), msg!("column-value"), msg!("column-id")];
    let mut rows: Vec<Vec<Cell>> = found.iter().map(|found| row(&found.entry)).collect();
    // A list in which everything is current has no column for it.
    if found.iter().any(|found| words::standing(&found.entry).is_some()) {
        head.insert(STANDING_COLUMN, msg!("column-standing"));
        for (row, found) in rows.iter_mut().zip(&found) {
            let standing = words::standing(&found.entry).map(words::state_word);
            row.insert(STANDING_COLUMN, standing.map_or_else(|| "".into(), Cell::Word));
        }
    }
    let page = if found.is_empty() { Block::Say(msg!("list-empty")) } else { Block::Rows(head, rows) };
    Report { data: Value::Array(found.iter().map(found_json).collect()), page: vec![page], ..Report::default() }
}

fn row(entry: &Entry) -> Vec<Cell> {
    vec![
        Cell::Moment(entry.fact.when().map(|when| when.to_string()).unwrap_or_default()),
        words::kind(entry.fact.kind()).into(),
        words::name(&entry.fact).into(),
        words::summary(&entry.fact),
        Cell::Id(entry.id.to_string()),
    ]
}

/// An entry with its section, as data.
pub(crate) fn found_json(found: &Found) -> Value {
    let mut fields = entry_map(&found.entry);
    if let Some(section) = found.section {
        fields.insert("section".to_owned(), section.as_str().into());
    }
    if matches!(found.entry.fact, Fact::Donation(_)) {
        fields.insert("register".to_owned(), REFUSAL_REGISTER.into());
    }
    Value::Object(fields)
}

fn entry_map(entry: &Entry) -> Map<String, Value> {
    match serde_json::to_value(entry) {
        Ok(Value::Object(mut fields)) => {
            // The key of an attached file stays in the vault.
            fields.remove("attachment");
            fields
        }
        _ => Map::new(),
    }
}

/// The entry of `noun` that `prefix` names.
pub(crate) fn find(record: &Record<'_>, noun: Noun, prefix: &str) -> Result<Found, Failure> {
    let found = record.entry(&record.find_id(&prefix.to_ascii_lowercase())?)?;
    if noun.holds(&found.entry.fact) { Ok(found) } else { Err(Failure::EntryUnknown) }
}

/// One entry with all it says, and its former states if `history`.
pub(crate) fn show(record: &mut Record<'_>, noun: Noun, prefix: &str, history: bool) -> Result<Report, Failure> {
    let found = find(record, noun, prefix)?;
    let mut data = found_json(&found);
    let name = |id: &EntryId| record.entry(id).map(|target| words::name(&target.entry.fact)).ok();
    let mut page = vec![Block::Pairs(pairs(&found, name))];
    page.extend(words::register(&found.entry.fact).map(Block::Say));
    if history {
        let versions = record.history(&found.entry.id)?;
        let before = std::iter::once(None).chain(versions.iter().map(|version| Some(&version.entry.fact)));
        let rows = versions
            .iter()
            .zip(before)
            .map(|(version, before)| {
                let device = version.device.clone().unwrap_or_default();
                let fact = &version.entry.fact;
                vec![
                    Cell::Moment(version.at.to_string()),
                    device.into(),
                    words::name(fact).into(),
                    words::state(before, fact),
                ]
            })
            .collect();
        page.push(Block::Rows(
            vec![msg!("column-date"), msg!("column-device"), msg!("column-name"), msg!("column-value")],
            rows,
        ));
        let versions = versions.iter().map(|version| {
            json!({ "at": version.at.to_string(), "device": version.device, "entry": entry_map(&version.entry) })
        });
        if let Some(fields) = data.as_object_mut() {
            fields.insert("history".to_owned(), versions.collect());
        }
    }
    Ok(Report { data, page, ..Report::default() })
}

/// What an entry says, each thing once: what stands under the name of its own field is not said in general as well.
fn pairs(found: &Found, name: impl Fn(&EntryId) -> Option<Message>) -> Vec<(Message, Cell)> {
    let entry = &found.entry;
    let mut pairs: Vec<(Message, Cell)> = vec![
        (msg!("column-id"), entry.id.to_string().into()),
        (msg!("column-kind"), words::kind(entry.fact.kind()).into()),
        (msg!("column-name"), words::name(&entry.fact).into()),
        (msg!("column-value"), words::summary(&entry.fact)),
        (msg!("column-date"), entry.fact.when().map(|when| when.to_string()).unwrap_or_default().into()),
        (msg!("column-section"), found.section.map_or_else(|| "".into(), |section| words::section(section).into())),
        (msg!("column-comment"), entry.comment.clone().unwrap_or_default().into()),
        (msg!("column-origin"), words::origin(&entry.provenance).into()),
        (msg!("column-removed"), entry.removed.as_ref().map(|gone| gone.at.to_string()).unwrap_or_default().into()),
    ];
    pairs.retain(|(_, value)| !value.is_empty());
    for (id, kind) in &entry.links {
        let name = name(id).unwrap_or_else(|| msg!("link-elsewhere"));
        pairs.push((
            msg!("column-link"),
            msg!("link-name", kind = kind.as_str(), id = id.to_string(), name = name).into(),
        ));
    }
    if let Some(form) = entry.fact.form() {
        let said = form.answers().into_iter();
        pairs
            .extend(said.map(|(question, said)| (words::field(question.field), words::answer(question, &said).into())));
        return pairs;
    }
    let mut rest = Vec::new();
    for (name, value) in entry.fact.to_fields() {
        if !matches!(name.as_str(), "kind" | "attachment") {
            flatten(&name, &value, &mut rest);
        }
    }
    let kind = entry.fact.kind();
    let label = entry.fact.label();
    rest.retain(|(path, value)| !(matches!(path.as_str(), "name" | "title") && *value == label));
    let is_said = |cell: &Cell| rest.iter().any(|(_, value)| *cell == Cell::Text(value.clone()));
    pairs.retain(|(column, cell)| !(matches!(column.key(), "column-date" | "column-value") && is_said(cell)));
    pairs.extend(rest.into_iter().map(|(path, value)| (words::field(&path), words::value(kind, &path, value))));
    pairs
}

/// Every value of a nested field by its path: `codings.1.code`; what is alone in its list has no number.
fn flatten(path: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Array(values) if values.len() == 1 => values.iter().for_each(|value| flatten(path, value, into)),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(at, value)| flatten(&format!("{path}.{}", at + 1), value, into));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| flatten(&format!("{path}.{name}"), value, into));
        }
        Value::Null => {}
        Value::String(text) => into.push((path.to_owned(), text.clone())),
        other => into.push((path.to_owned(), other.to_string())),
    }
}

/// A draft of what a person typed, linked to what `common` names.
pub(crate) fn draft(
    record: &Record<'_>,
    fact: Fact,
    common: &Common,
    now: Instant,
    rng: &mut impl CryptoRng,
) -> Result<Draft, Failure> {
    let mut draft = Draft::new(fact, Provenance::typed(now));
    draft.comment = common.comment.clone().filter(|text| !text.trim().is_empty());
    if !common.link.is_empty() {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        draft.restored = Some(Box::new(Restored {
            id: EntryId(id),
            links: links(record, &common.link)?,
            also_from: BTreeMap::new(),
            removed: None,
            extra: Map::new(),
        }));
    }
    Ok(draft)
}

/// The entries that `prefixes` name, each with the kind of link that its own kind means.
fn links(record: &Record<'_>, prefixes: &[String]) -> Result<BTreeMap<EntryId, LinkKind>, Failure> {
    let mut links = BTreeMap::new();
    for prefix in prefixes {
        let target = record.entry(&record.find_id(&prefix.to_ascii_lowercase())?)?;
        let kind = match target.entry.fact {
            Fact::Allergy(_) => LinkKind::Allergy,
            Fact::Disease(_) => LinkKind::Disease,
            Fact::Document(_) => LinkKind::Document,
            Fact::Encounter(_) => LinkKind::Encounter,
            Fact::Measure(_) => LinkKind::Measure,
            Fact::Treatment(_) => LinkKind::Treatment,
            _ => LinkKind::DerivedFrom,
        };
        links.insert(target.entry.id, kind);
    }
    Ok(links)
}

/// Adds `drafts` as one action and says what was kept.
pub(crate) fn add(record: &mut Record<'_>, drafts: &[Draft]) -> Result<Report, Failure> {
    let mut warnings = Vec::new();
    for draft in drafts {
        warnings.extend(form::check(draft)?);
    }
    let added = record.add_all(drafts)?;
    let ids: Vec<Value> = added.iter().map(|added| Value::Object(entry_map(&added.entry))).collect();
    let page = added.iter().flat_map(|added| told(&added.entry)).collect();
    let data = if let [one] = ids.as_slice() { one.clone() } else { Value::Array(ids) };
    Ok(Report { data, page, warnings, ..Report::default() })
}

/// Gives `entry` its new state, after `common`, and says so.
pub(crate) fn amend(record: &mut Record<'_>, mut entry: Entry, common: &Common) -> Result<Report, Failure> {
    if let Some(text) = &common.comment {
        entry.comment = (!text.trim().is_empty()).then(|| text.trim().to_owned());
    }
    entry.links.extend(links(record, &common.link)?);
    record.amend(&entry)?;
    Ok(saved(&entry))
}

fn saved(entry: &Entry) -> Report {
    Report { data: Value::Object(entry_map(entry)), page: told(entry), ..Report::default() }
}

/// That an entry was saved; of what was measured also the figure, with the unit that it was taken to have.
fn told(entry: &Entry) -> Vec<Block> {
    let saved = Block::Say(msg!("saved", name = words::name(&entry.fact), id = entry.id.to_string()));
    let figure = matches!(entry.fact, Fact::Measure(_) | Fact::Target(_))
        .then(|| Block::Pairs(vec![(msg!("column-value"), words::summary(&entry.fact))]));
    [Some(saved), figure].into_iter().flatten().collect()
}

/// The entry that is to be given a new state; one that is to be brought back is so with that state, or not at all.
pub(crate) fn find_for(restore: bool, record: &Record<'_>, noun: Noun, prefix: &str) -> Result<Entry, Failure> {
    let mut entry = find(record, noun, prefix)?.entry;
    if restore {
        entry.removed = None;
    }
    Ok(entry)
}

/// Brings back what was removed.
pub(crate) fn restore(record: &mut Record<'_>, noun: Noun, prefix: &str) -> Result<Report, Failure> {
    let found = find(record, noun, prefix)?;
    Ok(saved(&record.restore(&found.entry.id)?))
}

/// Marks entries as removed; `edit ID --restore` brings them back.
pub(crate) fn remove(record: &mut Record<'_>, noun: Noun, prefixes: &[String]) -> Result<Report, Failure> {
    // All are found before any is removed: a wrong id leaves everything as it was.
    let found: Result<Vec<Found>, Failure> = prefixes.iter().map(|prefix| find(record, noun, prefix)).collect();
    let mut ids: Vec<EntryId> = Vec::new();
    for found in found? {
        if found.entry.removed.is_none() && !ids.contains(&found.entry.id) {
            ids.push(record.remove(&found.entry.id)?.id);
        }
    }
    Ok(removed(&ids))
}

/// What was removed; that nothing was, where it was gone before.
pub(crate) fn removed(ids: &[EntryId]) -> Report {
    let said = if ids.is_empty() { msg!("nothing-removed") } else { msg!("removed", count = ids.len()) };
    let ids: Vec<String> = ids.iter().map(EntryId::to_string).collect();
    Report { data: json!({ "removed": ids }), page: vec![Block::Say(said)], ..Report::default() }
}

/// The drafts in a JSON file: one entry, or a list of them, each with its `kind`.
pub(crate) fn from_json(path: &Path, noun: Noun, now: Instant) -> Result<Vec<Draft>, Failure> {
    let bytes = read_bounded(path, JSON_BYTES_MAX)?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| Failure::BadJson)?;
    let values = match value {
        Value::Array(values) => values,
        one => vec![one],
    };
    let mut drafts = Vec::new();
    for value in values {
        let Value::Object(mut fields) = value else { return Err(Failure::BadJson) };
        let comment = match fields.remove("comment") {
            Some(Value::String(text)) => Some(text),
            None | Some(Value::Null) => None,
            Some(_) => return Err(Failure::BadJson),
        };
        let (fact, unknown) = Fact::from_fields(fields);
        if matches!(fact, Fact::Unknown(_)) || !noun.holds(&fact) || !unknown.is_empty() {
            return Err(Failure::BadJson);
        }
        let mut draft = Draft::new(fact, Provenance::typed(now));
        draft.comment = comment;
        drafts.push(draft);
    }
    Ok(drafts)
}

/// The bytes of a file, or of standard input for `-`, if there are no more than `bytes_max`.
pub(crate) fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(bytes_max + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::unreadable(path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read <= bytes_max) {
        Ok(bytes)
    } else {
        Err(Failure::TooLarge { path: path.display().to_string() })
    }
}

/// The `now` of an entry: the moment, with the offset of the person's zone.
pub(crate) fn local(now_ms: u64, zones: &ZoneHistory) -> Instant {
    let millis = i64::try_from(now_ms).unwrap_or(INSTANT_MS_MAX).min(INSTANT_MS_MAX);
    let offset = i16::try_from(zones.offset_seconds_at(millis) / 60).ok();
    let at = Instant::new(millis, offset).or_else(|| Instant::utc(millis));
    #[expect(clippy::expect_used, reason = "the moment was held to the range of an instant just above")]
    at.expect("an instant within its range")
}

/// Where `--from-json` reads from.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct JsonSource {
    #[arg(long, value_name = "FILE")]
    pub(crate) from_json: Option<PathBuf>,
}
