//! The resources of a file, where each stands, what leads to it, and what identifies it across files.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use carnet_record::{
    SourceKey,
    person::{Actor, ActorKind, HumanName},
};
use sha2::{Digest, Sha256};

use super::{
    element::{human_name, identifiers_at, is_unknown, url_ends},
    json::Json,
};
use crate::document::hex;

/// One resource of a file.
pub(crate) struct Resource<'a> {
    /// The resource itself.
    pub(crate) json: &'a Json,
    /// Its type, for instance `Observation`.
    pub(crate) kind: &'a str,
    /// Where it stands: `entry[3]`, or empty for a lone resource.
    pub(crate) place: String,
    /// Its address in the Bundle.
    pub(crate) full_url: Option<&'a str>,
    /// Members that a mapping read; what it left is kept word for word.
    read: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Resource<'a> {
    fn new(json: &'a Json, place: String, full_url: Option<&'a str>) -> Option<Self> {
        let kind = json.text("resourceType")?;
        Some(Self { json, kind, place, full_url, read: RefCell::default() })
    }

    /// Its logical id.
    pub(crate) fn id(&self) -> Option<&'a str> {
        self.json.text("id")
    }

    /// Notes that a mapping reads these members, given with blanks between them, and gives the resource.
    pub(crate) fn reads(&self, members: &'static str) -> &'a Json {
        self.read.borrow_mut().extend(members.split_whitespace());
        self.json
    }

    /// Notes that a mapping took only a part of these members: they are kept word for word as well.
    pub(crate) fn keeps(&self, members: &'static str) {
        let mut read = self.read.borrow_mut();
        for member in members.split_whitespace() {
            read.remove(member);
        }
    }

    /// The same, for those that list more than the one that was taken.
    pub(crate) fn keeps_lists(&self, members: &'static str) {
        let mut read = self.read.borrow_mut();
        for member in members.split_whitespace().filter(|member| self.json.list(member).len() > 1) {
            read.remove(member);
        }
    }

    /// The members that no mapping read, and those it read that hold extensions: as JSON text, by name.
    pub(crate) fn left_over(&self) -> BTreeMap<String, String> {
        const NEVER: [&str; 5] = ["resourceType", "id", "meta", "text", "contained"];
        let read = self.read.borrow();
        let members = self.json.members().iter();
        let kept = members.filter(|(name, value)| {
            !NEVER.contains(&name.as_str())
                && (!read.contains(name.as_str())
                    || (holds_extension(value) && !is_unknown(value))
                    || is_unreadable_date(name, value))
        });
        let mut left: BTreeMap<String, String> = kept.map(|(name, value)| (name.clone(), value.to_text())).collect();
        if left.remove("extension").is_some() {
            let unknown = self.json.list("extension").iter().filter(|own| !is_known_extension(own)).cloned();
            let unknown: Vec<Json> = unknown.collect();
            if !unknown.is_empty() {
                left.insert("extension".to_owned(), Json::List(unknown).to_text());
            }
        }
        left
    }
}

/// Extensions of a resource that have a field of their own in the model.
fn is_known_extension(extension: &Json) -> bool {
    let url = extension.text("url").unwrap_or_default();
    KNOWN_EXTENSIONS.iter().any(|known| url_ends(url, known))
}

/// Last segments of their addresses, in the current national guide and the older one.
const KNOWN_EXTENSIONS: [&str; 6] = [
    "mesures-moment-of-measurement",
    "MesMomentOfMeasurement",
    "mesures-number-of-days",
    "MesNumberOfDays",
    "mesures-reason-for-measurement",
    "MesReasonForMeasurement",
];

/// A date that is none for us: it must not vanish because a mapping looked at it.
fn is_unreadable_date(name: &str, value: &Json) -> bool {
    const DATES: [&str; 20] = [
        "abatementDateTime",
        "authoredOn",
        "birthDate",
        "created",
        "date",
        "dateAsserted",
        "deceasedDateTime",
        "effectiveDateTime",
        "effectiveInstant",
        "end",
        "expirationDate",
        "issued",
        "lastOccurrence",
        "occurrenceDateTime",
        "onsetDateTime",
        "performedDateTime",
        "recorded",
        "recordedDate",
        "start",
        "whenHandedOver",
    ];
    DATES.contains(&name) && value.as_text().is_some_and(|text| text.trim().parse::<carnet_record::When>().is_err())
}

