//! A removal and those who are to know of it: old words that come as new ones, a removal that is dropped, a removed device that
//! the relay works with: D5, D6, D13.

use std::rc::Rc;

use carnet_crypto::id::{EnvelopeId, OpId};
use carnet_protocol::{envelope::Envelope, frame::Frame};

use super::{Found, Judge, begun, behave_all, envelopes, page, plant, say};
use crate::{
    disk::Death,
    executor::NodeId,
    lying::{Logged, LoggedEnvelope, Lying},
    world::{World, run},
};

/// Three devices, of which one is removed by another.
struct Family {
    remover: NodeId,
    other: NodeId,
    lost: NodeId,
}

impl Family {
    fn draw(world: &World) -> Self {
        let remover = world.below(3);
        let lost = (remover + 1 + world.below(2)) % 3;
        Self { remover, lost, other: 3 - remover - lost }
    }

    fn stay(&self) -> [NodeId; 2] {
        [self.remover, self.other]
    }
}

/// From now on what a device says reaches nobody.
fn keep_to_itself(world: &World, liar: &Lying, author: NodeId) {
    liar.books(&world.record(), |books| {
        books.shows = Box::new(move |to, logged| to == author || logged.by() != author);
    });
}

/// A device writes what nobody is to see, and brings it to the relay. The names.
async fn say_in_vain(world: &World, judge: &mut Judge, liar: &Lying, author: NodeId) -> Vec<String> {
    let names = (0..=world.below(3)).map(|_| world.add_in_vain(author)).collect();
    judge.exchange(world, liar, author).await;
    names
}

/// Whether a device shows none of these names.
fn shows_none(world: &World, device: NodeId, names: &[String]) -> bool {
    let shown = world.names(device);
    names.iter().all(|name| !shown.contains(name))
}

/// The same words under the next number of their feed and the newest keys of their section, as far as one can who signs nothing.
fn dressed_up(world: &World, all: &[Rc<LoggedEnvelope>], old: &LoggedEnvelope) -> LoggedEnvelope {
    let mut envelope = Envelope::decode(&old.bytes).unwrap();
    let of_section = all.iter().filter(|it| it.section == old.section);
    let headers: Vec<_> = of_section.map(|it| Envelope::decode(&it.bytes).unwrap().header).collect();
    let of_feed = headers.iter().filter(|it| it.feed == envelope.header.feed);
    envelope.header.seq = of_feed.map(|it| it.seq).max().unwrap() + 1;
    envelope.header.epoch = headers.last().unwrap().epoch;
    let id = EnvelopeId([u8::try_from(world.below(256)).unwrap(); 32]);
    LoggedEnvelope { id, by: old.by, section: old.section, bytes: envelope.encode() }
}

async fn replays_an_old_epoch(world: Rc<World>) -> Found {
    let (liar, mut judge, _) = begun(&world, 3).await;
    let family = Family::draw(&world);
    keep_to_itself(&world, &liar, family.lost);
    let hidden = say_in_vain(&world, &mut judge, &liar, family.lost).await;
    let old = envelopes(&world, &liar);
    world.remove(family.remover, family.lost);
    say(&world, &mut judge, &liar, family.remover).await;
    judge.settle(&world, &liar, &family.stay()).await;
    let all = envelopes(&world, &liar);
    let way = judge.way(&world, 3);
    for victim in family.stay() {
        let before = page(&world, victim);
        for old in &old {
            let again = LoggedEnvelope { id: old.id, by: old.by, section: old.section, bytes: old.bytes.clone() };
            match way {
                // Word for word, behind all that came since.
                0 if old.by != family.lost => plant(&world, &liar, victim, again),
                // As if it were of today.
                1 => plant(&world, &liar, victim, dressed_up(&world, &all, old)),
                // What was held back, whose author had every right to say it then.
                2 if old.by == family.lost => plant(&world, &liar, victim, again),
                _ => {}
            }
        }
        if way == 1 {
            judge.expose(&world, &liar, victim).await;
        } else {
            assert_eq!(judge.exchange(&world, &liar, victim).await, None, "its logs agree with what it signs");
        }
        assert_eq!(page(&world, victim), before, "nothing old counts as new");
        assert!(shows_none(&world, victim, &hidden));
    }
    world.add(family.other);
    world.meet(family.remover, family.other).await.expect("honest devices meet");
    world.compare(&family.stay());
    judge.found
}

#[test]
fn fault_d5_envelopes_of_an_old_epoch_that_come_as_new_ones_are_refused() {
    let found = behave_all(5, 3, replays_an_old_epoch);
    assert!(found.told > 0);
}

/// From now on a removal reaches nobody but who signed it; all that was said upon it does.
fn drop_removal(world: &World, liar: &Lying, remover: NodeId, removal: OpId, is_clumsy: bool) {
    liar.books(&world.record(), |books| {
        if is_clumsy {
            books.alters = Box::new(move |to, frame, truth| {
                let Frame::Operations(mut batch) = frame else { return vec![frame] };
                let is_removal = |logged: &Logged, op: &[u8]| match logged {
                    Logged::Op(logged) => logged.id == removal && logged.sent.op == op,
                    Logged::Envelope(_) => false,
                };
                batch
                    .operations
                    .retain(|sent| to == remover || !truth.iter().any(|logged| is_removal(logged, &sent.op)));
                vec![Frame::Operations(batch)]
            });
        } else {
            books.shows =
                Box::new(move |to, logged| to == remover || !matches!(logged, Logged::Op(op) if op.id == removal));
        }
    });
}

