//! Strangers, liars and floods.

use std::time::Duration;

use carnet_crypto::id::{DeviceId, RecordId};
use carnet_protocol::{
    frame::{
        Cursor, Denial, Frame, FrameHeader, Hello, Item, Kind, ObjectAsked, ObjectId, ObjectPart, ObjectWanted,
        PartsWanted, Pull, Push, Reconcile, Refusal, RootHello, SectionRef, SlotEnter, SlotOpen, SlotPost, SlotRead,
        Stage, Step, StreamRole,
    },
    membership::{
        Role, Scope,
        body::{Accusation, Body, CitedCheckpoint},
    },
};

use crate::{
    client::{Client, Device, Line, RunningRelay, exporter, folder},
    world::{LETTERS, NOTES, Pen, World},
};

const REFUSED: [u8; 4] = [0x40, 0, 0, 0];

/// One frame of each kind that a device may send.
fn asked(world: &World) -> Vec<Frame> {
    let object = ObjectId([1; 32]);
    let record = world.record();
    let proof = carnet_crypto::sign::Signature([9; 64]);
    let membership = Cursor { position: 0, hint: [0; 8] };
    let name = [9; 16];
    vec![
        Frame::Hello(Hello { record, device: world.owner.id, proof }),
        Frame::Create(carnet_protocol::frame::Create { token: None, proof, genesis: world.genesis() }),
        Frame::RootHello(RootHello { record, proof }),
        Frame::SlotEnter(SlotEnter { name: [8; 16] }),
        Frame::Pull(Pull { store_epoch: 0, take_snapshots: false, membership, views: 0, sections: Vec::new() }),
        Frame::Reconcile(Reconcile { section: NOTES, entries: Vec::new() }),
        Frame::Push(Push { items: Vec::new() }),
        Frame::Subscribe,
        Frame::ObjectAsked(ObjectAsked { object }),
        Frame::ObjectPut(ObjectPart { object, total: 5, start: 0, bytes: vec![1] }),
        Frame::ObjectWanted(ObjectWanted { object, start: 0, bytes: 1 }),
        Frame::SlotOpen(SlotOpen { name, lifetime_ms: 60_000 }),
        Frame::SlotPost(SlotPost { name, index: 0, message: vec![1] }),
        Frame::SlotRead(SlotRead { name, seen: 0, wait_ms: 0 }),
        Frame::PartsWanted(PartsWanted { ids: Vec::new() }),
    ]
}

#[tokio::test]
async fn atk_24_every_stranger_gets_the_same_four_bytes() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let connection = device.connect(&relay.address).await;
    let key = exporter(&connection);
    let good = StreamRole::Device.prove(&world.owner.key(), &world.record(), &key);
    let hello = |record, device, proof| Frame::Hello(Hello { record, device, proof }).encode();
    let mut forged = good;
    forged.0[40] ^= 1;
    let elsewhere = StreamRole::Device.prove(&world.owner.key(), &world.record(), &[3; 32]);
    let as_root = StreamRole::Root.prove(&world.owner.key(), &world.record(), &key);
    let mut strangers = vec![
        ("an unknown record", hello(RecordId([7; 32]), world.owner.id, good)),
        ("an unknown device", hello(world.record(), DeviceId([7; 16]), good)),
        ("a bad signature", hello(world.record(), world.owner.id, forged)),
        ("a proof from another connection", hello(world.record(), world.owner.id, elsewhere)),
        ("a proof in another role", hello(world.record(), world.owner.id, as_root)),
        ("another version", {
            let mut bytes = hello(world.record(), world.owner.id, good);
            bytes[FrameHeader::BYTES] = 9;
            bytes
        }),
        ("noise", vec![0xa5; 300]),
        ("an unknown kind", vec![0x7f, 0, 0, 0]),
        ("a frame of a relay", Frame::Welcome.encode()),
        ("a length beyond its kind", vec![Kind::Hello.byte(), 0xff, 0xff, 0xff]),
        ("a request before any hello", Frame::Subscribe.encode()),
        ("a slot that is not open", Frame::SlotEnter(SlotEnter { name: [1; 16] }).encode()),
        ("a root that is none", Frame::RootHello(RootHello { record: world.record(), proof: good }).encode()),
    ];
    let mut trailing = hello(world.record(), world.owner.id, good);
    trailing[1] += 1;
    trailing.push(0);
    strangers.push(("a body with a byte more", trailing));
    for (who, bytes) in strangers {
        let mut line = Line::open(&connection).await;
        line.send.write_all(&bytes).await.unwrap();
        assert_eq!(line.rest().await, REFUSED, "{who}");
    }
    // The connection is as good as before for whoever has a right.
    let mut line = Line::open(&connection).await;
    let welcome = line.ask(&Frame::Hello(Hello { record: world.record(), device: world.owner.id, proof: good })).await;
    assert_eq!(welcome, Frame::Welcome);
    relay.stop().await;
}

