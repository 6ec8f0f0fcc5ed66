//! Every frame reads back, every other byte sequence is refused, and every frame in every stage has one outcome.

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, EnvelopeId, FeedId, OpId, RecordId, SectionId},
    sign::{Signature, SigningKey},
};

use super::*;
use crate::checkpoint::{Head, KnownHeads, Leaves, ShortCheckpoint, SignedReceipt, VisibleLeaf};

fn receipt() -> SignedReceipt {
    SignedReceipt { store_epoch: 2, position: 300, time: UnixMillis(1_700_000_000_000), signature: Signature([4; 64]) }
}

fn operation() -> SentOperation {
    SentOperation { op: vec![1, 2, 3], parts: vec![vec![4; 300], vec![]], receipts: vec![receipt()] }
}

fn view() -> SentView {
    SentView { heads: vec![OpId([1; 32]), OpId([2; 32])] }
}

fn checkpoint() -> ShortCheckpoint {
    ShortCheckpoint {
        store_epoch: 1,
        time: UnixMillis(1_700_000_000_000),
        leaves: Leaves::Partial {
            membership: Some(Head::START.append(&[1; 32])),
            total: 4,
            visible: vec![
                VisibleLeaf { index: 0, section: SectionId([1; 16]), head: None },
                VisibleLeaf { index: 3, section: SectionId([2; 16]), head: Some(Head::START.append(&[3; 32])) },
            ],
            siblings: vec![[5; 32]],
        },
        signature: Signature([6; 64]),
    }
}

fn entry(n: u8) -> VectorEntry {
    VectorEntry { feed: [n; 8], seq: 2_097_151, hash: [n; 4] }
}

fn part() -> ObjectPart {
    ObjectPart { object: ObjectId([1; 32]), total: 5_000, start: 4_997, bytes: vec![1, 2, 3] }
}

fn hello() -> Hello {
    Hello { record: RecordId([1; 32]), device: DeviceId([2; 16]), proof: Signature([3; 64]) }
}

/// One frame of every kind.
#[expect(clippy::too_many_lines, reason = "one list")]
fn all() -> Vec<Frame> {
    let pull = Pull {
        store_epoch: 7,
        take_snapshots: true,
        membership: Cursor { position: 9, hint: [1; 8] },
        views: 300,
        sections: (1..=17).map(|n| ([n; 8], Cursor { position: u64::from(n), hint: [n; 8] })).collect(),
    };
    let tail = Tail {
        section: SectionId([1; 16]),
        bases: Some(vec![FeedBase { feed: FeedId([1; 16]), seq: 5, envelope: EnvelopeId([2; 32]) }]),
        envelopes: vec![vec![1; 377], vec![2]],
    };
    let push = Push {
        items: vec![
            Item::Operation(operation()),
            Item::View(view()),
            Item::Envelope(SectionRef::Named(SectionId([3; 16])), vec![1; 200]),
            Item::Envelope(SectionRef::Slot(0), vec![2]),
            Item::Envelope(SectionRef::Slot(511), vec![3]),
        ],
    };
    let pushed = Pushed {
        receipts: vec![(0, receipt())],
        refusals: Refusal::ALL.iter().zip(1..).map(|(refusal, index)| (index, *refusal)).collect(),
        checkpoint: checkpoint(),
    };
    let pulled = Pulled {
        cause: Cause::Pull,
        mismatches: vec![Mismatch::Membership, Mismatch::Section(0), Mismatch::Section(511)],
        checkpoint: Some(checkpoint()),
    };
    let state = PeerState {
        heads: vec![OpId([1; 32]), OpId([2; 32])],
        sections: vec![SectionVector { section: SectionId([1; 16]), entries: vec![entry(1), entry(2)] }],
    };
    let create = Create { token: Some(AdmissionToken([1; 16])), proof: Signature([2; 64]), genesis: operation() };
    vec![
        Frame::Hello(hello()),
        Frame::Create(create),
        Frame::RootHello(RootHello { record: RecordId([1; 32]), proof: Signature([2; 64]) }),
        Frame::SlotEnter(SlotEnter { name: [1; 16] }),
        Frame::Pull(pull),
        Frame::Reconcile(Reconcile { section: SectionId([1; 16]), entries: vec![entry(1), entry(2)] }),
        Frame::Push(push),
        Frame::Subscribe,
        Frame::ObjectAsked(ObjectAsked { object: ObjectId([1; 32]) }),
        Frame::ObjectPut(part()),
        Frame::ObjectWanted(ObjectWanted { object: ObjectId([1; 32]), start: 0, bytes: 1 << 20 }),
        Frame::SlotOpen(SlotOpen { name: [1; 16], lifetime_ms: 900_000 }),
        Frame::SlotPost(SlotPost { name: [1; 16], index: 1, message: vec![1; 8_192] }),
        Frame::SlotRead(SlotRead { name: [1; 16], seen: 2, wait_ms: 30_000 }),
        Frame::PartsWanted(PartsWanted { ids: vec![OpId([1; 32]), OpId([2; 32])] }),
        Frame::Refused,
        Frame::Welcome,
        Frame::Genesis(operation()),
        Frame::Operations(Batch { operations: vec![operation(), operation()], views: vec![view(), view()] }),
        Frame::Tail(tail),
        Frame::Pulled(pulled),
        Frame::Vector(Vector { section: SectionId([1; 16]), entries: vec![entry(3)] }),
        Frame::Pushed(pushed),
        Frame::ObjectState(ObjectState { object: ObjectId([1; 32]), total: 9, stored: 9, complete: true }),
        Frame::ObjectPart(part()),
        Frame::SlotContent(SlotContent { open: true, own: 1, theirs: vec![vec![1; 8_192], vec![]] }),
        Frame::Parts(Batch { operations: vec![operation()], views: Vec::new() }),
        Frame::Denied(Denial::Quota),
        Frame::Busy,
        Frame::PeerHello(hello()),
        Frame::PeerState(state),
        Frame::PeerOperationsWanted(peer::OperationsWanted { ids: vec![OpId([1; 32])] }),
        Frame::PeerOperations(Batch { operations: vec![operation()], views: Vec::new() }),
        Frame::PeerEnvelopes(PeerEnvelopes { section: SectionId([1; 16]), envelopes: vec![vec![1; 300]] }),
        Frame::PeerObjectWanted(ObjectWanted { object: ObjectId([1; 32]), start: 5, bytes: 1 }),
        Frame::PeerObjectPart(part()),
        Frame::PeerDone,
        Frame::PeerRefused,
    ]
}