fn holds_extension(json: &Json) -> bool {
    match json {
        Json::List(items) => items.iter().any(holds_extension),
        Json::Object(members) => {
            members.iter().any(|(name, value)| name == "extension" || name.starts_with('_') || holds_extension(value))
        }
        _ => false,
    }
}

/// All resources of a file, found by the references that lead to them.
pub(crate) struct Index<'a> {
    /// The resources, contained ones left out.
    pub(crate) resources: Vec<Resource<'a>>,
    by_address: BTreeMap<String, usize>,
    /// `Observation/1` of a full address that ends so; none when several do.
    by_ending: BTreeMap<String, Option<usize>>,
    /// (type, identifier) that more than one resource of the file has: no identity.
    shared_identifiers: BTreeSet<(String, String)>,
    referenced: BTreeSet<usize>,
    base: Option<String>,
}

impl<'a> Index<'a> {
    /// The resources of a lone resource or of a Bundle of any type. Entries without a resource are counted.
    pub(crate) fn new(root: &'a Json) -> (Self, usize) {
        let mut resources = Vec::new();
        let mut bare = 0;
        if root.text("resourceType") == Some("Bundle") {
            for (at, entry) in root.list("entry").iter().enumerate() {
                let resource = entry.get("resource");
                let made = resource.and_then(|json| Resource::new(json, format!("entry[{at}]"), entry.text("fullUrl")));
                match made {
                    Some(resource) => resources.push(resource),
                    None => bare += 1,
                }
            }
        } else {
            resources.extend(Resource::new(root, String::new(), None));
        }
        let mut index = Self {
            by_address: addresses(&resources),
            by_ending: endings(&resources),
            shared_identifiers: shared(&resources),
            referenced: BTreeSet::new(),
            base: base_of(root),
            resources,
        };
        index.referenced = index.all_referenced();
        (index, bare)
    }

    /// Whether another resource of the file refers to this one.
    pub(crate) fn is_referenced(&self, place: usize) -> bool {
        self.referenced.contains(&place)
    }