#[tokio::test]
async fn fault_c2_any_frame_in_any_stage_has_its_one_answer() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let open = Frame::SlotOpen(SlotOpen { name: [9; 16], lifetime_ms: 900_000 });
    assert!(matches!(client.line.ask(&open).await, Frame::SlotContent(_)));
    let connection = client.connection.clone();
    let mut pairs = 0;
    for stage in [Stage::Opening, Stage::Served, Stage::InSlot] {
        for kind in Kind::ALL {
            let frame = asked(&world).into_iter().find(|frame| frame.kind() == *kind);
            // A frame of the other side: its kind alone is judged.
            let bytes = frame.map_or_else(|| vec![kind.byte(), 0, 0, 0], |frame| frame.encode());
            let mut line = Line::open(&connection).await;
            match stage {
                Stage::Served => {
                    let proof = StreamRole::Device.prove(&world.owner.key(), &world.record(), &exporter(&connection));
                    let hello = Hello { record: world.record(), device: world.owner.id, proof };
                    assert_eq!(line.ask(&Frame::Hello(hello)).await, Frame::Welcome);
                }
                Stage::InSlot => {
                    let entered = line.ask(&Frame::SlotEnter(SlotEnter { name: [9; 16] })).await;
                    assert!(matches!(entered, Frame::SlotContent(_)));
                }
                Stage::Opening | Stage::Ended => {}
            }
            line.send.write_all(&bytes).await.unwrap();
            line.send.finish().unwrap();
            let answer = line.rest().await;
            let denied = Frame::Denied(Denial::OutOfPlace).encode();
            match stage.next(*kind) {
                // Each of these opening frames is refused here: none carries a valid proof.
                Step::Judge(_) | Step::Refuse => assert_eq!(answer, REFUSED, "{stage:?} {kind:?}"),
                Step::OutOfPlace => assert_eq!(answer, denied, "{stage:?} {kind:?}"),
                Step::Serve if *kind == Kind::Subscribe => assert_ne!(answer, denied),
                Step::Serve => {
                    assert!(!answer.is_empty(), "{stage:?} {kind:?}");
                    assert_ne!(answer, denied, "{stage:?} {kind:?}");
                }
                Step::Ignore => panic!("nothing is ignored before the end"),
            }
            pairs += 1;
        }
    }
    assert_eq!(pairs, 3 * Kind::ALL.len());
    assert!(connection.close_reason().is_none(), "no frame ends a connection");
    relay.stop().await;
}

