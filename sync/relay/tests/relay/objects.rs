//! Sealed objects, snapshots, and a relay whose raw log is gone.

use carnet_crypto::{digest::content_hash, door::UnixMillis};
use carnet_protocol::{
    frame::{Denial, Frame, Kind, ObjectAsked, ObjectId, ObjectPart, ObjectState, ObjectWanted, Refusal},
    membership::{Role, Scope},
};
use carnet_relay::{audit, collect};

use crate::{
    client::{Client, Device, RunningRelay, folder},
    world::{NOTES, Pen, START, World},
};

fn bytes(count: usize) -> Vec<u8> {
    (0_usize..count).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

async fn put(client: &mut Client, whole: &[u8], start: usize, end: usize) -> Frame {
    let part = ObjectPart {
        object: ObjectId(content_hash(whole)),
        total: u64::try_from(whole.len()).unwrap(),
        start: u64::try_from(start).unwrap(),
        bytes: whole[start..end].to_vec(),
    };
    client.line.ask(&Frame::ObjectPut(part)).await
}

async fn upload(client: &mut Client, whole: &[u8]) -> ObjectId {
    let mut at = 0;
    while at < whole.len() {
        let end = (at + (1 << 20)).min(whole.len());
        assert_eq!(put(client, whole, at, end).await.kind(), Kind::ObjectState);
        at = end;
    }
    ObjectId(content_hash(whole))
}

#[tokio::test]
async fn an_upload_resumes_and_an_object_is_fetched_in_parts() {
    let folder = folder();
    let data = folder.path().join("relay");
    let mut relay = RunningRelay::start(&data).await;
    let mut world = World::new(&relay.address.key, 5);
    let reader = world.delegate(3, Role::Reader, &[(NOTES, Scope::READ)], None);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let whole = bytes(3_000_000);
    let object = ObjectId(content_hash(&whole));
    let state = |stored, complete| {
        let total = if stored == 0 { 0 } else { 3_000_000 };
        Frame::ObjectState(ObjectState { object, total, stored, complete })
    };
    assert_eq!(client.line.ask(&Frame::ObjectAsked(ObjectAsked { object })).await, state(0, false));
    assert_eq!(put(&mut client, &whole, 0, 1_000_000).await, state(1_000_000, false));
    assert_eq!(put(&mut client, &whole, 0, 1_000_000).await, state(1_000_000, false), "a part sent again");
    assert_eq!(put(&mut client, &whole, 2_000_000, 3_000_000).await, state(1_000_000, false), "a gap");
    let wanted = |start, bytes| Frame::ObjectWanted(ObjectWanted { object, start, bytes });
    assert_eq!(client.line.ask(&wanted(0, 10)).await, Frame::Denied(Denial::Absent), "not before it is whole");
    relay.stop().await;
    relay = RunningRelay::start(&data).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    assert_eq!(client.line.ask(&Frame::ObjectAsked(ObjectAsked { object })).await, state(1_000_000, false));
    assert_eq!(put(&mut client, &whole, 1_000_000, 2_000_000).await, state(2_000_000, false));
    assert_eq!(put(&mut client, &whole, 2_000_000, 3_000_000).await, state(3_000_000, true));

    let mut theirs = Client::hello(&device, &relay.address, &world, &reader).await;
    let mut fetched = Vec::new();
    while fetched.len() < whole.len() {
        let start = u64::try_from(fetched.len()).unwrap();
        let Frame::ObjectPart(part) = theirs.line.ask(&wanted(start, 1 << 20)).await else { panic!() };
        assert_eq!((part.total, part.start), (3_000_000, start));
        fetched.extend(part.bytes);
    }
    assert_eq!(fetched, whole);
    assert_eq!(theirs.line.ask(&wanted(3_000_000, 1)).await, Frame::Denied(Denial::Absent));
    assert_eq!(put(&mut theirs, &whole, 0, 10).await, Frame::Denied(Denial::NotGranted), "a reader stores nothing");
    relay.stop().await;
}

/// The relay was killed between the last byte of an upload and its check: every byte is there, and the device, told so,
/// has nothing left to send. It once stayed unfinished for ever. A kill in `fault_a10_…` found it.
#[tokio::test]
async fn fault_a10_an_upload_that_lacks_only_its_check_is_finished_by_any_part() {
    let folder = folder();
    let data = folder.path().join("relay");
    let relay = RunningRelay::start(&data).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let whole = bytes(50_000);
    let object = ObjectId(content_hash(&whole));
    put(&mut client, &whole, 0, 49_999).await;
    let part = data.join("large/0000000000000001").join(format!("{object}.part"));
    let mut file = std::fs::OpenOptions::new().append(true).open(part).unwrap();
    std::io::Write::write_all(&mut file, &whole[49_999..]).unwrap();
    let state = |complete| Frame::ObjectState(ObjectState { object, total: 50_000, stored: 50_000, complete });
    assert_eq!(client.line.ask(&Frame::ObjectAsked(ObjectAsked { object })).await, state(false));
    assert_eq!(put(&mut client, &whole, 50_000, 50_000).await, state(true), "an empty part will do");
    assert_eq!(put(&mut client, &whole, 0, 50_000).await, state(true));
    relay.stop().await;
}

#[tokio::test]
async fn fault_d12_an_object_that_is_not_what_it_is_called_is_dropped() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let object = ObjectId([9; 32]);
    let part = ObjectPart { object, total: 4, start: 0, bytes: vec![1, 2, 3, 4] };
    assert_eq!(client.line.ask(&Frame::ObjectPut(part)).await, Frame::Denied(Denial::Mismatch));
    let absent = Frame::ObjectState(ObjectState { object, total: 0, stored: 0, complete: false });
    assert_eq!(client.line.ask(&Frame::ObjectAsked(ObjectAsked { object })).await, absent);
    // Somebody announced a wrong size: the right upload takes its place.
    let whole = bytes(1_000);
    let object = ObjectId(content_hash(&whole));
    let wrong = ObjectPart { object, total: 2_000, start: 0, bytes: whole[..500].to_vec() };
    client.line.ask(&Frame::ObjectPut(wrong)).await;
    let done = Frame::ObjectState(ObjectState { object, total: 1_000, stored: 1_000, complete: true });
    assert_eq!(put(&mut client, &whole, 0, 1_000).await, done);
    relay.stop().await;
}

