//! Two devices of one person: joining, meeting, losing one, losing both.

use super::*;

#[test]
fn a_paired_device_finds_the_record_unchanged() {
    let (mut one, mut two) = (Device::new(11), Device::new(12));
    let id = one.begin().record;
    one.record(&id).add_all(&[allergy("pollen"), weight("61.5")]).unwrap();
    let mut items = vec![beats(2_000)];
    items.extend(document("scan.png", &vec![3; 100_000]));
    items.push(Item::Tally(Box::default()));
    import(&mut one.record(&id), 1, items);
    pair(&mut one, &mut two, &id);
    assert_eq!(two.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
    assert!(two.record(&id).missing_files().unwrap().is_empty());
    let devices = two.record(&id).devices().unwrap();
    let named: Vec<_> = devices.iter().filter(|device| !device.is_kit).map(|device| device.label.clone()).collect();
    assert_eq!(named, [Some("Appareil 11".to_owned()), Some("Téléphone".to_owned())]);
}

#[test]
fn both_write_offline_and_meet_again() {
    let (mut one, mut two) = (Device::new(13), Device::new(14));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    let shared = one.record(&id).add(&allergy("pollen")).unwrap().entry.id;
    exchange(&mut one, &mut two, &id);
    one.record(&id).add(&weight("61.5")).unwrap();
    two.record(&id).add(&allergy("latex")).unwrap();
    two.record(&id).remove(&shared).unwrap();
    import(&mut two.record(&id), 1, vec![beats(700), Item::Tally(Box::default())]);
    exchange(&mut one, &mut two, &id);
    exchange(&mut two, &mut one, &id);
    assert_eq!(two.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
    assert_eq!(labels(&one.record(&id)).len(), 2);
    let again = exchange(&mut two, &mut one, &id);
    assert_eq!((again.accepted, again.refused), (0, 0), "{again:?}");
}

#[test]
fn one_file_imported_on_both_offline_is_one_after_they_meet() {
    let (mut one, mut two) = (Device::new(15), Device::new(16));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    let items = || {
        let mut items = vec![beats(300)];
        items.extend(document("lettre.pdf", &vec![5; 70_000]));
        items.push(Item::Tally(Box::default()));
        items
    };
    import(&mut one.record(&id), 1, items());
    import(&mut two.record(&id), 1, items());
    exchange(&mut one, &mut two, &id);
    exchange(&mut two, &mut one, &id);
    assert_eq!(two.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
    assert_eq!(one.record(&id).samples("heart-rate", 0, i64::MAX, usize::MAX).unwrap().len(), 300);
    assert_eq!(labels(&one.record(&id)).len(), 1);
}

#[test]
fn atk_4_envelopes_in_any_order_and_twice_give_the_same_record() {
    let (mut one, mut two) = (Device::new(17), Device::new(18));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    for n in 0..6 {
        one.record(&id).add(&allergy(&format!("allergène {n}"))).unwrap();
    }
    let sections = one.record(&id).sections_for(&two.record(&id).device());
    let ops = one.record(&id).ops_since(&[], None).unwrap();
    two.record(&id).receive_ops(&ops).unwrap();
    for section in &sections {
        let record = one.record(&id);
        let ends = record.feed_ends(section).unwrap();
        let mut envelopes: Vec<Vec<u8>> =
            ends.iter().flat_map(|end| record.envelopes_after(&end.feed, 0, usize::MAX).unwrap()).collect();
        envelopes.reverse();
        for envelope in &envelopes {
            two.record(&id).receive(*section, std::slice::from_ref(envelope)).unwrap();
        }
        let again = two.record(&id).receive(*section, &envelopes).unwrap();
        assert_eq!(again.accepted, 0);
        // In another section the same bytes mean nothing.
        if let Some(other) = sections.iter().find(|other| *other != section) {
            let crossed = two.record(&id).receive(*other, &envelopes).unwrap();
            assert_eq!(crossed.accepted, 0);
        }
    }
    assert_eq!(two.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
}

#[test]
fn atk_5_one_flipped_bit_is_refused_alone_and_the_good_envelope_still_counts() {
    let (mut one, mut two) = (Device::new(19), Device::new(20));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    one.record(&id).add(&allergy("pollen")).unwrap();
    let ops = one.record(&id).ops_since(&[], None).unwrap();
    two.record(&id).receive_ops(&ops).unwrap();
    let sections = one.record(&id).sections_for(&two.record(&id).device());
    for section in sections {
        let envelopes: Vec<Vec<u8>> = {
            let record = one.record(&id);
            let ends = record.feed_ends(&section).unwrap();
            ends.iter().flat_map(|end| record.envelopes_after(&end.feed, 0, usize::MAX).unwrap()).collect()
        };
        for envelope in &envelopes {
            let mut flipped = envelope.clone();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 4;
            let received = two.record(&id).receive(section, &[flipped]).unwrap();
            assert_eq!((received.accepted, received.refused), (0, 1), "{received:?}");
            let received = two.record(&id).receive(section, std::slice::from_ref(envelope)).unwrap();
            assert_eq!(received.accepted + received.known, 1, "{received:?}");
        }
    }
    assert_eq!(two.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
}

#[test]
fn a_removed_device_opens_nothing_that_is_written_afterwards() {
    let (mut one, mut two) = (Device::new(21), Device::new(22));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    one.record(&id).add(&allergy("pollen")).unwrap();
    exchange(&mut one, &mut two, &id);
    let thief = two.record(&id).device();
    one.record(&id).remove_device(&thief, crate::devices::RemovalReason::Stolen).unwrap();
    one.record(&id).add(&allergy("secret d'après")).unwrap();
    // The thief is handed everything that exists, as a relay that colludes would.
    let ops = one.record(&id).ops_since(&[], None).unwrap();
    two.record(&id).receive_ops(&ops).unwrap();
    let owner = one.record(&id).device();
    let sections = one.record(&id).sections_for(&owner);
    for section in sections {
        let envelopes: Vec<Vec<u8>> = {
            let record = one.record(&id);
            let ends = record.feed_ends(&section).unwrap();
            ends.iter().flat_map(|end| record.envelopes_after(&end.feed, 0, usize::MAX).unwrap()).collect()
        };
        two.record(&id).receive(section, &envelopes).unwrap();
    }
    assert_eq!(labels(&two.record(&id)), ["pollen"], "it keeps what it had and gets nothing new");
    assert!(matches!(two.record(&id).add(&allergy("forgé")), Err(RecordError::Waiting)));
    // What it wrote before it knew, and kept to itself, is quarantined.
    assert_eq!(labels(&one.record(&id)).len(), 2);
}

#[test]
fn atk_7_what_a_removed_device_wrote_beyond_its_frontier_is_quarantined() {
    let (mut one, mut two) = (Device::new(23), Device::new(24));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    two.record(&id).add(&allergy("avant")).unwrap();
    exchange(&mut two, &mut one, &id);
    let removed = two.record(&id).device();
    one.record(&id).remove_device(&removed, crate::devices::RemovalReason::Lost).unwrap();
    two.record(&id).add(&allergy("après")).unwrap();
    let received = exchange(&mut two, &mut one, &id);
    assert_eq!((received.accepted, received.quarantined), (0, 1), "{received:?}");
    assert_eq!(labels(&one.record(&id)), ["avant"]);
    assert_eq!(one.record(&id).pending().unwrap().quarantined, 1);
}

#[test]
fn atk_22_both_devices_lost_the_kit_brings_the_record_back() {
    let (mut one, mut two) = (Device::new(25), Device::new(26));
    let kit_page = one.begin();
    let id = kit_page.record;
    pair(&mut one, &mut two, &id);
    one.record(&id).add_all(&[allergy("pollen"), weight("61.5")]).unwrap();
    two.record(&id).add(&allergy("latex")).unwrap();
    exchange(&mut one, &mut two, &id);
    exchange(&mut two, &mut one, &id);
    let digest = one.record(&id).digest().unwrap();
    let lost = [one.record(&id).device(), two.record(&id).device()];

    let mut new = Device::new(27);
    let kit = Kit::from_words(&kit_page.words).unwrap();
    let ops = one.record(&id).ops_since(&[], None).unwrap();
    new.vault.begin_recovery(&id, ops[0].clone(), "Camille", None).unwrap();
    new.record(&id).receive_ops(&ops).unwrap();
    assert!(new.record(&id).open_with_kit(&kit).unwrap() > 0);
    let sections = one.record(&id).sections_for(&lost[0]);
    for section in sections {
        let record = one.record(&id);
        let ends = record.feed_ends(&section).unwrap();
        let envelopes: Vec<Vec<u8>> =
            ends.iter().flat_map(|end| record.envelopes_after(&end.feed, 0, usize::MAX).unwrap()).collect();
        new.record(&id).receive(section, &envelopes).unwrap();
    }
    new.record(&id).recover(&kit, &LostDevices::All, "Nouvel ordinateur").unwrap();
    assert_eq!(new.record(&id).digest().unwrap(), digest);
    let live: Vec<_> = new.record(&id).devices().unwrap().into_iter().filter(|device| device.is_live).collect();
    assert_eq!(live.len(), 2, "the new device and the kit: {live:?}");
    new.record(&id).add(&allergy("après")).unwrap();
    let mut device = new.reopen();
    assert_eq!(labels(&device.record(&id)).len(), 4);
}

#[test]
fn a_kit_of_another_record_is_refused() {
    let (mut one, mut other) = (Device::new(28), Device::new(29));
    let id = one.begin().record;
    let wrong = Kit::from_words(&other.begin().words).unwrap();
    let ops = one.record(&id).ops_since(&[], None).unwrap();
    let mut new = Device::new(30);
    new.vault.begin_recovery(&id, ops[0].clone(), "x", None).unwrap();
    new.record(&id).receive_ops(&ops).unwrap();
    assert_eq!(new.record(&id).open_with_kit(&wrong).unwrap(), 0);
    let refused = new.record(&id).recover(&wrong, &LostDevices::All, "x");
    assert!(matches!(refused, Err(RecoveryError::OtherRecord)), "{refused:?}");
    new.vault.give_up_recovery(&id).unwrap();
    assert!(new.vault.records().unwrap().is_empty());
    // A genesis that is none of this record does not even begin.
    let foreign = other.vault.records().unwrap()[0].id;
    assert!(matches!(new.vault.begin_recovery(&foreign, ops[0].clone(), "x", None), Err(RecoveryError::OtherRecord)));
}

#[test]
fn a_day_counts_a_sample_once_though_two_devices_published_it() {
    let (mut one, mut two) = (Device::new(150), Device::new(151));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    // Two sources that say the same at the same instants, each published twice.
    let phone = |item: Item| match item {
        Item::Samples { samples, .. } => Item::Samples {
            series: Series::new("heart-rate", &Source::new("Santé", "Téléphone"), "count/min"),
            samples,
        },
        other => other,
    };
    let items = || vec![beats(300), phone(beats(300)), Item::Tally(Box::default())];
    import(&mut one.record(&id), 1, items());
    import(&mut two.record(&id), 1, items());
    let alone = one.record(&id).sample_days("heart-rate", None, None).unwrap();
    exchange(&mut one, &mut two, &id);
    exchange(&mut two, &mut one, &id);
    for device in [&mut one, &mut two] {
        let record = device.record(&id);
        assert_eq!(record.sample_days("heart-rate", None, None).unwrap(), alone);
        assert_eq!(record.samples("heart-rate", 0, i64::MAX, usize::MAX).unwrap().len(), 600);
    }
    assert_eq!(two.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
}

#[test]
fn long_comments_of_an_import_reach_the_other_device() {
    let (mut one, mut two) = (Device::new(152), Device::new(153));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    let note = |n: usize, chars: usize| {
        let mut draft = allergy(&format!("allergène {n}"));
        draft.comment = Some("mots ".repeat(chars / 5));
        draft.source_key = Some(carnet_record::SourceKey::new("test", [n.to_string().as_str()]));
        Item::Draft(Box::new(draft))
    };
    // More operations than one envelope may hold, than one feed may hold, and one text beyond both.
    let mut items: Vec<Item> = (0..80).map(|n| note(n, 15_000)).collect();
    items.push(note(999, 200_000));
    items.push(Item::Tally(Box::default()));
    import(&mut one.record(&id), 1, items);
    let received = exchange(&mut one, &mut two, &id);
    assert_eq!(received.quarantined, 0, "{received:?}");
    assert_eq!(two.record(&id).pending().unwrap().quarantined, 0);
    assert_eq!(labels(&two.record(&id)).len(), 81);
    assert_eq!(two.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
}