    /// The resource that a reference leads to. `#id` is looked for among the contained ones of `holder`.
    pub(crate) fn follow(&self, holder: &Resource<'a>, reference: &str) -> Option<&'a Json> {
        let id = reference.strip_prefix('#');
        let contained = id.and_then(|id| {
            let contained = holder.json.list("contained").iter();
            contained.into_iter().find(|own| own.text("id").is_some_and(|own| own == id || own == reference))
        });
        contained
            .or_else(|| self.find(reference).and_then(|place| self.resources.get(place)).map(|resource| resource.json))
    }

    /// The place of the resource that a reference leads to, in this file.
    pub(crate) fn find(&self, reference: &str) -> Option<usize> {
        let plain = without_version(reference);
        if let Some(place) = self.by_address.get(plain) {
            return Some(*place);
        }
        self.by_ending.get(plain).copied().flatten()
    }

    /// The identity of a resource in its source (imports are idempotent on it): its identifier, else its id in that
    /// source, else a digest of what it says.
    pub(crate) fn key(&self, resource: &Resource<'a>) -> SourceKey {
        let kind = resource.kind;
        for identifier in identifiers_of(resource.json) {
            let text = format!("{}|{}", identifier.0, identifier.1);
            if !self.shared_identifiers.contains(&(kind.to_owned(), text)) {
                return SourceKey::new("fhir-identifier", [kind, &identifier.0, &identifier.1]);
            }
        }
        let full_url = resource.full_url.unwrap_or_default();
        if let Some(uuid) = full_url.strip_prefix("urn:uuid:").filter(|uuid| is_uuid(uuid)) {
            return SourceKey::new("fhir-uuid", [kind, uuid.to_ascii_lowercase().as_str()]);
        }
        let source =
            resource.json.get("meta").and_then(|meta| meta.text("source")).map(|own| without_fragment(own).to_owned());
        let base = base_of_url(full_url, kind).or(source).or_else(|| self.base.clone());
        match (resource.id(), base) {
            (Some(id), _) if is_uuid(id) => SourceKey::new("fhir-uuid", [kind, id.to_ascii_lowercase().as_str()]),
            (Some(id), Some(base)) => SourceKey::new("fhir-id", [base.as_str(), kind, id]),
            // Two hospitals both have Observation/1: without a source the id counts only together with the content.
            (id, None) => SourceKey::new("fhir-content", [kind, id.unwrap_or_default(), &digest(resource.json)]),
            (None, Some(base)) => SourceKey::new("fhir-content", [base.as_str(), kind, &digest(resource.json)]),
        }
    }

    /// Whoever a `Reference` names: what the resource it leads to says, else its own words, else the reference as text.
    pub(crate) fn actor(&self, holder: &Resource<'a>, reference: &Json) -> Option<Actor> {
        let address = reference.text("reference");
        let target = address.and_then(|address| self.follow(holder, address));
        let mut actor = target.map(|target| self.actor_of(holder, target)).unwrap_or_default();
        let display = reference.text("display").map(str::to_owned);
        actor.name = actor.name.or(display);
        if actor.identifiers.is_empty() {
            actor.identifiers = identifiers_at(reference, "identifier");
        }
        if target.is_none() {
            actor.reference = address.map(str::to_owned);
            let named = address.and_then(|address| address.split(['/', '?']).next()).and_then(actor_kind);
            actor.kind = reference.text("type").and_then(actor_kind).or(named);
        }
        (!actor.is_empty()).then_some(actor)
    }

    /// The actors of a member that is a reference or a list of them.
    pub(crate) fn actors_at(&self, holder: &Resource<'a>, json: &Json, name: &str) -> Vec<Actor> {
        json.list(name).iter().filter_map(|reference| self.actor(holder, reference)).collect()
    }

    /// What a reference leads to or says, in words.
    pub(crate) fn label(&self, holder: &Resource<'a>, reference: &Json) -> Option<String> {
        self.actor(holder, reference).and_then(|actor| actor.name.or(actor.reference))
    }

    fn actor_of(&self, holder: &Resource<'a>, target: &'a Json) -> Actor {
        let kind = target.text("resourceType").unwrap_or_default();
        let mut actor =
            Actor { kind: actor_kind(kind), identifiers: identifiers_at(target, "identifier"), ..Actor::default() };
        match kind {
            "PractitionerRole" => {
                let person = target.get("practitioner");
                let person = person
                    .and_then(|own| if own.text("reference") == Some("") { None } else { self.actor(holder, own) });
                if let Some(person) = person {
                    actor.name = person.name;
                    actor.identifiers.extend(person.identifiers);
                }
                actor.organisation = target.get("organization").and_then(|own| self.label(holder, own));
                actor.role = super::element::concepts_at(target, "code")
                    .first()
                    .and_then(|code| code.label().map(str::to_owned));
            }
            "Organization" => actor.name = target.text("name").map(str::to_owned),
            "Device" => {
                let named = target.list("deviceName").first().and_then(|own| own.text("name"));
                let sort = super::element::concept_at(target, "type").and_then(|own| own.label().map(str::to_owned));
                actor.name = named.or_else(|| target.text("modelNumber")).map(str::to_owned).or(sort);
            }
            _ => {
                let name = target.list("name").first().map(human_name).as_ref().map(HumanName::label);
                actor.name = name.filter(|name| !name.is_empty());
            }
        }
        actor
    }

    fn all_referenced(&self) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (own, resource) in self.resources.iter().enumerate() {
            let mut references = Vec::new();
            collect_references(resource.json, &mut references);
            found.extend(
                references.into_iter().filter_map(|reference| self.find(reference)).filter(|place| *place != own),
            );
        }
        found
    }
}

