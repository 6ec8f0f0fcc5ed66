use carnet_crypto::{
    door::UnixMillis,
    fault::Fault,
    id::{EpochId, OpId, RecordId, VolumeId},
    sign::SigningKey,
};

use super::world::*;
use crate::{
    codec::DecodeError,
    envelope::{Envelope, EnvelopeContext, EnvelopeKind, EnvelopeRefused, Header, NO_PREDECESSOR, hint},
    feed::{FeedState, ForkProof, NoFork, Order, SignedHeader},
    limits::HEADS_MAX,
    membership::{
        HeadsDigest, Insert, MembershipLog, Op, OpDraft, OpRefused,
        body::{Accusation, Body},
    },
};

fn context(world: &World, who: &Who, heads: &[OpId], epoch: EpochId) -> EnvelopeContext {
    EnvelopeContext {
        record: world.record(),
        section: NOTES,
        volume: VolumeId(0),
        kind: EnvelopeKind::Changes,
        device: who.id,
        key: who.key().public(),
        incarnation: who.incarnation,
        previous: NO_PREDECESSOR,
        heads: HeadsDigest::of(heads),
        epoch,
    }
}

fn signed(context: &EnvelopeContext, seq: u32, fill: u8, key: &SigningKey) -> Envelope {
    let header = Header::new(context, seq, true, 128);
    Envelope::sign(context, header, [fill; 24], vec![fill; 144], key).unwrap()
}

/// Two envelopes for the first position, both really signed by `who`, and what they prove.
pub(super) fn real_fork(world: &World, who: &Who, heads: &[OpId], epoch: EpochId) -> ForkProof {
    let context = context(world, who, heads, epoch);
    let header = |fill| SignedHeader::of(&signed(&context, 1, fill, &who.key()), &context);
    ForkProof::of(&world.record(), &context.key, &context, [header(1), header(2)]).unwrap()
}

#[test]
fn operations_may_come_in_any_order_and_twice() {
    let mut world = World::without_relay();
    let owner = world.owner;
    for seed in 2..6 {
        world.second(seed);
    }
    world.say(&owner, Body::Join);
    let ops: Vec<Vec<u8>> = world.log.ops().map(|op| op.bytes().to_vec()).collect();
    let mut log = MembershipLog::new(world.record());
    for bytes in ops.iter().skip(1).rev() {
        let waiting = log.insert(bytes);
        assert!(matches!(&waiting, Insert::Waiting(missing) if missing.len() == 1), "{waiting:?}");
    }
    assert_eq!(log.missing().len(), 1);
    let Insert::Inserted(all) = log.insert(&ops[0]) else { panic!("the genesis came last") };
    assert_eq!(all.len(), ops.len());
    assert_eq!(log.heads(), world.log.heads());
    assert_eq!(log.insert(&ops[3]), Insert::Known);
    assert_eq!(log.since(&[]).len(), ops.len());
    assert_eq!(log.since(&log.heads()), []);
    assert_eq!(log.missing(), []);
}

#[test]
fn what_nobody_signed_never_enters() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let heads = world.log.heads();
    let stranger = Who::new(66);
    let by_stranger = world.sign(&stranger, &heads, Body::Join);
    assert_eq!(world.log.insert(by_stranger.bytes()), Insert::Refused(OpRefused::UnknownAuthor));
    let op = world.sign(&owner, &heads, Body::Join);
    for at in 0..op.bytes().len() {
        let mut altered = op.bytes().to_vec();
        altered[at] ^= 1;
        match world.log.insert(&altered) {
            Insert::Refused(_) | Insert::Waiting(_) => {}
            other => panic!("byte {at}: {other:?}"),
        }
    }
    let other = World::begin_elsewhere();
    let foreign = other.log.ops().next().unwrap().bytes().to_vec();
    assert_eq!(world.log.insert(&foreign), Insert::Refused(OpRefused::OtherRecord));
    assert!(matches!(world.log.insert(op.bytes()), Insert::Inserted(_)));
}

#[test]
fn atk_4_an_operation_of_one_record_is_none_of_another() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let heads = world.log.heads();
    let draft = OpDraft { parents: heads, author: owner.id, counter: 7, time: UnixMillis(START), body: Body::Join };
    let elsewhere = draft.clone().sign(&RecordId([7; 32]), &owner.key()).unwrap();
    assert!(matches!(world.log.insert(elsewhere.bytes()), Insert::Refused(OpRefused::Signature(_))));
    let here = draft.sign(&world.record(), &owner.key()).unwrap();
    assert!(matches!(world.log.insert(here.bytes()), Insert::Inserted(_)));
}

#[test]
fn atk_25_an_operation_of_another_suite_or_version_is_left_alone() {
    let mut world = World::without_relay();
    let bytes = world.log.ops().next().unwrap().bytes().to_vec();
    let before = (world.log.heads(), world.log.ops().count());
    for (at, what) in [(0, "version"), (1, "suite")] {
        let mut other = bytes.clone();
        other[at] = 2;
        let error = Op::decode(&other).unwrap_err();
        assert_eq!(error, DecodeError::Unsupported { what, value: 2 });
        assert_eq!(OpRefused::from(error).fault(), Fault::Unsupported);
        assert!(matches!(world.log.insert(&other), Insert::Refused(_)));
        assert_eq!((world.log.heads(), world.log.ops().count()), before);
    }
}

