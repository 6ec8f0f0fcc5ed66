//! What the relay says it has: receipts that are forged or are of something else, and what it deletes once it has given one:
//! D9, D10.

use std::rc::Rc;

use carnet_crypto::{door::UnixMillis, id::OpId, sign::SigningKey};
use carnet_protocol::{
    checkpoint::{Receipt, SignedReceipt},
    frame::Frame,
};
use carnet_sync::{Alarm, trust_relay_again};

use super::{Found, begun, behave_all, envelopes, meet, repent, say};
use crate::{
    device::START,
    executor::NodeId,
    lying::{Books, Logged, Lying},
    world::World,
};

/// A receipt that anybody can make.
fn forged(world: &World) -> SignedReceipt {
    let record = world.record();
    let receipt = Receipt { record, store_epoch: 1, position: 1, time: UnixMillis(9), op: OpId([9; 32]) };
    receipt.sign(&SigningKey::from_seed(&[u8::try_from(world.below(256)).unwrap(); 32]))
}

/// From now on receipts are false, in one of four ways: everybody's, one of its own of something else, none; or only those that
/// come with what others signed.
fn forge(world: &World, liar: &Lying, way: usize) {
    let nobodys = forged(world);
    let key = SigningKey::from_seed(&world.relay.borrow().seed());
    liar.books(&world.record(), |books| {
        let first = books.truth.iter().find_map(|logged| match logged {
            Logged::Op(op) => Some(op.id),
            Logged::Envelope(_) => None,
        });
        let (record, op) = (world.record(), first.expect("the record was begun"));
        let anothers = Receipt { record, store_epoch: 1, position: 1, time: UnixMillis(START), op }.sign(&key);
        books.alters = Box::new(move |_, mut frame, _| {
            match &mut frame {
                Frame::Pushed(pushed) => match way {
                    0 => pushed.receipts.iter_mut().for_each(|(_, receipt)| *receipt = nobodys),
                    1 => pushed.receipts.iter_mut().for_each(|(_, receipt)| *receipt = anothers),
                    2 => pushed.receipts.clear(),
                    _ => {}
                },
                Frame::Operations(batch) | Frame::Parts(batch) => {
                    batch.operations.iter_mut().for_each(|sent| sent.receipts = vec![nobodys, anothers]);
                }
                _ => {}
            }
            vec![frame]
        });
    });
}

/// The operations that wait on a device for a receipt.
fn waiting(world: &World, device: NodeId) -> Vec<OpId> {
    let relay = world.relay.borrow().address.key;
    world
        .with_device(device, |it| it.with(&world.record(), |record| record.ops_without_receipt(&relay)))
        .expect("a record reads")
}

async fn forges_receipts(world: Rc<World>) -> Found {
    let (liar, mut judge, mut all) = begun(&world, 2).await;
    let way = judge.way(&world, 4);
    let owner = world.below(2);
    forge(&world, &liar, way);
    let third = world.new_device();
    world.pair_by_hand(owner, third);
    let queued = waiting(&world, owner);
    assert!(!queued.is_empty(), "the others have to know of the new device");
    if way < 3 {
        for _ in 0..2 {
            assert_eq!(judge.expose(&world, &liar, owner).await, Some(Alarm::Receipt));
            assert!(queued.iter().all(|op| waiting(&world, owner).contains(op)), "it waits for a true receipt");
        }
    } else {
        for device in [owner, 1 - owner, owner] {
            assert_eq!(judge.exchange(&world, &liar, device).await, None, "receipts of nobody are dropped");
        }
    }
    // A device that waits knows nobody whom it could answer.
    world.meet(third, owner).await.expect("it was admitted");
    all.push(third);
    meet(&world, &all).await;
    repent(&world, &liar, &all).await;
    assert!(all.iter().all(|device| waiting(&world, *device).is_empty()), "a true receipt came for each");
    judge.found
}

#[test]
fn fault_d9_what_has_no_true_receipt_stays_to_be_sent() {
    let found = behave_all(9, 4, forges_receipts);
    assert!(found.told >= 20);
}

async fn deletes(world: Rc<World>) -> Found {
    let (liar, mut judge, all) = begun(&world, 2).await;
    let author = world.below(2);
    let reader = 1 - author;
    for _ in 0..=world.below(3) {
        world.act(author);
        world.attach(author);
        say(&world, &mut judge, &liar, author).await;
    }
    let taken = envelopes(&world, &liar).len();
    match judge.way(&world, 3) {
        // All of it, and it says nothing.
        0 => {
            liar.books(&world.record(), Books::lose_everything);
            for device in &all {
                assert!(judge.exchange(&world, &liar, *device).await.is_some(), "it shows less than before");
            }
            for device in &all {
                let vault = world.with_device(*device, |it| it.vault());
                trust_relay_again(&vault, world.record()).await.expect("the vault takes it");
            }
            judge.last.clear();
        }
        // All of it, and it says so: its store begins another life.
        1 => {
            liar.books(&world.record(), |books| {
                books.lose_everything();
                books.store_epoch += 1;
            });
            judge.last.clear();
        }
        // The documents and snapshots.
        _ => {
            liar.books(&world.record(), |books| books.objects.clear());
            let synced = world.exchange(reader).await.expect("its logs are true");
            assert!(synced.objects_missing > 0);
            meet(&world, &all).await;
            repent(&world, &liar, &all).await;
            return judge.found;
        }
    }
    // What was said to be saved rests on the devices: they bring it again.
    judge.settle(&world, &liar, &all).await;
    world.check(&all);
    assert!(envelopes(&world, &liar).len() >= taken, "all of it is there again");
    judge.found
}

#[test]
fn fault_d10_what_a_relay_deletes_after_its_receipt_is_brought_again() {
    let found = behave_all(10, 3, deletes);
    assert!(found.told > 0);
}
