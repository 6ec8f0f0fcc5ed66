//! What a person does with a record on one device.

use super::*;

#[test]
fn an_entry_is_added_corrected_removed_and_brought_back_and_its_history_tells() {
    let mut device = Device::new(1);
    let id = device.begin().record;
    let mut record = device.record(&id);
    let added = record.add(&allergy("pollen")).unwrap().entry;
    let mut corrected = added.clone();
    corrected.fact = Fact::from(Allergy { name: Some("pollen de bouleau".to_owned()), ..Allergy::default() });
    record.amend(&corrected).unwrap();
    record.remove(&added.id).unwrap();
    assert!(labels(&record).is_empty());
    record.restore(&added.id).unwrap();
    let states: Vec<String> =
        record.history(&added.id).unwrap().iter().map(|version| version.entry.fact.label()).collect();
    assert_eq!(states, ["pollen", "pollen de bouleau", "pollen de bouleau", "pollen de bouleau"]);
    assert!(record.history(&added.id).unwrap().iter().all(|version| version.device.as_deref() == Some("Appareil 1")));
    let prefix = &added.id.to_string()[..8];
    assert_eq!(record.find_id(prefix).unwrap(), added.id);
    assert!(matches!(record.find_id("abc"), Err(RecordError::Ambiguous)));
}

#[test]
fn everything_is_there_after_the_vault_was_closed() {
    let mut device = Device::new(2);
    let id = device.begin().record;
    device.record(&id).add_all(&[allergy("latex"), weight("61.50")]).unwrap();
    import(&mut device.record(&id), 1, vec![beats(500), Item::Tally(Box::default())]);
    let digest = device.record(&id).digest().unwrap();
    let mut device = device.reopen();
    let record = device.record(&id);
    assert_eq!(record.digest().unwrap(), digest);
    assert_eq!(record.series().unwrap()[0].count, 500);
    let kept = record.list(&Filter { kinds: vec!["measure".to_owned()], ..Filter::default() }).unwrap();
    assert!(serde_json::to_string(&kept[0].entry).unwrap().contains("61.50"), "digits stay as they were written");
}

#[test]
fn a_typed_value_out_of_bounds_is_refused_and_leaves_nothing() {
    let mut device = Device::new(3);
    let id = device.begin().record;
    let mut record = device.record(&id);
    let digest = record.digest().unwrap();
    let refused = record.add_all(&[allergy("pollen"), weight("6150")]);
    assert!(matches!(refused, Err(RecordError::Invalid(_))), "{refused:?}");
    assert_eq!(record.digest().unwrap(), digest);
}

#[test]
fn a_vault_gives_back_the_room_that_a_large_import_took() {
    let mut device = Device::new(184);
    let id = device.begin().record;
    let items = (0..100).map(|n| {
        let mut draft = allergy(&format!("pollen {n}"));
        draft.comment = Some("lu ".repeat(30_000));
        Item::Draft(Box::new(draft))
    });
    let outcome = import(&mut device.record(&id), 1, items.chain([Item::Tally(Box::default())]).collect());
    assert_eq!(outcome.by_kind["allergy"].added, 100);
    let during = device.vault.store().stats().unwrap().file_bytes;
    let mut device = device.reopen();
    let after = device.vault.store().stats().unwrap().file_bytes;
    assert!(after < during * 3 / 4, "{during} bytes, then {after}");
    assert_eq!(device.record(&id).list(&Filter::default()).unwrap().len(), 100);
    assert!(device.vault.verify().is_ok());
}

#[test]
fn importing_twice_adds_nothing_and_a_newer_export_only_what_is_new() {
    let mut device = Device::new(4);
    let id = device.begin().record;
    let mut record = device.record(&id);
    let items = |beats_count| {
        let mut items = vec![beats(beats_count)];
        items.extend(document("bilan.pdf", &vec![7; 200_000]));
        items.push(Item::Tally(Box::default()));
        items
    };
    let first = import(&mut record, 1, items(1_000));
    assert_eq!((first.by_kind["heart-rate"].added, first.by_kind["document"].added), (1_000, 1));
    let digest = record.digest().unwrap();
    let again = import(&mut record, 1, items(1_000));
    assert!(again.by_kind.values().all(|counts| counts.added == 0), "{again:?}");
    assert_eq!(again.by_kind["heart-rate"].already_there, 1_000);
    assert_eq!(record.digest().unwrap(), digest);
    let newer = import(&mut record, 2, items(1_200));
    assert_eq!((newer.by_kind["heart-rate"].added, newer.by_kind["heart-rate"].already_there), (200, 1_000));
    let mut bytes = Vec::new();
    let documents = record.list(&Filter { kinds: vec!["document".to_owned()], ..Filter::default() }).unwrap();
    let read = record.read_document(&documents[0].entry.id, |part| {
        bytes.extend_from_slice(part);
        Ok(())
    });
    assert_eq!(read.unwrap(), 200_000);
    assert_eq!(bytes, vec![7; 200_000]);
}

