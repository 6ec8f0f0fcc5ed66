//! The large parts of operations: which belong to an operation, and what the store calls them.
//!
//! Wraps are kept each with the path that proves it, so that a device is served its own and nothing else.

use carnet_crypto::id::DeviceId;
use carnet_protocol::{
    frame::Refusal,
    membership::{
        Body, Op,
        body::RootKey,
        detached::{Detached, ProvedWrap, SealedKeys},
    },
};

/// The name of a part in the store, after the position of its operation: a kind, then a hash or the recipient.
pub(crate) type PartName = [u8; 33];

/// What the names of all public keys begin with.
pub(crate) const PUBLIC_PART: [u8; 1] = [0];

/// The name of the wrap for `device`.
pub(crate) fn wrap_name(device: &DeviceId) -> PartName {
    let mut name = [0; 33];
    for (to, from) in name.iter_mut().zip([1].iter().chain(&device.0)) {
        *to = *from;
    }
    name
}

fn public_name(hash: &[u8; 32]) -> PartName {
    let mut name = [0; 33];
    for (to, from) in name.iter_mut().zip(PUBLIC_PART.iter().chain(hash)) {
        *to = *from;
    }
    name
}

/// The parts as they are stored, if each belongs to `op`. The wraps of a rekey come all, or each with its path.
pub(crate) fn check(op: &Op, parts: &[Vec<u8>]) -> Result<Vec<(PartName, Vec<u8>)>, Refusal> {
    let named = named_keys(op.body());
    let rekey = op.body().rekey();
    let mut stored = Vec::with_capacity(parts.len());
    let mut wraps: Vec<SealedKeys> = Vec::new();
    for bytes in parts {
        if let Ok(proved) = ProvedWrap::decode(bytes) {
            if !rekey.is_some_and(|rekey| proved.proves(&rekey.wraps)) {
                return Err(Refusal::Malformed);
            }
            stored.push((wrap_name(&proved.keys.recipient), bytes.clone()));
            continue;
        }
        let part = Detached::decode(bytes).map_err(|_| Refusal::Malformed)?;
        let hash = part.hash();
        match (part, op.body()) {
            (Detached::Kem(_) | Detached::Inbox(_), _) if named.contains(&hash) => {
                stored.push((public_name(&hash), bytes.clone()));
            }
            (Detached::Wrap(keys), Body::Wrap(wrap)) if wrap.part == Some(hash) => {
                stored.push((wrap_name(&keys.recipient), bytes.clone()));
            }
            (Detached::Wrap(keys), _) if rekey.is_some() => wraps.push(keys),
            _ => return Err(Refusal::Malformed),
        }
    }
    if !wraps.is_empty() {
        let (root, proved) = ProvedWrap::tree(wraps);
        if rekey.is_none_or(|rekey| rekey.wraps != root) {
            return Err(Refusal::Malformed);
        }
        stored.extend(proved.iter().map(|wrap| (wrap_name(&wrap.keys.recipient), wrap.encode())));
    }
    Ok(stored)
}

/// Whether the keys that `op` gives to others are among `parts`: its author must hand them over.
pub(crate) fn is_whole(op: &Op, parts: &[(PartName, Vec<u8>)]) -> bool {
    let gives_wraps = match op.body() {
        Body::Wrap(wrap) => wrap.part.is_some(),
        body => body.rekey().is_some_and(|rekey| !rekey.sections.is_empty()),
    };
    !gives_wraps || parts.iter().any(|(name, _)| !name.starts_with(&PUBLIC_PART))
}

/// The hashes of the public keys that an operation names.
fn named_keys(body: &Body) -> Vec<[u8; 32]> {
    let roots = |roots: &[RootKey]| roots.iter().map(|root| root.kem.0).collect::<Vec<_>>();
    let mut named = match body {
        Body::Genesis(genesis) => {
            let mut named = roots(&genesis.roots);
            named.push(genesis.device.kem.0);
            named.extend(genesis.relay.iter().map(|relay| relay.kem.0));
            named
        }
        Body::DeviceAdd(add) => vec![add.keys.kem.0],
        Body::SetRelay(relay) => vec![relay.kem.0],
        Body::Recover(recover) => {
            let mut named = roots(&recover.roots);
            named.push(recover.device.keys.kem.0);
            named
        }
        _ => Vec::new(),
    };
    let sections = body.rekey().into_iter().flat_map(|rekey| &rekey.sections);
    named.extend(sections.filter_map(|section| section.inbox).map(|inbox| inbox.0));
    named
}