#[tokio::test]
async fn goal_1_a_fresh_device_joins_from_a_snapshot_when_the_raw_log_is_gone() {
    let folder = folder();
    let data = folder.path().join("relay");
    let relay = RunningRelay::start(&data).await;
    let mut world = World::new(&relay.address.key, 5);
    let phone = world.second(2);
    let (owner, device) = (world.owner, Device::new(1).await);
    world.clock += 3_600_000;
    relay.clock.advance(3_600_000);
    world.rekey(&owner, &[NOTES]);
    let mut client = Client::create(&device, &relay.address, &world).await;
    let mut pen = Pen::new(&owner, NOTES);
    let mut items = world.items();
    items.extend((0..20).map(|n| pen.write(&world, if n == 3 { 100_000 } else { 256 })));
    assert_eq!(client.push(&mut world, items).await.refusals, []);
    // The owner and the phone agree on a snapshot of the first 15.
    let whole = bytes(40_000);
    let object = ObjectId(content_hash(&whole));
    let body = World::seal(NOTES, &[pen.place(15)], object);
    world.say(&owner, body.clone(), Vec::new());
    let item = world.last();
    let refused = client.push(&mut world, vec![item.clone()]).await;
    assert_eq!(refused.refusals, [(0, Refusal::ObjectMissing)], "the object comes first");
    assert_eq!(upload(&mut client, &whole).await, object);
    assert_eq!(client.push(&mut world, vec![item]).await.refusals, []);
    let mut theirs = Client::hello(&device, &relay.address, &world, &phone).await;
    assert_eq!(theirs.pull_snapshots(&mut world).await.envelopes(NOTES).len(), 20, "one seal confirms nothing");
    world.say(&phone, body, Vec::new());
    let item = world.last();
    assert_eq!(theirs.push(&mut world, vec![item]).await.refusals, []);

    let mut fresh = Client::hello(&device, &relay.address, &world, &phone).await;
    let brought = fresh.pull_snapshots(&mut world).await;
    assert_eq!(brought.envelopes(NOTES), pen.written[15..].iter().map(|it| it.1.clone()).collect::<Vec<_>>());
    let bases = brought.tails[0].bases.clone().unwrap();
    assert_eq!((bases.len(), bases[0].seq, bases[0].envelope), (1, 15, pen.place(15).id));
    assert_eq!(fresh.known.sections[&NOTES].position, 20, "the checkpoint says where the log stands");
    let mut whole_log = Client::hello(&device, &relay.address, &world, &phone).await;
    assert_eq!(whole_log.pull(&mut world).await.envelopes(NOTES).len(), 20, "who asks for all gets all");
    let middle = client.known.clone();
    relay.stop().await;

    let now = UnixMillis(START + 100 * 24 * 3_600_000);
    let early = collect(&data, UnixMillis(START + 3 * 3_600_000), 30 * 24 * 3_600_000).unwrap();
    assert_eq!(early.envelopes, 0, "30 days have not passed");
    let collected = collect(&data, now, 30 * 24 * 3_600_000).unwrap();
    assert_eq!(collected.envelopes, 15);
    assert!(collected.bytes > 100_000);
    assert_eq!(audit(&data, now).unwrap().records[0].sections[0].deleted, 15);

    let relay = RunningRelay::start(&data).await;
    let mut fresh = Client::hello(&device, &relay.address, &world, &phone).await;
    let brought = fresh.pull(&mut world).await;
    assert_eq!(brought.envelopes(NOTES).len(), 5, "also for one that did not offer to take snapshots");
    assert_eq!(brought.tails[0].bases.as_ref().unwrap()[0].seq, 15);
    let wanted = Frame::ObjectWanted(ObjectWanted { object, start: 0, bytes: 1 << 20 });
    let Frame::ObjectPart(part) = fresh.line.ask(&wanted).await else { panic!() };
    assert_eq!(content_hash(&part.bytes), object.0);
    // A device that was there before goes on along the chain.
    let mut client = Client::create(&device, &relay.address, &world).await;
    client.known = middle;
    let brought = client.pull(&mut world).await;
    assert_eq!((brought.mismatches.len(), brought.envelopes(NOTES).len()), (0, 0));
    let next = pen.write(&world, 256);
    assert_eq!(client.push(&mut world, vec![next]).await.refusals, []);
    // What was deleted is still known: offering it again changes nothing.
    let again = pen.items_from(0)[..15].to_vec();
    assert_eq!(client.push(&mut world, again).await.refusals, []);
    relay.stop().await;
}
