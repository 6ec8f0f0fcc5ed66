use carnet_crypto::id::{EpochId, OpId};

use super::world::*;
use crate::{
    envelope::EnvelopeKind,
    membership::{
        Candidate, Judgement, Missing, NotCounted, OpStatus, Quarantined, Role, Scope,
        body::{Accusation, Adopted, Body, Rebase, Removal, Target},
    },
};

/// What the whole set of envelopes comes to, in the order given.
fn settle(world: &World, candidates: &[&Candidate]) -> Vec<Judgement> {
    let all: Vec<Candidate> = candidates.iter().map(|candidate| (*candidate).clone()).collect();
    let judged = world.membership().settle(&all);
    let mut reversed = all.clone();
    reversed.reverse();
    assert_eq!(world.membership().settle(&reversed), judged, "the order of arrival changes nothing");
    all.iter().map(|candidate| judged[&candidate.facts.id]).collect()
}

fn is_removed(judgement: Judgement) -> bool {
    matches!(judgement, Judgement::Quarantine(Quarantined::Removed { .. }))
}

/// A record with a second device of the owner that has written `count` notes.
fn with_phone(count: usize) -> (World, Who, Pen, EpochId) {
    let mut world = World::with_relay();
    let owner = world.owner;
    let phone = world.second(2);
    let (_, epoch) = world.rekey(&owner, &[NOTES]);
    let mut pen = Pen::new(&phone, NOTES);
    let heads = world.log.heads();
    for _ in 0..count {
        pen.write(&world, &heads, epoch);
    }
    (world, phone, pen, epoch)
}

#[test]
fn a_writer_with_the_right_is_accepted_and_others_are_not() {
    let (mut world, _, mut pen, epoch) = with_phone(0);
    let owner = world.owner;
    let reader = world.delegate(&owner, 10, Role::Reader, &[(NOTES, Scope::READ)]);
    let dropper = world.delegate(&owner, 11, Role::Writer, &[(NOTES, Scope::DROP)]);
    let (_, epoch_now) = world.rekey(&owner, &[NOTES]);
    let heads = world.log.heads();
    let note = pen.write(&world, &heads, epoch);
    let by_reader = Pen::new(&reader, NOTES).write(&world, &heads, epoch_now);
    let by_dropper = Pen::new(&dropper, NOTES).write(&world, &heads, epoch_now);
    let drop = Pen { kind: EnvelopeKind::Drop, ..Pen::new(&dropper, NOTES) }.write(&world, &heads, epoch_now);
    let stranger = Pen::new(&Who::new(66), NOTES).write(&world, &heads, epoch_now);
    let refused = Judgement::Refused(NotCounted::NotAWriter);
    assert_eq!(
        settle(&world, &[&note, &by_reader, &by_dropper, &drop, &stranger]),
        [Judgement::Accepted, refused, refused, Judgement::Accepted, refused]
    );
}

#[test]
fn atk_17_an_incarnation_that_was_never_published_writes_nothing() {
    let (world, phone, _, epoch) = with_phone(0);
    let heads = world.log.heads();
    let forged = Who { incarnation: world.owner.incarnation, ..phone };
    let note = Pen::new(&forged, NOTES).write(&world, &heads, epoch);
    assert_eq!(settle(&world, &[&note]), [Judgement::Refused(NotCounted::NotAWriter)]);
}

#[test]
fn what_is_missing_is_asked_for() {
    let (world, _, mut pen, epoch) = with_phone(0);
    let heads = world.log.heads();
    let unknown_view = pen.clone().write(&world, &[OpId([5; 32])], epoch);
    let unknown_epoch = pen.write_on(&world, &heads, EpochId([5; 32]), &[], 1);
    assert_eq!(
        settle(&world, &[&unknown_view, &unknown_epoch]),
        [Judgement::Pending(Missing::View), Judgement::Pending(Missing::Epoch)]
    );
    let judged = world.membership().judge(&unknown_epoch.facts, &[], &|_| None);
    assert_eq!(judged, Judgement::Refused(NotCounted::View));
}

