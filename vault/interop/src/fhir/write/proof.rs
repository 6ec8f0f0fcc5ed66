//! What a Bundle does not give back, found by reading it as another vault would.
//!
//! The table of [`crate::mapping`] says what is lost by rule, and why. Here every field of every entry is compared with
//! what comes back of it, so that nothing is lost in silence: whatever is not told by rule is told here. It never
//! decides what is written. Not compared are the two marks that every reader sets anew: how an entry came into the record
//! (`origin`) and by which identity it is known in its file (`source_key`).

use std::collections::{BTreeMap, BTreeSet};

use carnet_record::{Draft, Entry, EntryId, Fact, LinkKind, SourceKey, Status, ZoneHistory, item::Item};

use super::{Loss, LossReason, loss_of};
use crate::{
    fhir,
    intake::{ContainerError, ReadContext},
};

/// The losses among `entries` that are not `told` yet. `order` says of which entry each resource of the Bundle `text` is.
pub(super) fn not_given_back(
    entries: &[Entry],
    order: &[EntryId],
    text: &str,
    told: &[Loss],
) -> Result<Vec<Loss>, ContainerError> {
    let back = Back::read(order, text)?;
    let mut by_entry: BTreeMap<EntryId, BTreeSet<&str>> = BTreeMap::new();
    for loss in told {
        let whole = loss.field.split('.').next().unwrap_or_default();
        let name = if whole == PROVENANCE { loss.field.as_str() } else { whole };
        by_entry.entry(loss.entry).or_default().insert(name);
    }
    let mut losses = Vec::new();
    for entry in entries.iter().filter(|entry| entry.removed.is_none()) {
        let told = by_entry.get(&entry.id);
        let is_told = |field: &str| told.is_some_and(|told| told.contains("*") || told.contains(field));
        let found = back.differences(entry).into_iter().filter(|(field, _)| !is_told(field));
        losses.extend(found.map(|(field, reason)| loss_of(entry, &field, reason)));
    }
    Ok(losses)
}

/// What a Bundle gives.
#[derive(Default)]
struct Back {
    drafts: BTreeMap<EntryId, Draft>,
    keys: BTreeMap<SourceKey, EntryId>,
    subject: Option<Fact>,
}

impl Back {
    fn read(order: &[EntryId], text: &str) -> Result<Self, ContainerError> {
        let context = ReadContext {
            source_name: String::new(),
            sha256: String::new(),
            member: None,
            home_zone: ZoneHistory::utc(),
            with_positions: true,
            now_ms: i64::MAX,
        };
        let mut back = Self::default();
        let mut take = |item| {
            match item {
                Item::Subject(claim) => back.subject = Some(claim.identity.into()),
                Item::Draft(draft) | Item::DocumentStart { draft } => back.keep(order, *draft),
                _ => {}
            }
            Ok(())
        };
        fhir::read(&mut text.as_bytes(), &context, &mut take)?;
        Ok(back)
    }

    /// Keeps the first draft of a resource: what else comes of it, such as a paper inside a report, is beside it.
    fn keep(&mut self, order: &[EntryId], draft: Draft) {
        let place = draft.provenance.source.as_ref().and_then(|source| source.place.as_deref());
        let number = place.and_then(|place| place.strip_prefix("entry[")).and_then(|rest| rest.split(']').next());
        let id = number.and_then(|number| number.parse::<usize>().ok()).and_then(|at| order.get(at));
        if let Some(id) = id {
            self.keys.extend(draft.source_key.clone().map(|key| (key, *id)));
            self.drafts.entry(*id).or_insert(draft);
        }
    }

    /// The fields of an entry that are not what they were.
    fn differences(&self, entry: &Entry) -> Vec<(String, LossReason)> {
        let mut found = Vec::new();
        let (draft, fact) = match (self.drafts.get(&entry.id), &entry.fact) {
            (Some(draft), _) => (Some(draft), Some(&draft.fact)),
            (None, Fact::Identity(_)) => (None, self.subject.as_ref()),
            (None, _) => (None, None),
        };
        let Some(fact) = fact else { return vec![("*".to_owned(), LossReason::NotAsItWas)] };
        let (own, back) = (entry.fact.to_fields(), fact.to_fields());
        let changed = own.iter().filter(|(field, value)| back.get(*field) != Some(value));
        found.extend(changed.map(|(field, _)| (field.clone(), LossReason::NotAsItWas)));
        if draft.and_then(|draft| draft.comment.as_ref()) != entry.comment.as_ref() {
            found.push(("comment".to_owned(), LossReason::NotAsItWas));
        }
        if draft.map_or(Status::Active, |draft| draft.status.clone()) != entry.status {
            found.push(("status".to_owned(), LossReason::NoPlaceInResource));
        }
        if !entry.links.iter().all(|link| draft.is_some_and(|draft| self.has_link(draft, link))) {
            found.push(("links".to_owned(), LossReason::LinkLeftOut));
        }
        if !entry.also_from.is_empty() {
            found.push(("also_from".to_owned(), LossReason::VaultOnly));
        }
        found.extend(entry.extra.keys().map(|name| (name.clone(), LossReason::LaterVersion)));
        found.extend(provenance(entry, draft));
        found
    }

    fn has_link(&self, draft: &Draft, (target, kind): (&EntryId, &LinkKind)) -> bool {
        draft.links.iter().any(|(key, own)| own == kind && self.keys.get(key) == Some(target))
    }
}

/// What is not given back of where an entry comes from. Names of what was read are values too: none is in a loss.
fn provenance(entry: &Entry, draft: Option<&Draft>) -> impl Iterator<Item = (String, LossReason)> {
    let own = &entry.provenance;
    let none = carnet_record::Provenance::default();
    let back = draft.map_or(&none, |draft| &draft.provenance);
    let all_in = |own: &BTreeMap<String, String>, back: &BTreeMap<String, String>| {
        own.iter().all(|(name, text)| back.get(name) == Some(text))
    };
    let lost = [
        ("author", own.author.is_none() || own.author == back.author, LossReason::NoPlaceInResource),
        (
            "recorded_at",
            own.recorded_at.is_none() || own.recorded_at == back.recorded_at,
            LossReason::NoPlaceInResource,
        ),
        ("modified_at", own.modified_at.is_none() || own.modified_at == back.modified_at, LossReason::VaultOnly),
        ("application", own.application.is_none() || own.application == back.application, LossReason::VaultOnly),
        ("device", own.device.is_none() || own.device == back.device, LossReason::NoPlaceInResource),
        ("source", own.source.is_none(), LossReason::VaultOnly),
        (
            "identifiers",
            own.identifiers.is_empty() || own.identifiers == back.identifiers,
            LossReason::NoPlaceInResource,
        ),
        ("original", all_in(&own.original, &back.original), LossReason::VaultOnly),
        ("verbatim", all_in(&own.verbatim, &back.verbatim), LossReason::OtherSource),
        ("signature", own.signature.is_none(), LossReason::VaultOnly),
    ];
    let lost = lost.into_iter().filter(|(_, is_kept, _)| !is_kept);
    lost.map(|(name, _, reason)| (format!("{PROVENANCE}.{name}"), reason)).collect::<Vec<_>>().into_iter()
}

/// What the fields of where an entry comes from begin with.
pub(super) const PROVENANCE: &str = "provenance";
