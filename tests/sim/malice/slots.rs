//! A pairing through the relay's slot, in which the relay puts something else in the place of what either side left; and the
//! keys of a new device, on their way to the others: D7.

use std::{rc::Rc, time::Duration};

use carnet_crypto::door::UnixMillis;
use carnet_protocol::{
    frame::Frame,
    membership::{Body, Op},
};
use carnet_seal::secret::TicketSecret;
use carnet_sync::{FailureKind, Invited, Meeting, Met, SyncError, hand_on};
use carnet_vault::{
    Record, RecordError,
    devices::RemovalReason,
    pairing::{Delivery, Ticket},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::oneshot;

use super::{Found, Judge, begun, behave_all, meet, repent, say};
use crate::{
    device::START,
    executor::NodeId,
    lying::{Logged, Lying, Side, Slot, Slots},
    world::World,
};

/// How long people wait for each other.
const PATIENCE: Duration = Duration::from_mins(1);
/// The contexts of two messages: `docs/format.md`, "Pairing".
const COMMITMENT: &[u8] = b"carnet/1 pairing commitment";
const CHALLENGE: &[u8] = b"carnet/1 pairing challenge";

/// What the people at both ends see: six digits, or why there are none; and what a thief sees, if there is one.
struct Seen {
    inviter: Result<Met, SyncError>,
    joiner: Result<Meeting, SyncError>,
    thief: Option<String>,
}

/// A pairing, up to where people look at what they see. A thief has photographed the ticket, whose text is told to `photograph`.
async fn look(world: &World, joiner: NodeId, thief: Option<NodeId>, photograph: impl FnOnce(&str)) -> Seen {
    let (node, vault) = world.with_device(0, |it| (it.node(), it.vault()));
    let opened = Box::pin(Invited::open(&node, &vault, world.record(), Delivery::AtOnce, false)).await;
    let invitation = opened.map_err(|error| error.to_string()).expect("the relay answers");
    let text = invitation.ticket().expose_text();
    photograph(&text);
    // Whoever sees an error says so, and the other gives up.
    let (says, hears) = oneshot::channel::<()>();
    let mut says = Some(says);
    let inviting = invitation.meet(&node, async {
        let _ = hears.await;
    });
    let entering = async {
        let entered = enter(world, joiner, &text).await;
        if entered.is_err() {
            drop(says.take());
        }
        entered
    };
    let stealing = async {
        match thief {
            Some(thief) => enter(world, thief, &text).await.ok().map(|meeting| meeting.code()),
            None => None,
        }
    };
    let (inviter, joiner, thief) = tokio::join!(Box::pin(inviting), Box::pin(entering), Box::pin(stealing));
    Seen { inviter, joiner, thief }
}

async fn enter(world: &World, device: NodeId, ticket: &str) -> Result<Meeting, SyncError> {
    let ticket = Ticket::parse(ticket, UnixMillis(START + world.net.now())).unwrap();
    let (node, vault) = world.with_device(device, |it| (it.node(), it.vault()));
    Meeting::enter(&node, &vault, ticket, "Autre").await
}

/// People saw the same digits on both: the device is added, and gets the record.
async fn admit(world: &World, seen: Seen, joiner: NodeId) {
    let (Ok(met), Ok(meeting)) = (seen.inviter, seen.joiner) else { panic!("both see digits") };
    assert_eq!(met.code(), meeting.code());
    let (node, their_node) = (world.with_device(0, |it| it.node()), world.with_device(joiner, |it| it.node()));
    let joining = Box::pin(meeting.accept("Camille")).await.expect("the vault takes it");
    let admitted = Box::pin(met.admit(&node)).await.expect("nobody has said no");
    let (mut hush, mut silent) = (|_| {}, |_| {});
    let handing = Box::pin(hand_on(&node, admitted, PATIENCE, &mut hush));
    let (handed, came) = tokio::join!(handing, Box::pin(joining.wait(&their_node, PATIENCE, &mut silent)));
    handed.expect("the relay takes it");
    came.expect("it was admitted");
    world.with_device(joiner, |it| it.serve(world.record()));
}

/// The digits differ, or there are none on one of the two: people say no.
async fn refuse(world: &World, seen: Seen, joiner: NodeId) {
    if let Ok(met) = seen.inviter {
        met.refuse(&world.with_device(0, |it| it.node())).await;
    }
    if let Ok(meeting) = seen.joiner {
        meeting.refuse(&world.with_device(joiner, |it| it.node())).await;
    }
}

/// From now on one of the four messages is replaced: by itself with one bit turned, by the one of an earlier pairing, or by
/// anything.
fn replace(world: &World, liar: &Lying, way: usize) {
    let (is_to_inviter, place) = [(false, 0), (true, 0), (false, 1), (true, 1)][way];
    let earlier = liar.slots(|slots| slots.all()).remove(0);
    let earlier = if is_to_inviter { earlier.joiners.into_values().next().unwrap() } else { earlier.inviter };
    let (how, bit, seed) = (world.below(3), world.below(1 << 16), world.below(1 << 16));
    liar.slots(|slots| {
        slots.gives = Box::new(move |to, index, message, _| {
            let mut given = message.to_vec();
            if (to == Side::Inviter) == is_to_inviter && index == place {
                match how {
                    0 => given[bit / 8 % message.len()] ^= 1 << (bit % 8),
                    1 => given.clone_from(&earlier[place]),
                    _ => StdRng::seed_from_u64(u64::try_from(seed).unwrap()).fill(given.as_mut_slice()),
                }
            }
            given
        });
    });
}

/// From now on the inviting side meets the thief, and the one who was invited gets a challenge of the thief's making: whoever
/// knows the ticket can seal one.
fn step_between(liar: &Lying, joiner: NodeId, thief: NodeId, ticket: &str) {
    let secret = secret_of(ticket);
    let mut rng = StdRng::seed_from_u64(7);
    let mut reseal = move |message: &[u8], slot: &Slot| {
        let commitment_of = |node| secret.open_message(COMMITMENT, slot.joiners.get(&node)?.first()?).ok();
        let context = |commitment: Vec<u8>| [CHALLENGE, &commitment].concat();
        let (theirs, own) = (context(commitment_of(joiner)?), context(commitment_of(thief)?));
        let challenge = secret.open_message(&own, message).ok()?;
        Some(secret.seal_message(&theirs, &challenge, &mut rng))
    };
    liar.slots(|slots| {
        slots.heeded = Some(thief);
        slots.gives = Box::new(move |to, index, message, slot| {
            let resealed = if to == Side::Joiner(joiner) && index == 1 { reseal(message, slot) } else { None };
            resealed.unwrap_or_else(|| message.to_vec())
        });
    });
}

/// The secret in the text of a ticket: `docs/format.md`, "Pairing".
fn secret_of(ticket: &str) -> TicketSecret {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sextets = ticket.strip_prefix("carnet1:").unwrap().bytes().take(52);
    let bits = sextets.flat_map(|letter| {
        let sextet = LETTERS.iter().position(|it| *it == letter).unwrap();
        (0..6).rev().map(move |bit| sextet >> bit & 1 == 1)
    });
    let bits: Vec<bool> = bits.collect();
    let bytes: Vec<u8> =
        bits.chunks_exact(8).map(|octet| octet.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect();
    TicketSecret::from_store(&bytes[6..38]).unwrap()
}

/// How many devices the record has for this one.
fn members(world: &World, device: NodeId) -> usize {
    let devices = world.with_device(device, |it| it.with(&world.record(), |record| record.devices()));
    devices.unwrap().unwrap().iter().filter(|it| it.is_live && !it.is_kit).count()
}

/// Somebody is put in another's place while a pairing goes on. Whether anybody sees it.
async fn substituted(world: &World, liar: &Lying, joiner: NodeId, way: usize) -> bool {
    if way < 4 {
        replace(world, liar, way);
    }
    let thief = (way == 4).then(|| world.new_device());
    let seeing = look(world, joiner, thief, |ticket| {
        if let Some(thief) = thief {
            step_between(liar, joiner, thief, ticket);
        }
    });
    let seen = seeing.await;
    let is_told = match (&seen.inviter, &seen.joiner) {
        (Ok(met), Ok(meeting)) => {
            assert_eq!(Some(met.code()), seen.thief, "it is the thief who would be added");
            met.code() != meeting.code()
        }
        (inviter, joiner) => {
            let errors = [inviter.as_ref().err(), joiner.as_ref().err()];
            errors.into_iter().flatten().any(|error| error.kind() == FailureKind::Integrity)
        }
    };
    refuse(world, seen, joiner).await;
    assert_eq!(members(world, 0), 2, "nobody was added");
    is_told
}

/// From now on `victim` gets the key of another device in the place of that of the newest.
fn swap_keys(world: &World, liar: &Lying, victim: NodeId) {
    let is_addition = |op: &[u8]| matches!(Op::decode(op).unwrap().body(), Body::DeviceAdd(_));
    liar.books(&world.record(), |books| {
        let added = books.truth.iter().find_map(|logged| match logged {
            Logged::Op(op) if is_addition(&op.sent.op) => Some(op.sent.parts.clone()),
            _ => None,
        });
        let parts = added.expect("a device was added before");
        books.alters = Box::new(move |to, mut frame, _| {
            if let (true, Frame::Operations(batch) | Frame::Parts(batch)) = (to == victim, &mut frame) {
                for sent in batch.operations.iter_mut().filter(|sent| is_addition(&sent.op)) {
                    sent.parts.clone_from(&parts);
                }
            }
            vec![frame]
        });
    });
}

async fn another_key_for_the_others(world: &World, judge: &mut Judge, liar: &Lying, joiner: NodeId) {
    let victim = 1;
    swap_keys(world, liar, victim);
    let seen = look(world, joiner, None, |_| {}).await;
    admit(world, seen, joiner).await;
    judge.exchange(world, liar, victim).await;
    let lacking = |world: &World| {
        world.with_device(victim, |it| it.with(&world.record(), |record| record.ops_lacking_keys())).unwrap()
    };
    assert_eq!((members(world, victim), lacking(world).len()), (3, 1), "no other key than the one that was signed");
    let id = world.with_device(0, |it| it.with(&world.record(), |record| record.device())).unwrap();
    // Who does not have it seals nothing new, and says why.
    let remove = |record: &mut Record<'_>| record.remove_device(&id, RemovalReason::Lost);
    let removed = world.with_device(victim, |it| it.with(&world.record(), remove)).unwrap();
    assert!(matches!(removed, Err(RecordError::KeyMissing)), "{removed:?}");
    say(world, judge, liar, victim).await;
    world.meet(victim, joiner).await.expect("honest devices meet");
    assert!(lacking(world).is_empty(), "it came from the device itself");
}

async fn substitutes(world: Rc<World>) -> Found {
    let (liar, mut judge, mut all) = begun(&world, 1).await;
    let (first, joiner) = (world.new_device(), world.new_device());
    // Through a relay that puts nothing in the place of anything a device is added.
    let seen = look(&world, first, None, |_| {}).await;
    admit(&world, seen, first).await;
    all.push(first);
    judge.settle(&world, &liar, &all).await;
    let way = judge.way(&world, 6);
    if way == 5 {
        another_key_for_the_others(&world, &mut judge, &liar, joiner).await;
    } else {
        judge.found.lies += 1;
        let is_told = substituted(&world, &liar, joiner, way).await;
        judge.found.told += u64::from(is_told);
        judge.found.undetected += u64::from(!is_told);
        liar.slots(Slots::repent);
        let seen = look(&world, joiner, None, |_| {}).await;
        admit(&world, seen, joiner).await;
    }
    all.push(joiner);
    meet(&world, &all).await;
    repent(&world, &liar, &all).await;
    judge.found
}

#[test]
fn fault_d7_keys_that_a_relay_substitutes_at_a_pairing_are_refused_or_show_other_digits() {
    let found = behave_all(7, 6, substitutes);
    assert!(found.told > 0);
}
