//! What is gathered while the body is walked: drafts, what is told around a statement, and the tally.
//!
//! Two statements never become one entry unless they say the same. Published documents use one `id` for several
//! facts, so an identity always holds the code too, and the whole statement when that is still not enough.

use std::collections::BTreeMap;

use carnet_record::item::{Place, Tally, ZoneUse};
use carnet_record::person::Actor;
use carnet_record::{Concept, Draft, Fact, LinkKind, SourceKey, Status, When};

use crate::cda::header::{Header, InstanceId, author, entity};
use crate::cda::narrative::Words;
use crate::cda::section::Domain;
use crate::cda::time::{self, Doubt, Span};
use crate::cda::tree::Element;
use crate::cda::value;
use crate::intake::ReadContext;

/// Name of the format in provenance.
pub(crate) const FORMAT: &str = "cda-r2";
/// Longest part of a document kept word for word beside one entry, in bytes.
const VERBATIM_BYTES_MAX: usize = 32 << 10;

/// What is told around a statement and holds for it unless it says otherwise.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about where a statement stands")]
pub(crate) struct Around {
    /// What the section is about.
    pub(crate) domain: Domain,
    /// Where we are, for the report: section and entry.
    pub(crate) place: String,
    /// The nearest stretch of time that was told.
    pub(crate) span: Span,
    /// The nearest `statusCode`.
    pub(crate) status: Option<String>,
    /// Whether something around says "not".
    pub(crate) negated: bool,
    /// Whether it is about somebody else than the patient.
    pub(crate) is_about_relative: bool,
    /// Whether it lies in an organizer or section of vital signs.
    pub(crate) is_vital: bool,
    /// Whether the document reports reimbursements.
    pub(crate) is_reimbursed: bool,
    /// Nearest author.
    pub(crate) author: Option<Actor>,
    /// Nearest performer.
    pub(crate) performer: Option<Actor>,
    /// Nearest specimen, in words.
    pub(crate) specimen: Option<String>,
}

/// A fact made from a statement, before it has its identity.
pub(crate) struct Made {
    pub(crate) fact: Fact,
    pub(crate) status: Status,
    pub(crate) comment: Option<String>,
    /// The code that tells the fact from others of its kind.
    pub(crate) code: Concept,
    /// Whether its time belongs to its identity: a result of Monday is not the one of Tuesday.
    pub(crate) is_timed: bool,
    /// What was read, by the names that provenance uses.
    pub(crate) original: Vec<(String, String)>,
    /// Parts of the source without a field, kept word for word.
    pub(crate) kept: Vec<(String, String)>,
}

impl Made {
    /// A fact that stands, told apart by `code`.
    pub(crate) fn new(fact: impl Into<Fact>, code: Concept) -> Self {
        Self {
            fact: fact.into(),
            status: Status::Active,
            comment: None,
            code,
            is_timed: false,
            original: Vec::new(),
            kept: Vec::new(),
        }
    }
}

struct Found {
    draft: Draft,
    base: Vec<String>,
    print: Vec<String>,
    links: Vec<(usize, LinkKind)>,
    place: String,
}

/// Gathers drafts and counts.
pub(crate) struct Collector<'t> {
    pub(crate) context: &'t ReadContext,
    pub(crate) header: &'t Header,
    pub(crate) words: &'t Words<'t>,
    pub(crate) tally: Tally,
    found: Vec<Found>,
}

impl<'t> Collector<'t> {
    pub(crate) fn new(context: &'t ReadContext, header: &'t Header, words: &'t Words<'t>) -> Self {
        Self { context, header, words, tally: Tally::default(), found: Vec::new() }
    }

    /// A place in this file, without a quote.
    pub(crate) fn place(&self, at: &str) -> Place {
        let place = Place::at(at);
        match &self.context.member {
            Some(member) => place.in_member(member),
            None => place,
        }
    }

