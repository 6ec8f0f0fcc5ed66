//! Pairing over real connections: what both sides see, and what somebody in between can do.

use std::{future::pending, time::Duration};

use carnet_sync::{Event, Invited, Meeting, Met, SyncError, hand_on, serve_peers};
use carnet_vault::{
    RecordId, RelayAddress,
    pairing::{Delivery, Ticket},
};
use tokio::{sync::oneshot, time::timeout};

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
    let (met, meeting) =
        tokio::join!(invited.meet(&one.node, pending()), Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"));
    let (met, meeting) = (met.unwrap(), meeting.unwrap());
    assert_eq!(met.code(), meeting.code());
    assert_eq!(met.label(), "Téléphone");
    let joining = meeting.accept("Camille").await.unwrap();
    assert_eq!(joining.record(), id);
    met.admit(&one.node).await.unwrap();
    one.sync(&id).await;
    joining.wait(&two.node, PATIENCE, &mut |_| {}).await.unwrap();
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
    let (met, meeting) =
        tokio::join!(invited.meet(&one.node, pending()), Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"));
    assert_eq!(met.unwrap().code(), meeting.unwrap().code());
    relay.stop().await;
}

#[tokio::test]
async fn without_a_relay_the_devices_meet_directly() {
    let (one, two) = (Device::new(720).await, Device::new(721).await);
    let id = one.begin(None).record;
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
    let ticket = handed_over(invited.ticket());
    let (met, meeting) =
        tokio::join!(invited.meet(&one.node, pending()), Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"));
    let (met, meeting) = (met.unwrap(), meeting.unwrap());
    assert_eq!(met.code(), meeting.code());
    let joining = meeting.accept("Camille").await.unwrap();
    one.add(&id, "Pénicilline");
    let inviting = async {
        let admitted = met.admit(&one.node).await.unwrap();
        hand_on(&one.node, admitted, PATIENCE, &mut |_| {}).await
    };
    let mut hush = |_| {};
    let waiting = joining.wait(&two.node, PATIENCE, &mut hush);
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
        let met = timeout(PATIENCE, invited.meet(&one.node, pending())).await.unwrap();
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

/// Both sides up to the digits. With `relay` the slot is there, else on the inviting device.
async fn met(one: &Device, two: &Device, relay: Option<&RelayAddress>) -> (RecordId, Met, Meeting, Ticket) {
    let id = one.begin(relay).record;
    one.add(&id, "Pénicilline");
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
    let (ticket, again) = (handed_over(invited.ticket()), handed_over(invited.ticket()));
    let inviting = invited.meet(&one.node, pending());
    let (met, meeting) = tokio::join!(inviting, Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"));
    (id, met.unwrap(), meeting.unwrap(), again)
}

#[tokio::test]
async fn atk_13_a_used_ticket_opens_nothing_and_spoils_the_invitation() {
    let (_folder, relay) = relay().await;
    let (one, two, three) = (Device::new(730).await, Device::new(731).await, Device::new(732).await);
    for place in [Some(&relay.address), None] {
        let (id, met, meeting, again) = met(&one, &two, place).await;
        let second = timeout(PATIENCE, Meeting::enter(&three.node, &three.vault, again, "Autre")).await.unwrap();
        assert!(matches!(second.map(drop), Err(SyncError::TicketClosed)));
        // Somebody else holds the ticket: whoever it is, nobody is let in by it any more.
        assert!(matches!(met.admit(&one.node).await.map(drop), Err(SyncError::InvitationEnded)));
        let joining = meeting.accept("Camille").await.unwrap();
        let waited = joining.wait(&two.node, PATIENCE, &mut |_| {}).await;
        assert!(matches!(waited, Err(SyncError::InvitationEnded)), "{waited:?}");
        assert_eq!(live(&one, &id), 2, "the inviting device and the kit");
    }
    relay.stop().await;
}

fn live(device: &Device, id: &RecordId) -> usize {
    device.with(id, |record| record.devices()).unwrap().iter().filter(|device| device.is_live).count()
}

#[tokio::test]
async fn a_device_that_is_refused_learns_it_at_once_and_keeps_nothing() {
    let (_folder, relay) = relay().await;
    let (one, two) = (Device::new(770).await, Device::new(771).await);
    for place in [Some(&relay.address), None] {
        let (id, met, meeting, _) = met(&one, &two, place).await;
        let joining = meeting.accept("Camille").await.unwrap();
        assert_eq!(two.vault.lock().unwrap().records().unwrap().len(), 1);
        let mut hush = |_| {};
        // Nothing but the refusal ends this wait in the time that a test has.
        let waiting = timeout(PATIENCE, joining.wait(&two.node, PATIENCE * 1_000, &mut hush));
        let (waited, ()) = tokio::join!(waiting, met.refuse(&one.node));
        assert!(matches!(waited.unwrap(), Err(SyncError::InvitationEnded)));
        assert!(two.vault.lock().unwrap().records().unwrap().is_empty(), "nothing of it stays");
        assert_eq!(live(&one, &id), 2);
        // A new invitation works, under the same name.
        let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
        let ticket = handed_over(invited.ticket());
        let inviting = async {
            let met = invited.meet(&one.node, pending()).await.unwrap();
            hand_on(&one.node, met.admit(&one.node).await.unwrap(), PATIENCE, &mut |_| {}).await.unwrap();
        };
        let joining = async {
            let meeting = Meeting::enter(&two.node, &two.vault, ticket, "Téléphone").await.unwrap();
            meeting.accept("Camille").await.unwrap().wait(&two.node, PATIENCE, &mut |_| {}).await.unwrap();
        };
        tokio::join!(inviting, joining);
        assert_eq!(two.labels(&id), ["Pénicilline"]);
        two.vault.lock().unwrap().forget_record(&id).unwrap();
    }
    relay.stop().await;
}

#[tokio::test]
async fn atk_12_a_device_whose_person_says_no_is_not_let_in_by_a_person_who_says_yes() {
    let (_folder, relay) = relay().await;
    let (one, two) = (Device::new(780).await, Device::new(781).await);
    for place in [Some(&relay.address), None] {
        let (id, met, meeting, _) = met(&one, &two, place).await;
        meeting.refuse(&two.node).await;
        assert!(matches!(met.admit(&one.node).await.map(drop), Err(SyncError::InvitationEnded)));
        assert_eq!(live(&one, &id), 2);
    }
    relay.stop().await;
}

#[tokio::test]
async fn an_invitation_that_is_cancelled_or_expires_ends_for_the_one_who_waits_in_it() {
    let (_folder, relay) = relay().await;
    let (one, two, three) = (Device::new(790).await, Device::new(791).await, Device::new(792).await);
    // Cancelled before anybody came.
    let id = one.begin(Some(&relay.address)).record;
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
    let ticket = handed_over(invited.ticket());
    let cancelled = invited.meet(&one.node, async {}).await;
    assert!(matches!(cancelled.map(drop), Err(SyncError::Interrupted)));
    let entered = timeout(PATIENCE, Meeting::enter(&two.node, &two.vault, ticket, "Téléphone")).await.unwrap();
    assert!(matches!(entered.map(drop), Err(SyncError::TicketClosed)));
    // Expired while the people were comparing: the host of the slot claims its end, and all that it does is to end the
    // wait. Nobody is let in by a ticket that is over.
    let (id, met, meeting, _) = met(&one, &three, Some(&relay.address)).await;
    let joining = meeting.accept("Camille").await.unwrap();
    relay.clock.advance(15 * 60 * 1_000 + 1);
    let waited = timeout(PATIENCE * 3, joining.wait(&three.node, PATIENCE * 1_000, &mut |_| {})).await.unwrap();
    assert!(matches!(waited, Err(SyncError::InvitationEnded)), "{waited:?}");
    assert!(matches!(met.admit(&one.node).await.map(drop), Err(SyncError::InvitationEnded)));
    assert_eq!(live(&one, &id), 2);
    relay.stop().await;
}

#[tokio::test]
async fn a_device_that_is_admitted_has_the_record_even_if_the_slot_closes_first() {
    let (_folder, relay) = relay().await;
    let (mut one, two) = (Device::new(800).await, Device::new(801).await);
    let (id, met, meeting, _) = met(&one, &two, Some(&relay.address)).await;
    let admitted = met.admit(&one.node).await.unwrap();
    one.sync(&id).await;
    hand_on(&one.node, admitted, PATIENCE, &mut |_| {}).await.unwrap();
    // The slot is closed by now; the person here answers only then.
    let joining = meeting.accept("Camille").await.unwrap();
    joining.wait(&two.node, PATIENCE, &mut |_| {}).await.unwrap();
    assert_eq!(two.labels(&id), ["Pénicilline"]);
    relay.stop().await;
}

#[tokio::test]
async fn an_invitation_outlives_its_connection_to_the_relay() {
    let (folder, relay) = relay().await;
    let (one, two) = (Device::new(810).await, Device::new(811).await);
    let id = one.begin(Some(&relay.address)).record;
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::Letter, false).await.unwrap();
    let ticket = handed_over(invited.ticket());
    let listen = relay.address.addresses[0];
    let inviting = invited.meet(&one.node, pending());
    let coming = async {
        relay.stop().await;
        let relay = crate::world::RunningRelay::start_at(&folder.path().join("relay"), listen).await;
        let meeting = Meeting::enter(&two.node, &two.vault, ticket, "Téléphone").await.unwrap();
        (relay, meeting)
    };
    let (met, (relay, meeting)) =
        Box::pin(timeout(PATIENCE * 3, async { tokio::join!(inviting, coming) })).await.unwrap();
    assert_eq!(met.unwrap().code(), meeting.code());
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

#[tokio::test]
async fn whoever_waits_for_a_device_that_was_killed_is_told_and_may_begin_again() {
    let (_folder, relay) = relay().await;
    let (one, two) = (Device::new(820).await, Device::new(821).await);
    let (id, met, meeting, _) = met(&one, &two, Some(&relay.address)).await;
    let joining = meeting.accept("Camille").await.unwrap();
    // A process that is killed says nothing to anybody: its slot stays open.
    drop(met);
    let waited = timeout(PATIENCE, joining.wait(&two.node, Duration::from_secs(2), &mut |_| {})).await.unwrap();
    assert!(matches!(waited, Err(SyncError::NobodyAnswered)), "{waited:?}");
    let invited = Invited::open(&one.node, &one.vault, id, Delivery::AtOnce, false).await.unwrap();
    let ticket = handed_over(invited.ticket());
    let (met, meeting) =
        tokio::join!(invited.meet(&one.node, pending()), Meeting::enter(&two.node, &two.vault, ticket, "Téléphone"));
    let joining = meeting.unwrap().accept("Camille").await.unwrap();
    hand_on(&one.node, met.unwrap().admit(&one.node).await.unwrap(), PATIENCE, &mut |_| {}).await.unwrap();
    joining.wait(&two.node, PATIENCE, &mut |_| {}).await.unwrap();
    assert_eq!(two.labels(&id), ["Pénicilline"]);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_hangs_holds_up_nobody_beyond_their_patience() {
    let (one, two) = (Device::new(830).await, Device::new(831).await);
    let (id, _met, meeting, _) = met(&one, &two, None).await;
    let joining = meeting.accept("Camille").await.unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (is_held, held) = oneshot::channel::<()>();
    let vault = one.vault.clone();
    let hanging = tokio::task::spawn_blocking(move || {
        let _vault = vault.lock().unwrap();
        is_held.send(()).unwrap();
        let _ = released.recv();
    });
    held.await.unwrap();
    let mut hush = |_: Event| {};
    let serving = serve_peers(&one.node, &one.vault, id, &mut hush, pending());
    let mut hush_too = |_: Event| {};
    let waiting = timeout(PATIENCE, joining.wait(&two.node, Duration::from_secs(2), &mut hush_too));
    let waited = tokio::select! {
        waited = waiting => waited.expect("it ends long before a connection that hangs is given up"),
        () = serving => unreachable!("it goes on"),
    };
    assert!(matches!(waited, Err(SyncError::NobodyAnswered)), "{waited:?}");
    release.send(()).unwrap();
    hanging.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_has_begun_to_come_is_waited_for() {
    let (_folder, relay) = relay().await;
    let (one, two) = (Device::new(840).await, Device::new(841).await);
    let (id, met, meeting, _) = met(&one, &two, Some(&relay.address)).await;
    let joining = meeting.accept("Camille").await.unwrap();
    hand_on(&one.node, met.admit(&one.node).await.unwrap(), PATIENCE, &mut |_| {}).await.unwrap();
    let patience = Duration::from_secs(3);
    // The relay lets this device in at once; then its disk is slow.
    let mut slow = |event| {
        if event == Event::Connected {
            std::thread::sleep(patience + Duration::from_secs(1));
        }
    };
    joining.wait(&two.node, patience, &mut slow).await.unwrap();
    assert_eq!(two.labels(&id), ["Pénicilline"]);
    relay.stop().await;
}