#[tokio::test]
async fn fault_c1_oversized_cut_and_lying_frames_end_their_stream_only() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let denied = Frame::Denied(Denial::OutOfPlace).encode();
    let push = Frame::Push(Push { items: vec![] }).encode();
    let longer = |bytes: &[u8], more: u8| {
        let mut bytes = bytes.to_vec();
        bytes[1] += more;
        bytes
    };
    let cases: Vec<(&str, Vec<u8>, Vec<u8>)> = vec![
        ("larger than any push", vec![Kind::Push.byte(), 0xff, 0xff, 0xff], denied.clone()),
        ("a request with a body it may not have", vec![Kind::Subscribe.byte(), 1, 0, 0, 0], denied.clone()),
        ("a body of zeros", [vec![Kind::Push.byte(), 9, 0, 0], vec![0; 9]].concat(), denied.clone()),
        ("cut in the header", vec![Kind::Push.byte(), 1], vec![]),
        ("cut in the body", longer(&push, 40), vec![]),
        ("padding in the wrong place", [vec![Kind::Pull.byte(), 38, 0, 0], vec![0; 38]].concat(), denied),
    ];
    for (what, bytes, answer) in cases {
        let mut other = Client::create(&device, &relay.address, &world).await;
        other.line.send.write_all(&bytes).await.unwrap();
        other.line.send.finish().unwrap();
        assert_eq!(other.line.rest().await, answer, "{what}");
        assert!(other.connection.close_reason().is_none(), "{what}");
        assert_eq!(client.pull(&mut world).await.mismatches, [], "{what}: others are served");
    }
    relay.stop().await;
}

#[tokio::test]
async fn atk_4_replayed_reordered_and_crossed_envelopes_change_nothing() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let mut elsewhere = World::new(&relay.address.key, 6);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let mut other = Client::create(&device, &relay.address, &elsewhere).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let items = elsewhere.items();
    other.push(&mut elsewhere, items).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let written: Vec<_> = (0..3).map(|_| pen.write(&world, 256)).collect();
    let bytes = |item: &Item| match item {
        Item::Envelope(_, bytes) => bytes.clone(),
        _ => panic!(),
    };
    let crossed = Item::Envelope(SectionRef::Named(LETTERS), bytes(&written[0]));
    let pushed = client.push(&mut world, vec![crossed]).await;
    assert_eq!(pushed.refusals, [(0, Refusal::Signature)], "another section");
    let pushed = other.push(&mut elsewhere, vec![written[0].clone()]).await;
    assert_eq!(pushed.refusals, [(0, Refusal::Signature)], "another record");
    let pushed = client.push(&mut world, vec![written[1].clone(), written[0].clone()]).await;
    assert_eq!(pushed.refusals, [(0, Refusal::Gap)], "reordered");
    let mut flipped = bytes(&written[1]);
    let at = flipped.len() - 80;
    flipped[at] ^= 1;
    let flipped = Item::Envelope(SectionRef::Named(NOTES), flipped);
    let pushed = client.push(&mut world, vec![flipped, written[1].clone(), written[2].clone()]).await;
    assert_eq!(pushed.refusals, [(0, Refusal::Signature)], "a flipped bit is alone");
    let replay = [&written[..], &written[..]].concat();
    let before = client.known.sections[&NOTES];
    assert_eq!(client.push(&mut world, replay).await.refusals, []);
    assert_eq!(client.known.sections[&NOTES], before, "a replay is idempotent");
    relay.stop().await;
}

#[tokio::test]
async fn atk_40_atk_18_a_second_header_for_a_position_is_never_taken() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let mut items = world.items();
    items.push(pen.write(&world, 256));
    let mut clone = pen.clone();
    items.push(pen.write(&world, 256));
    client.push(&mut world, items).await;
    let head = client.known.sections[&NOTES];
    let (heads, epoch) = (world.log.heads(), world.epochs[&NOTES]);
    let second = clone.sign(&world, &heads, epoch, 256, 77);
    let third = clone.sign(&world, &heads, epoch, 256, 78);
    let envelope = |bytes| Item::Envelope(SectionRef::Named(NOTES), bytes);
    let pushed = client.push(&mut world, vec![envelope(second), envelope(third)]).await;
    // The third stands on the refused second: its predecessor is not what is held, so no signature fits.
    assert_eq!(pushed.refusals, [(0, Refusal::Fork), (1, Refusal::Signature)]);
    assert_eq!(client.known.sections[&NOTES], head);
    let next = pen.write(&world, 256);
    assert_eq!(client.push(&mut world, vec![next]).await.refusals, [], "the branch that stands goes on");
    relay.stop().await;
}

