//! From the resources of a file to items: who it is about, drafts, papers, and the tally.

use std::collections::{BTreeMap, BTreeSet};

use carnet_record::{
    Draft, Fact, Provenance, SourceKey, When,
    item::{Item, Place, Tally, ZoneUse},
    validate::{Violation, Warning, is_future},
};

use super::{
    allergy, appointment,
    bundle::{Index, Resource},
    condition, consent,
    document::{self, Paper},
    element::identifiers_at,
    family,
    found::Found,
    goal, immunization,
    json::Json,
    medication, observation, patient, prevention, procedure, reminder, report, version,
};
use crate::{
    document::{Measured, draft as document_draft, hand_on, named},
    intake::{ContainerError, ReadContext, Sink},
    ips,
};

/// The file as it came.
pub(super) struct Source<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) media_type: &'a str,
    pub(super) doubled_keys: usize,
}

/// Reads everything under `root`.
pub(super) fn whole(
    root: &Json,
    source: &Source<'_>,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<Tally, ContainerError> {
    let (index, bare) = Index::new(root);
    let mut reading = Reading {
        index: &index,
        context,
        tally: Tally::default(),
        subject: None,
        groups: groups(&index),
        given: BTreeMap::new(),
        out,
    };
    for _ in 0..source.doubled_keys.min(DOUBLED_KEYS_TOLD_MAX) {
        reading.tally.warn("file", "key-doubled", Place::at("json"));
    }
    if let Some(reason) = unreadable(root, &index) {
        reading.whole_file(source, reason)?;
        return Ok(reading.tally);
    }
    if bare > 0 {
        let rows = u64::try_from(bare).unwrap_or(u64::MAX);
        reading.tally.read("answer", rows);
        reading.tally.set_aside_many("answer", "no-resource-in-entry", rows);
    }
    reading.choose_subject()?;
    for (place, resource) in index.resources.iter().enumerate() {
        reading.resource(place, resource)?;
    }
    Ok(reading.tally)
}

