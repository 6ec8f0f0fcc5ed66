//! Pushing and pulling, as honest devices do.

use carnet_protocol::{
    checkpoint::Leaves,
    frame::{Cause, Frame, Item, PartsWanted, Push, Reconcile, Refusal, SectionRef, VectorEntry},
    membership::{Op, Role, Scope, detached::ProvedWrap},
};

use crate::{
    client::{Client, Device, RunningRelay, exporter, folder},
    world::{LETTERS, NOTES, Pen, World, view},
};

#[tokio::test]
async fn what_one_device_pushes_another_pulls_under_one_chain() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let phone = world.second(2);
    let mut pen = Pen::new(&world.owner, NOTES);
    let (laptop, other) = (Device::new(1).await, Device::new(2).await);
    let mut client = Client::create(&laptop, &relay.address, &world).await;
    let mut items = world.items();
    items.extend((0..40).map(|n| pen.write(&world, if n == 7 { 300_000 } else { 256 })));
    let pushed = client.push(&mut world, items).await;
    assert_eq!(pushed.refusals, []);
    assert_eq!(pushed.receipts.len(), 2, "the rekey and the device");

    let mut reader = Client::hello(&other, &relay.address, &world, &phone).await;
    let brought = reader.pull(&mut world).await;
    assert_eq!(brought.operations.len(), 3);
    let pulled = brought.envelopes(NOTES);
    assert_eq!(pulled, pen.written.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>());
    assert_eq!(reader.known, client.known, "both follow one chain");
    assert!(brought.tails.len() > 2, "a log is cut into frames");

    // Nothing new: a few hundred bytes, and no leaf is sent.
    let again = reader.pull(&mut world).await;
    assert_eq!((again.operations.len(), again.tails.len(), again.mismatches.len()), (0, 0, 0));
    assert!(again.bytes < 128, "{}", again.bytes);

    // One small change: the acknowledgement leaves out what both ends know.
    let next = pen.write(&world, 256);
    let pushed = client.push(&mut world, vec![next]).await;
    assert_eq!(pushed.checkpoint.leaves, Leaves::AllKnown);
    relay.stop().await;
}

#[tokio::test]
async fn atk_26_a_push_that_is_sent_again_changes_nothing() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let mut items = world.items();
    items.extend((0..5).map(|_| pen.write(&world, 20_000)));
    let first = client.push(&mut world, items.clone()).await;
    let head = client.known.sections[&NOTES];
    for _ in 0..3 {
        let again = client.push(&mut world, items.clone()).await;
        assert_eq!(again.refusals, []);
        assert_eq!(again.receipts, first.receipts, "the same receipts");
        assert_eq!(client.known.sections[&NOTES], head);
    }
    // And on a new stream, after a restart of the relay.
    relay.stop().await;
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let again = client.push(&mut world, items).await;
    assert_eq!(again.receipts, first.receipts);
    assert_eq!(client.known.sections[&NOTES], head);
    relay.stop().await;
}

#[tokio::test]
async fn a_subscribed_stream_is_told_once_and_then_again() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let phone = world.second(2);
    let (laptop, other) = (Device::new(1).await, Device::new(2).await);
    let mut client = Client::create(&laptop, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let mut listener = Client::hello(&other, &relay.address, &world, &phone).await;
    listener.pull(&mut world).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    for round in 1..4 {
        listener.line.say(&Frame::Subscribe).await;
        let item = pen.write(&world, 256);
        client.push(&mut world, vec![item]).await;
        let brought = listener.brought(&mut world, Cause::Live).await;
        assert_eq!(brought.envelopes(NOTES).len(), 1);
        assert!(brought.bytes <= 416, "one envelope of 377 bytes and little more: {}", brought.bytes);
        assert_eq!(listener.known.sections[&NOTES].position, round);
    }
    // Not armed: nothing is told until it asks, and then everything.
    for _ in 0..3 {
        let item = pen.write(&world, 256);
        client.push(&mut world, vec![item]).await;
    }
    listener.line.say(&Frame::Subscribe).await;
    let brought = listener.brought(&mut world, Cause::Live).await;
    assert_eq!(brought.envelopes(NOTES).len(), 3);
    // A device is not told of what it pushed itself.
    client.line.say(&Frame::Subscribe).await;
    let item = pen.write(&world, 256);
    let pushed = client.push(&mut world, vec![item]).await;
    assert_eq!(pushed.refusals, []);
    relay.stop().await;
}