    /// Reads a point in time; what is none is said in the report and left out.
    pub(crate) fn when(&mut self, text: Option<&str>, kind: &str, around: &Around) -> Option<When> {
        let text = text?;
        let read = time::read(text, &self.context.home_zone);
        let reason = match read {
            Ok((when, doubt)) => {
                self.zone_used(&when, doubt.is_some());
                (doubt == Some(Doubt::Twice)).then_some("time-that-occurs-twice")
            }
            Err(time::NotATime) => Some("not-a-time"),
        };
        if let Some(reason) = reason {
            let place = self.place(&around.place).quoting(text);
            self.tally.warn(kind, reason, place);
        }
        read.ok().map(|(when, _)| when)
    }

    /// Counts how the zone of a moment was known: by its own offset, or by where the person lived.
    fn zone_used(&mut self, when: &When, is_home: bool) {
        let Some(at) = when.instant() else { return };
        let (zone, known_from) = if is_home {
            (self.context.home_zone.zone_at(at.millis()).to_owned(), "history")
        } else {
            let minutes = at.offset_minutes().unwrap_or_default();
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.unsigned_abs();
            (format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60), "record")
        };
        let mut known = self.tally.zones.iter_mut();
        if let Some(same) = known.find(|used| used.zone == zone && used.known_from == known_from) {
            same.rows = same.rows.saturating_add(1);
        } else if self.tally.zones.len() < ZONES_MAX {
            self.tally.zones.push(ZoneUse { zone, known_from: known_from.to_owned(), rows: 1 });
        }
    }

    /// Leaves a statement out on purpose.
    pub(crate) fn set_aside(&mut self, kind: &str, reason: &str, around: &Around) {
        let place = self.place(&around.place);
        self.tally.read(kind, 1);
        self.tally.set_aside(kind, reason, place);
    }

    /// Number of drafts so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether the draft with this number is a result that no panel holds yet.
    pub(crate) fn is_free_result(&self, index: usize) -> bool {
        let is_held = |found: &Found| found.links.iter().any(|(_, kind)| *kind == LinkKind::PartOf);
        self.found.get(index).is_some_and(|found| matches!(found.draft.fact, Fact::Result(_)) && !is_held(found))
    }

    /// Ties a part to its whole, in both directions.
    pub(crate) fn tie(&mut self, whole: usize, part: usize) {
        if let Some(found) = self.found.get_mut(whole) {
            found.links.push((part, LinkKind::HasPart));
        }
        if let Some(found) = self.found.get_mut(part) {
            found.links.push((whole, LinkKind::PartOf));
        }
    }

    /// Adds a fact made from a statement; gives its number.
    pub(crate) fn add(&mut self, statement: &Element, around: &Around, made: Made) -> usize {
        let kind = made.fact.kind().to_owned();
        self.tally.read(&kind, 1);
        let ids: Vec<InstanceId> = statement.all("id").filter_map(InstanceId::of).take(IDS_MAX).collect();
        let mut provenance = self.context.provenance(FORMAT, &around.place);
        provenance.author.clone_from(&around.author);
        provenance.recorded_at = around.author.as_ref().and_then(|author| author.at).and_then(|at| at.instant());
        provenance.identifiers = ids.iter().map(InstanceId::identifier).collect();
        provenance.original = originals(statement, around, &made);
        provenance.verbatim = made.kept.into_iter().collect();
        let when = made.fact.when().map(|when| time_text(&when)).unwrap_or_default();
        let base = match ids.first() {
            Some(id) => {
                let time = if made.is_timed { when.clone() } else { String::new() };
                vec![kind, id.text(), value::code_text(&made.code), time]
            }
            None => vec![kind, String::new(), self.document_identity(), value::code_text(&made.code), when.clone()],
        };
        let said = ["value", "unit", "value_low", "value_high", "numerator", "denominator", "time_end", "type"];
        let mut print = vec![when];
        print.extend(said.iter().map(|name| provenance.original.get(*name).cloned().unwrap_or_default()));
        print.push(made.fact.label());
        let draft = Draft { comment: made.comment, status: made.status, ..Draft::new(made.fact, provenance) };
        self.see(&draft);
        self.found.push(Found { draft, base, print, links: Vec::new(), place: around.place.clone() });
        self.found.len().saturating_sub(1)
    }

    /// What the versions of one document have in common.
    fn document_identity(&self) -> String {
        let id = self.header.set_id.as_ref().or(self.header.id.as_ref());
        id.map_or_else(|| self.context.sha256.clone(), InstanceId::text)
    }

    fn see(&mut self, draft: &Draft) {
        if let Some(When::Instant(at)) = draft.fact.when() {
            let day = self.context.home_zone.day_of(at.millis(), at.offset_minutes());
            self.tally.see(at.millis(), day);
        } else if let Some(day) = draft.fact.when().and_then(|when| when.local_day(&self.context.home_zone)) {
            let midnight = i64::from(day.epoch_days()).saturating_mul(86_400_000);
            self.tally.see(midnight, Some(day));
        }
    }

    /// The drafts with their identities, and links to `document`. Statements that say the same become one.
    pub(crate) fn finish(mut self, document: &SourceKey) -> (Vec<Draft>, Tally) {
        let found = std::mem::take(&mut self.found);
        let mut by_base: BTreeMap<&[String], Vec<usize>> = BTreeMap::new();
        for (index, one) in found.iter().enumerate() {
            by_base.entry(&one.base).or_default().push(index);
        }
        // The number of the draft that stands for each one: itself, or an earlier one that says the same.
        let mut stands: Vec<usize> = (0..found.len()).collect();
        let mut keys: Vec<Option<SourceKey>> = vec![None; found.len()];
        for same in by_base.values() {
            let facts_differ = same.iter().any(|index| !says_same(&found, same.first(), *index));
            let mut seen: BTreeMap<Vec<&str>, Vec<usize>> = BTreeMap::new();
            for index in same {
                let Some(one) = found.get(*index) else { continue };
                let mut parts: Vec<&str> = one.base.iter().map(String::as_str).collect();
                if facts_differ {
                    parts.extend(one.print.iter().map(String::as_str));
                }
                let before = seen.entry(parts.clone()).or_default();
                if let Some(first) = before.iter().find(|first| says_same(&found, Some(*first), *index)) {
                    if let Some(place) = stands.get_mut(*index) {
                        *place = *first;
                    }
                    continue;
                }
                let number = (!before.is_empty()).then(|| before.len().to_string());
                if let Some(key) = keys.get_mut(*index) {
                    *key = Some(SourceKey::new("cda", parts.iter().copied().chain(number.as_deref())));
                }
                before.push(*index);
            }
        }
        drop(by_base);
        let mut drafts = Vec::with_capacity(found.len());
        for (index, one) in found.into_iter().enumerate() {
            let kind = one.draft.fact.kind().to_owned();
            let Some(key) = keys.get(index).cloned().flatten() else {
                self.tally.merge(&kind, 1);
                continue;
            };
            let mut draft = one.draft;
            draft.provenance.source_key = Some(key.as_str().to_owned());
            let target = |index: &usize| keys.get(*stands.get(*index)?).cloned().flatten();
            draft.links = one.links.iter().filter_map(|(to, link)| Some((target(to)?, link.clone()))).collect();
            draft.links.retain(|(to, _)| *to != key);
            draft.links.push((document.clone(), LinkKind::Document));
            draft.source_key = Some(key);
            self.warnings_of(&draft, &one.place);
            drafts.push(draft);
        }
        (drafts, self.tally)
    }

    fn warnings_of(&mut self, draft: &Draft, at: &str) {
        let kind = draft.fact.kind().to_owned();
        let is_later = matches!(draft.fact.when(), Some(When::Instant(at)) if at.millis() > self.context.now_ms);
        if is_later {
            let place = self.place(at);
            self.tally.warn(&kind, "in-the-future", place);
        }
        for warning in draft.validate().unwrap_or_default() {
            // The rules of form bind what a person types; of a document only what may be a mistake is told.
            if TOLD.contains(&warning.reason()) {
                let place = self.place(at);
                self.tally.warn(&kind, warning.reason(), place);
            }
        }
    }
}

