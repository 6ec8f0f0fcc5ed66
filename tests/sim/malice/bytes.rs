//! What is in the logs is not what was said there: moved, of another record, cut or grown: D8, D11, D12.

use std::{collections::BTreeSet, rc::Rc};

use carnet_crypto::id::{EnvelopeId, RecordId, SectionId};
use carnet_protocol::{
    frame::{Frame, ObjectPart, ObjectState, Tail, object::OBJECT_BYTES_MAX},
    limits::ENVELOPE_BYTES_MAX,
};
use rand::Rng as _;

use super::{Found, Judge, begun, behave_all, envelopes, meet, page, plant, repent, say};
use crate::{
    chaos,
    executor::NodeId,
    lying::{Logged, LoggedEnvelope, Lying},
    world::World,
};

/// Where a header has the first bytes of the feed's id.
const FEED: std::ops::Range<usize> = 1..9;

/// Sections that a relay makes up; with those that there are, no more than one checkpoint can show.
const MADE_UP: usize = 1_000;

/// From now on every tail that goes to `victim` is altered, under the true checkpoint.
fn alter_tails(world: &World, liar: &Lying, victim: NodeId, alter: impl Fn(Tail) -> Tail + 'static) {
    liar.books(&world.record(), |books| {
        books.alters = Box::new(move |to, frame, _| match frame {
            Frame::Tail(tail) if to == victim => vec![Frame::Tail(alter(tail))],
            frame => vec![frame],
        });
    });
}

/// The same of every envelope that goes to it.
fn alter_envelopes(world: &World, liar: &Lying, victim: NodeId, alter: impl Fn(&mut Vec<u8>) + 'static) {
    alter_tails(world, liar, victim, move |mut tail| {
        tail.envelopes.iter_mut().for_each(&alter);
        tail
    });
}

/// An author says several things before the victim comes.
async fn say_several(world: &World, judge: &mut Judge, liar: &Lying, author: NodeId) {
    for _ in 0..3 + world.below(3) {
        world.add(author);
    }
    say(world, judge, liar, author).await;
}

async fn swaps(world: Rc<World>) -> Found {
    let (liar, mut judge, all) = begun(&world, 2).await;
    let author = world.below(2);
    let victim = 1 - author;
    let way = judge.way(&world, 4);
    match way {
        // The sender: what one device wrote bears the feed of another.
        0 => {
            let feeds: Vec<[u8; 8]> =
                envelopes(&world, &liar).iter().filter_map(|it| it.bytes[FEED].try_into().ok()).collect();
            alter_envelopes(&world, &liar, victim, move |bytes| {
                let other = feeds.iter().find(|feed| bytes[FEED] != feed[..]).unwrap();
                bytes[FEED].copy_from_slice(other);
            });
        }
        // The mailbox: what was said in one section comes in another.
        1 => {
            let sections: Vec<SectionId> = envelopes(&world, &liar).iter().map(|it| it.section).collect();
            alter_tails(&world, &liar, victim, move |tail| {
                let section = *sections.iter().find(|section| **section != tail.section).unwrap();
                Tail { section, ..tail }
            });
        }
        // The order.
        2 => alter_tails(&world, &liar, victim, |mut tail| {
            tail.envelopes.reverse();
            tail
        }),
        // The times.
        _ => liar.books(&world.record(), |books| {
            books.skew_ms = [-400, -1, 1, 400][world.below(4)] * 24 * 3_600_000;
        }),
    }
    say_several(&world, &mut judge, &liar, author).await;
    if way < 3 {
        judge.expose(&world, &liar, victim).await;
    } else {
        assert_eq!(judge.exchange(&world, &liar, victim).await, None, "no order rests on what its clock says");
        world.compare(&all);
    }
    meet(&world, &all).await;
    repent(&world, &liar, &all).await;
    judge.found
}

#[test]
fn fault_d8_a_sender_a_mailbox_an_order_and_times_that_a_relay_swaps_change_nothing() {
    let found = behave_all(8, 4, swaps);
    assert!(found.told > 0);
}

