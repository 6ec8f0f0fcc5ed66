//! What a mapping finds in one resource, before it becomes a draft.

use std::collections::BTreeMap;

use carnet_record::{Fact, Instant, LinkKind, Status, person::Actor};

/// A fact of a resource, with what goes around it.
pub(crate) struct Found {
    /// The fact.
    pub(crate) fact: Fact,
    /// A note.
    pub(crate) comment: Option<String>,
    /// Whether it counts.
    pub(crate) status: Status,
    /// References to other resources, as written.
    pub(crate) links: Vec<(String, LinkKind)>,
    /// Whoever said it.
    pub(crate) author: Option<Actor>,
    /// When it was recorded.
    pub(crate) recorded_at: Option<Instant>,
    /// The device that measured it.
    pub(crate) device: Option<String>,
    /// Texts as read, by name.
    pub(crate) original: BTreeMap<String, String>,
    /// Remarks for the report, as slugs.
    pub(crate) remarks: Vec<&'static str>,
    /// Whether the fact is all of its resource, so that what is left of the resource belongs to it.
    pub(crate) is_whole: bool,
}

impl Found {
    /// A fact that counts, with nothing around it.
    pub(crate) fn new(fact: impl Into<Fact>) -> Self {
        Self {
            fact: fact.into(),
            comment: None,
            status: Status::Active,
            links: Vec::new(),
            author: None,
            recorded_at: None,
            device: None,
            original: BTreeMap::new(),
            remarks: Vec::new(),
            is_whole: true,
        }
    }

    /// Links to what the references of `json` lead to.
    pub(crate) fn link_all(&mut self, json: &super::json::Json, member: &str, kind: &LinkKind) {
        let references = json.list(member).iter().filter_map(|reference| reference.text("reference"));
        self.links.extend(references.map(|reference| (reference.to_owned(), kind.clone())));
    }

    /// When it was recorded: a moment, or a date in words, which stays as it was read.
    pub(crate) fn recorded(&mut self, json: &super::json::Json, member: &str) {
        match json.text(member).map(str::parse::<Instant>) {
            Some(Ok(at)) => self.recorded_at = Some(at),
            Some(Err(_)) => {
                let words = json.text(member).unwrap_or_default().chars().take(64).collect();
                self.original.insert("recorded".to_owned(), words);
            }
            None => {}
        }
    }

    /// The status that the state of a resource means.
    pub(crate) fn with_state(mut self, state: Option<&str>) -> Self {
        self.status = match state {
            Some("entered-in-error") => Status::EnteredInError,
            Some("cancelled" | "revoked") => Status::Cancelled,
            Some("not-done" | "not-taken" | "declined" | "noshow") => Status::NotDone,
            Some("superseded") => Status::Superseded,
            _ => Status::Active,
        };
        self
    }
}
