//! What cannot be judged yet waits within limits, and nobody's garbage takes the room of what others sent.

use carnet_crypto::id::SectionId;
use carnet_protocol::{
    envelope::{Envelope, EnvelopeKind},
    volume,
};

use super::{forks::add_all, *};
use crate::receive::WAITING_PER_SECTION_MAX;

/// What a device wrote among the allergies.
fn written(device: &mut Device, id: &RecordId) -> (SectionId, Vec<Vec<u8>>) {
    let record = device.record(id);
    let section = record.section_of(allergy("x").fact.section()).unwrap();
    let feed = record.own_feed(&section, volume::SINGLE, EnvelopeKind::Changes);
    (section, record.envelopes_after(&feed, 0, usize::MAX).unwrap())
}

/// More than may wait, that nobody can check: far beyond the end of a feed, or of a feed that nobody knows.
fn garbage(model: &[u8], is_of_nobody: bool) -> Vec<Vec<u8>> {
    let many = u32::try_from(WAITING_PER_SECTION_MAX).unwrap() + 20;
    let forge = |n: u32| {
        let mut envelope = Envelope::decode(model).unwrap();
        envelope.header.seq = 1_000 + n;
        if is_of_nobody {
            envelope.header.feed = [[0xee; 4], n.to_be_bytes()].concat().try_into().unwrap();
        }
        envelope.encode()
    };
    (0..many).map(forge).collect()
}

/// Three paired devices, of which the third lacks what the others have written since.
fn three_of(seed: u64) -> ([Device; 3], RecordId) {
    let (mut one, mut two, mut three) = (Device::new(seed), Device::new(seed + 1), Device::new(seed + 2));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    pair(&mut one, &mut three, &id);
    exchange(&mut one, &mut two, &id);
    add_all(&mut one, &id, &["honnête 1", "honnête 2", "honnête 3"]);
    add_all(&mut two, &id, &["de l'autre"]);
    ([one, two, three], id)
}

#[test]
fn atk_33_garbage_of_one_author_pushes_nothing_out_that_another_sent() {
    for is_of_nobody in [false, true] {
        let ([mut one, mut two, mut three], id) = three_of(600);
        let (section, honest) = written(&mut one, &id);
        let (_, theirs) = written(&mut two, &id);
        let filling = garbage(&theirs[0], is_of_nobody);
        let received = three.record(&id).receive(section, &filling).unwrap();
        assert_eq!(received.waiting, filling.len(), "{received:?}");
        let full = u64::try_from(WAITING_PER_SECTION_MAX).unwrap();
        assert_eq!(three.record(&id).pending().unwrap().waiting, full);
        // Its beginning is late: it has to wait, and there is room for it.
        let received = three.record(&id).receive(section, &honest[1..]).unwrap();
        assert_eq!(received.waiting, 2, "{received:?}");
        assert_eq!(three.record(&id).pending().unwrap().waiting, full);
        let more = garbage(&theirs[0], !is_of_nobody);
        three.record(&id).receive(section, &more).unwrap();
        assert_eq!(three.record(&id).pending().unwrap().waiting, full);
        three.record(&id).receive(section, &honest[..1]).unwrap();
        assert_eq!(labels(&three.record(&id)).len(), 3);
    }
}

/// What found no room is asked for again, and taken in once there is some.
#[test]
fn atk_33_what_found_no_room_to_wait_is_asked_for_again() {
    let ([mut one, mut two, mut three], id) = three_of(610);
    let (section, mut honest) = written(&mut one, &id);
    let early = honest.remove(0);
    let feed = Envelope::decode(&early).unwrap().header.feed;
    // In the name of the honest author itself, nearer to their turn than what that wrote.
    let mut forged = garbage(&early, false);
    for (n, bytes) in (0..).zip(&mut forged) {
        let mut envelope = Envelope::decode(bytes).unwrap();
        envelope.header.seq = 2;
        envelope.nonce[..4].copy_from_slice(&u32::to_be_bytes(n));
        *bytes = envelope.encode();
    }
    three.record(&id).receive(section, &forged).unwrap();
    let received = three.record(&id).receive(section, &honest[1..]).unwrap();
    assert!(received.crowded.contains(&feed), "{received:?}");
    let is_open = |three: &mut Device, seq: u32| {
        let places = three.record(&id).loose_places(&section).unwrap();
        !places.get(&feed).is_some_and(|places| places.contains(&seq))
    };
    assert!(is_open(&mut three, 3), "it counts as missing");
    assert!(three.record(&id).parted_sections().unwrap().contains(&section), "the section is compared again");
    // The beginning shows what the forged ones are; what is asked for then finds room.
    three.record(&id).receive(section, &[early]).unwrap();
    assert_eq!(three.record(&id).pending().unwrap().waiting, 0);
    let received = exchange(&mut one, &mut three, &id);
    assert_eq!((received.accepted, received.crowded.len()), (2, 0), "{received:?}");
    three.record(&id).note_roomy(&section).unwrap();
    assert!(three.record(&id).parted_sections().unwrap().is_empty());
    exchange(&mut two, &mut three, &id);
    assert_eq!(labels(&three.record(&id)).len(), 4);
}

/// Whoever can make up a section makes up many.
#[test]
fn atk_24_sections_that_nobody_named_share_the_room_of_one() {
    let ([mut one, mut two, mut three], id) = three_of(620);
    let (section, honest) = written(&mut one, &id);
    let (_, theirs) = written(&mut two, &id);
    for n in 0..5 {
        let made_up = SectionId([n; 16]);
        three.record(&id).receive(made_up, &garbage(&theirs[0], true)[..1_000]).unwrap();
    }
    let full = u64::try_from(WAITING_PER_SECTION_MAX).unwrap();
    assert_eq!(three.record(&id).pending().unwrap().waiting, full);
    // Those that there are have theirs.
    let received = three.record(&id).receive(section, &honest[1..]).unwrap();
    assert_eq!((received.waiting, received.crowded.len()), (2, 0), "{received:?}");
    assert_eq!(three.record(&id).pending().unwrap().waiting, full + 2);
    exchange(&mut one, &mut three, &id);
    exchange(&mut two, &mut three, &id);
    assert_eq!(labels(&three.record(&id)).len(), 4);
}