/// Short texts as they were written, by name.
fn originals(statement: &Element, around: &Around, made: &Made) -> BTreeMap<String, String> {
    let mut original: BTreeMap<String, String> = made.original.iter().cloned().collect();
    let mut put = |name: &str, text: Option<&String>| {
        if let Some(text) = text {
            original.entry(name.to_owned()).or_insert_with(|| text.clone());
        }
    };
    put("statement", Some(&statement.name));
    put("time", around.span.start.as_ref());
    put("time_end", around.span.end.as_ref());
    put("status", around.status.as_ref());
    original
}

fn says_same(found: &[Found], first: Option<&usize>, other: usize) -> bool {
    let (Some(first), Some(other)) = (first.and_then(|index| found.get(*index)), found.get(other)) else {
        return false;
    };
    first.draft.fact == other.draft.fact
        && first.draft.status == other.draft.status
        && first.draft.comment == other.draft.comment
        && first.draft.provenance.original == other.draft.provenance.original
}

/// A time for an identity: instants in UTC, dates as they are.
fn time_text(when: &When) -> String {
    match when {
        When::Instant(at) => at.millis().to_string(),
        When::Date(date) => date.to_string(),
    }
}

impl Around {
    /// What holds inside a statement.
    pub(crate) fn inside(&self, statement: &Element, collector: &Collector<'_>) -> Self {
        let zones = &collector.context.home_zone;
        let span = Span::of(statement);
        let status = statement.child("statusCode").and_then(|status| status.attribute("code"));
        let specimen = statement.at(&["specimen", "specimenRole", "specimenPlayingEntity"]);
        let specimen = specimen.and_then(|entity| {
            let code = crate::cda::header::concept(entity.child("code"), collector.words);
            code.label().map(str::to_owned).or_else(|| entity.child("name").and_then(Element::line_of_text))
        });
        let relative = statement.child("subject").and_then(|subject| subject.child("relatedSubject"));
        Self {
            span: if span.is_empty() { self.span.clone() } else { span },
            status: status.map(str::to_owned).or_else(|| self.status.clone()),
            negated: self.negated || statement.attribute("negationInd") == Some("true"),
            is_about_relative: self.is_about_relative || relative.is_some(),
            author: statement.child("author").and_then(|part| author(part, zones)).or_else(|| self.author.clone()),
            performer: statement
                .child("performer")
                .and_then(|part| entity(part, zones))
                .or_else(|| self.performer.clone()),
            specimen: specimen.or_else(|| self.specimen.clone()),
            ..self.clone()
        }
    }
}