/// A proof lets another branch stand than the one here. It may come in parts, and its coming may break off.
#[tokio::test]
async fn atk_18_of_a_forked_feed_the_links_always_follow_whatever_part_of_a_branch_comes() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let phone = world.second(2);
    let mut here = Pen::new(&phone, NOTES);
    let mut items = world.items();
    items.push(here.write(&world, 256));
    assert_eq!(client.push(&mut world, items).await.refusals, []);
    let signed = client.pull(&mut world).await.checkpoint.unwrap();
    let cited = CitedCheckpoint::of(signed, &client.known.sections, |_| true);
    let mut there = here.clone();
    let (heads, epoch) = (world.log.heads(), world.epochs[&NOTES]);
    for content in 1..=4 {
        here.sign(&world, &heads, epoch, 256, content);
        there.sign(&world, &heads, epoch, 256, content + 100);
    }
    assert_eq!(client.push(&mut world, here.items_from(1)[..2].to_vec()).await.refusals, []);
    let proof = here.forked_from(&there, &world, 2);
    let accusation = Accusation { proof, frontier: Some(there.place(5)), cited: Some(cited) };
    let owner = world.owner;
    world.say(&owner, Body::ForkProof(Box::new(accusation)), Vec::new());
    let said = world.last();
    assert_eq!(client.push(&mut world, vec![said]).await.refusals, []);
    // One of the branch that stands, and then no more: the other does not go on behind it, nor come back.
    assert_eq!(client.push(&mut world, there.items_from(1)[..1].to_vec()).await.refusals, []);
    let head = client.known.sections[&NOTES];
    let more = here.items_from(1);
    let pushed = client.push(&mut world, more.clone()).await;
    assert_eq!(pushed.refusals, [(1, Refusal::Signature), (2, Refusal::Gap), (3, Refusal::Gap)]);
    assert_eq!(client.known.sections[&NOTES], head, "what is in the log is known, and nothing was added");
    // The rest comes at last, and stays.
    assert_eq!(client.push(&mut world, there.items_from(2)).await.refusals, []);
    let refusals = client.push(&mut world, more).await.refusals;
    assert!(refusals.iter().any(|(_, refusal)| *refusal == Refusal::Fork), "{refusals:?}");
    let mut fresh = Client::hello(&device, &relay.address, &world, &owner).await;
    let brought = fresh.pull(&mut world).await;
    let chain: Vec<Vec<u8>> = there.written.iter().map(|(_, bytes)| bytes.clone()).collect();
    let served: Vec<Vec<u8>> = brought.envelopes(NOTES).into_iter().filter(|bytes| chain.contains(bytes)).collect();
    assert_eq!(served, chain, "whole, and in its order");
    let asked = Reconcile { section: NOTES, entries: Vec::new() };
    let Frame::Vector(vector) = fresh.line.ask(&Frame::Reconcile(asked)).await else { panic!("it says what it has") };
    assert_eq!(vector.entries[0].seq, 5);
    relay.stop().await;
}

#[tokio::test]
async fn atk_17_nobody_writes_as_another_and_readers_do_not_write() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let reader = world.delegate(3, Role::Reader, &[(NOTES, Scope::READ)], None);
    let owner = world.owner;
    world.rekey(&owner, &[NOTES]);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    assert_eq!(client.push(&mut world, items).await.refusals, []);
    let item = Pen::new(&reader, NOTES).write(&world, 256);
    let mut own = Client::hello(&device, &relay.address, &world, &reader).await;
    assert_eq!(own.push(&mut world, vec![item]).await.refusals, [(0, Refusal::NotGranted)]);
    // The reader signs what claims to be the owner's feed.
    let masked = crate::world::Who { seed: reader.seed, ..owner };
    let forged = Pen::new(&masked, NOTES).write(&world, 256);
    assert_eq!(own.push(&mut world, vec![forged]).await.refusals, [(0, Refusal::Signature)]);
    // A reader of notes sees one section of the checkpoint, and is served nothing of letters.
    let mut pen = Pen::new(&owner, LETTERS);
    let item = pen.write(&world, 256);
    client.push(&mut world, vec![item]).await;
    let brought = own.pull(&mut world).await;
    assert!(brought.tails.is_empty());
    assert!(!own.known.sections.contains_key(&LETTERS));
    relay.stop().await;
}