#[tokio::test]
async fn a_device_is_served_its_own_wrap_and_the_keys_it_asks_for() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let phone = world.second(2);
    let owner = world.owner;
    let rekey = world.rekey(&owner, &[NOTES]);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let mut reader = Client::hello(&device, &relay.address, &world, &phone).await;
    let brought = reader.pull(&mut world).await;
    let parts: Vec<_> = brought.operations.iter().flat_map(|operation| operation.parts.clone()).collect();
    assert_eq!(parts.len(), 1, "no wrap of others, and no public key unasked");
    let proved = ProvedWrap::decode(&parts[0]).unwrap();
    assert_eq!(proved.keys.recipient, phone.id);
    let body = world.log.op(&rekey).unwrap().body().clone();
    assert!(proved.proves(&body.rekey().unwrap().wraps));

    let mut ids: Vec<_> = brought.operations.iter().map(|it| Op::decode(&it.op).unwrap().id()).collect();
    ids.sort_unstable();
    let Frame::Parts(batch) = reader.line.ask(&Frame::PartsWanted(PartsWanted { ids })).await else { panic!() };
    let keys: usize = batch.operations.iter().map(|operation| operation.parts.len()).sum();
    assert_eq!(keys, 3, "of the owner, of the root, of the phone");
    relay.stop().await;
}

#[tokio::test]
async fn a_view_of_several_heads_travels_once() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let phone = world.second(2);
    let owner = world.owner;
    // Two people are invited at the same time: the log has two heads.
    let before = world.log.heads();
    let first = world.clone().delegate(40, Role::Reader, &[(LETTERS, Scope::READ)], None);
    let _ = first;
    for (seed, by) in [(41, owner), (42, phone)] {
        let grant = carnet_protocol::membership::body::Grant {
            principal: crate::world::Who::new(&world.salt, seed).principal,
            role: Role::Reader,
            scopes: vec![(LETTERS, Scope::READ)],
            not_after: None,
            dormant: false,
            lease_s: None,
        };
        world.say_after(&by, &before, carnet_protocol::membership::Body::Grant(grant), Vec::new());
    }
    let heads = world.log.heads();
    assert_eq!(heads.len(), 2);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    assert_eq!(client.push(&mut world, items).await.refusals, []);
    let mut pen = Pen::new(&world.owner, NOTES);
    let envelope = pen.write(&world, 256);
    let refused = client.push(&mut world, vec![envelope.clone()]).await;
    assert_eq!(refused.refusals, [(0, Refusal::ViewMissing)]);
    let taken = client.push(&mut world, vec![view(&heads), envelope]).await;
    assert_eq!(taken.refusals, []);
    let mut reader = Client::hello(&device, &relay.address, &world, &phone).await;
    assert_eq!(reader.pull(&mut world).await.views, 1);
    assert_eq!(reader.pull(&mut world).await.views, 0, "once");
    relay.stop().await;
}

#[tokio::test]
async fn sections_are_named_by_slot_after_a_pull() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let mut pen = Pen::new(&world.owner, LETTERS);
    let mut items = world.items();
    items.push(pen.write(&world, 256));
    client.push(&mut world, items).await;
    client.pull(&mut world).await;
    let Item::Envelope(_, bytes) = pen.write(&world, 256) else { panic!() };
    for (slot, refusals) in [(0, vec![]), (1, vec![(0, Refusal::UnknownSection)])] {
        let items = vec![Item::Envelope(SectionRef::Slot(slot), bytes.clone())];
        let Frame::Pushed(pushed) = client.line.ask(&Frame::Push(Push { items })).await else { panic!() };
        assert_eq!(pushed.refusals, refusals);
    }
    relay.stop().await;
}

#[tokio::test]
async fn atk_1_a_cursor_off_the_chain_is_a_mismatch_and_version_vectors_heal_it() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let mut items = world.items();
    items.extend((0..6).map(|_| pen.write(&world, 256)));
    client.push(&mut world, items).await;
    let mut pull = client.next_pull(false);
    pull.sections[0].1.hint = [0xee; 8];
    client.known.forget(&NOTES);
    client.line.say(&Frame::Pull(pull)).await;
    let brought = client.brought(&mut world, Cause::Pull).await;
    assert_eq!(brought.mismatches, [carnet_protocol::frame::Mismatch::Section(0)]);
    assert!(brought.tails.is_empty(), "nothing is served on a doubtful chain");

    let key = exporter(&client.connection);
    let place = pen.place(4);
    let entries = vec![VectorEntry {
        feed: *place.feed.0.first_chunk().unwrap(),
        seq: 4,
        hash: VectorEntry::hash(&key, &place.id),
    }];
    client.known.forget(&NOTES);
    client.line.say(&Frame::Reconcile(Reconcile { section: NOTES, entries })).await;
    let Some(Frame::Vector(vector)) = client.line.hear().await else { panic!() };
    assert_eq!((vector.entries.len(), vector.entries[0].seq), (1, 6));
    assert_eq!(vector.entries[0].hash, VectorEntry::hash(&key, &pen.place(6).id));
    let brought = client.brought(&mut world, Cause::Reconcile).await;
    assert_eq!(brought.envelopes(NOTES).len(), 2, "what follows the fourth");
    relay.stop().await;
}