#[test]
fn a_view_is_found_by_its_hint_and_another_epoch_does_not_verify() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let first = world.log.heads();
    let second = vec![world.say(&owner, Body::Join)];
    let digests = [world.log.learn_view(&first).unwrap(), world.log.learn_view(&second).unwrap()];
    for digest in digests {
        let found: Vec<_> = world.log.views_hinted(hint(&digest.0)).collect();
        assert_eq!(found, [&digest]);
        assert!(world.log.view(&digest).is_some());
    }
    assert_eq!(world.log.learn_view(&[OpId([1; 32])]), Err(vec![OpId([1; 32])]));
    // Another epoch whose name begins alike: the signature tells them apart.
    let (context, epoch) = (context(&world, &owner, &first, EpochId([4; 32])), EpochId([4; 32]));
    let envelope = signed(&context, 1, 1, &owner.key());
    let same_hint = EpochId({
        let mut other = [9; 32];
        other[..4].copy_from_slice(&epoch.0[..4]);
        other
    });
    let wrong = EnvelopeContext { epoch: same_hint, ..context };
    assert!(matches!(envelope.verify(&wrong), Err(EnvelopeRefused::Signature(_))));
    assert!(envelope.verify(&context).is_ok());
    let candidates = {
        let membership = world.membership();
        membership.feed_candidates(&NOTES, VolumeId(0), EnvelopeKind::Changes, envelope.header.feed)
    };
    assert_eq!(candidates.len(), 1);
    assert_eq!(candidates[0].feed, context.feed());
}

#[test]
fn more_heads_than_a_view_may_name_are_joined_first() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let heads = world.log.heads();
    for seed in 2..12 {
        world.say_after(&owner, &heads, Who::beside(seed, &owner).add());
    }
    assert!(world.log.needs_join());
    assert_eq!(world.log.heads().len(), 10);
    let draft = world.log.draft(owner.id, world.now(), Body::Join);
    assert_eq!(draft.parents.len(), HEADS_MAX);
    let op = draft.sign(&world.record(), &owner.key()).unwrap();
    assert!(matches!(world.log.insert(op.bytes()), Insert::Inserted(_)));
    assert!(!world.log.needs_join());
    let mut parents = world.log.heads();
    parents.extend((0..9).map(|n| OpId([n; 32])));
    parents.sort_unstable();
    let draft = OpDraft { parents, ..world.log.draft(owner.id, world.now(), Body::Join) };
    assert!(draft.sign(&world.record(), &owner.key()).is_err(), "nobody could read it back");
}

#[test]
fn atk_18_two_signed_headers_prove_a_fork_and_nothing_else_does() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let phone = world.second(2);
    let heads = world.log.heads();
    let context = context(&world, &phone, &heads, EpochId([4; 32]));
    let (one, two) = (signed(&context, 1, 1, &phone.key()), signed(&context, 1, 2, &phone.key()));
    let header = |envelope: &Envelope| SignedHeader::of(envelope, &context);
    let record = world.record();
    let prove = |a: &Envelope, b: &Envelope| ForkProof::of(&record, &context.key, &context, [header(a), header(b)]);
    assert_eq!(prove(&one, &two), prove(&two, &one), "whoever comes first");
    assert_eq!(prove(&one, &one), Err(NoFork::Order));
    let proof = prove(&one, &two).unwrap();
    assert_eq!(proof.feed(), context.feed());
    let later = EnvelopeContext { previous: one.id(&context).unwrap(), ..context };
    let next = signed(&later, 2, 1, &phone.key());
    let mixed = ForkProof::of(&record, &context.key, &context, [header(&one), SignedHeader::of(&next, &later)]);
    assert_eq!(mixed, Err(NoFork::Positions));
    let forged = Envelope { signature: one.signature, ..two.clone() };
    assert_eq!(prove(&one, &forged), Err(NoFork::Signature));
    // The log takes no accusation that proves nothing.
    let mut bad = proof.clone();
    bad.headers[1].signature = bad.headers[0].signature;
    let accuse = |proof| Body::ForkProof(Box::new(Accusation { proof, frontier: None, cited: None }));
    let op = world.sign(&owner, &heads, accuse(bad));
    assert_eq!(world.log.insert(op.bytes()), Insert::Refused(OpRefused::NoFork(NoFork::Signature)));
    let op = world.sign(&owner, &heads, accuse(proof));
    assert!(matches!(world.log.insert(op.bytes()), Insert::Inserted(_)));
    // The feed itself tells a fork from a duplicate, a gap and another branch.
    let facts = one.verify(&context).unwrap();
    let state = FeedState::default().after(facts.get()).unwrap();
    assert_eq!(FeedState::default().order(&facts, |_| None), Order::Next);
    assert_eq!(state.order(&facts, |_| None), Order::Duplicate);
    let held = facts.get().id;
    assert_eq!(state.order(&two.verify(&context).unwrap(), |_| None), Order::Equivocation { held });
    let next = next.verify(&later).unwrap();
    assert_eq!(state.order(&next, |_| None), Order::Next);
    assert_eq!(FeedState::default().order(&next, |_| None), Order::Gap { missing_from: 1 });
    let aside = FeedState::default().after(two.verify(&context).unwrap().get()).unwrap();
    assert_eq!(aside.order(&next, |_| None), Order::OtherBranch);
}