#[test]
fn atk_6_atk_7_beyond_the_frontier_is_quarantine_whenever_it_comes() {
    let (mut world, phone, mut pen, epoch) = with_phone(3);
    let owner = world.owner;
    let before = world.log.heads();
    let end = pen.end();
    let removal = world.say(&owner, remove_with(Target::Device(phone.id), &[end]));
    world.receive(removal);
    // "Before I knew": it names the old view and goes on where it stood.
    let mut honest = pen.clone();
    let late = honest.write(&world, &before, epoch);
    // Back-dated: another second envelope, with an old position, off the chain of the frontier.
    let mut forger = pen.clone();
    forger.written.truncate(1);
    let old = forger.write_on(&world, &before, epoch, &[], 99);
    let kept = pen.written.clone();
    let judged = settle(&world, &[&kept[0], &kept[1], &kept[2], &late, &old]);
    assert_eq!(judged[..3], [Judgement::Accepted; 3], "what was accepted stands");
    let expected = Judgement::Quarantine(Quarantined::Removed { removal, is_settled: true });
    assert_eq!(judged[3..], [expected; 2]);
    // One who writes although it knows is told so at once.
    let knowing = pen.write(&world, &world.log.heads(), epoch);
    assert_eq!(
        settle(&world, &[&kept[0], &kept[1], &kept[2], &knowing])[3],
        Judgement::Refused(NotCounted::NotAWriter)
    );
    // An owner may still take it out.
    let place = place(&late);
    world.say(&owner, Body::Adopt(vec![Adopted::Envelope(NOTES, place)]));
    assert_eq!(settle(&world, &[&kept[0], &kept[1], &kept[2], &late])[3], Judgement::Accepted);
}

#[test]
fn a_chain_that_is_not_held_up_to_the_frontier_is_asked_for() {
    let (mut world, phone, pen, _) = with_phone(3);
    let owner = world.owner;
    world.say(&owner, remove_with(Target::Device(phone.id), &[pen.end()]));
    let first = &pen.written[0];
    assert_eq!(settle(&world, &[first]), [Judgement::Pending(Missing::Chain(pen.end()))]);
}

#[test]
fn a_removal_without_receipt_is_shown_as_pending() {
    let (mut world, phone, pen, _) = with_phone(1);
    let owner = world.owner;
    let removal = world.say(&owner, remove(&[Target::Device(phone.id)]));
    let note = &pen.written[0];
    let expected = |is_settled| [Judgement::Quarantine(Quarantined::Removed { removal, is_settled })];
    assert_eq!(settle(&world, &[note]), expected(false));
    world.receive(removal);
    assert_eq!(settle(&world, &[note]), expected(true));
}

#[test]
fn atk_8_an_offline_member_keeps_what_it_built_on_alive_until_it_knows() {
    let (mut world, phone, mut pen, epoch) = with_phone(1);
    let owner = world.owner;
    let offline = world.second(3);
    let before = world.log.heads();
    let removal = world.say(&owner, remove_with(Target::Device(phone.id), &[pen.end()]));
    world.receive(removal);
    let fed = [pen.write(&world, &before, epoch), pen.write(&world, &before, epoch)];
    let first = pen.written[0].clone();
    let mut other = Pen::new(&offline, NOTES);
    let built = other.write_on(&world, &before, epoch, &[fed[1].facts.id], 0);
    assert_eq!(settle(&world, &[&first, &fed[0], &fed[1], &built]), [Judgement::Accepted; 4], "with its predecessors");
    // The same work by someone who knew of the removal keeps nothing alive.
    let (_, next) = world.rekey(&owner, &[NOTES]);
    let knowing = Pen::new(&offline, NOTES).write_on(&world, &world.log.heads(), next, &[fed[1].facts.id], 1);
    let judged = settle(&world, &[&first, &fed[0], &fed[1], &knowing]);
    assert!(is_removed(judged[1]) && is_removed(judged[2]));
    assert_eq!(judged[3], Judgement::Accepted);
    // Nor does a batch live on what cites it: nothing depends on a batch.
    let mut batches = Pen { kind: EnvelopeKind::Batch, ..Pen::new(&phone, NOTES) };
    let batch = batches.write(&world, &before, epoch);
    let citing = Pen::new(&offline, NOTES).write_on(&world, &before, epoch, &[batch.facts.id], 2);
    assert!(is_removed(settle(&world, &[&batch, &citing])[0]));
}

