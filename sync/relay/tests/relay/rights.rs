//! Removal, expiry, staleness, frontiers, quotas, admission.

use carnet_crypto::door::UnixMillis;
use carnet_protocol::{
    frame::{Denial, Frame, Item, Push, Refusal, RootHello, StreamRole},
    membership::{
        Role, Scope,
        body::{CitedCheckpoint, Target},
    },
};
use carnet_relay::{Policy, init};

use crate::{
    client::{Client, Device, Line, RunningRelay, exporter, folder},
    world::{LETTERS, NOTES, Pen, World},
};

/// The newest checkpoint with the log of notes shown, as a removal cites it.
pub(crate) fn cite(client: &Client, signed: carnet_protocol::checkpoint::SignedCheckpoint) -> CitedCheckpoint {
    CitedCheckpoint::of(signed, &client.known.sections, |_| true)
}

#[tokio::test]
async fn atk_11_an_expired_clinician_neither_pushes_nor_pulls() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let end = UnixMillis(crate::world::START + 3_600_000 + 60_000);
    let doctor = world.delegate(3, Role::Writer, &[(NOTES, Scope::WRITE)], Some(end));
    let owner = world.owner;
    world.rekey(&owner, &[NOTES]);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    assert_eq!(client.push(&mut world, items).await.refusals, []);
    let mut theirs = Client::hello(&device, &relay.address, &world, &doctor).await;
    theirs.pull(&mut world).await;
    let mut pen = Pen::new(&doctor, NOTES);
    let item = pen.write(&world, 256);
    assert_eq!(theirs.push(&mut world, vec![item]).await.refusals, []);
    let mut pushing = Client::hello(&device, &relay.address, &world, &doctor).await;
    relay.clock.advance(60_000);
    // On the stream that was opened before, and on a new one.
    let pull = theirs.next_pull(false);
    assert_eq!(theirs.line.ask(&Frame::Pull(pull)).await, Frame::Refused);
    let late = pen.write(&world, 256);
    assert_eq!(pushing.line.ask(&Frame::Push(Push { items: vec![late.clone()] })).await, Frame::Refused);
    assert!(Client::try_hello(&device, &relay.address, &world, &doctor).await.is_none());
    // What was written after the end is not taken from another member either; an owner may hand it over.
    let second = world.second(2);
    let item = world.last();
    client.push(&mut world, vec![item]).await;
    let mut phone = Client::hello(&device, &relay.address, &world, &second).await;
    let nurse = world.delegate(4, Role::Writer, &[(NOTES, Scope::WRITE)], None);
    let items = world.said[world.said.len() - 2..].iter().cloned().map(Item::Operation).collect();
    assert_eq!(client.push(&mut world, items).await.refusals, []);
    let mut nurse = Client::hello(&device, &relay.address, &world, &nurse).await;
    assert_eq!(nurse.push(&mut world, vec![late.clone()]).await.refusals, [(0, Refusal::NotGranted)]);
    // Only an owner may hand over what lies before the removal that is now owed.
    assert_eq!(phone.push(&mut world, vec![late]).await.refusals, []);
    relay.stop().await;
}