#[test]
fn every_frame_reads_back() {
    let frames = all();
    let kinds: Vec<_> = frames.iter().map(Frame::kind).collect();
    assert_eq!(kinds, Kind::ALL, "one of every kind, in order");
    for frame in frames {
        let bytes = frame.encode();
        assert_eq!(Frame::decode_first(&bytes), Ok((frame, &[][..])));
    }
    for refusal in Denial::ALL {
        let bytes = Frame::Denied(refusal).encode();
        assert_eq!(Frame::decode_first(&bytes).unwrap().0, Frame::Denied(refusal));
    }
}

#[test]
fn fault_c1_a_length_beyond_the_kind_is_refused_before_the_body() {
    for byte in 0..=u8::MAX {
        let Some(kind) = Kind::from_byte(byte) else {
            let error = FrameHeader::parse([byte, 0, 0, 0]).unwrap_err();
            assert_eq!(error, DecodeError::Unsupported { what: "frame", value: u64::from(byte) });
            continue;
        };
        assert_eq!(kind.byte(), byte);
        let limit = u32::try_from(kind.body_bytes_max()).unwrap();
        for (length, taken) in [(0, true), (limit, true), (limit + 1, false), (0xff_ffff, false)] {
            let [a, b, c, _] = length.to_le_bytes();
            assert_eq!(FrameHeader::parse([byte, a, b, c]).is_ok(), taken, "{kind:?} {length}");
        }
    }
}

#[test]
fn fault_b2_every_truncation_and_extension_is_refused() {
    for frame in all() {
        let bytes = frame.encode();
        for length in 0..bytes.len().min(900) {
            assert!(Frame::decode_first(&bytes[..length]).is_err(), "{:?} {length}", frame.kind());
        }
        let header = FrameHeader::parse(*bytes.first_chunk().unwrap()).unwrap();
        let mut body = bytes[FrameHeader::BYTES..].to_vec();
        for length in 0..body.len().min(900) {
            let header = FrameHeader { body_bytes: length, ..header };
            // A push or a tail cut between two of its things is a shorter push or tail.
            if let Ok(shorter) = Frame::decode(header, &body[..length]) {
                assert!(
                    matches!(header.kind, Kind::Push | Kind::Tail | Kind::PeerEnvelopes | Kind::Pull),
                    "{shorter:?}"
                );
                assert_ne!(shorter, frame);
            }
        }
        body.push(0);
        assert!(Frame::decode(header, &body).is_err(), "{:?}", header.kind);
    }
}