#[test]
fn a_seal_confirmed_before_the_removal_keeps_what_it_covers() {
    let (mut world, phone, pen, _) = with_phone(2);
    let owner = world.owner;
    let cover = [pen.end()];
    let by_phone = world.say(&phone, seal(NOTES, &cover));
    assert!(!world.membership().objects(&NOTES).next().unwrap().is_confirmed);
    let by_owner = world.say(&owner, seal(NOTES, &cover));
    let membership = world.membership();
    let object = membership.objects(&NOTES).next().unwrap();
    assert!(object.is_confirmed);
    assert_eq!(object.devices.len(), 2);
    world.receive(by_phone);
    world.receive(by_owner);
    let removal = world.say(&owner, remove(&[Target::Device(phone.id)]));
    world.receive(removal);
    let notes: Vec<&Candidate> = pen.written.iter().collect();
    assert_eq!(settle(&world, &notes), [Judgement::Accepted; 2], "although the frontier is 0");
}

#[test]
fn the_only_writer_confirms_alone() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let (_, epoch) = world.rekey(&owner, &[NOTES]);
    let mut pen = Pen::new(&owner, NOTES);
    let heads = world.log.heads();
    pen.write(&world, &heads, epoch);
    world.say(&owner, seal(NOTES, &[pen.end()]));
    assert!(world.membership().objects(&NOTES).next().unwrap().is_confirmed);
    // With a second writer it takes two.
    world.second(2);
    pen.write(&world, &heads, epoch);
    world.say(&owner, seal(NOTES, &[pen.end()]));
    let confirmed = world.membership().objects(&NOTES).filter(|object| object.is_confirmed).count();
    assert_eq!(confirmed, 1);
}

#[test]
fn atk_30_a_writer_cannot_seal_its_own_tail_around_its_removal() {
    let (mut world, phone, mut pen, epoch) = with_phone(1);
    let owner = world.owner;
    let tablet = world.second(3);
    let before = world.log.heads();
    let end = pen.end();
    let removal = world.say_after(&owner, &before, remove_with(Target::Device(phone.id), &[end]));
    world.receive(removal);
    // A cover names envelopes, so one that is not written yet cannot be named; the tail is written first.
    let tail = pen.write(&world, &before, epoch);
    let own = world.say_after(&phone, &before, seal(NOTES, &[pen.end()]));
    let first = pen.written[0].clone();
    assert_eq!(world.membership().status(&own), Some(OpStatus::Voided));
    assert!(is_removed(settle(&world, &[&first, &tail])[1]));
    // A member that has not heard confirms what it sees: one confirmation, of two that are needed.
    world.say_after(&tablet, &before, seal(NOTES, &[pen.end()]));
    assert!(is_removed(settle(&world, &[&first, &tail])[1]));
    // With an owner's device beside it the tail is confirmed without the thief: then it counts.
    let other = Who::beside(4, &owner);
    let joined = world.say_after(&owner, &before, other.add());
    world.say_after(&other, &[joined], seal(NOTES, &[pen.end()]));
    assert_eq!(settle(&world, &[&first, &tail])[1], Judgement::Accepted);
}