/// Whether a device takes another for a member.
fn admits(world: &World, device: NodeId, other: NodeId) -> bool {
    let id = world.with_device(other, |it| it.with(&world.record(), |record| record.device())).unwrap();
    let devices = world.with_device(device, |it| it.with(&world.record(), |record| record.devices()));
    devices.unwrap().unwrap().iter().any(|it| it.id == id && it.is_live)
}

async fn drops_a_removal(world: Rc<World>) -> Found {
    let (liar, mut judge, _) = begun(&world, 3).await;
    let family = Family::draw(&world);
    let is_clumsy = judge.way(&world, 2) == 0;
    let removal = world.remove(family.remover, family.lost);
    drop_removal(&world, &liar, family.remover, removal, is_clumsy);
    let mut after = vec![say(&world, &mut judge, &liar, family.remover).await];
    judge.expose(&world, &liar, family.other).await;
    assert!(world.pending(family.other).waiting > 0, "what cannot be judged without it waits, and shows");
    assert!(admits(&world, family.other, family.lost), "it does not know");
    judge.exchange(&world, &liar, family.lost).await;
    assert!(shows_none(&world, family.lost, &after), "who knows writes under new keys");
    // By another path it learns what was dropped.
    world.meet(family.other, family.remover).await.expect("honest devices meet");
    assert!(!admits(&world, family.other, family.lost));
    world.compare(&family.stay());
    for device in family.stay() {
        after.push(world.add(device));
        judge.exchange(&world, &liar, device).await;
    }
    world.meet(family.other, family.remover).await.expect("honest devices meet");
    world.compare(&family.stay());
    judge.exchange(&world, &liar, family.lost).await;
    assert!(shows_none(&world, family.lost, &after), "nobody who knows seals to the removed device");
    judge.found
}

#[test]
fn fault_d6_a_removal_that_a_relay_drops_lacks_visibly_and_nobody_who_knows_seals_to_the_removed() {
    behave_all(6, 2, drops_a_removal);
}

/// From now on the removed device is told of nothing that others say, and what it says reaches everybody; to one of them the
/// removal is not shown, if so.
fn collude(world: &World, liar: &Lying, lost: NodeId, hidden_from: Option<NodeId>) {
    liar.books(&world.record(), |books| {
        books.shows = Box::new(move |to, logged| to != lost && (Some(to) != hidden_from || logged.by() == lost));
    });
}

async fn colludes(world: Rc<World>) -> Found {
    let (liar, mut judge, _) = begun(&world, 3).await;
    let family = Family::draw(&world);
    let Family { remover, other, lost } = family;
    // Whoever has the device has copied its disk before.
    world.kill(lost, Death::Killed);
    let copy = world.with_device(lost, |it| it.backup());
    world.heal();
    say(&world, &mut judge, &liar, lost).await;
    judge.settle(&world, &liar, &family.stay()).await;
    let way = judge.way(&world, 3);
    world.remove(remover, lost);
    collude(&world, &liar, lost, (way == 2).then_some(other));
    let mut after = vec![say(&world, &mut judge, &liar, remover).await];
    let mut late = Vec::new();
    match way {
        // It goes on as if it had not been removed.
        0 => late = say_in_vain(&world, &mut judge, &liar, lost).await,
        // It dates back: what it says stands in the places of what it had said before it was removed.
        1 => {
            world.kill(lost, Death::Killed);
            world.with_device(lost, |it| it.put_back(&copy));
            world.model.borrow_mut().put_back_forked(lost);
            world.heal();
            late = say_in_vain(&world, &mut judge, &liar, lost).await;
        }
        // It speaks to one who does not know, and who builds on it.
        _ => {
            for _ in 0..=world.below(3) {
                world.add_in_doubt(lost);
            }
            judge.exchange(&world, &liar, lost).await;
            judge.exchange(&world, &liar, other).await;
            for _ in 0..4 {
                world.act(other);
            }
        }
    }
    for _ in 0..2 {
        for device in family.stay() {
            judge.exchange(&world, &liar, device).await;
        }
        world.meet(other, remover).await.expect("honest devices meet");
    }
    world.compare(&family.stay());
    assert!(family.stay().iter().all(|device| shows_none(&world, *device, &late)));
    if way == 0 {
        let late = u64::try_from(late.len()).unwrap();
        assert!(family.stay().iter().all(|device| world.pending(*device).quarantined == late), "an owner sees it");
    }
    // It is given everything there is.
    for device in family.stay() {
        after.push(world.add(device));
        judge.exchange(&world, &liar, device).await;
    }
    liar.books(&world.record(), |books| books.show_the_truth(lost));
    judge.last.remove(&lost);
    judge.exchange(&world, &liar, lost).await;
    assert!(shows_none(&world, lost, &after), "it opens nothing that was written under new keys");
    judge.found
}

#[test]
fn control_a_removed_device_that_is_let_read_is_reported() {
    run(0xc13, async |world| {
        let (liar, mut judge, _) = begun(&world, 3).await;
        let Family { remover, lost, .. } = Family::draw(&world);
        // Its removal is left out.
        let after = vec![say(&world, &mut judge, &liar, remover).await];
        judge.exchange(&world, &liar, lost).await;
        assert!(!shows_none(&world, lost, &after));
    });
}

#[test]
fn control_a_lie_that_nobody_is_told_is_reported() {
    let (found, _) = run(0xc05, async |world| {
        let (liar, mut judge, _) = begun(&world, 2).await;
        // Nothing false is given, so that nothing can be told.
        judge.expose(&world, &liar, 0).await;
        judge.found
    });
    assert_eq!((found.lies, found.undetected), (1, 1));
}

#[test]
fn fault_d13_a_removed_device_that_a_relay_works_with_reads_nothing_new_and_changes_nothing() {
    behave_all(13, 3, colludes);
}
