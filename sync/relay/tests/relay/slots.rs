//! Rendezvous: an inviter and a stranger.

use carnet_protocol::{
    frame::{Denial, Frame, SlotContent, SlotEnter, SlotOpen, SlotPost, SlotRead},
    membership::{Role, Scope},
};

use crate::{
    client::{Client, Device, Line, RunningRelay, folder},
    world::{NOTES, World},
};

const NAME: [u8; 16] = [9; 16];

fn post(index: u8, byte: u8) -> Frame {
    Frame::SlotPost(SlotPost { name: NAME, index, message: vec![byte; 1_000] })
}

fn read(seen: u8, wait_ms: u64) -> Frame {
    Frame::SlotRead(SlotRead { name: NAME, seen, wait_ms })
}

fn open() -> Frame {
    Frame::SlotOpen(SlotOpen { name: NAME, lifetime_ms: 900_000 })
}

#[tokio::test]
async fn an_inviter_and_a_stranger_exchange_two_messages_each() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let world = World::new(&relay.address.key, 5);
    let (inside, outside) = (Device::new(1).await, Device::new(2).await);
    let mut inviter = Client::create(&inside, &relay.address, &world).await;
    assert_eq!(inviter.line.ask(&open()).await, Frame::SlotContent(SlotContent { open: true, own: 0, theirs: vec![] }));
    inviter.line.ask(&post(0, 10)).await;
    let connection = outside.connect(&relay.address).await;
    let mut stranger = Line::open(&connection).await;
    let entered = stranger.ask(&Frame::SlotEnter(SlotEnter { name: NAME })).await;
    assert_eq!(entered, Frame::SlotContent(SlotContent { open: true, own: 0, theirs: vec![vec![10; 1_000]] }));
    // The inviter waits; the stranger answers; the wait ends at once.
    inviter.line.say(&read(0, 20_000)).await;
    stranger.ask(&post(0, 20)).await;
    let Some(Frame::SlotContent(heard)) = inviter.line.hear().await else { panic!() };
    assert_eq!(heard.theirs, [vec![20; 1_000]]);
    inviter.line.ask(&post(1, 11)).await;
    stranger.ask(&post(1, 21)).await;
    let Frame::SlotContent(all) = stranger.ask(&read(1, 20_000)).await else { panic!() };
    assert_eq!(all.theirs, [vec![10; 1_000], vec![11; 1_000]]);
    relay.stop().await;
}

#[tokio::test]
async fn atk_13_a_second_stranger_burns_the_ticket() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let world = World::new(&relay.address.key, 5);
    let (inside, outside) = (Device::new(1).await, Device::new(2).await);
    let mut inviter = Client::create(&inside, &relay.address, &world).await;
    inviter.line.ask(&open()).await;
    let connection = outside.connect(&relay.address).await;
    for byte in [20, 21] {
        let mut stranger = Line::open(&connection).await;
        stranger.ask(&Frame::SlotEnter(SlotEnter { name: NAME })).await;
        stranger.ask(&post(0, byte)).await;
    }
    let Frame::SlotContent(content) = inviter.line.ask(&read(0, 0)).await else { panic!() };
    assert!(!content.open);
    let mut late = Line::open(&connection).await;
    assert_eq!(late.ask(&Frame::SlotEnter(SlotEnter { name: NAME })).await, Frame::Refused);
    relay.stop().await;
}

#[tokio::test]
async fn a_slot_ends_with_its_time_and_only_those_who_may_invite_open_one() {
    let folder = folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    let mut world = World::new(&relay.address.key, 5);
    let reader = world.delegate(3, Role::Reader, &[(NOTES, Scope::READ)], None);
    let device = Device::new(1).await;
    let mut inviter = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    inviter.push(&mut world, items).await;
    let mut other = Client::hello(&device, &relay.address, &world, &reader).await;
    assert_eq!(other.line.ask(&open()).await, Frame::Denied(Denial::NotGranted));
    inviter.line.ask(&open()).await;
    // Another device of the record is no side of this slot.
    let Frame::SlotContent(content) = other.line.ask(&read(0, 0)).await else { panic!() };
    assert!(!content.open);
    relay.clock.advance(900_000);
    let mut late = Line::open(&inviter.connection).await;
    assert_eq!(late.ask(&Frame::SlotEnter(SlotEnter { name: NAME })).await, Frame::Refused);
    let Frame::SlotContent(content) = inviter.line.ask(&read(0, 20_000)).await else { panic!() };
    assert!(!content.open, "a closed slot is told at once");
    relay.stop().await;
}