#[tokio::test]
async fn atk_7_after_its_removal_a_device_is_served_nothing_and_nothing_of_it_is_taken() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let doctor = world.delegate(3, Role::Writer, &[(NOTES, Scope::WRITE)], None);
    let owner = world.owner;
    world.rekey(&owner, &[NOTES]);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let mut theirs = Client::hello(&device, &relay.address, &world, &doctor).await;
    theirs.pull(&mut world).await;
    let mut pen = Pen::new(&doctor, NOTES);
    let items: Vec<_> = (0..5).map(|_| pen.write(&world, 256)).collect();
    assert_eq!(theirs.push(&mut world, items).await.refusals, []);
    let unaware = pen.clone().write(&world, 256);
    let signed = client.pull(&mut world).await.checkpoint.unwrap();

    // By somebody who is not an owner, a removal may not hide what was filed; by an owner, it must say how much.
    let cited = cite(&client, signed);
    let target = Target::Principal(doctor.principal);
    let silent = World::removal(target, &[pen.place(3)], Some(cited.clone()));
    let silent = world.clone().sign_after(&owner, &world.log.heads(), silent);
    let sent = carnet_protocol::frame::SentOperation { op: silent.bytes().to_vec(), parts: vec![], receipts: vec![] };
    let pushed = client.push(&mut world, vec![Item::Operation(sent)]).await;
    assert_eq!(pushed.refusals, [(0, Refusal::Frontier)]);

    let body = World::removal(target, &[pen.place(5)], Some(cited));
    world.say(&owner, body, Vec::new());
    let item = world.last();
    assert_eq!(client.push(&mut world, vec![item]).await.refusals, []);
    let pull = theirs.next_pull(false);
    assert_eq!(theirs.line.ask(&Frame::Pull(pull)).await, Frame::Refused, "on its open stream");
    assert!(Client::try_hello(&device, &relay.address, &world, &doctor).await.is_none());
    let pushed = client.push(&mut world, vec![unaware]).await;
    assert_eq!(pushed.refusals, [(0, Refusal::NotGranted)], "beyond the frontier, whoever brings it");
    relay.stop().await;
}

#[tokio::test]
async fn a_stale_epoch_is_refused_and_an_unaware_writer_is_not() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let reader = world.delegate(3, Role::Reader, &[(NOTES, Scope::READ)], None);
    let owner = world.owner;
    let phone = world.second(2);
    world.rekey(&owner, &[NOTES]);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let (before, old) = (world.log.heads(), world.epochs[&NOTES]);
    let signed = client.pull(&mut world).await.checkpoint.unwrap();
    let body = World::removal(Target::Principal(reader.principal), &[], Some(cite(&client, signed)));
    world.say(&owner, body, Vec::new());
    let item = world.last();
    assert_eq!(client.push(&mut world, vec![item]).await.refusals, []);
    // The phone has not heard of it: what it writes is honest.
    let unaware = Pen::new(&phone, NOTES).write_seeing(&world, &before, old, 256);
    // The owner has: it must rotate first.
    let heads = world.log.heads();
    let stale = Pen::new(&owner, NOTES).write_seeing(&world, &heads, old, 256);
    assert_eq!(client.push(&mut world, vec![unaware, stale]).await.refusals, [(1, Refusal::Stale)]);
    world.rekey(&owner, &[NOTES]);
    let rekey = world.last();
    let fresh = Pen::new(&owner, NOTES).write(&world, 256);
    assert_eq!(client.push(&mut world, vec![rekey, fresh]).await.refusals, []);
    relay.stop().await;
}

#[tokio::test]
async fn atk_8_a_writer_that_feigns_ignorance_is_refused_after_seven_days() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let reader = world.delegate(3, Role::Reader, &[(NOTES, Scope::READ)], None);
    let owner = world.owner;
    let phone = world.second(2);
    world.rekey(&owner, &[NOTES]);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let (before, old) = (world.log.heads(), world.epochs[&NOTES]);
    let signed = client.pull(&mut world).await.checkpoint.unwrap();
    let body = World::removal(Target::Principal(reader.principal), &[], Some(cite(&client, signed)));
    world.say(&owner, body, Vec::new());
    let item = world.last();
    client.push(&mut world, vec![item]).await;
    let mut theirs = Client::hello(&device, &relay.address, &world, &phone).await;
    theirs.pull(&mut world).await;
    let mut pen = Pen::new(&phone, NOTES);
    relay.clock.advance(7 * 24 * 3_600_000 - 1);
    let soon = pen.write_seeing(&world, &before, old, 256);
    assert_eq!(theirs.push(&mut world, vec![soon]).await.refusals, []);
    relay.clock.advance(1);
    let late = pen.write_seeing(&world, &before, old, 256);
    assert_eq!(theirs.push(&mut world, vec![late]).await.refusals, [(0, Refusal::Ignorant)]);
    relay.stop().await;
}

