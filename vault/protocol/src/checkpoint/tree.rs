//! The tree of a checkpoint: one root over the logs of all sections, and the parts of it that one reader may see.
//!
//! A reader knows the leaves of its own sections and gets the hashes of the subtrees in between, which say nothing of
//! what they stand for. Source: `docs/frames.md`, "Logs, cursors, checkpoints".

use std::collections::BTreeMap;

use carnet_crypto::{digest, id::SectionId};

use super::{Head, SECTIONS_MAX};

/// The leaf of a section under a checkpoint: `H("leaf", sid, position as 8 bytes, h)`.
pub fn leaf(section: &SectionId, head: &Head) -> [u8; 32] {
    digest::hash("leaf", &[section.as_bytes(), &head.position.to_le_bytes(), &head.chain])
}

/// The Merkle root over the leaves of all sections, in the order of their ids.
///
/// A tree of `n > 1` leaves has the largest power of two below `n` leaves on its left (the shape of RFC 9162, 2.1.1);
/// a node is `H("node", left, right)`, the tree without leaves is `H("node")`.
pub fn root(sections: &BTreeMap<SectionId, Head>) -> [u8; 32] {
    let leaves: Vec<_> = sections.iter().map(|(section, head)| leaf(section, head)).collect();
    subtree(&leaves)
}

/// The hashes of the largest subtrees that hold no visible leaf, from left to right: what someone who computes the
/// visible leaves needs besides.
pub fn siblings(sections: &BTreeMap<SectionId, Head>, visible: impl Fn(&SectionId) -> bool) -> Vec<[u8; 32]> {
    let leaves: Vec<_> = sections.iter().map(|(section, head)| (visible(section), leaf(section, head))).collect();
    let mut hidden = Vec::new();
    collect_hidden(&leaves, &mut hidden);
    hidden
}

/// The root of a tree of `total` leaves, of which `visible` are known by index (ascending) and the others stand behind
/// the sibling hashes; nothing when the parts do not make one tree exactly.
pub fn root_from_parts(total: usize, visible: &[(usize, [u8; 32])], siblings: &[[u8; 32]]) -> Option<[u8; 32]> {
    if total > SECTIONS_MAX || visible.iter().any(|(index, _)| *index >= total) {
        return None;
    }
    if visible.iter().zip(visible.iter().skip(1)).any(|((a, _), (b, _))| a >= b) {
        return None;
    }
    let mut siblings = siblings.iter();
    let root = if total == 0 { subtree(&[]) } else { rebuild(0, total, visible, &mut siblings)? };
    siblings.next().is_none().then_some(root)
}

fn subtree(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => digest::hash("node", &[]),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(left_size(many.len()));
            digest::hash("node", &[&subtree(left), &subtree(right)])
        }
    }
}

fn collect_hidden(leaves: &[(bool, [u8; 32])], hidden: &mut Vec<[u8; 32]>) {
    if leaves.is_empty() {
        return;
    }
    if leaves.iter().all(|(visible, _)| !visible) {
        let hashes: Vec<_> = leaves.iter().map(|(_, hash)| *hash).collect();
        hidden.push(subtree(&hashes));
    } else if leaves.len() > 1 {
        let (left, right) = leaves.split_at(left_size(leaves.len()));
        collect_hidden(left, hidden);
        collect_hidden(right, hidden);
    }
}

/// `visible` holds the visible leaves of this subtree, which starts at leaf `start`.
fn rebuild<'a>(
    start: usize,
    size: usize,
    visible: &[(usize, [u8; 32])],
    siblings: &mut impl Iterator<Item = &'a [u8; 32]>,
) -> Option<[u8; 32]> {
    match (visible, size) {
        ([], _) => siblings.next().copied(),
        ([(_, hash)], 1) => Some(*hash),
        _ => {
            let left = left_size(size);
            let middle = start.checked_add(left)?;
            let (before, after) = visible.split_at(visible.partition_point(|(index, _)| *index < middle));
            let left_hash = rebuild(start, left, before, siblings)?;
            let right_hash = rebuild(middle, size.checked_sub(left)?, after, siblings)?;
            Some(digest::hash("node", &[&left_hash, &right_hash]))
        }
    }
}

/// The largest power of two below `size`, for `size` above 1.
fn left_size(size: usize) -> usize {
    size.div_ceil(2).checked_next_power_of_two().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::sections, *};

    #[test]
    fn every_part_of_a_tree_rebuilds_the_same_root() {
        for count in 0..18_u8 {
            let all = sections(count);
            for mask in [0_u32, 1, 0b1010, 0b1100_0110, u32::MAX] {
                let visible = |id: &SectionId| mask & (1 << id.0[0]) != 0;
                let leaves: Vec<_> = all
                    .iter()
                    .enumerate()
                    .filter(|(_, (id, _))| visible(id))
                    .map(|(index, (id, head))| (index, leaf(id, head)))
                    .collect();
                let hidden = siblings(&all, visible);
                let total = usize::from(count);
                assert_eq!(root_from_parts(total, &leaves, &hidden), Some(root(&all)), "{count} {mask:b}");
                let mut more = hidden.clone();
                more.push([0; 32]);
                assert_eq!(root_from_parts(total, &leaves, &more), None);
                if !hidden.is_empty() {
                    assert_eq!(root_from_parts(total, &leaves, &hidden[1..]), None);
                }
            }
        }
    }

    #[test]
    fn atk_35_a_root_commits_to_every_section_and_its_place() {
        let all = sections(5);
        let mut moved = all.clone();
        moved.insert(SectionId([3; 16]), Head::START.append(&[3; 32]).append(&[4; 32]));
        assert_ne!(root(&all), root(&moved));
        let mut fewer = all.clone();
        fewer.remove(&SectionId([3; 16]));
        assert_ne!(root(&all), root(&fewer));
    }
}
