//! Pairing over real connections: what both sides see, and what somebody in between can do.

use std::time::Duration;

use carnet_sync::{Invited, Meeting, SyncError, wait_for_admission};
use carnet_vault::pairing::{Delivery, Ticket};
use tokio::time::timeout;

use crate::world::{Device, relay};

const PATIENCE: Duration = Duration::from_secs(20);

/// The ticket as the other device reads it.
fn handed_over(ticket: &Ticket) -> Ticket {
    Ticket::parse(&ticket.expose_text(), carnet_vault::UnixMillis(crate::world::START)).unwrap()
}

#[tokio::test]
async fn a_device_is_paired_over_the_relay_and_gets_the_record() {
    let (_folder, relay) = relay().await;
    let (mut one, two) = (Device::new(700).await, Device::new(701).await);
    let id = one.begin(Some(&relay.address)).record;
    one.add(&id, "Pénicilline");
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
    let ticket = handed_over(invited.ticket());
    let (met, meeting) = tokio::join!(invited.meet(), Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"));
    let (met, meeting) = (met.unwrap(), meeting.unwrap());
    assert_eq!(met.code(), meeting.code());
    assert_eq!(met.label(), "Téléphone");
    assert_eq!(meeting.accept("Camille").await.unwrap(), id);
    met.admit().await.unwrap();
    one.sync(&id).await;
    wait_for_admission(&two.node, &two.vault, id, PATIENCE, &mut |_| {}).await.unwrap();
    assert_eq!(two.labels(&id), ["Pénicilline"]);
    one.sync(&id).await;
    assert_eq!(one.digest(&id), two.digest(&id));
    relay.stop().await;
}

#[tokio::test]
async fn a_typed_code_does_as_a_ticket() {
    let (_folder, relay) = relay().await;
    let (one, two) = (Device::new(710).await, Device::new(711).await);
    let id = one.begin(Some(&relay.address)).record;
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, true).await.unwrap();
    let meeting = invited.ticket().meeting.clone();
    let ticket = Ticket::from_code(invited.code().unwrap(), meeting, invited.ticket().expires).unwrap();
    let (met, meeting) = tokio::join!(invited.meet(), Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"));
    assert_eq!(met.unwrap().code(), meeting.unwrap().code());
    relay.stop().await;
}

#[tokio::test]
async fn without_a_relay_the_devices_meet_directly() {
    let (one, two) = (Device::new(720).await, Device::new(721).await);
    let id = one.begin(None).record;
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
    let ticket = handed_over(invited.ticket());
    let (met, meeting) = tokio::join!(invited.meet(), Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"));
    assert_eq!(met.unwrap().code(), meeting.unwrap().code());
}

#[tokio::test]
async fn atk_13_a_used_ticket_opens_nothing_and_a_device_that_was_refused_gets_nothing() {
    let (_folder, relay) = relay().await;
    let (mut one, two, three) = (Device::new(730).await, Device::new(731).await, Device::new(732).await);
    let id = one.begin(Some(&relay.address)).record;
    one.add(&id, "Pénicilline");
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
    let (ticket, again) = (handed_over(invited.ticket()), handed_over(invited.ticket()));
    let (met, meeting) = tokio::join!(invited.meet(), Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"));
    let second = timeout(PATIENCE, Meeting::enter(&three.node, &three.vault, again, "Autre")).await.unwrap();
    assert!(matches!(second.map(drop), Err(SyncError::TicketClosed)));
    // The person says that the digits differ; the other device goes on as if they did not.
    drop(met.unwrap());
    meeting.unwrap().accept("Camille").await.unwrap();
    one.sync(&id).await;
    let waited = wait_for_admission(&two.node, &two.vault, id, Duration::from_secs(2), &mut |_| {}).await;
    assert!(matches!(waited, Err(SyncError::NotAdmitted)));
    assert!(two.labels(&id).is_empty());
    relay.stop().await;
}

#[tokio::test]
async fn a_ticket_without_its_inviter_says_that_nobody_answers() {
    let (one, two) = (Device::new(740).await, Device::new(741).await);
    let id = one.begin(None).record;
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
    let ticket = handed_over(invited.ticket());
    drop(invited);
    let entered = Meeting::enter(&two.node, &two.vault, ticket, "Téléphone").await;
    assert!(matches!(entered.map(drop), Err(SyncError::TicketClosed)));
}