#[tokio::test]
async fn fault_f_an_operation_from_the_future_waits() {
    let folder = folder();
    let relay = RunningRelay::start_at(&folder.path().join("relay"), crate::world::START + 60_000).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    world.clock += 11 * 60_000;
    world.second(2);
    let item = world.last();
    assert_eq!(client.push(&mut world, vec![item.clone()]).await.refusals, [(0, Refusal::Clock)]);
    relay.clock.advance(10 * 60_000);
    assert_eq!(client.push(&mut world, vec![item]).await.refusals, []);
    relay.stop().await;
}

#[tokio::test]
async fn atk_37_a_storm_of_rekeys_is_slowed_down() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let owner = world.owner;
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let mut storm = world.clone();
    storm.rekey(&owner, &[NOTES]);
    let item = storm.last();
    assert_eq!(client.push(&mut world, vec![item]).await.refusals, [(0, Refusal::Rate)]);
    // New readers are a reason; so is an hour.
    world.second(2);
    let added = world.last();
    world.rekey(&owner, &[NOTES]);
    let rekey = world.last();
    assert_eq!(client.push(&mut world, vec![added, rekey]).await.refusals, []);
    relay.clock.advance(3_600_000);
    world.rekey(&owner, &[NOTES]);
    let rekey = world.last();
    assert_eq!(client.push(&mut world, vec![rekey]).await.refusals, []);
    relay.stop().await;
}

#[tokio::test]
async fn what_has_no_right_or_no_parents_is_refused_with_its_reason() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let reader = world.delegate(3, Role::Reader, &[(NOTES, Scope::READ)], None);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let mut theirs = Client::hello(&device, &relay.address, &world, &reader).await;
    let mut copy = world.clone();
    let (body, parts) = copy.rekey_body(&[NOTES]);
    copy.say(&reader, body, parts);
    let item = copy.last();
    assert_eq!(theirs.push(&mut world, vec![item]).await.refusals, [(0, Refusal::NotGranted)], "a reader's rekey");
    let mut copy = world.clone();
    copy.second(7);
    copy.second(8);
    let orphan = copy.last();
    assert_eq!(client.push(&mut world, vec![orphan]).await.refusals, [(0, Refusal::ViewMissing)]);
    let mut forged = copy.said[copy.said.len() - 2].clone();
    let at = forged.op.len() - 1;
    forged.op[at] ^= 1;
    let items = vec![Item::Operation(forged)];
    assert_eq!(client.push(&mut world, items).await.refusals, [(0, Refusal::Signature)]);
    let foreign = World::new(&relay.address.key, 6);
    let foreign_op = foreign.items().remove(0);
    let refused = client.push(&mut world, vec![foreign_op]).await.refusals;
    assert_eq!(refused, [(0, Refusal::ViewMissing)], "fault_d11: of another record");
    // A rekey must come with the wraps it promises, and with no others.
    let owner = world.owner;
    world.clock += 3_600_000;
    relay.clock.advance(7_200_000);
    let mut copy = world.clone();
    copy.rekey(&owner, &[LETTERS]);
    let Item::Operation(whole) = copy.last() else { panic!() };
    let mut bare = whole.clone();
    bare.parts.clear();
    let mut fewer = whole.clone();
    fewer.parts.pop();
    for (sent, refusal) in [(bare, Refusal::ObjectMissing), (fewer, Refusal::Malformed)] {
        let pushed = client.push(&mut world, vec![Item::Operation(sent)]).await;
        assert_eq!(pushed.refusals, [(0, refusal)]);
    }
    assert_eq!(client.push(&mut copy, vec![Item::Operation(whole)]).await.refusals, []);
    relay.stop().await;
}