/// Why the file as a whole cannot be read as entries: another version, or rules of its own for all of it.
fn unreadable(root: &Json, index: &Index<'_>) -> Option<&'static str> {
    let other =
        std::iter::once(root).chain(index.resources.iter().map(|own| own.json)).find_map(version::other_version);
    let is_bundle = root.text("resourceType") == Some("Bundle");
    other
        .map(version::OtherVersion::reason)
        .or((is_bundle && root.get("implicitRules").is_some()).then_some("implicit-rules"))
}

struct Reading<'r, 'a> {
    index: &'r Index<'a>,
    context: &'r ReadContext,
    tally: Tally,
    /// Place of the Patient that the file is taken to be about.
    subject: Option<usize>,
    /// Prescription that a line belongs to, by the place of the line.
    groups: BTreeMap<usize, String>,
    /// What was given out, by key: a resource that says the same again is the same.
    given: BTreeMap<SourceKey, String>,
    out: &'r mut Sink<'r>,
}

impl<'a> Reading<'_, 'a> {
    /// Another version: the file as one document.
    fn whole_file(&mut self, source: &Source<'_>, reason: &str) -> Result<(), ContainerError> {
        self.tally.read("document", 1);
        self.tally.warn("document", reason, Place::at("file"));
        let measured = Measured::of(source.bytes)?;
        let fact = named(self.context.document_name(), source.media_type);
        let draft = document_draft(fact, measured, self.context.provenance("fhir", ""));
        hand_on(draft, measured, source.bytes, self.out)
    }

    /// The Patient to whom most resources refer; the others are set aside with what is about them.
    fn choose_subject(&mut self) -> Result<(), ContainerError> {
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        let mut elsewhere = BTreeSet::new();
        for resource in &self.index.resources {
            match subject_reference(resource.json).map(|reference| (self.index.find(reference), reference)) {
                Some((Some(place), _)) => *votes.entry(place).or_default() += 1,
                Some((None, reference)) => {
                    elsewhere.insert(reference);
                }
                None => {}
            }
        }
        let patients = self.index.resources.iter().enumerate().filter(|(_, resource)| resource.kind == "Patient");
        let chosen = patients.max_by_key(|(place, _)| (votes.get(place).copied().unwrap_or(0), usize::MAX - place));
        self.subject = chosen.map(|(place, _)| place);
        if self.subject.is_none() && elsewhere.len() > 1 {
            self.tally.warn("person", "several-persons", Place::at("subject"));
        }
        let Some((_, resource)) = chosen else {
            let named = self.index.resources.iter().find_map(|resource| patient::named_by(resource.json));
            return match named {
                Some(claim) => Ok((self.out)(Item::Subject(Box::new(claim)))?),
                None => Ok(()),
            };
        };
        let mut claim = patient::subject(resource);
        claim.verbatim = bounded(claim.verbatim, &mut Vec::new());
        let place = Place::at(place_of(resource));
        let identity =
            Draft::new(claim.identity.clone(), Provenance::imported(carnet_record::provenance::SourcePlace::default()));
        for warning in identity.validate().unwrap_or_default() {
            if is_worth_telling(&warning) {
                self.tally.warn("person", warning.reason(), place.clone());
            }
        }
        Ok((self.out)(Item::Subject(Box::new(claim)))?)
    }

    fn resource(&mut self, place: usize, resource: &Resource<'a>) -> Result<(), ContainerError> {
        let kind = resource.kind;
        if let Some(reason) = aside(kind).filter(|_| !prevention::is_own(resource.json)) {
            self.tally.read(kind, 1);
            self.tally.set_aside(kind, reason, Place::at(place_of(resource)));
            return Ok(());
        }
        if self.is_about_another(place, resource) {
            self.tally.read(kind, 1);
            self.tally.set_aside(kind, "other-person", Place::at(place_of(resource)));
            return Ok(());
        }
        if resource.json.get("implicitRules").is_some() || has_modifier(resource.json) {
            let entry = entry_kind(kind);
            self.tally.read(entry, 1);
            self.tally.refuse(entry, "modifier-not-known", Place::at(place_of(resource)));
            return self.paper(resource, document::resource_as_document(resource));
        }
        self.mapped(place, resource)
    }

    /// The one place that says which resource becomes what.
    fn mapped(&mut self, place: usize, resource: &Resource<'a>) -> Result<(), ContainerError> {
        let index = self.index;
        let found = match resource.kind {
            "Patient" => return self.patient(resource),
            "FamilyMemberHistory" => return self.family(resource),
            "Composition" => return self.composition(resource),
            "DocumentReference" => {
                for paper in document::document_reference(resource, index) {
                    self.paper(resource, paper)?;
                }
                return Ok(());
            }
            "Binary" | "Device" | "Location" | "Medication" | "RequestGroup" | "Specimen"
                if self.is_part(place, resource) =>
            {
                self.tally.read(resource.kind, 1);
                self.tally.merge(resource.kind, 1);
                return Ok(());
            }
            "Binary" => return self.paper(resource, document::binary(resource, self.context.document_name())),
            "AllergyIntolerance" => allergy::allergy(resource, index),
            "Appointment" => appointment::appointment(resource, index),
            "CarePlan" => match reminder::care_plan(resource) {
                Some(found) => found,
                None => return self.paper(resource, document::resource_as_document(resource)),
            },
            "Task" => match prevention::task(resource) {
                Some(found) => found,
                None => return self.paper(resource, document::resource_as_document(resource)),
            },
            "CareTeam" => patient::care_team(resource, index),
            "Condition" => condition::condition(resource, index),
            "Consent" => match consent::consent(resource, index) {
                Some(found) => found,
                None => return self.paper(resource, document::resource_as_document(resource)),
            },
            "DiagnosticReport" => report::report(resource, index),
            "Encounter" => procedure::encounter(resource, index),
            "Goal" => match goal::goal(resource) {
                Some(found) => found,
                None => return self.paper(resource, document::resource_as_document(resource)),
            },
            "Immunization" => immunization::immunization(resource, index),
            "MedicationAdministration" | "MedicationDispense" | "MedicationRequest" | "MedicationStatement" => {
                self.with_group(place, medication::medication(resource, index))
            }
            "List" => match ips::empty_list(resource, index) {
                Some(found) => found,
                None => return self.paper(resource, document::resource_as_document(resource)),
            },
            "Observation" => observation::observation(resource, index),
            "Organization" => patient::organization(resource),
            "Practitioner" => patient::practitioner(resource),
            "PractitionerRole" => patient::practitioner_role(resource, index),
            "Procedure" => procedure::procedure(resource, index),
            "RelatedPerson" => patient::related_person(resource),
            "Slot" => appointment::slot(resource),
            _ => return self.paper(resource, document::resource_as_document(resource)),
        };
        let papers = if resource.kind == "DiagnosticReport" { document::presented_forms(resource) } else { Vec::new() };
        self.draft(resource, found, index.key(resource))?;
        for paper in papers {
            self.paper(resource, paper)?;
        }
        Ok(())
    }

    fn patient(&mut self, resource: &Resource<'a>) -> Result<(), ContainerError> {
        let key = self.index.key(resource);
        for (at, found) in patient::contacts_of_patient(resource.json).into_iter().enumerate() {
            let own = format!("contact[{at}]");
            self.draft(resource, found, SourceKey::new("part", [key.as_str(), own.as_str()]))?;
        }
        Ok(())
    }

    /// Several diseases of one relative are several entries; what each of them leaves out stays in a document.
    fn family(&mut self, resource: &Resource<'a>) -> Result<(), ContainerError> {
        let key = self.index.key(resource);
        let found = family::family_member_history(resource);
        let is_one = found.len() == 1;
        for (at, found) in found.into_iter().enumerate() {
            let own = format!("condition[{at}]");
            let part = SourceKey::new("part", [key.as_str(), own.as_str()]);
            self.draft(resource, found, if is_one { key.clone() } else { part })?;
        }
        if is_one { Ok(()) } else { self.paper(resource, document::resource_as_document(resource)) }
    }

    fn composition(&mut self, resource: &Resource<'a>) -> Result<(), ContainerError> {
        let key = self.index.key(resource);
        for (at, found) in ips::composition(resource, self.index).into_iter().enumerate() {
            let of = match &found.fact {
                Fact::Absence(absence) => absence.of.to_string(),
                _ => String::new(),
            };
            let own = if at == 0 { key.clone() } else { SourceKey::new("part", [key.as_str(), of.as_str()]) };
            self.draft(resource, found, own)?;
        }
        Ok(())
    }

    /// Whether another resource holds all that this one says: the drug of a statement, the bytes of a paper.
    fn is_part(&self, place: usize, resource: &Resource<'_>) -> bool {
        resource.kind == "RequestGroup" && !self.groups.is_empty() || self.index.is_referenced(place)
    }

    fn with_group(&self, place: usize, mut found: Found) -> Found {
        if let (Fact::Treatment(treatment), Some(group)) = (&mut found.fact, self.groups.get(&place))
            && treatment.group.is_none()
        {
            treatment.group = Some(group.clone());
        }
        found
    }

    fn is_about_another(&self, place: usize, resource: &Resource<'a>) -> bool {
        let Some(subject) = self.subject else { return false };
        if resource.kind == "Patient" {
            return place != subject;
        }
        let target = subject_reference(resource.json).and_then(|reference| self.index.find(reference));
        let is_patient = |own: &usize| self.index.resources.get(*own).is_some_and(|own| own.kind == "Patient");
        target.filter(is_patient).is_some_and(|own| own != subject)
    }

    fn draft(&mut self, resource: &Resource<'a>, found: Found, key: SourceKey) -> Result<(), ContainerError> {
        let draft = self.made(resource, found, key);
        self.tally.read(draft.fact.kind(), 1);
        if self.is_repeated(&draft) {
            return Ok(());
        }
        Ok((self.out)(Item::Draft(Box::new(draft)))?)
    }

    /// Whether the file gave the same fact before; then it counts as merged.
    fn is_repeated(&mut self, draft: &Draft) -> bool {
        let Some(key) = &draft.source_key else { return false };
        let said = document::sha256_hex(format!("{:?} {:?}", draft.fact, draft.status).as_bytes());
        let is_repeated = self.given.insert(key.clone(), said.clone()) == Some(said);
        if is_repeated {
            self.tally.merge(draft.fact.kind(), 1);
        }
        is_repeated
    }

    fn paper(&mut self, resource: &Resource<'a>, paper: Paper) -> Result<(), ContainerError> {
        let (Paper { found, bytes, .. }, key) = self.identified(resource, paper);
        let draft = self.made(resource, found, key);
        self.tally.read("document", 1);
        if self.is_repeated(&draft) {
            return Ok(());
        }
        match bytes {
            Some(bytes) => {
                let measured = Measured::of(&bytes[..])?;
                hand_on(draft, measured, &bytes[..], self.out)
            }
            None => Ok((self.out)(Item::Draft(Box::new(draft)))?),
        }
    }

    /// A paper that knows the size and the digest of its bytes, and its identity.
    fn identified(&self, resource: &Resource<'a>, mut paper: Paper) -> (Paper, SourceKey) {
        let otherwise = self.index.key(resource);
        let key = match &mut paper.found.fact {
            Fact::Document(fact) => {
                if let Some(bytes) = &paper.bytes {
                    fact.size = u64::try_from(bytes.len()).ok();
                    fact.sha256 = Some(document::sha256_hex(bytes));
                }
                document::document_key(fact, paper.bytes.as_deref(), paper.part, otherwise)
            }
            _ => otherwise,
        };
        (paper, key)
    }

    /// The identity of what a link leads to, as it is given to the draft of that resource.
    fn key_of(&self, target: &Resource<'a>) -> SourceKey {
        let is_paper = target.kind == "DocumentReference";
        let papers = if is_paper { document::document_reference(target, self.index) } else { Vec::new() };
        let first = papers.into_iter().next().map(|paper| self.identified(target, paper).1);
        first.unwrap_or_else(|| self.index.key(target))
    }

    /// The draft with its provenance, links and remarks.
    fn made(&mut self, resource: &Resource<'a>, found: Found, key: SourceKey) -> Draft {
        let place = place_of(resource);
        let mut provenance = self.context.provenance("fhir-r4", &place);
        provenance.author = found.author;
        provenance.recorded_at = found.recorded_at;
        provenance.device = found.device;
        if found.is_whole && !matches!(found.fact, Fact::Contact(_)) {
            provenance.identifiers = identifiers_at(resource.json, "identifier");
        }
        provenance.original = found.original;
        let meta = resource.json.get("meta");
        provenance.modified_at = meta.and_then(|own| super::element::instant_at(own, "lastUpdated"));
        provenance.application = meta.and_then(|own| own.text("source")).map(str::to_owned);
        let profiles: Vec<&str> =
            meta.map(|own| own.list("profile")).unwrap_or_default().iter().filter_map(Json::as_text).collect();
        if !profiles.is_empty() {
            provenance.original.insert("profile".to_owned(), profiles.join(" "));
        }
        let mut links = Vec::new();
        for (reference, kind) in found.links {
            if let Some(target) = self.index.find(&reference).and_then(|place| self.index.resources.get(place)) {
                links.push((self.key_of(target), kind));
                continue;
            }
            let known = provenance.original.entry(format!("reference {kind}")).or_default();
            if known.len() < REFERENCES_BYTES_MAX {
                known.push_str(if known.is_empty() { "" } else { " " });
                known.push_str(&reference);
            }
        }
        if let Some(subject) = self.subject_in_words(resource) {
            provenance.original.insert("subject".to_owned(), subject);
        }
        let mut remarks = found.remarks;
        if found.is_whole {
            provenance.verbatim = bounded(resource.left_over(), &mut remarks);
        }
        let mut draft = Draft::new(found.fact, provenance);
        (draft.comment, draft.status, draft.links, draft.source_key) = (found.comment, found.status, links, Some(key));
        self.remark(&draft, &remarks, &place);
        draft
    }

    /// The person that a resource names, when the file does not hold them: the reference stays as text.
    fn subject_in_words(&self, resource: &Resource<'a>) -> Option<String> {
        let member = ["subject", "patient"].iter().find_map(|name| resource.json.get(name))?;
        let reference = member.text("reference");
        if reference.and_then(|own| self.index.find(own)).is_some() {
            return None;
        }
        let identifier = member.get("identifier").and_then(super::element::identifier);
        let identifier = identifier.map(|own| format!("{}|{}", own.system, own.value));
        let display = member.text("display").map(|own| format!("({own})"));
        let parts: Vec<String> = reference.map(str::to_owned).into_iter().chain(identifier).chain(display).collect();
        (!parts.is_empty()).then(|| parts.join(" ").chars().take(REFERENCES_BYTES_MAX).collect())
    }

    fn remark(&mut self, draft: &Draft, remarks: &[&'static str], place: &str) {
        let kind = draft.fact.kind().to_owned();
        for reason in remarks {
            self.tally.warn(&kind, reason, Place::at(place));
        }
        for warning in draft.validate().unwrap_or_default().iter().filter(|warning| is_worth_telling(warning)) {
            self.tally.warn(&kind, warning.reason(), Place::at(place));
        }
        let Some(when) = draft.fact.when().filter(|_| draft.fact.kind() != "contact") else { return };
        self.tally.see(when.sort_millis(), when.local_day(&self.context.home_zone));
        let now = self.context.home_zone.day_of(self.context.now_ms, None);
        if now.is_some_and(|today| is_future(&draft.fact, today)) {
            self.tally.warn(&kind, "in-the-future", Place::at(place));
        }
        if let When::Instant(at) = when {
            self.see_zone(at);
        }
    }

    fn see_zone(&mut self, at: carnet_record::Instant) {
        let (zone, known_from) = match at.offset_minutes() {
            Some(_) => {
                let text = at.to_string();
                let start = text.rfind(['+', '-']).unwrap_or(text.len());
                (text.get(start..).unwrap_or_default().to_owned(), "record")
            }
            None => (self.context.home_zone.zone_at(at.millis()).to_owned(), "history"),
        };
        match self.tally.zones.iter_mut().find(|own| own.zone == zone && own.known_from == known_from) {
            Some(own) => own.rows = own.rows.saturating_add(1),
            None => self.tally.zones.push(ZoneUse { zone, known_from: known_from.to_owned(), rows: 1 }),
        }
    }
}

/// Prescriptions by line: a `RequestGroup` ties the requests that its actions name.
fn groups(index: &Index<'_>) -> BTreeMap<usize, String> {
    let mut groups = BTreeMap::new();
    for resource in index.resources.iter().filter(|resource| resource.kind == "RequestGroup") {
        let own = resource.json.get("groupIdentifier").and_then(|own| own.text("value"));
        let Some(name) = own.or_else(|| resource.id()) else { continue };
        let mut open: Vec<&Json> = resource.json.list("action").iter().collect();
        while let Some(action) = open.pop() {
            open.extend(action.list("action"));
            let target = action.get("resource").and_then(|own| own.text("reference")).and_then(|own| index.find(own));
            groups.extend(target.map(|place| (place, name.to_owned())));
        }
    }
    groups
}

/// The reference to the person that a resource is about.
fn subject_reference(json: &Json) -> Option<&str> {
    let member = ["subject", "patient"].iter().find_map(|name| json.get(name));
    member.and_then(|own| own.text("reference"))
}

/// `entry[3] Observation/17`.
fn place_of(resource: &Resource<'_>) -> String {
    let name = resource.id().map_or_else(|| resource.kind.to_owned(), |id| format!("{}/{id}", resource.kind));
    let place = if resource.place.is_empty() { name } else { format!("{} {name}", resource.place) };
    place.chars().take(PLACE_CHARS_MAX).collect()
}

/// Why a type of resource is left out on purpose.
fn aside(kind: &str) -> Option<&'static str> {
    match kind {
        "Account"
        | "ChargeItem"
        | "ChargeItemDefinition"
        | "Claim"
        | "ClaimResponse"
        | "Contract"
        | "Coverage"
        | "CoverageEligibilityRequest"
        | "CoverageEligibilityResponse"
        | "EnrollmentRequest"
        | "EnrollmentResponse"
        | "ExplanationOfBenefit"
        | "InsurancePlan"
        | "Invoice"
        | "PaymentNotice"
        | "PaymentReconciliation" => Some("billing"),
        "AuditEvent"
        | "CapabilityStatement"
        | "CodeSystem"
        | "ConceptMap"
        | "Endpoint"
        | "ImplementationGuide"
        | "MessageHeader"
        | "NamingSystem"
        | "OperationDefinition"
        | "OperationOutcome"
        | "Parameters"
        | "Provenance"
        | "SearchParameter"
        | "StructureDefinition"
        | "StructureMap"
        | "Subscription"
        | "Task"
        | "ValueSet" => Some("not-about-health"),
        _ => None,
    }
}