#[test]
fn an_import_that_is_cut_goes_on_where_it_was_and_shows_nothing_before_it_ends() {
    let mut device = Device::new(5);
    let id = device.begin().record;
    let drafts: Vec<Item> = (0..2_000)
        .map(|n| {
            let mut draft = allergy(&format!("allergène {n}"));
            draft.source_key = Some(carnet_record::SourceKey::new("test", [n.to_string().as_str()]));
            draft.provenance = Provenance::default();
            Item::Draft(Box::new(draft))
        })
        .collect();
    let source = ImportSource { sha256: [9; 32], importer: "tests 1".to_owned() };
    let mut record = device.record(&id);
    let before = record.digest().unwrap();
    let mut cut = drafts.clone().into_iter().take(1_500);
    let mut import = record.begin_import(&source).unwrap();
    import.read::<ImportError>(|| Ok(cut.next())).unwrap();
    drop(import);
    assert_eq!(record.digest().unwrap(), before, "nothing is visible before the import ends");

    let mut device = device.reopen();
    let mut record = device.record(&id);
    let mut import = record.begin_import(&source).unwrap();
    assert!(import.resumed_items() >= 1_000, "{}", import.resumed_items());
    let mut all = drafts.into_iter().chain([Item::Tally(Box::default())]);
    import.read::<ImportError>(|| Ok(all.next())).unwrap();
    let outcome = import.finish::<ImportError>(|_| Ok(None)).unwrap();
    assert_eq!(outcome.by_kind["allergy"].added, 2_000);
    assert_eq!(record.list(&Filter::default()).unwrap().len(), 2_000);
}

#[test]
fn days_of_samples_are_read_from_the_index() {
    let mut device = Device::new(6);
    let id = device.begin().record;
    let mut record = device.record(&id);
    import(&mut record, 1, vec![beats(30_000), Item::Tally(Box::default())]);
    let days = record.sample_days("heart-rate", None, None).unwrap();
    assert_eq!(days.iter().map(|day| day.sources[0].count).sum::<u64>(), 30_000);
    assert_eq!(days[0].day.to_string(), "2026-01-01");
    let samples = record.samples("heart-rate", 0, i64::MAX, 10).unwrap();
    assert_eq!(samples.len(), 10);
    assert!(record.sample_days("steps", None, None).unwrap().is_empty());
}

#[test]
fn several_records_lie_in_one_vault_and_one_can_be_taken_off() {
    let mut device = Device::new(7);
    let mine = device.begin().record;
    let child = device.begin().record;
    device.record(&mine).add(&allergy("pollen")).unwrap();
    assert_eq!(device.vault.records().unwrap().len(), 2);
    device.vault.set_local(&child, crate::LocalChange::Label("Lou".to_owned())).unwrap();
    assert_eq!(device.record(&child).label(), "Lou");
    assert!(labels(&device.record(&child)).is_empty());
    device.vault.forget_record(&mine).unwrap();
    assert_eq!(device.vault.records().unwrap().len(), 1);
}

#[test]
fn the_outbox_holds_what_was_signed_in_its_order_until_it_is_acknowledged() {
    let mut device = Device::new(8);
    let id = device.begin().record;
    let mut record = device.record(&id);
    record.add(&allergy("pollen")).unwrap();
    let outbox = record.outbox(usize::MAX).unwrap();
    assert!(matches!(outbox[0].item, OutgoingItem::Op(_)), "the genesis comes first");
    assert!(matches!(outbox.last().unwrap().item, OutgoingItem::Envelope { .. }));
    let numbers: Vec<u64> = outbox.iter().map(|outgoing| outgoing.number).collect();
    record.acknowledge(&numbers, &[]).unwrap();
    assert!(record.outbox(usize::MAX).unwrap().is_empty());
    assert_eq!(record.pending().unwrap().to_send, 0);
}

