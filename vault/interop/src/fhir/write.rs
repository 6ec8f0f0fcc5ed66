//! Entries as a FHIR R4 Bundle of type `collection`, with the person first.
//!
//! Strict on write: codes with their systems, UCUM units, no empty element, references that lead somewhere. What FHIR
//! has no place for is **told**, field by field ([`Loss`]), from the table of [`crate::mapping`]; what was read from FHIR
//! and has no field in the model is given back word for word.

mod clinical;
mod element;
mod loss;
mod observation;
mod paper;
mod people;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use carnet_record::{Entry, EntryId, Fact, Instant, kind::appointment::AppointmentState};

use self::element::Fields;
pub use self::loss::{Loss, LossReason};
pub(crate) use self::people::type_of_coding;
use super::json::{Json, parse};
use crate::mapping;

/// What a Bundle is made with.
pub struct WriteOptions<'a> {
    /// When the Bundle is made.
    pub now: Instant,
    /// The bytes of a document, when they are to be put into the Bundle.
    pub content: &'a mut dyn FnMut(&Entry) -> Option<Vec<u8>>,
}

/// A Bundle, and what it could not carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The Bundle.
    pub bundle: Json,
    /// What is not in it.
    pub losses: Vec<Loss>,
}

/// A Bundle beyond what this crate itself reads (`intake::bounds`): nobody could take it in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Bundle is larger than what is read")]
pub struct BundleTooLarge;

impl Written {
    /// The Bundle as JSON text, which was read again before it is given. Memory: the text and one tree of it.
    ///
    /// # Errors
    /// [`BundleTooLarge`].
    pub fn into_text(self) -> Result<(String, Vec<Loss>), BundleTooLarge> {
        let text = self.bundle.to_text();
        drop(self.bundle);
        parse(text.as_bytes()).map_err(|_| BundleTooLarge)?;
        Ok((text, self.losses))
    }
}

/// Writes the entries, the identity sheet as Patient. Removed entries are left out.
pub fn bundle(entries: &[Entry], options: &mut WriteOptions<'_>) -> Written {
    let kept: Vec<&Entry> = entries.iter().filter(|entry| entry.removed.is_none()).collect();
    let mut writer = Writer { patient: patient_id(&kept), known: BTreeMap::new(), losses: Vec::new() };
    for entry in &kept {
        writer.known.insert(entry.id, resource_type(&entry.fact));
    }
    let has_identity = kept.iter().any(|entry| matches!(entry.fact, Fact::Identity(_)));
    let mut resources = Vec::new();
    if !has_identity {
        resources.push((writer.patient, Fields::of("Patient").object()));
    }
    let (identity, others): (Vec<&Entry>, Vec<&Entry>) =
        kept.iter().copied().partition(|entry| matches!(entry.fact, Fact::Identity(_)));
    for entry in identity.into_iter().chain(others) {
        if let Some(resource) = writer.resource(entry, options) {
            resources.push((entry.id, resource));
        }
    }
    let entry = |(id, resource)| Fields::new().text("fullUrl", &urn(id)).with("resource", resource).object();
    let bundle = Fields::of("Bundle")
        .text("type", "collection")
        .text("timestamp", &options.now.to_string())
        .list("entry", resources.into_iter().map(entry).collect())
        .object();
    Written { bundle, losses: writer.losses }
}

/// The type of resource that a fact becomes; none for what FHIR has no place for.
pub(crate) fn resource_type(fact: &Fact) -> Option<&'static str> {
    Some(match fact {
        Fact::Absence(absence) => clinical::absence_resource(absence),
        Fact::Allergy(_) => "AllergyIntolerance",
        Fact::Appointment(own) => {
            let state = own.state.as_ref().map(AppointmentState::as_str);
            state
                .is_none_or(|state| state::one_of(state, state::APPOINTMENT_STATES).is_some())
                .then_some("Appointment")?
        }
        Fact::BloodGroup(_) | Fact::Measure(_) => "Observation",
        Fact::Contact(contact) => people::contact_resource(contact),
        Fact::Disease(_) => "Condition",
        Fact::Document(_) => "DocumentReference",
        Fact::Encounter(_) => "Encounter",
        Fact::Identity(_) => "Patient",
        Fact::Procedure(_) => "Procedure",
        Fact::Result(result) => observation::result_resource(result),
        Fact::Treatment(treatment) => clinical::treatment_resource(treatment)?,
        Fact::Vaccination(_) => "Immunization",
        _ => return None,
    })
}