#[test]
fn an_envelope_under_an_epoch_that_its_author_knew_to_be_stale_is_refused() {
    let (mut world, phone, _, epoch) = with_phone(0);
    let owner = world.owner;
    let before = world.log.heads();
    let mut pen = Pen::new(&owner, NOTES);
    let early = pen.write(&world, &before, epoch);
    world.say(&owner, remove(&[Target::Device(phone.id)]));
    let stale = pen.write(&world, &world.log.heads(), epoch);
    let (_, next) = world.rekey(&owner, &[NOTES]);
    let fresh = pen.write(&world, &world.log.heads(), next);
    let unseen = pen.write(&world, &before, next);
    assert_eq!(
        settle(&world, &[&early, &stale, &fresh, &unseen]),
        [
            Judgement::Accepted,
            Judgement::Refused(NotCounted::Stale),
            Judgement::Accepted,
            Judgement::Refused(NotCounted::Epoch),
        ]
    );
}

#[test]
fn what_an_accomplice_wrote_falls_with_its_grant() {
    let (mut world, ..) = with_phone(0);
    let owner = world.owner;
    let manager = world.delegate(&owner, 10, Role::Manager, &[(NOTES, Scope::MANAGE)]);
    world.rekey(&owner, &[NOTES]);
    let heads = world.log.heads();
    let removal = world.say_after(&owner, &heads, remove(&[Target::Principal(manager.principal)]));
    world.receive(removal);
    let accomplice = Who::new(11);
    let granted = world.say_after(&manager, &heads, grant(&accomplice, Role::Writer, &[(NOTES, Scope::WRITE)]));
    let added = world.say_after(&manager, &[granted], accomplice.add());
    let epoch = world.membership().epochs(&NOTES).last().unwrap().id;
    let note = Pen::new(&accomplice, NOTES).write(&world, &[added], epoch);
    assert_eq!(settle(&world, &[&note]), [Judgement::Quarantine(Quarantined::AuthorVoided)]);
    world.say(&owner, Body::Adopt(vec![Adopted::Envelope(NOTES, place(&note))]));
    assert_eq!(settle(&world, &[&note]), [Judgement::Accepted]);
}

/// Two different second notes of one incarnation, and the proof against it.
fn forked(world: &World, pen: &Pen, heads: &[OpId], epoch: EpochId, frontier: Option<usize>) -> (Candidate, Body) {
    let mut other = pen.clone();
    other.written.truncate(pen.written.len() - 1);
    let twin = other.write_on(world, heads, epoch, &[], 42);
    let proof = super::log::real_fork(world, &pen.who, heads, epoch);
    let frontier = frontier.map(|index| place(&pen.written[index]));
    (twin, Body::ForkProof(Box::new(Accusation { proof, frontier, cited: None })))
}

#[test]
fn atk_18_of_a_forked_feed_one_branch_stands_and_the_incarnation_dies() {
    let (mut world, phone, pen, epoch) = with_phone(2);
    let owner = world.owner;
    let heads = world.log.heads();
    let (twin, body) = forked(&world, &pen, &heads, epoch, Some(1));
    assert_eq!(settle(&world, &[&pen.written[0], &pen.written[1], &twin]), [Judgement::Accepted; 3]);
    let proof = world.say(&owner, body);
    let judged = settle(&world, &[&pen.written[0], &pen.written[1], &twin]);
    let quarantined = Judgement::Quarantine(Quarantined::Forked(proof));
    assert_eq!(judged, [Judgement::Accepted, Judgement::Accepted, quarantined]);
    // What comes after the frontier, on the branch that stands, is not accepted either, unless it is adopted.
    let mut more = pen.clone();
    let third = more.write(&world, &heads, epoch);
    let all = [&pen.written[0], &pen.written[1], &third];
    assert_eq!(settle(&world, &all)[2], quarantined);
    let knowing = more.write(&world, &world.log.heads(), epoch);
    assert_eq!(settle(&world, &[&knowing]), [Judgement::Refused(NotCounted::DeadIncarnation)]);
    assert_eq!(world.membership().device(&phone.id).unwrap().dead, [phone.incarnation]);
    world.say(&owner, Body::Adopt(vec![Adopted::Envelope(NOTES, place(&twin))]));
    assert_eq!(settle(&world, &[&pen.written[0], &pen.written[1], &twin])[2], quarantined, "not another branch");
    let mut world = world.clone();
    world.log = {
        let mut fresh = World::with_relay().log;
        for op in world.log.ops().filter(|op| !matches!(op.body(), Body::Adopt(_))) {
            let _ = fresh.insert(op.bytes());
        }
        fresh
    };
    world.say(&owner, Body::Adopt(vec![Adopted::Envelope(NOTES, place(&third))]));
    assert_eq!(settle(&world, &all)[2], Judgement::Accepted);
    // A new incarnation of the same device writes on.
    let again = Who { incarnation: carnet_crypto::id::Incarnation([51; 8]), ..phone };
    world.say(&phone, again.add());
    let note = Pen::new(&again, NOTES).write(&world, &world.log.heads(), epoch);
    assert_eq!(settle(&world, &[&note]), [Judgement::Accepted]);
}