/// The names that every device must compute alike. `docs/format.md`, "Names of what is imported", has the same values.
#[test]
fn names_have_known_answers() {
    let hex = |bytes: &[u8]| crate::import::hex(bytes);
    let key = carnet_record::SourceKey::new("fhir", ["Observation", "12"]);
    assert_eq!(key.as_str(), "fhir:11:Observation:2:12");
    assert_eq!(hex(&crate::entries::entry_id(&key).0), "8485f8f5a43be053253e838fcaba5013");
    let series = Series::new("heart-rate", &Source::new("Santé", "Montre"), "count/min");
    let sample = Sample::at(1_767_225_600_000, "61.50".parse().unwrap());
    let columns = carnet_record::batch::Columns::cut(&series, vec![sample]).columns.remove(0);
    assert_eq!(
        hex(&crate::measures::batch_id(&columns)),
        "b0f5bbe9456d493e33ebef2f6495a88e889d6e2d5cd940c0099d6c61b4a0bb5a"
    );
    let salt = carnet_crypto::id::KeySalt([7; 32]);
    assert_eq!(hex(&crate::vault::roster_of(&salt).0), "5f5cb636f08e859f947a9c5236827941");
}

#[test]
fn an_import_whose_report_does_not_hold_leaves_nothing() {
    let mut device = Device::new(31);
    let id = device.begin().record;
    let mut record = device.record(&id);
    let before = record.digest().unwrap();
    let source = ImportSource { sha256: [5; 32], importer: "tests 1".to_owned() };
    let items = || vec![beats(20), Item::Tally(Box::default())].into_iter();
    let mut import = record.begin_import(&source).unwrap();
    let mut first = items();
    import.read::<ImportError>(|| Ok(first.next())).unwrap();
    let refused = import.finish(|_| Err::<Option<Draft>, _>(ImportError::Intake));
    assert!(matches!(refused, Err(ImportError::Intake)), "{refused:?}");
    assert_eq!(record.digest().unwrap(), before);
    assert!(record.series().unwrap().is_empty());
    // The staging stayed: the next try publishes it once.
    let mut import = record.begin_import(&source).unwrap();
    let mut second = items();
    import.read::<ImportError>(|| Ok(second.next())).unwrap();
    assert_eq!(import.finish::<ImportError>(|_| Ok(None)).unwrap().by_kind["heart-rate"].added, 20);
}

#[test]
fn bytes_that_are_not_those_that_were_announced_are_refused() {
    let mut device = Device::new(32);
    let id = device.begin().record;
    let mut record = device.record(&id);
    import(&mut record, 1, document("vrai.pdf", &[1; 5_000]));
    // The hash of the first document over other bytes: the first would stand for them.
    let mut items = document("faux.pdf", &[2; 5_000]);
    let Some(Item::DocumentEnd { sha256, .. }) = items.last_mut() else { panic!("a document ends") };
    *sha256 = sha2::Sha256::digest([1; 5_000]).into();
    let source = ImportSource { sha256: [2; 32], importer: "tests 1".to_owned() };
    let mut import = record.begin_import(&source).unwrap();
    let mut items = items.into_iter();
    let read = import.read::<ImportError>(|| Ok(items.next()));
    assert!(matches!(read, Err(ImportError::Changed)), "{read:?}");
}

#[test]
fn an_entry_stays_in_its_volume_when_a_later_import_gives_it_another_year() {
    let mut device = Device::new(33);
    let id = device.begin().record;
    let mut record = device.record(&id);
    let dated = |at: &str, modified: i64| {
        let mut draft = weight("61.5");
        let Fact::Measure(measure) = &mut draft.fact else { panic!("a weight is a measure") };
        measure.at = Some(at.parse().unwrap());
        draft.source_key = Some(carnet_record::SourceKey::new("test", ["poids"]));
        draft.provenance = Provenance::default();
        draft.provenance.modified_at = Some(Instant::at_most(modified));
        vec![Item::Draft(Box::new(draft)), Item::Tally(Box::default())]
    };
    import(&mut record, 1, dated("2025-12-31T08:00:00+01:00", 1_000));
    import(&mut record, 2, dated("2026-01-01T08:00:00+01:00", 2_000));
    let found = record.list(&Filter::default()).unwrap();
    assert_eq!(found.len(), 1);
    let text = serde_json::to_string(&found[0].entry).unwrap();
    assert!(text.contains("2026-01-01") && text.contains("61.5") && text.contains("weight"), "{text}");
}