#[test]
fn fault_b6_what_decodes_encodes_to_the_same_bytes() {
    for frame in all() {
        let bytes = frame.encode();
        for at in 0..bytes.len().min(700) {
            for flip in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                if let Ok((read, rest)) = Frame::decode_first(&changed) {
                    assert_eq!([&read.encode(), rest].concat(), changed, "{:?} at {at}", frame.kind());
                }
            }
        }
    }
}

#[test]
fn fault_c5_another_version_is_refused_as_unsupported() {
    for frame in all() {
        if matches!(frame.kind(), Kind::Hello | Kind::Create | Kind::RootHello | Kind::SlotEnter | Kind::PeerHello) {
            let mut bytes = frame.encode();
            bytes[FrameHeader::BYTES] = 2;
            let error = Frame::decode_first(&bytes).unwrap_err();
            assert_eq!(error, DecodeError::Unsupported { what: "frame version", value: 2 });
        }
    }
}

#[test]
fn fault_c2_every_frame_in_every_stage_has_one_outcome() {
    let mut served = 0;
    for stage in Stage::ALL {
        for kind in Kind::ALL {
            let step = stage.next(*kind);
            match (stage, kind.side()) {
                (Stage::Ended, _) => assert_eq!(step, Step::Ignore),
                (Stage::Opening, Side::Answerer | Side::Peer) => assert_eq!(step, Step::Refuse),
                (_, Side::Answerer | Side::Peer) => assert_eq!(step, Step::OutOfPlace),
                (_, Side::Asker) => served += usize::from(step == Step::Serve),
            }
        }
    }
    assert_eq!(served, 13, "eleven requests of a served device, two of a stranger in a slot");
}

#[test]
fn fault_c2_every_frame_of_a_peer_in_every_stage_has_one_outcome() {
    let mut taken = 0;
    for stage in PeerStage::ALL {
        for kind in Kind::ALL {
            match (stage, stage.next(*kind)) {
                (PeerStage::Ended, step) => assert_eq!(step, PeerStep::Ignore),
                (PeerStage::Opening, PeerStep::Judge(_) | PeerStep::Refuse) => {}
                (_, PeerStep::Take(_)) => taken += 1,
                (_, step) => assert_eq!(step, PeerStep::OutOfPlace, "{stage:?} {kind:?}"),
            }
        }
    }
    // Refusals in five stages, a state, a done, five kinds before and after it, three in a slot.
    assert_eq!(taken, 5 + 1 + 1 + 2 * 5 + 3);
    assert_eq!(PeerStage::Greeted.next(Kind::PeerEnvelopes), PeerStep::OutOfPlace, "nothing before the state");
    assert_eq!(PeerStage::Done.next(Kind::PeerState), PeerStep::OutOfPlace);
}

#[test]
fn atk_24_the_answer_to_a_stranger_is_four_constant_bytes() {
    assert_eq!(Frame::Refused.encode(), [0x40, 0, 0, 0]);
}

#[test]
fn a_pull_is_padded_to_sixteen_slots() {
    for (sections, slots) in [(0_u8, 0), (1, 16), (13, 16), (16, 16), (17, 32)] {
        let pull = Pull {
            store_epoch: 1,
            take_snapshots: false,
            membership: Cursor::at(&Head::START),
            views: 0,
            sections: (1..=sections).map(|n| ([n; 8], Cursor::at(&Head::START))).collect(),
        };
        let bytes = Frame::Pull(pull).encode();
        assert_eq!(bytes.len(), FrameHeader::BYTES + 1 + 1 + 14 + 1 + 22 * slots);
    }
}