/// What the writers of single kinds share.
pub(crate) struct Writer {
    patient: EntryId,
    known: BTreeMap<EntryId, Option<&'static str>>,
    losses: Vec<Loss>,
}

impl Writer {
    fn resource(&mut self, entry: &Entry, options: &mut WriteOptions<'_>) -> Option<Json> {
        let Some(kind) = resource_type(&entry.fact) else {
            self.lose(entry, "*", LossReason::NoResource);
            return None;
        };
        let mut fields = Fields::of(kind);
        put_identifiers(entry, &mut fields);
        match &entry.fact {
            Fact::Absence(own) => clinical::absence(self, own, entry, &mut fields),
            Fact::Allergy(own) => clinical::allergy(self, own, entry, &mut fields),
            Fact::Appointment(own) => paper::appointment(self, own, entry, &mut fields),
            Fact::BloodGroup(own) => observation::blood_group(self, own, entry, &mut fields),
            Fact::Contact(own) => people::contact(self, own, entry, &mut fields),
            Fact::Disease(own) => clinical::disease(self, own, entry, &mut fields),
            Fact::Document(own) => paper::document(self, own, entry, (options.content)(entry), &mut fields),
            Fact::Encounter(own) => clinical::encounter(self, own, entry, &mut fields),
            Fact::Identity(own) => people::identity(own, &mut fields),
            Fact::Measure(own) => observation::measure(self, own, entry, &mut fields),
            Fact::Procedure(own) => clinical::procedure(self, own, entry, &mut fields),
            Fact::Result(own) => observation::result(self, own, entry, &mut fields),
            Fact::Treatment(own) => clinical::treatment(self, own, entry, &mut fields),
            Fact::Vaccination(own) => clinical::vaccination(self, own, entry, &mut fields),
            _ => return None,
        }
        fields.hoist();
        self.give_back(entry, &mut fields);
        self.tell_losses(entry);
        self.tell_lost_ties(entry, &fields);
        Some(fields.object())
    }

    /// The reference to the person.
    pub(crate) fn subject(&self) -> Json {
        Fields::new().text("reference", &urn(self.patient)).object()
    }

    /// References to the linked entries of one kind that are in the Bundle.
    pub(crate) fn links(&self, entry: &Entry, kind: &carnet_record::LinkKind, wanted: &[&str]) -> Vec<Json> {
        let own = entry.links.iter().filter(|(_, own)| *own == kind).map(|(target, _)| target);
        let there = own.filter(|target| {
            let resource = self.known.get(*target).copied().flatten();
            resource.is_some_and(|resource| wanted.is_empty() || wanted.contains(&resource))
        });
        there.map(|target| Fields::new().text("reference", &urn(*target)).object()).collect()
    }

    /// Notes a loss.
    pub(crate) fn lose(&mut self, entry: &Entry, field: &str, reason: LossReason) {
        let kind = entry.fact.kind().to_owned();
        self.losses.push(Loss { entry: entry.id, kind, field: field.to_owned(), reason });
    }

    /// Fields that the table says FHIR has no place for, when they are set.
    fn tell_losses(&mut self, entry: &Entry) {
        let fields = entry.fact.to_fields();
        for (field, value) in fields.iter().filter(|(field, _)| *field != "members") {
            if has_time_of_actor(value) {
                self.lose(entry, field, LossReason::TimeOfActor);
            }
        }
        let rows = mapping::rows_of(entry.fact.kind());
        let lost: Vec<_> =
            rows.filter(|row| fields.contains_key(row.field)).filter_map(|row| Some((row.field, row.loss?))).collect();
        for (field, reason) in lost {
            self.lose(entry, field, reason);
        }
        if entry.comment.is_some() && !mapping::has_note(resource_type(&entry.fact)) {
            self.lose(entry, "comment", LossReason::NoNote);
        }
    }