/// The QUIC library ends a whole connection when more than 1,024 small chunks wait unread. A reader that sleeps while
/// others write must lose nothing by it: it is told once, and no more until it asks.
#[tokio::test]
async fn a_sleeping_reader_does_not_lose_its_connection() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let phone = world.second(2);
    let (laptop, other) = (Device::new(1).await, Device::new(2).await);
    let mut client = Client::create(&laptop, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let mut sleeper = Client::hello(&other, &relay.address, &world, &phone).await;
    sleeper.pull(&mut world).await;
    sleeper.line.say(&Frame::Subscribe).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let mut sent = 0;
    for _ in 0..25 {
        let items: Vec<_> = (0..100).map(|_| pen.write(&world, 128)).collect();
        sent += items.len();
        assert_eq!(client.push(&mut world, items).await.refusals, []);
    }
    assert!(sleeper.connection.close_reason().is_none());
    let first = sleeper.brought(&mut world, carnet_protocol::frame::Cause::Live).await;
    let rest = sleeper.pull(&mut world).await;
    assert_eq!(first.envelopes(NOTES).len() + rest.envelopes(NOTES).len(), sent);
    assert!(sleeper.connection.close_reason().is_none());
    relay.stop().await;
}

/// The other way round: a device that asks and asks and never reads an answer.
#[tokio::test]
async fn fault_c8_a_device_that_never_reads_loses_its_stream_and_nobody_else_anything() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let phone = world.second(2);
    let (laptop, other) = (Device::new(1).await, Device::new(2).await);
    let mut client = Client::create(&laptop, &relay.address, &world).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let mut items = world.items();
    items.extend((0..60).map(|_| pen.write(&world, 60_000)));
    for part in items.chunks(12) {
        assert_eq!(client.push(&mut world, part.to_vec()).await.refusals, []);
    }
    let mut deaf = Client::hello(&other, &relay.address, &world, &phone).await;
    let pull = Frame::Pull(deaf.next_pull(false)).encode();
    for _ in 0..2_000 {
        let sent = tokio::time::timeout(Duration::from_millis(500), deaf.line.send.write_all(&pull)).await;
        if !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    let stopped = tokio::time::timeout(Duration::from_secs(30), deaf.line.send.stopped()).await;
    assert_eq!(stopped.unwrap().unwrap(), Some(1_u32.into()), "the relay has no room for more and says so");
    assert!(deaf.connection.close_reason().is_none(), "its connection lives");
    let mut again = Line::open(&deaf.connection).await;
    let proof = StreamRole::Device.prove(&phone.key(), &world.record(), &exporter(&deaf.connection));
    let hello = Frame::Hello(Hello { record: world.record(), device: phone.id, proof });
    assert_eq!(again.ask(&hello).await, Frame::Welcome, "and serves a new stream");
    let item = pen.write(&world, 256);
    assert_eq!(client.push(&mut world, vec![item]).await.refusals, [], "others are served");
    relay.stop().await;
}

#[tokio::test]
async fn pushes_are_pipelined_and_all_answered_in_order() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let pushes: Vec<_> = (0..400).map(|_| vec![pen.write(&world, 128)]).collect();
    for items in &pushes {
        client.line.say(&Frame::Push(Push { items: items.clone() })).await;
    }
    for items in &pushes {
        assert_eq!(client.pushed(&mut world, items).await.refusals, []);
    }
    assert_eq!(client.known.sections[&NOTES].position, 400);
    relay.stop().await;
}