/// Another person's record on a device, at the same relay, with entries and a document in it.
async fn another_record(world: &World, device: NodeId) -> RecordId {
    let relay = world.relay.borrow().address.clone();
    let (other, _) = world.new_record(device, "Alex", Some(relay));
    for number in 0..3 + world.below(3) {
        let added = world.with_device(device, |it| {
            it.with(&other, |record| record.add(&chaos::allergy(&format!("ailleurs {number}"))).map(drop))
        });
        added.unwrap().expect("its own vault takes it");
    }
    let mut bytes = vec![0; 40_000];
    world.rng.borrow_mut().fill_bytes(&mut bytes);
    let attached = world.with_device(device, |it| it.with(&other, |record| chaos::attach(record, "ailleurs", &bytes)));
    attached.unwrap().expect("its own vault takes it");
    world.exchange_of(device, other).await.expect("it takes in every record");
    other
}

/// Attaches a document on one device, and brings it to the relay.
async fn file(world: &World, judge: &mut Judge, liar: &Lying, author: NodeId) {
    world.attach(author);
    say(world, judge, liar, author).await;
}

async fn injects(world: Rc<World>) -> Found {
    let (liar, mut judge, all) = begun(&world, 2).await;
    let victim = world.below(2);
    let author = 1 - victim;
    let other = another_record(&world, author).await;
    let way = judge.way(&world, 4);
    if way == 3 {
        file(&world, &mut judge, &liar, author).await;
    }
    let before = page(&world, victim);
    let own: Vec<SectionId> = envelopes(&world, &liar).iter().map(|it| it.section).collect();
    let (foreign, object) = liar.books(&other, |books| (books.truth.clone(), books.objects.values().next().cloned()));
    let honest = liar.books(&world.record(), |books| books.objects.clone());
    for logged in foreign {
        match (logged, way) {
            // Among what was said in the sections of this record, and in sections of their own.
            (Logged::Envelope(foreign), 0 | 1) => {
                let section = if way == 0 { own[world.below(own.len())] } else { foreign.section };
                let (id, bytes) = (foreign.id, foreign.bytes.clone());
                plant(&world, &liar, victim, LoggedEnvelope { id, by: author, section, bytes });
            }
            // Among the operations of its membership.
            (Logged::Op(op), 2) => liar.books(&world.record(), |books| {
                books.shown.entry(victim).or_default().append(&Logged::Op(op));
            }),
            _ => {}
        }
    }
    if way == 3 {
        // In the place of its documents.
        let object = object.expect("a document was brought");
        liar.books(&world.record(), |books| books.objects.values_mut().for_each(|held| held.clone_from(&object)));
    }
    if way == 1 || way == 2 {
        // A section that it may not read, and operations that build on what it does not know: they wait for what may come.
        assert_eq!(judge.exchange(&world, &liar, victim).await, None);
    } else {
        judge.expose(&world, &liar, victim).await;
    }
    if way < 3 {
        assert_eq!(page(&world, victim), before, "nothing of another record is shown");
    }
    meet(&world, &all).await;
    liar.books(&world.record(), |books| books.objects = honest);
    repent(&world, &liar, &all).await;
    judge.found
}

#[test]
fn fault_d11_what_a_relay_injects_of_another_record_is_refused() {
    behave_all(11, 4, injects);
}

/// From now on this is what `victim` is told and given of sealed objects.
fn alter_objects(
    world: &World,
    liar: &Lying,
    victim: NodeId,
    alter_state: impl Fn(&mut ObjectState) + 'static,
    alter_part: impl Fn(&mut ObjectPart) + 'static,
) {
    liar.books(&world.record(), |books| {
        books.alters = Box::new(move |to, mut frame, _| {
            match &mut frame {
                Frame::ObjectState(state) if to == victim => alter_state(state),
                Frame::ObjectPart(part) if to == victim => alter_part(part),
                _ => {}
            }
            vec![frame]
        });
    });
}

