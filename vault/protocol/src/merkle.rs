//! One Merkle tree: a root over leaves in order, and the path that proves one of them.
//!
//! A leaf is a hash made by the caller under its own label. A node is `H("merkle", left, right)`; a node without a
//! sibling rises as it is; the root is `H("merkle root", number of leaves as 8 bytes, top)`, so that a tree cannot be
//! taken for one of another shape. The root of no leaves has 32 zero bytes for its top.

use carnet_crypto::digest;

use crate::limits::{MERKLE_LEAVES_MAX, MERKLE_PATH_MAX};

/// The root over `leaves`, in their order.
pub fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    let mut row = leaves.to_vec();
    while row.len() > 1 {
        row = parents(&row);
    }
    finish(leaves.len(), &row.first().copied().unwrap_or_default())
}

/// The siblings from the leaf at `index` up to the root, or none if there is no such leaf.
pub fn path(leaves: &[[u8; 32]], index: usize) -> Option<Vec<[u8; 32]>> {
    leaves.get(index)?;
    let (mut row, mut at, mut siblings) = (leaves.to_vec(), index, Vec::new());
    while row.len() > 1 {
        siblings.extend(row.get(at ^ 1).copied());
        at /= 2;
        row = parents(&row);
    }
    Some(siblings)
}

/// Whether `leaf` is the leaf at `index` of the tree of `count` leaves with this `root`.
pub fn proves(leaf: &[u8; 32], index: usize, count: usize, siblings: &[[u8; 32]], root: &[u8; 32]) -> bool {
    if index >= count || count > MERKLE_LEAVES_MAX || siblings.len() > MERKLE_PATH_MAX {
        return false;
    }
    let (mut hash, mut at, mut width, mut siblings) = (*leaf, index, count, siblings.iter());
    while width > 1 {
        let alone = at % 2 == 0 && at.saturating_add(1) == width;
        if !alone {
            let Some(sibling) = siblings.next() else { return false };
            hash = if at % 2 == 0 { node(&hash, sibling) } else { node(sibling, &hash) };
        }
        at /= 2;
        width = width.div_ceil(2);
    }
    siblings.next().is_none() && finish(count, &hash) == *root
}

fn parents(row: &[[u8; 32]]) -> Vec<[u8; 32]> {
    row.chunks(2)
        .map(|pair| match pair {
            [left, right] => node(left, right),
            [alone, ..] => *alone,
            [] => [0; 32],
        })
        .collect()
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    digest::hash("merkle", &[left, right])
}

fn finish(count: usize, top: &[u8; 32]) -> [u8; 32] {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    digest::hash("merkle root", &[&count.to_le_bytes(), top])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_leaf_is_proved_by_its_path_and_by_no_other() {
        for count in 1_u8..20 {
            let leaves: Vec<[u8; 32]> = (0..count).map(|n| [n; 32]).collect();
            let root = root(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let siblings = path(&leaves, index).unwrap();
                assert!(proves(leaf, index, leaves.len(), &siblings, &root));
                assert!(!proves(&[99; 32], index, leaves.len(), &siblings, &root));
                assert!(!proves(leaf, index, leaves.len() + 1, &siblings, &root));
                assert!(!proves(leaf, index + 1, leaves.len(), &siblings, &root));
                let mut longer = siblings.clone();
                longer.push([0; 32]);
                assert!(!proves(leaf, index, leaves.len(), &longer, &root));
            }
        }
        assert_eq!(path(&[], 0), None);
        assert_ne!(root(&[]), root(&[[0; 32]]));
    }
}