#[test]
fn a_volume_beyond_what_others_take_as_a_snapshot_still_opens() {
    let mut device = Device::new(34);
    let id = device.begin().record;
    for n in 0..45 {
        let mut draft = allergy(&"a".repeat(800_000));
        draft.source_key = Some(carnet_record::SourceKey::new("test", [n.to_string().as_str()]));
        import(&mut device.record(&id), n, vec![Item::Draft(Box::new(draft)), Item::Tally(Box::default())]);
    }
    let mut device = device.reopen();
    let entry = device.record(&id).list(&Filter::default()).unwrap()[0].entry.id;
    assert_eq!(device.record(&id).history(&entry).unwrap().len(), 1);
    device.record(&id).add(&allergy("encore")).unwrap();
    device.record(&id).make_snapshots().unwrap();
    assert_eq!(labels(&device.record(&id)).len(), 46);
}

#[test]
fn one_identifier_over_other_bytes_is_shown_as_two_documents_and_loses_neither() {
    let mut device = Device::new(35);
    let id = device.begin().record;
    let mut record = device.record(&id);
    let with_tally = |items: Vec<Item>| items.into_iter().chain([Item::Tally(Box::default())]).collect::<Vec<_>>();
    import(&mut record, 1, with_tally(document("compte rendu.pdf", &[1; 5_000])));
    let second = import(&mut record, 2, with_tally(document("compte rendu.pdf", &[2; 6_000])));
    assert_eq!(second.by_kind["document"].added, 1);
    let mut sizes = Vec::new();
    for found in record.list(&Filter::default()).unwrap() {
        sizes.push(record.read_document(&found.entry.id, |_| Ok(())).unwrap());
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [5_000, 6_000]);
    let again = import(&mut record, 3, with_tally(document("compte rendu.pdf", &[2; 6_000])));
    assert_eq!((again.by_kind["document"].added, again.by_kind["document"].already_there), (0, 1));
}

#[test]
fn a_list_of_records_does_not_show_the_admission_token_of_the_relay() {
    let mut device = Device::new(36);
    let address: crate::RelayAddress = format!("{}@127.0.0.1:4000", "ab".repeat(32)).parse().unwrap();
    let token = Some(carnet_protocol::frame::AdmissionToken([7; 16]));
    let relay = crate::RelayAddress { token, ..address };
    let new = NewRecord {
        label: "Camille".to_owned(),
        device_label: "Appareil".to_owned(),
        year: 2026,
        relay: Some(relay.clone()),
    };
    let id = device.vault.create_record(&new).unwrap().record;
    let shown = device.vault.records().unwrap()[0].relay.clone().unwrap();
    assert_ne!(shown, relay.to_string());
    assert_eq!(shown.parse::<crate::RelayAddress>().unwrap().token, None);
    assert_eq!(device.record(&id).relay(), Some(relay), "the device itself keeps it");
}

#[test]
fn five_thousand_entries_are_listed_found_and_named_without_their_documents() {
    let mut device = Device::new(37);
    let id = device.begin().record;
    let drafts = (0..5_000).map(|n| {
        let mut draft = allergy(&format!("allergène {n}"));
        draft.source_key = Some(carnet_record::SourceKey::new("test", [n.to_string().as_str()]));
        Item::Draft(Box::new(draft))
    });
    import(&mut device.record(&id), 1, drafts.chain([Item::Tally(Box::default())]).collect());
    let mut device = device.reopen();
    let mut record = device.record(&id);
    let listed = record.list(&Filter::default()).unwrap();
    assert_eq!(listed.len(), 5_000);
    for found in listed.iter().step_by(1_000) {
        assert_eq!(record.find_id(&found.entry.id.to_string()[..15]).unwrap(), found.entry.id);
    }
    assert!(record.live.volumes.is_empty(), "no volume was loaded");
    record.add(&allergy("la dernière")).unwrap();
}