/// The device is shown a thousand sections that are none, in the place of those that it was shown last.
fn grow_sections(world: &World, liar: &Lying, victim: NodeId) {
    let own: BTreeSet<SectionId> = envelopes(world, liar).iter().map(|it| it.section).collect();
    let made_up = || {
        let mut section = [0; 16];
        world.rng.borrow_mut().fill_bytes(&mut section);
        let envelope =
            LoggedEnvelope { id: EnvelopeId([7; 32]), by: victim, section: SectionId(section), bytes: vec![7] };
        (SectionId(section), vec![Rc::new(envelope)])
    };
    liar.books(&world.record(), |books| {
        let sections = &mut books.shown.entry(victim).or_default().sections;
        sections.retain(|section, _| own.contains(section));
        sections.extend((0..MADE_UP).map(|_| made_up()));
        // What is in them is not for this device.
        books.alters = Box::new(move |to, frame, _| match &frame {
            Frame::Tail(tail) if to == victim && !own.contains(&tail.section) => Vec::new(),
            _ => vec![frame],
        });
    });
}

async fn changes_sizes(world: Rc<World>) -> Found {
    let (liar, mut judge, all) = begun(&world, 2).await;
    let author = world.below(2);
    let victim = 1 - author;
    let some = 1 + world.below(200);
    let more = u64::try_from(some).unwrap();
    let way = judge.way(&world, 8);
    match way {
        // Envelopes that are cut short, go on, or are beyond every limit.
        0 => alter_envelopes(&world, &liar, victim, move |bytes| bytes.truncate(bytes.len().saturating_sub(some))),
        1 => alter_envelopes(&world, &liar, victim, move |bytes| bytes.resize(bytes.len() + some, 7)),
        2 => {
            let size = ENVELOPE_BYTES_MAX + some * [1, 4_000][world.below(2)];
            alter_envelopes(&world, &liar, victim, move |bytes| bytes.resize(size, 7));
        }
        // Documents that are said to be longer than they are, or shorter; parts that are.
        3 => alter_objects(&world, &liar, victim, move |it| it.total += more, move |it| it.total += more),
        4 => {
            let shorter = move |total: u64| (total - more.min(total / 2)).max(1);
            let cut = move |part: &mut ObjectPart| {
                part.total = shorter(part.total);
                part.bytes.truncate(usize::try_from(part.total - part.start).unwrap());
            };
            alter_objects(&world, &liar, victim, move |it| it.total = shorter(it.total), cut);
        }
        5 => alter_objects(&world, &liar, victim, |_| {}, move |it| it.bytes.resize(it.bytes.len() + some, 7)),
        // A document that would take the whole disk.
        6 => alter_objects(&world, &liar, victim, |it| it.total = OBJECT_BYTES_MAX, |_| {}),
        // Sections by the thousand, other ones each time.
        _ => {
            for _ in 0..3 {
                grow_sections(&world, &liar, victim);
                world.exchange(victim).await.expect("sections that it may not read");
                let name = world.add(victim);
                assert!(world.names(victim).contains(&name), "a person goes on writing");
            }
            liar.books(&world.record(), |books| books.show_the_truth(victim));
        }
    }
    say_several(&world, &mut judge, &liar, author).await;
    file(&world, &mut judge, &liar, author).await;
    match way {
        6 => {
            let synced = world.exchange(victim).await.expect("it is a document that lacks");
            assert_eq!((synced.objects_missing, synced.objects_received), (1, 0), "nothing of that size is asked for");
            judge.found.lies += 1;
            judge.found.told += 1;
        }
        7 => drop(world.exchange(victim).await.expect("it has not lied of what this device may read")),
        _ => drop(judge.expose(&world, &liar, victim).await),
    }
    meet(&world, &all).await;
    repent(&world, &liar, &all).await;
    judge.found
}

#[test]
fn fault_d12_what_a_relay_cuts_and_what_it_lets_grow_is_refused() {
    behave_all(12, 8, changes_sizes);
}