#[tokio::test]
async fn a_restored_kit_gets_the_genesis_for_its_root_key() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let connection = device.connect(&relay.address).await;
    let mut line = Line::open(&connection).await;
    let proof = StreamRole::Root.prove(&world.root.key(), &world.record(), &exporter(&connection));
    let answer = line.ask(&Frame::RootHello(RootHello { record: world.record(), proof })).await;
    let Frame::Genesis(genesis) = answer else { panic!("{answer:?}") };
    assert_eq!(genesis.op, world.genesis().op);
    assert_eq!(genesis.parts.len(), 2, "with its public keys");
    assert_eq!(genesis.receipts.len(), 1);
    assert_eq!(line.rest().await, [0_u8; 0], "the stream ends");
    // With the salt from the genesis the root is a device of the record.
    let root = world.root;
    let mut kit = Client::hello(&device, &relay.address, &world, &root).await;
    assert_eq!(kit.pull(&mut world).await.operations.len(), 2);
    relay.stop().await;
}

#[tokio::test]
async fn a_relay_with_a_token_takes_records_from_those_who_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    init(&data, Policy::Token, &mut rand::rng()).unwrap();
    let relay = RunningRelay::start(&data).await;
    assert!(relay.address.token.is_some(), "it is part of the address");
    assert_eq!(relay.address.to_string().parse(), Ok(relay.address.clone()));
    let world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut without = relay.address.clone();
    without.token = None;
    assert!(Client::try_create(&device, &without, &world).await.is_none());
    without.token = Some(carnet_protocol::frame::AdmissionToken([0; 16]));
    assert!(Client::try_create(&device, &without, &world).await.is_none());
    assert!(Client::try_create(&device, &relay.address, &world).await.is_some());
    let owner = world.owner;
    assert!(Client::try_hello(&device, &without, &world, &owner).await.is_some(), "a known record needs none");
    relay.stop().await;
}

#[tokio::test]
async fn quotas_bound_what_a_record_stores_and_how_often_a_device_asks() {
    let folder = folder();
    let data = folder.path().join("relay");
    let text =
        "[limits]\nrecord_bytes_max = 200000\nprincipal_bytes_max = 100000\nrequests_per_device_per_minute = 20\n";
    std::fs::write(data.join("relay.toml"), text).unwrap();
    let relay = RunningRelay::start(&data).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let items: Vec<_> = (0..3).map(|_| pen.write(&world, 40_000)).collect();
    let pushed = client.push(&mut world, items).await;
    assert_eq!(pushed.refusals, [(2, Refusal::Quota)]);
    assert_eq!(client.known.sections[&NOTES].position, 2);
    for _ in 0..18 {
        client.pull(&mut world).await;
    }
    let pull = client.next_pull(false);
    assert_eq!(client.line.ask(&Frame::Pull(pull)).await, Frame::Denied(Denial::Rate));
    relay.clock.advance(60_000);
    client.pull(&mut world).await;
    relay.stop().await;
}

#[tokio::test]
async fn an_ended_record_is_gone_for_everybody() {
    let folder = folder();
    let data = folder.path().join("relay");
    let mut relay = RunningRelay::start(&data).await;
    let mut world = World::new(&relay.address.key, 5);
    let (owner, root) = (world.owner, world.root);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    client.push(&mut world, items).await;
    let mut kit = Client::hello(&device, &relay.address, &world, &root).await;
    kit.pull(&mut world).await;
    world.say(&root, carnet_protocol::membership::Body::End, Vec::new());
    let item = world.last();
    assert_eq!(kit.push(&mut world, vec![item]).await.refusals, []);
    for _ in 0..2 {
        assert!(Client::try_hello(&device, &relay.address, &world, &owner).await.is_none());
        relay.stop().await;
        relay = RunningRelay::start(&data).await;
    }
    assert!(Client::try_create(&device, &relay.address, &world).await.is_none(), "nor does it come back");
    relay.stop().await;
}