/// The statements directly inside a statement, with the element that relates them.
pub(crate) fn inner_statements(statement: &Element) -> impl Iterator<Item = (&Element, &Element)> {
    let relations = statement.elements().filter(|part| part.name == "entryRelationship" || part.name == "component");
    relations.filter_map(|relation| {
        let inner = relation.elements().find(|part| STATEMENTS.contains(&part.name.as_str()))?;
        Some((relation, inner))
    })
}

/// Relations of a statement as XML, for what the model has no field for.
pub(crate) fn kept_relations<'e>(relations: impl Iterator<Item = &'e Element>) -> (Vec<(String, String)>, usize) {
    let mut kept = Vec::new();
    let mut bytes = 0_usize;
    let mut lost = 0_usize;
    for (index, relation) in relations.enumerate() {
        let mut text = String::new();
        relation.write(&mut text);
        bytes = bytes.saturating_add(text.len());
        if bytes > VERBATIM_BYTES_MAX {
            lost = lost.saturating_add(1);
            continue;
        }
        kept.push((format!("entryRelationship[{index:02}]"), text));
    }
    (kept, lost)
}

/// Names of the clinical statements of CDA R2.
pub(crate) const STATEMENTS: [&str; 9] = [
    "act",
    "encounter",
    "observation",
    "observationMedia",
    "organizer",
    "procedure",
    "regionOfInterest",
    "substanceAdministration",
    "supply",
];
/// Rules of the model whose breach is told in the report.
const TOLD: [&str; 4] = ["diastolic-not-below-systolic", "end-before-start", "out-of-bounds", "unit-unknown"];
/// Most zones counted apart.
const ZONES_MAX: usize = 64;
/// Most identifiers read of one statement.
const IDS_MAX: usize = 16;