/// A proof that names the end of one branch, of a feed whose other one was sealed.
#[test]
fn atk_18_atk_32_a_branch_that_was_sealed_before_a_proof_stands_and_one_that_was_sealed_after_it_does_not() {
    let (mut world, phone, pen, epoch) = with_phone(2);
    let owner = world.owner;
    let heads = world.log.heads();
    let (twin, body) = forked(&world, &pen, &heads, epoch, None);
    let Body::ForkProof(accusation) = body else { panic!("a proof") };
    let against = Body::ForkProof(Box::new(Accusation { frontier: Some(place(&twin)), ..*accusation }));
    let seals = |world: &mut World| [&phone, &owner].map(|who| world.say_after(who, &heads, seal(NOTES, &[pen.end()])));
    let all = [&pen.written[0], &pen.written[1], &twin];
    let stands =
        |world: &World| settle(world, &all).into_iter().map(|one| one == Judgement::Accepted).collect::<Vec<_>>();
    let mut sealed = world.clone();
    for op in seals(&mut sealed) {
        sealed.receive(op);
    }
    let proof = sealed.say_after(&owner, &heads, against.clone());
    sealed.receive(proof);
    assert_eq!(stands(&sealed), [true, true, false]);
    assert!(!sealed.membership().objects(&NOTES).any(|object| sealed.membership().is_overruled(object)));
    let proof = world.say_after(&owner, &heads, against);
    world.receive(proof);
    for op in seals(&mut world) {
        world.receive(op);
    }
    assert_eq!(stands(&world), [true, false, true]);
    let membership = world.membership();
    let object = membership.objects(&NOTES).next().unwrap();
    assert!(object.is_confirmed && membership.is_overruled(object));
}

#[test]
fn atk_32_a_retroactive_fork_proof_takes_no_note_back() {
    let (mut world, phone, pen, epoch) = with_phone(40);
    let owner = world.owner;
    let heads = world.log.heads();
    for who in [&phone, &owner] {
        let op = world.say(who, seal(NOTES, &[pen.end()]));
        world.receive(op);
    }
    // The proof is for the first position and names no frontier, as if nothing had ever been accepted.
    let (_, body) = forked(&world, &pen, &heads, epoch, None);
    let proof = world.say(&owner, body);
    world.receive(proof);
    let notes: Vec<&Candidate> = pen.written.iter().collect();
    assert_eq!(settle(&world, &notes), vec![Judgement::Accepted; 40]);
    assert_eq!(world.membership().device(&phone.id).unwrap().dead, [phone.incarnation]);
}