#[test]
fn padding_in_excess_or_in_between_is_refused() {
    let slot = |n: u8| [vec![n; 8], vec![n; 14]].concat();
    let body = |slots: &[u8]| [vec![1, 0], vec![0; 15], slots.iter().flat_map(|n| slot(*n)).collect()].concat();
    let read = |body: Vec<u8>| Frame::decode(FrameHeader { kind: Kind::Pull, body_bytes: body.len() }, &body);
    let filled = |n: u8, slots: usize| (1..=n).chain(std::iter::repeat(0)).take(slots).collect::<Vec<_>>();
    assert!(read(body(&filled(3, 16))).is_ok());
    assert!(read(body(&filled(0, 16))).is_err());
    assert!(read(body(&filled(16, 32))).is_err());
    assert!(read(body(&filled(3, 15))).is_err());
    let mut gap = filled(3, 16);
    gap[1] = 0;
    assert!(read(body(&gap)).is_err());
    let mut twice = filled(3, 16);
    twice[1] = 1;
    assert!(read(body(&twice)).is_err());
}

#[test]
fn goal_3_goal_4_a_quiet_reconnection_and_a_small_push_are_small() {
    let key = SigningKey::from_seed(&[1; 32]);
    for (sections, limit) in [(8_u8, 400), (13, 640)] {
        let heads = (1..=sections).map(|n| (SectionId([n; 16]), Head { position: 40, chain: [n; 32] })).collect();
        let mut known = KnownHeads { membership: Some(Head { position: 12, chain: [9; 32] }), sections: heads };
        let signed = crate::checkpoint::Checkpoint {
            record: RecordId([1; 32]),
            store_epoch: 1,
            time: UnixMillis(1_700_000_000_000),
            membership: known.membership.unwrap(),
            root: crate::checkpoint::root(&known.sections),
        }
        .sign(&key);
        let short = known.shorten(&signed, &known.sections.clone(), |_| true);
        let pull = Pull {
            store_epoch: 1,
            take_snapshots: true,
            membership: Cursor::at(&known.membership.unwrap()),
            views: 3,
            sections: known
                .sections
                .iter()
                .map(|(id, head)| (id.0[..8].try_into().unwrap(), Cursor::at(head)))
                .collect(),
        };
        let pulled = Pulled { cause: Cause::Pull, mismatches: Vec::new(), checkpoint: Some(short.clone()) };
        let frames = [Frame::Hello(hello()), Frame::Pull(pull), Frame::Welcome, Frame::Pulled(pulled)];
        let bytes: usize = frames.iter().map(|frame| frame.encode().len()).sum();
        let padding = 22 * (usize::from(sections).next_multiple_of(16) - usize::from(sections));
        let counted = if sections == 8 { bytes - padding } else { bytes };
        assert!(counted <= limit, "{sections} sections: {counted} bytes");
        let push = Push { items: vec![Item::Envelope(SectionRef::Slot(3), vec![1; 121 + 256])] };
        assert!(Frame::Push(push).encode().len() <= 384);
        let pushed = Pushed { receipts: Vec::new(), refusals: Vec::new(), checkpoint: short };
        assert!(Frame::Pushed(pushed).encode().len() <= 128);
    }
}

#[test]
fn an_exchange_file_reads_back_and_others_are_refused() {
    let head = PeerFile { record: RecordId([1; 32]), nonce: [2; 16] };
    let bytes = [head.encode(), Frame::PeerDone.encode()].concat();
    assert_eq!(head.encode().len(), PeerFile::BYTES);
    let (read, rest) = PeerFile::decode_first(&bytes).unwrap();
    assert_eq!((read, Frame::decode_first(rest)), (head, Ok((Frame::PeerDone, &[][..]))));
    assert!(PeerFile::decode_first(&bytes[1..]).is_err());
    assert!(PeerFile::decode_first(&bytes[..61]).is_err());
}

#[test]
fn atk_24_atk_4_a_proof_holds_on_one_connection_for_one_record_in_one_role() {
    let key = SigningKey::from_seed(&[1; 32]);
    let record = RecordId([1; 32]);
    let proof = StreamRole::Device.prove(&key, &record, &[7; 32]);
    assert!(StreamRole::Device.check(&key.public(), &record, &[7; 32], &proof).is_ok());
    assert!(StreamRole::Device.check(&key.public(), &record, &[8; 32], &proof).is_err());
    assert!(StreamRole::Device.check(&key.public(), &RecordId([2; 32]), &[7; 32], &proof).is_err());
    for role in [StreamRole::PeerAsking, StreamRole::PeerAnswering, StreamRole::Root] {
        assert!(role.check(&key.public(), &record, &[7; 32], &proof).is_err());
    }
}
