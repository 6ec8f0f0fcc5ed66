//! Entries as a FHIR R4 Bundle of type `collection`, with the person first.
//!
//! Strict on write: codes with their systems, UCUM units, no empty element, references that lead somewhere. What FHIR
//! has no place for is **told**, field by field ([`Loss`]), from the table of [`crate::mapping`]; what was read from FHIR
//! and has no field in the model is given back word for word.

mod agenda;
mod clinical;
mod consent;
mod element;
mod loss;
mod observation;
mod paper;
mod people;
mod proof;
mod state;

use std::collections::BTreeMap;

use carnet_record::{Entry, EntryId, Fact, Instant, kind::appointment::AppointmentState, person::leading_sheet};

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
    /// What is not in it, by the rules of the table.
    pub losses: Vec<Loss>,
    /// The entry of each resource, in order.
    order: Vec<EntryId>,
}

/// A Bundle beyond what this crate itself reads (`intake::bounds`): nobody could take it in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Bundle is larger than what is read")]
pub struct BundleTooLarge;

impl Written {
    /// The Bundle of `entries` as JSON text, which was read again before it is given, and all that it does not give back
    /// of them. Memory: the text, one tree of it, and what is read from it but for the bytes of documents.
    ///
    /// # Errors
    /// [`BundleTooLarge`].
    pub fn into_text(self, entries: &[Entry]) -> Result<(String, Vec<Loss>), BundleTooLarge> {
        let Self { bundle, mut losses, order } = self;
        let text = bundle.to_text();
        drop(bundle);
        let found = proof::not_given_back(entries, &order, &text, &losses).map_err(|_| BundleTooLarge)?;
        losses.extend(found);
        Ok((text, losses))
    }
}

/// Writes the entries, the leading identity sheet as Patient: other programs take a second one for a second person.
/// Removed entries are left out.
pub fn bundle(entries: &[Entry], options: &mut WriteOptions<'_>) -> Written {
    let kept: Vec<&Entry> = entries.iter().filter(|entry| entry.removed.is_none()).collect();
    let sheet = leading_sheet(kept.iter().map(|entry| (entry.id, &entry.fact))).map(|(id, _)| id);
    let patient = sheet.unwrap_or(EntryId([0; 16]));
    let mut writer = Writer { patient, known: BTreeMap::new(), losses: Vec::new() };
    let mut resources = Vec::new();
    if sheet.is_none() {
        resources.push((patient, Fields::of("Patient").object()));
    }
    let (first, others): (Vec<&Entry>, Vec<&Entry>) = kept.into_iter().partition(|entry| Some(entry.id) == sheet);
    for entry in first.iter().chain(&others) {
        let is_other_sheet = matches!(entry.fact, Fact::Identity(_)) && Some(entry.id) != sheet;
        writer.known.insert(entry.id, resource_type(&entry.fact).filter(|_| !is_other_sheet));
    }
    for entry in first.into_iter().chain(others) {
        if let Some(resource) = writer.resource(entry, options) {
            resources.push((entry.id, resource));
        }
    }
    let order = resources.iter().map(|(id, _)| *id).collect();
    let entry = |(id, resource)| Fields::new().text("fullUrl", &urn(id)).with("resource", resource).object();
    let bundle = Fields::of("Bundle")
        .text("type", "collection")
        .text("timestamp", &options.now.to_string())
        .list("entry", resources.into_iter().map(entry).collect())
        .object();
    Written { bundle, losses: writer.losses, order }
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
        Fact::BloodGroup(_) | Fact::Lifestyle(_) | Fact::Measure(_) => "Observation",
        Fact::Contact(contact) => people::contact_resource(contact),
        Fact::Directive(_) | Fact::Donation(_) => "Consent",
        Fact::Disability(_) | Fact::Disease(_) => "Condition",
        Fact::Document(_) => "DocumentReference",
        Fact::Encounter(_) => "Encounter",
        Fact::FamilyHistory(_) => "FamilyMemberHistory",
        Fact::Identity(_) => "Patient",
        Fact::Prevention(_) => "Task",
        Fact::Procedure(_) => "Procedure",
        Fact::Reminder(_) => "CarePlan",
        Fact::Result(result) => observation::result_resource(result),
        Fact::Target(_) => "Goal",
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
        let Some(kind) = self.known.get(&entry.id).copied().flatten() else {
            let is_sheet = matches!(entry.fact, Fact::Identity(_));
            self.lose(entry, "*", if is_sheet { LossReason::OtherSheet } else { LossReason::NoResource });
            return None;
        };
        let mut fields = Fields::of(kind);
        put_identifiers(entry, &mut fields);
        match &entry.fact {
            Fact::Absence(own) => clinical::absence(self, own, entry, &mut fields),
            Fact::Allergy(own) => clinical::allergy(self, own, entry, &mut fields),
            Fact::Appointment(own) => agenda::appointment(self, own, entry, &mut fields),
            Fact::BloodGroup(own) => observation::blood_group(self, own, entry, &mut fields),
            Fact::Contact(own) => people::contact(self, own, entry, &mut fields),
            Fact::Directive(own) => consent::directive(self, &**own, entry, &mut fields),
            Fact::Disability(own) => clinical::disability(self, own, entry, &mut fields),
            Fact::Disease(own) => clinical::disease(self, own, entry, &mut fields),
            Fact::Document(own) => paper::document(self, own, entry, (options.content)(entry), &mut fields),
            Fact::Donation(own) => consent::donation(self, &**own, entry, &mut fields),
            Fact::Encounter(own) => clinical::encounter(self, own, entry, &mut fields),
            Fact::FamilyHistory(own) => clinical::family_history(self, own, entry, &mut fields),
            Fact::Identity(own) => people::identity(own, &mut fields),
            Fact::Lifestyle(own) => observation::lifestyle(self, &**own, entry, &mut fields),
            Fact::Measure(own) => observation::measure(self, own, entry, &mut fields),
            Fact::Prevention(own) => agenda::prevention(self, own, entry, &mut fields),
            Fact::Procedure(own) => clinical::procedure(self, own, entry, &mut fields),
            Fact::Reminder(own) => agenda::reminder(self, own, entry, &mut fields),
            Fact::Result(own) => observation::result(self, own, entry, &mut fields),
            Fact::Target(own) => observation::target(self, own, entry, &mut fields),
            Fact::Treatment(own) => clinical::treatment(self, own, entry, &mut fields),
            Fact::Vaccination(own) => clinical::vaccination(self, own, entry, &mut fields),
            _ => return None,
        }
        fields.hoist();
        self.give_back(entry, &mut fields);
        self.tell_losses(entry);
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
        self.losses.push(loss_of(entry, field, reason));
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
                Some(_) => self.lose(entry, "provenance.verbatim", LossReason::ChangedSinceRead),
            }
        }
    }
}

/// A loss of an entry.
fn loss_of(entry: &Entry, field: &str, reason: LossReason) -> Loss {
    Loss { entry: entry.id, kind: entry.fact.kind().to_owned(), field: field.to_owned(), reason }
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
