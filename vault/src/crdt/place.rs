//! Which entries a change touches, and how deep it nests.
//!
//! Automerge itself has no limit on depth; a change is looked at here, object by object, before it is applied.

use std::collections::{BTreeSet, HashMap};

use automerge::{
    Change, Prop, ReadDoc as _,
    legacy::{ObjectId, OpId},
};

use super::{CrdtError, DEPTH_MAX, Doc, Incoming};

/// Where an entry lies in a volume: its container and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Place {
    /// One of [`CONTAINERS`].
    pub(crate) container: String,
    /// The entry's id, in hexadecimal.
    pub(crate) key: String,
}

impl Doc {
    /// The entries that `changes`, which are in this document, touch.
    pub(crate) fn touched(&self, changes: &[Incoming]) -> BTreeSet<Place> {
        let mut made = HashMap::new();
        let touched = changes.iter().filter_map(|change| self.place_one(&change.change, &mut made).ok());
        touched.flatten().collect()
    }

    /// The entries that `changes` touch, and the check of their depth.
    pub(super) fn place(&self, changes: &[Change]) -> Result<BTreeSet<Place>, CrdtError> {
        let mut made = HashMap::new();
        let mut touched = BTreeSet::new();
        for change in changes {
            touched.extend(self.place_one(change, &mut made)?);
        }
        Ok(touched)
    }

    pub(super) fn place_one(
        &self,
        change: &Change,
        made: &mut HashMap<OpId, Vec<String>>,
    ) -> Result<BTreeSet<Place>, CrdtError> {
        let expanded = change.decode();
        let mut touched = BTreeSet::new();
        let mut counter = expanded.start_op.get();
        for op in &expanded.operations {
            let mut path = self.path_of(&op.obj, made);
            path.push(match &op.key {
                automerge::legacy::Key::Map(key) => key.to_string(),
                automerge::legacy::Key::Seq(_) => String::new(),
            });
            if path.len() > DEPTH_MAX {
                return Err(CrdtError::TooDeep);
            }
            if let [container, key, ..] = path.as_slice() {
                touched.insert(Place { container: container.clone(), key: key.clone() });
            }
            if op.obj_type().is_some() {
                made.insert(OpId(counter, expanded.actor_id.clone()), path);
            }
            counter = counter.saturating_add(1);
        }
        Ok(touched)
    }

    /// The keys from the root to `object`, empty for the root itself.
    fn path_of(&self, object: &ObjectId, made: &HashMap<OpId, Vec<String>>) -> Vec<String> {
        let ObjectId::Id(id) = object else { return Vec::new() };
        if let Some(path) = made.get(id) {
            return path.clone();
        }
        let parents =
            self.automerge.import_obj(&id.to_string()).ok().and_then(|object| self.automerge.parents(object).ok());
        let mut path: Vec<String> = parents
            .into_iter()
            .flatten()
            .map(|parent| match parent.prop {
                Prop::Map(key) => key,
                Prop::Seq(_) => String::new(),
            })
            .collect();
        path.reverse();
        path
    }
}