/// The kind of entry that a refused resource would have been.
fn entry_kind(kind: &str) -> &str {
    match kind {
        "AllergyIntolerance" => "allergy",
        "Appointment" | "Slot" => "appointment",
        "CarePlan" => "reminder",
        "Task" => "prevention",
        "CareTeam" | "Organization" | "Patient" | "Practitioner" | "PractitionerRole" | "RelatedPerson" => "contact",
        "Condition" => "disease",
        "Consent" => "directive",
        "DiagnosticReport" | "Observation" => "result",
        "Encounter" => "encounter",
        "FamilyMemberHistory" => "family-history",
        "Goal" => "target",
        "Immunization" => "vaccination",
        "MedicationAdministration" | "MedicationDispense" | "MedicationRequest" | "MedicationStatement" => "treatment",
        "Procedure" => "procedure",
        other => other,
    }
}

/// A modifier extension anywhere in the resource: none is known to us, and any may mean the contrary.
fn has_modifier(json: &Json) -> bool {
    match json {
        Json::List(items) => items.iter().any(has_modifier),
        Json::Object(members) => members
            .iter()
            .any(|(name, value)| (name == "modifierExtension" && !value.as_list().is_empty()) || has_modifier(value)),
        _ => false,
    }
}

/// Whether a broken rule says something about what was read, and not only about what we would accept from a keyboard.
fn is_worth_telling(warning: &Warning) -> bool {
    match warning {
        Warning::Unusual(violation) => matches!(
            violation,
            Violation::DaysZero
                | Violation::DiastolicNotBelowSystolic
                | Violation::EndBeforeStart
                | Violation::OutOfBounds { .. }
                | Violation::UnitUnknown { .. }
        ),
        _ => true,
    }
}

/// What is kept word for word, within bounds.
fn bounded(parts: BTreeMap<String, String>, remarks: &mut Vec<&'static str>) -> BTreeMap<String, String> {
    let mut room = VERBATIM_BYTES_MAX;
    let mut kept = BTreeMap::new();
    let mut is_cut = false;
    for (name, text) in parts {
        let size = name.len().saturating_add(text.len());
        if size > room {
            is_cut = true;
            continue;
        }
        room = room.saturating_sub(size);
        kept.insert(name, text);
    }
    if is_cut {
        remarks.push("left-over-too-large");
    }
    kept
}

/// Bytes that are kept word for word beside one entry.
const VERBATIM_BYTES_MAX: usize = 32 << 10;
/// Bytes of the references that lead nowhere, kept beside one entry.
const REFERENCES_BYTES_MAX: usize = 2 << 10;
/// Doubled keys that are told one by one.
const DOUBLED_KEYS_TOLD_MAX: usize = 1_000;
/// Characters of a place in the report.
const PLACE_CHARS_MAX: usize = 160;