    /// Links and the author, which each resource has places of its own for, or none.
    fn tell_lost_ties(&mut self, entry: &Entry, fields: &Fields) {
        let mut texts = BTreeSet::new();
        fields.texts(&mut texts);
        if entry.links.keys().any(|target| !texts.contains(urn(*target).as_str())) {
            self.lose(entry, "links", LossReason::LinkLeftOut);
        }
        let author = entry.provenance.author.as_ref();
        let said = author.and_then(|own| own.name.as_deref().or(own.identifiers.first().map(|id| id.value.as_str())));
        if said.is_some_and(|said| !texts.contains(said)) {
            self.lose(entry, "author", LossReason::NoPlaceInResource);
        }
    }

    /// Gives back, word for word, what was read from FHIR and has no field in the model: members that are not written
    /// otherwise, and those that differ from what is written by their extensions only.
    fn give_back(&mut self, entry: &Entry, fields: &mut Fields) {
        if !is_of(entry, fields) {
            return;
        }
        for (name, text) in &entry.provenance.verbatim {
            let parsed = parse(text.as_bytes()).ok().and_then(|mut parsed| parsed.values.pop());
            let Some(value) = parsed else { continue };
            match fields.get(name) {
                None => fields.put(name, Some(value)),
                Some(Json::List(own)) if name == "extension" => {
                    let both = own.iter().chain(value.as_list()).cloned().collect();
                    fields.replace(name, Json::List(both));
                }
                Some(own) if without_extensions(&value) == *own => fields.replace(name, value),
                Some(_) => self.lose(entry, name, LossReason::ChangedSinceRead),
            }
        }
    }
}

/// Whether a field holds actors with the time at which they acted.
fn has_time_of_actor(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(items) => items.iter().any(has_time_of_actor),
        serde_json::Value::Object(members) => {
            (members.contains_key("at") && (members.contains_key("name") || members.contains_key("reference")))
                || members.get("actor").is_some_and(has_time_of_actor)
        }
        _ => false,
    }
}

/// What every resource has: the identifiers of its source.
fn put_identifiers(entry: &Entry, fields: &mut Fields) {
    let identifiers: Vec<Json> = entry.provenance.identifiers.iter().map(element::identifier).collect();
    if !matches!(entry.fact, Fact::Contact(_) | Fact::Identity(_)) {
        fields.put_list("identifier", identifiers);
    }
}

/// Whether what was read and kept belongs to the type of resource that is written: a Composition, for instance, is kept
/// as a document and its members are not those of a `DocumentReference`.
fn is_of(entry: &Entry, fields: &Fields) -> bool {
    let place = entry.provenance.source.as_ref().and_then(|source| source.place.as_deref());
    let name = place.and_then(|place| place.rsplit(' ').next());
    let kind =
        name.and_then(|name| name.split('/').next()).filter(|kind| kind.starts_with(|c: char| c.is_ascii_uppercase()));
    kind.is_none_or(|kind| fields.get("resourceType").and_then(Json::as_text) == Some(kind))
}

fn without_extensions(json: &Json) -> Json {
    match json {
        Json::List(items) => Json::List(items.iter().map(without_extensions).collect()),
        Json::Object(members) => {
            let kept = members.iter().filter(|(name, _)| name != "extension" && !name.starts_with('_'));
            Json::Object(kept.map(|(name, value)| (name.clone(), without_extensions(value))).collect())
        }
        other => other.clone(),
    }
}

/// `urn:uuid:` of an entry's id.
pub(crate) fn urn(id: EntryId) -> String {
    let hex = id.to_string();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// The id of the identity sheet, or one that no entry has.
fn patient_id(entries: &[&Entry]) -> EntryId {
    let identity = entries.iter().find(|entry| matches!(entry.fact, Fact::Identity(_)));
    identity.map_or(EntryId([0; 16]), |entry| entry.id)
}
