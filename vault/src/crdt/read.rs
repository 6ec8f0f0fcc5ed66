//! Reading an entry, as it is or as it was: all maps under its id, merged field by field.

use std::collections::{BTreeMap, HashMap};

use automerge::{Automerge, ChangeHash, ObjId, ObjType, Prop, ROOT, ReadDoc as _, ScalarValue, Value};
use carnet_crypto::{door::UnixMillis, id::FeedId};
use serde_json::Value as Json;

use super::{CONTAINERS, DEPTH_MAX, Doc, Fields, Place};

/// A state of an entry that one change made.
#[derive(Debug)]
pub(crate) struct Version {
    /// The feed whose author made it; none for a state carried over by a rebase.
    pub(crate) feed: Option<FeedId>,
    /// The author's clock.
    pub(crate) at: UnixMillis,
    /// The fields from then on.
    pub(crate) fields: Fields,
}

impl Doc {
    /// The merged fields of the entry at `place`.
    pub(crate) fn fields(&self, place: &Place) -> Option<Fields> {
        Reader { doc: &self.automerge, heads: None }.entry(place)
    }

    /// Every entry, in order of container and key.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for container in CONTAINERS {
            if let Ok(Some((_, map))) = self.automerge.get(ROOT, container) {
                places.extend(self.automerge.keys(&map).map(|key| Place { container: container.to_owned(), key }));
            }
        }
        places.sort();
        places
    }

    /// The states of one entry, oldest first.
    pub(crate) fn history(&self, place: &Place) -> Vec<Version> {
        let mut versions = Vec::new();
        let mut seen = HashMap::new();
        for change in self.automerge.get_changes(&[]) {
            let touched = self.place_one(&change, &mut seen).unwrap_or_default();
            if !touched.contains(place) {
                continue;
            }
            let reader = Reader { doc: &self.automerge, heads: Some(vec![change.hash()]) };
            let Some(fields) = reader.entry(place) else { continue };
            let at = UnixMillis(u64::try_from(change.timestamp()).unwrap_or(0));
            versions.push(Version { feed: FeedId::from_slice(change.actor_id().to_bytes()), at, fields });
        }
        versions
    }
}

/// Reads the document as it is, or as of some heads.
struct Reader<'a> {
    doc: &'a Automerge,
    heads: Option<Vec<ChangeHash>>,
}

impl Reader<'_> {
    fn entry(&self, place: &Place) -> Option<Fields> {
        let (_, container) = self.get(&ROOT, place.container.as_str())?;
        let mut merged: BTreeMap<String, (OpKey, Json)> = BTreeMap::new();
        let mut found = false;
        for (value, map) in self.get_all(&container, &place.key) {
            if !matches!(value, Value::Object(ObjType::Map)) {
                continue;
            }
            found = true;
            for key in self.keys(&map) {
                let Some((op, json)) = self.newest(&map, &key) else { continue };
                let slot = merged.entry(key).or_insert_with(|| (op.clone(), json.clone()));
                if op > slot.0 {
                    *slot = (op, json);
                }
            }
        }
        found.then(|| merged.into_iter().map(|(key, (_, json))| (key, json)).collect())
    }

    /// The value under `key` with the greatest operation id, and that id.
    fn newest(&self, map: &ObjId, key: &str) -> Option<(OpKey, Json)> {
        let (value, id) = self.get_all(map, key).into_iter().max_by_key(|(_, id)| op_key(id))?;
        Some((op_key(&id), self.json(&value, &id, 0)?))
    }

    fn json(&self, value: &Value<'_>, id: &ObjId, depth: usize) -> Option<Json> {
        if depth > DEPTH_MAX {
            return None;
        }
        let inner = |(value, id): (Value<'_>, ObjId)| self.json(&value, &id, depth + 1);
        match value {
            Value::Object(ObjType::Map | ObjType::Table) => {
                let keys = self.keys(id).into_iter();
                Some(Json::Object(keys.filter_map(|key| Some((key.clone(), inner(self.get(id, key)?)?))).collect()))
            }
            Value::Object(ObjType::List) => {
                let items = (0..self.length(id)).filter_map(|index| inner(self.get(id, index)?));
                Some(Json::Array(items.collect()))
            }
            Value::Object(ObjType::Text) => self.text(id).map(Json::String),
            Value::Scalar(scalar) => match scalar.as_ref() {
                ScalarValue::Str(text) => Some(Json::String(text.to_string())),
                ScalarValue::Int(number) => Some(Json::from(*number)),
                ScalarValue::Uint(number) => Some(Json::from(*number)),
                ScalarValue::Boolean(truth) => Some(Json::Bool(*truth)),
                _ => None,
            },
        }
    }

    fn get(&self, object: &ObjId, prop: impl Into<Prop>) -> Option<(Value<'_>, ObjId)> {
        match &self.heads {
            None => self.doc.get(object, prop),
            Some(heads) => self.doc.get_at(object, prop, heads),
        }
        .ok()?
    }

    fn get_all(&self, object: &ObjId, key: &str) -> Vec<(Value<'_>, ObjId)> {
        match &self.heads {
            None => self.doc.get_all(object, key),
            Some(heads) => self.doc.get_all_at(object, key, heads),
        }
        .unwrap_or_default()
    }

    fn keys(&self, object: &ObjId) -> Vec<String> {
        match &self.heads {
            None => self.doc.keys(object).collect(),
            Some(heads) => self.doc.keys_at(object, heads).collect(),
        }
    }

    fn length(&self, object: &ObjId) -> usize {
        match &self.heads {
            None => self.doc.length(object),
            Some(heads) => self.doc.length_at(object, heads),
        }
    }

    fn text(&self, object: &ObjId) -> Option<String> {
        match &self.heads {
            None => self.doc.text(object),
            Some(heads) => self.doc.text_at(object, heads),
        }
        .ok()
    }
}

/// Order of operations: counter, then actor.
type OpKey = (u64, Vec<u8>);

pub(super) fn op_key(id: &ObjId) -> OpKey {
    match id {
        ObjId::Root => (0, Vec::new()),
        ObjId::Id(counter, actor, _) => (*counter, actor.to_bytes().to_vec()),
    }
}
