//! Pairing over real connections: what both sides see, and what somebody in between can do.

use std::time::Duration;

use carnet_sync::{Invited, Meeting, SyncError, hand_on, wait_for_admission};
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
    let (met, meeting) = (met.unwrap(), meeting.unwrap());
    assert_eq!(met.code(), meeting.code());
    meeting.accept("Camille").await.unwrap();
    one.add(&id, "Pénicilline");
    let inviting = async {
        let device = met.admit().await.unwrap();
        hand_on(&one.node, &one.vault, id, device, PATIENCE, &mut |_| {}).await
    };
    let mut hush = |_| {};
    let waiting = wait_for_admission(&two.node, &two.vault, id, PATIENCE, &mut hush);
    let (handed, came) = tokio::join!(inviting, waiting);
    handed.unwrap();
    assert!(came.unwrap().operations > 0);
    assert_eq!(two.labels(&id), ["Pénicilline"]);
    assert_eq!(one.digest(&id), two.digest(&id));
}

#[tokio::test]
async fn atk_13_a_second_commitment_ends_the_invitation_for_everybody() {
    let (_folder, relay) = relay().await;
    let (one, two, three) = (Device::new(750).await, Device::new(751).await, Device::new(752).await);
    for with_relay in [true, false] {
        let id = one.begin(with_relay.then_some(&relay.address)).record;
        let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
        let (ticket, copy) = (handed_over(invited.ticket()), handed_over(invited.ticket()));
        // Both bind themselves before the inviting side has answered either.
        let both = async {
            tokio::join!(
                Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"),
                Meeting::enter(&three.node, &three.vault, copy, "Voleur"),
            )
        };
        let (first, second) = timeout(PATIENCE, both).await.unwrap();
        assert!(matches!(first.map(drop), Err(SyncError::TicketClosed)));
        assert!(matches!(second.map(drop), Err(SyncError::TicketClosed)));
        let met = timeout(PATIENCE, invited.meet()).await.unwrap();
        assert!(matches!(met.map(drop), Err(SyncError::TicketClosed)));
    }
    relay.stop().await;
}

#[tokio::test]
async fn an_invitation_ends_with_its_time() {
    let (_folder, relay) = relay().await;
    let (one, two) = (Device::new(760).await, Device::new(761).await);
    let id = one.begin(Some(&relay.address)).record;
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
    let ticket = handed_over(invited.ticket());
    relay.clock.advance(15 * 60 * 1_000 + 1);
    let late = Meeting::enter(&two.node, &two.vault, ticket, "Téléphone").await;
    assert!(matches!(late.map(drop), Err(SyncError::TicketClosed)));
    let text = invited.ticket().expose_text();
    let now = carnet_vault::UnixMillis(crate::world::START + 15 * 60 * 1_000 + 60_000);
    assert!(Ticket::parse(&text, now).is_err(), "and its holder sees it without asking");
    relay.stop().await;
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