fn addresses(resources: &[Resource<'_>]) -> BTreeMap<String, usize> {
    let mut addresses = BTreeMap::new();
    for (place, resource) in resources.iter().enumerate() {
        let full_url = resource.full_url.map(|url| without_version(url).to_owned());
        let relative = resource.id().map(|id| format!("{}/{id}", resource.kind));
        let uuid = resource.id().filter(|id| is_uuid(id)).map(|id| format!("urn:uuid:{id}"));
        // Published examples write `#id` for another entry of the Bundle.
        let local = resource.id().map(|id| format!("#{id}"));
        for address in [full_url, relative, uuid, local].into_iter().flatten() {
            addresses.entry(address).or_insert(place);
        }
    }
    addresses
}

/// A relative reference also stands for a full address with this ending, when only one has it.
fn endings(resources: &[Resource<'_>]) -> BTreeMap<String, Option<usize>> {
    let mut endings: BTreeMap<String, Option<usize>> = BTreeMap::new();
    for (place, resource) in resources.iter().enumerate() {
        let segments = resource.full_url.map(without_version).and_then(|url| {
            let (rest, id) = url.rsplit_once('/')?;
            Some((rest.rsplit_once('/')?.1, id))
        });
        if let Some((kind, id)) = segments {
            endings.entry(format!("{kind}/{id}")).and_modify(|own| *own = None).or_insert(Some(place));
        }
    }
    endings
}

fn shared(resources: &[Resource<'_>]) -> BTreeSet<(String, String)> {
    let (mut seen, mut shared) = (BTreeSet::new(), BTreeSet::new());
    for resource in resources {
        let own: BTreeSet<_> = identifiers_of(resource.json).collect();
        for (system, value) in own {
            let key = (resource.kind.to_owned(), format!("{system}|{value}"));
            if !seen.insert(key.clone()) {
                shared.insert(key);
            }
        }
    }
    shared
}

/// The identifiers that may identify a resource across files: those with a system and a real value, the producer's
/// own first. `usual` and `secondary` ones of people come last in the order of the source.
fn identifiers_of(json: &Json) -> impl Iterator<Item = (String, String)> {
    let whole = identifiers_at(json, "masterIdentifier").into_iter().chain(identifiers_at(json, "identifier"));
    let usable = whole.filter(|identifier| {
        let value = identifier.value.as_str();
        let has_system = !identifier.system.is_empty() || value.starts_with("urn:");
        has_system && !value.is_empty() && !value.contains("{{")
    });
    usable.map(|identifier| (identifier.system, identifier.value)).collect::<Vec<_>>().into_iter()
}

fn collect_references<'a>(json: &'a Json, found: &mut Vec<&'a str>) {
    match json {
        Json::List(items) => items.iter().for_each(|item| collect_references(item, found)),
        Json::Object(members) => {
            for (name, value) in members {
                match value {
                    Json::Text(text) if name == "reference" || name == "url" => found.push(text),
                    other => collect_references(other, found),
                }
            }
        }
        _ => {}
    }
}

fn actor_kind(kind: &str) -> Option<ActorKind> {
    match kind {
        "Practitioner" | "PractitionerRole" => Some(ActorKind::Practitioner),
        "Organization" | "Location" | "HealthcareService" => Some(ActorKind::Organisation),
        "Patient" => Some(ActorKind::Patient),
        "RelatedPerson" | "Person" => Some(ActorKind::Relative),
        "Device" => Some(ActorKind::Device),
        _ => None,
    }
}

/// `http://server/fhir` of `http://server/fhir/Observation/1`.
fn base_of_url(url: &str, kind: &str) -> Option<String> {
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    let (base, _) = without_version(url).split_once(&format!("/{kind}/"))?;
    is_web.then(|| base.to_owned())
}

/// The address of the server that answered with the Bundle.
fn base_of(root: &Json) -> Option<String> {
    let own = root.list("link").iter().find(|link| link.text("relation") == Some("self"));
    let url = own.and_then(|link| link.text("url")).filter(|url| url.starts_with("http"))?;
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let base = path.rsplit_once('/').filter(|(_, last)| last.starts_with(|c: char| c.is_ascii_uppercase()));
    Some(base.map_or(path, |(base, _)| base).to_owned())
}

fn without_version(reference: &str) -> &str {
    reference.split_once("/_history/").map_or(reference, |(plain, _)| plain)
}

fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(plain, _)| plain)
}

/// SHA-256 of what a resource says, without what changes from one export to the next.
fn digest(json: &Json) -> String {
    let kept = json.members().iter().filter(|(name, _)| !matches!(name.as_str(), "id" | "meta" | "text"));
    let kept = Json::Object(kept.cloned().collect());
    hex(&Sha256::digest(kept.to_text().as_bytes()))
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