#[test]
fn of_several_proofs_the_first_receipted_decides() {
    let (mut world, _, pen, epoch) = with_phone(3);
    let owner = world.owner;
    let heads = world.log.heads();
    let (_, generous) = forked(&world, &pen, &heads, epoch, Some(2));
    let (_, strict) = forked(&world, &pen, &heads, epoch, Some(0));
    let strict = world.say_after(&owner, &heads, strict);
    let generous = world.say_after(&owner, &heads, generous);
    let notes: Vec<&Candidate> = pen.written.iter().collect();
    for (first, second, kept) in [(strict, generous, 1), (generous, strict, 3)] {
        let mut world = world.clone();
        world.receive(first);
        world.receive(second);
        let accepted = settle(&world, &notes).iter().filter(|one| **one == Judgement::Accepted).count();
        assert_eq!(accepted, kept);
    }
}

#[test]
fn beyond_a_cut_only_what_was_confirmed_before_it_counts() {
    let (mut world, phone, mut pen, epoch) = with_phone(2);
    let owner = world.owner;
    let heads = world.log.heads();
    world.say(&phone, seal(NOTES, &[pen.end()]));
    world.say(&owner, seal(NOTES, &[pen.end()]));
    let (mut cut, next) = world.rekey_body(&[NOTES], 9);
    if let Body::Rekey(rekey) = &mut cut {
        rekey.sections[0].ladder = None;
    }
    let cut = world.say(&owner, cut);
    let beyond = pen.write(&world, &heads, epoch);
    let after = Pen::new(&owner, NOTES).write(&world, &world.log.heads(), next);
    let judged = settle(&world, &[&pen.written[0], &pen.written[1], &beyond, &after]);
    assert_eq!(judged[..2], [Judgement::Accepted; 2]);
    assert_eq!(judged[2], Judgement::Quarantine(Quarantined::Cut(cut)));
    assert_eq!(judged[3], Judgement::Accepted);
}

#[test]
fn beyond_the_cover_of_a_confirmed_rebase_nothing_of_the_old_volume_counts() {
    let (mut world, _, pen, _) = with_phone(2);
    let owner = world.owner;
    let tablet = world.second(3);
    let body = Body::Rebase(Rebase {
        section: NOTES,
        volume: carnet_crypto::id::VolumeId(0),
        cover: vec![place(&pen.written[0])],
        object: None,
    });
    let notes: Vec<&Candidate> = pen.written.iter().collect();
    world.say(&owner, body.clone());
    assert_eq!(settle(&world, &notes), [Judgement::Accepted; 2], "one device has not confirmed it");
    world.say(&tablet, body);
    assert_eq!(settle(&world, &notes), [Judgement::Accepted, Judgement::Quarantine(Quarantined::Rebased)]);
}

#[test]
fn a_recovery_ends_feeds_like_a_removal() {
    let (mut world, phone, mut pen, epoch) = with_phone(2);
    let (owner, root) = (world.owner, world.root);
    let before = world.log.heads();
    let frontier = vec![place(&pen.written[0])];
    let ends = Removal { frontier, hidden: 1, ..removal(&[Target::Device(phone.id)]) };
    let body = recover(ends, &Who::beside(5, &owner), Vec::new(), Vec::new());
    world.say(&root, body);
    let late = pen.write(&world, &before, epoch);
    let judged = settle(&world, &[&pen.written[0], &pen.written[1], &late]);
    assert_eq!(judged[0], Judgement::Accepted);
    assert!(is_removed(judged[1]) && is_removed(judged[2]));
}

#[test]
fn a_view_contains_what_it_contains() {
    let (mut world, ..) = with_phone(0);
    let owner = world.owner;
    let before = world.log.heads();
    let op = world.say(&owner, Body::Join);
    let membership = world.membership();
    assert_eq!(membership.contains_in_view(&before, &op), Some(false));
    assert_eq!(membership.contains_in_view(&[op], &before[0]), Some(true));
    assert_eq!(membership.contains_in_view(&[OpId([3; 32])], &op), None);
    assert_eq!(membership.view_includes(&[op], &before), Some(true));
    assert_eq!(membership.view_includes(&before, &[op]), Some(false));
}
