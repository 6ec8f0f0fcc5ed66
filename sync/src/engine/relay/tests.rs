//! An honest relay in miniature, and what becomes of it when it lies.

use carnet_crypto::{door::UnixMillis, sign::SigningKey};
use carnet_protocol::{
    checkpoint::{Checkpoint, root},
    frame::Cause,
};

use super::*;

const RECORD: RecordId = RecordId([7; 32]);
const NOTES: SectionId = SectionId([1; 16]);
const LETTERS: SectionId = SectionId([2; 16]);

/// The logs of a relay, and what it takes one stream to know.
#[derive(Clone)]
struct Relay {
    key: [u8; 32],
    store_epoch: u64,
    operations: Vec<OpId>,
    sections: BTreeMap<SectionId, Vec<EnvelopeId>>,
    known: KnownHeads,
}

/// What a relay answers to a pull.
struct Answer {
    operations: Vec<OpId>,
    tails: Vec<(SectionId, Vec<Option<EnvelopeId>>)>,
    pulled: Pulled,
}

impl Relay {
    fn new() -> Self {
        let sections = [(NOTES, envelopes(0..5)), (LETTERS, envelopes(100..103))].into();
        let operations = (0..4).map(|n| OpId([n; 32])).collect();
        Self { key: [3; 32], store_epoch: 1, operations, sections, known: KnownHeads::default() }
    }

    fn public(&self) -> PublicKey {
        SigningKey::from_seed(&self.key).public()
    }

    fn heads(&self) -> BTreeMap<SectionId, Head> {
        let head = |ids: &Vec<EnvelopeId>| ids.iter().fold(Head::START, |head, id| head.append_envelope(id));
        self.sections.iter().map(|(section, ids)| (*section, head(ids))).collect()
    }

    fn membership(&self) -> Head {
        self.operations.iter().fold(Head::START, |head, id| head.append_operation(id))
    }

    fn checkpoint(&mut self) -> ShortCheckpoint {
        let checkpoint = Checkpoint {
            record: RECORD,
            store_epoch: self.store_epoch,
            time: UnixMillis(1_790_000_000_000),
            membership: self.membership(),
            root: root(&self.heads()),
        };
        let signed = checkpoint.sign(&SigningKey::from_seed(&self.key));
        let heads = self.heads();
        self.known.shorten(&signed, &heads, |_| true)
    }

    fn answer(&mut self, pull: &Pull) -> Answer {
        let mut mismatches = Vec::new();
        let place = |ids: &[[u8; 32]], cursor: &Cursor| {
            let at = usize::try_from(cursor.position).unwrap();
            let head = ids.get(..at)?.iter().fold(Head::START, |head, id| head.append(id));
            cursor.is_at(&head).then_some((at, head))
        };
        let ops: Vec<[u8; 32]> = self.operations.iter().map(|id| id.0).collect();
        let from = place(&ops, &pull.membership);
        if from.is_none() {
            mismatches.push(Mismatch::Membership);
        }
        let mut heads = BTreeMap::new();
        let mut tails = Vec::new();
        for (section, ids) in &self.sections {
            let bytes: Vec<[u8; 32]> = ids.iter().map(|id| id.0).collect();
            let slot = pull.sections.iter().position(|(named, _)| *named == hint(section));
            let cursor = slot.map(|slot| place(&bytes, &pull.sections[slot].1));
            let start = match (slot, cursor.flatten()) {
                (_, Some((at, head))) => {
                    heads.insert(*section, head);
                    at
                }
                (Some(slot), None) => {
                    mismatches.push(Mismatch::Section(u16::try_from(slot).unwrap()));
                    continue;
                }
                (None, None) => 0,
            };
            tails.push((*section, ids[start..].iter().copied().map(Some).collect::<Vec<_>>()));
        }
        self.known.restart(from.map(|(_, head)| head), heads);
        let operations = from.map(|(at, _)| self.operations[at..].to_vec()).unwrap_or_default();
        for id in &operations {
            self.known.expect_operation(id);
        }
        for (section, ids) in &tails {
            ids.iter().flatten().for_each(|id| self.known.expect_envelope(section, id));
        }
        let checkpoint = Some(self.checkpoint());
        Answer { operations, tails, pulled: Pulled { cause: Cause::Pull, mismatches, checkpoint } }
    }
}

fn envelopes(range: std::ops::Range<u8>) -> Vec<EnvelopeId> {
    range.map(|n| EnvelopeId([n.wrapping_add(50); 32])).collect()
}

fn all() -> BTreeSet<SectionId> {
    [NOTES, LETTERS].into()
}

fn take(follow: &mut Following, answer: &Answer) -> Ended {
    follow.operations(&answer.operations);
    for (section, ids) in &answer.tails {
        follow.envelopes(*section, ids, false);
    }
    follow.ended(&answer.pulled, &all())
}

fn pull(follow: &mut Following, relay: &mut Relay) -> Ended {
    let asked = follow.pull();
    let answer = relay.answer(&asked);
    take(follow, &answer)
}

const SETTLED: Ended = Ended::Settled { is_restored: false };

fn followed() -> (Following, Relay) {
    let mut relay = Relay::new();
    let mut follow = Following::new(RECORD, relay.public(), RelayMemory::default());
    assert_eq!(pull(&mut follow, &mut relay), SETTLED);
    (follow, relay)
}

/// The same memory on a new stream, as the next day.
fn another_day(follow: &Following, relay: &Relay) -> Following {
    Following::new(RECORD, relay.public(), follow.memory().clone())
}

#[test]
fn an_honest_relay_is_followed_from_day_to_day() {
    let (follow, mut relay) = followed();
    for n in 0..3_u8 {
        let mut next = another_day(&follow, &relay);
        relay.sections.get_mut(&NOTES).unwrap().push(EnvelopeId([200 + n; 32]));
        relay.operations.push(OpId([200 + n; 32]));
        assert_eq!(pull(&mut next, &mut relay), SETTLED);
        assert_eq!(next.memory().heads.sections, relay.heads());
        assert_eq!(pull(&mut next, &mut relay), SETTLED, "nothing new");
    }
}

#[test]
fn atk_1_a_relay_that_goes_back_is_told() {
    let (follow, relay) = followed();
    let mut shorter = relay.clone();
    shorter.sections.get_mut(&NOTES).unwrap().truncate(2);
    let mut next = another_day(&follow, &relay);
    let ended = pull(&mut next, &mut shorter);
    assert_eq!(ended, Ended::Alarm(Alarm::Rollback, [NOTES].into()));
    assert_eq!(next.memory().heads, follow.memory().heads, "nothing of it is remembered");

    let mut fewer = relay.clone();
    fewer.operations.truncate(2);
    assert!(matches!(pull(&mut another_day(&follow, &relay), &mut fewer), Ended::Alarm(Alarm::Rollback, _)));

    let mut gone = relay.clone();
    gone.sections.remove(&LETTERS);
    assert!(matches!(pull(&mut another_day(&follow, &relay), &mut gone), Ended::Alarm(..)));
}

#[test]
fn atk_2_a_relay_that_shows_another_history_is_told() {
    let (follow, relay) = followed();
    let mut other = relay.clone();
    other.sections.insert(NOTES, envelopes(0..4).into_iter().chain(envelopes(150..155)).collect());
    assert_eq!(pull(&mut another_day(&follow, &relay), &mut other), Ended::Alarm(Alarm::Fork, [NOTES].into()));
    let mut other = relay.clone();
    *other.operations.last_mut().unwrap() = OpId([250; 32]);
    assert!(matches!(pull(&mut another_day(&follow, &relay), &mut other), Ended::Alarm(Alarm::Fork, _)));
}

#[test]
fn atk_3_atk_35_what_a_relay_keeps_back_shows_in_its_own_checkpoint() {
    let (_, mut relay) = followed();
    // An envelope is left out of what is sent, at the end, in the middle, of a section, or an operation is.
    for (tail, index) in [(0, 4), (0, 2), (1, 0)] {
        let mut follow = Following::new(RECORD, relay.public(), RelayMemory::default());
        let asked = follow.pull();
        let mut answer = relay.answer(&asked);
        answer.tails[tail].1.remove(index);
        assert!(matches!(take(&mut follow, &answer), Ended::Alarm(..)), "{tail} {index}");
        assert_eq!(follow.memory(), &RelayMemory::default());
    }
    let mut follow = Following::new(RECORD, relay.public(), RelayMemory::default());
    let asked = follow.pull();
    let mut answer = relay.answer(&asked);
    answer.operations.pop();
    assert!(matches!(take(&mut follow, &answer), Ended::Alarm(..)));
}

#[test]
fn a_relay_that_names_heads_it_did_not_send_for_keeps_something_back() {
    let (follow, mut relay) = followed();
    let mut next = another_day(&follow, &relay);
    let asked = next.pull();
    let mut answer = relay.answer(&asked);
    // Between answer and checkpoint it learns of one more, and shows its head without sending it.
    relay.sections.get_mut(&NOTES).unwrap().push(EnvelopeId([9; 32]));
    relay.known = KnownHeads::default();
    answer.pulled.checkpoint = Some(relay.checkpoint());
    assert_eq!(take(&mut next, &answer), Ended::Alarm(Alarm::Withheld, BTreeSet::new()));
}

#[test]
fn a_checkpoint_of_somebody_else_proves_nothing() {
    let (_, mut relay) = followed();
    let honest = relay.public();
    relay.key = [4; 32];
    let mut follow = Following::new(RECORD, honest, RelayMemory::default());
    assert_eq!(pull(&mut follow, &mut relay), Ended::Alarm(Alarm::Checkpoint, BTreeSet::new()));
    // And a memory of another relay counts for nothing with this one.
    let (known, _) = followed();
    assert!(Following::new(RECORD, relay.public(), known.memory().clone()).is_new());
}

#[test]
fn a_restored_store_is_no_alarm_but_begins_anew() {
    let (follow, relay) = followed();
    let mut restored = relay.clone();
    restored.store_epoch = 2;
    restored.sections.get_mut(&NOTES).unwrap().truncate(2);
    let mut next = another_day(&follow, &relay);
    assert_eq!(pull(&mut next, &mut restored), Ended::Settled { is_restored: true });
    assert!(next.is_new(), "everything is pulled again");
    assert_eq!(pull(&mut next, &mut restored), SETTLED);
    assert_eq!(next.memory().store_epoch, 2);
    // Back to the earlier life: that is a rollback.
    assert!(matches!(pull(&mut another_day(&next, &relay), &mut relay.clone()), Ended::Alarm(Alarm::Rollback, _)));
}

#[test]
fn atk_5_an_envelope_that_was_altered_has_its_section_compared() {
    let (_, mut relay) = followed();
    let mut follow = Following::new(RECORD, relay.public(), RelayMemory::default());
    let asked = follow.pull();
    let mut answer = relay.answer(&asked);
    answer.tails[0].1[3] = None;
    assert_eq!(take(&mut follow, &answer), Ended::Compare([NOTES].into()));
    assert_eq!(follow.memory(), &RelayMemory::default());
}

#[test]
fn what_is_pushed_is_followed_and_others_in_between_ask_for_a_pull() {
    let (mut follow, mut relay) = followed();
    let own = EnvelopeId([77; 32]);
    relay.sections.get_mut(&NOTES).unwrap().push(own);
    relay.known.expect_envelope(&NOTES, &own);
    let short = relay.checkpoint();
    assert_eq!(follow.pushed(&[Pushed::Envelope(NOTES, own)], &short), Ok(true));
    assert_eq!(follow.memory().heads.sections, relay.heads());

    let (theirs, own) = (EnvelopeId([78; 32]), EnvelopeId([79; 32]));
    relay.sections.get_mut(&NOTES).unwrap().extend([theirs, own]);
    relay.known.expect_envelope(&NOTES, &own);
    let short = relay.checkpoint();
    assert_eq!(follow.pushed(&[Pushed::Envelope(NOTES, own)], &short), Ok(false));
    assert_ne!(follow.memory().heads.sections, relay.heads(), "what was not taken in is not remembered");
    let asked = follow.pull();
    let answer = relay.answer(&asked);
    assert_eq!(answer.tails[0].1, [Some(theirs), Some(own)]);
    assert_eq!(take(&mut follow, &answer), SETTLED);
    assert_eq!(follow.memory().heads.sections, relay.heads());
}

/// A large outbox goes in several pushes, and others write before the first: the second finds the logs as the first left
/// them, and yet something was never taken in.
#[test]
fn what_others_wrote_before_the_first_of_two_pushes_is_still_asked_for_after_the_second() {
    let (mut follow, mut relay) = followed();
    let theirs = EnvelopeId([78; 32]);
    relay.sections.get_mut(&NOTES).unwrap().push(theirs);
    for own in [EnvelopeId([79; 32]), EnvelopeId([80; 32])] {
        relay.sections.get_mut(&NOTES).unwrap().push(own);
        relay.known.expect_envelope(&NOTES, &own);
        let short = relay.checkpoint();
        assert_eq!(follow.pushed(&[Pushed::Envelope(NOTES, own)], &short), Ok(false));
    }
    assert_ne!(follow.memory().heads.sections, relay.heads(), "what was not taken in is not remembered");
    let asked = follow.pull();
    let answer = relay.answer(&asked);
    assert_eq!(answer.tails[0].1.first(), Some(&Some(theirs)));
    assert_eq!(take(&mut follow, &answer), SETTLED);
}

#[test]
fn a_push_answered_by_somebody_else_is_told() {
    let (mut follow, mut relay) = followed();
    relay.key = [4; 32];
    let short = relay.checkpoint();
    assert_eq!(follow.pushed(&[], &short), Err(Alarm::Checkpoint));
}

#[test]
fn news_under_way_when_a_pull_was_sent_do_not_disturb_it() {
    let (follow, mut relay) = followed();
    let mut follow = another_day(&follow, &relay);
    assert_eq!(pull(&mut follow, &mut relay), SETTLED);
    let news = EnvelopeId([91; 32]);
    let asked = follow.pull();
    // The relay tells of it before it reads the pull.
    relay.sections.get_mut(&NOTES).unwrap().push(news);
    follow.envelopes(NOTES, &[Some(news)], false);
    let live = Pulled { cause: Cause::Live, mismatches: Vec::new(), checkpoint: None };
    assert_eq!(follow.ended(&live, &all()), Ended::Live);
    follow.pull_again();
    let answer = relay.answer(&asked);
    assert_eq!(take(&mut follow, &answer), SETTLED);
    assert_eq!(follow.memory().heads.sections, relay.heads());
}

#[test]
fn goal_4_a_day_without_news_costs_a_few_hundred_bytes_and_one_round_trip() {
    use carnet_protocol::frame::{Frame, Hello, StreamRole};
    let key = SigningKey::from_seed(&[8; 32]);
    let proof = StreamRole::Device.prove(&key, &RECORD, &[0; 32]);
    let hello = Hello { record: RECORD, device: carnet_crypto::id::DeviceId([1; 16]), proof };
    let opening = Frame::Hello(hello).encode().len() + Frame::Welcome.encode().len();
    for (count, most) in [(8_u8, 600), (13, 600)] {
        let mut relay = Relay::new();
        relay.sections = (0..count).map(|n| (SectionId([n; 16]), envelopes(n..n + 9))).collect();
        relay.operations = (0..200).map(|n| OpId([n; 32])).collect();
        let may_read: BTreeSet<SectionId> = relay.sections.keys().copied().collect();
        let mut follow = Following::new(RECORD, relay.public(), RelayMemory::default());
        let asked = follow.pull();
        let answer = relay.answer(&asked);
        follow.operations(&answer.operations);
        for (section, ids) in &answer.tails {
            follow.envelopes(*section, ids, false);
        }
        assert_eq!(follow.ended(&answer.pulled, &may_read), SETTLED);
        let mut next = another_day(&follow, &relay);
        let asked = next.pull();
        let answer = relay.answer(&asked);
        assert!(answer.operations.is_empty() && answer.tails.iter().all(|(_, ids)| ids.is_empty()));
        let pull = Frame::Pull(asked).encode().len();
        let pulled = Frame::Pulled(answer.pulled.clone()).encode().len();
        let bytes = opening + pull + pulled;
        println!("{count} sections: {opening} + {pull} + {pulled} = {bytes} bytes");
        assert!(bytes <= most, "{count} sections: {bytes}");
        assert_eq!(next.ended(&answer.pulled, &may_read), SETTLED);
    }
}

/// The points that were taken are places of the relay's logs; how many there are.
fn true_points(follow: &mut Following, relay: &Relay) -> usize {
    let points = follow.take_points();
    for (log, head) in &points {
        let at = usize::try_from(head.position).unwrap();
        let truth = match log {
            None => relay.operations[..at].iter().fold(Head::START, |head, id| head.append_operation(id)),
            Some(section) => {
                relay.sections[section][..at].iter().fold(Head::START, |head, id| head.append_envelope(id))
            }
        };
        assert_eq!(*head, truth, "{log:?}");
    }
    points.len()
}

#[test]
fn where_the_logs_stood_on_the_way_is_known_and_true_however_it_was_come_by() {
    let (mut follow, mut relay) = followed();
    assert_eq!(true_points(&mut follow, &relay), 4 + 5 + 3);
    // What this device pushes counts, unless others wrote in between.
    let mut ids = (0..40).map(|n| EnvelopeId([200_u8.wrapping_add(n); 32]));
    for is_alone in [true, false] {
        let own = ids.next().unwrap();
        let others = if is_alone { None } else { ids.next() };
        relay.sections.get_mut(&NOTES).unwrap().extend(others.into_iter().chain([own]));
        relay.known.expect_envelope(&NOTES, &own);
        let short = relay.checkpoint();
        assert_eq!(follow.pushed(&[Pushed::Envelope(NOTES, own)], &short), Ok(is_alone));
        assert_eq!(true_points(&mut follow, &relay), usize::from(is_alone));
    }
    assert_eq!(pull(&mut follow, &mut relay), SETTLED);
    assert_eq!(true_points(&mut follow, &relay), 2);
    // An envelope cannot be identified: what follows it cannot be followed either.
    relay.sections.get_mut(&NOTES).unwrap().extend(ids.by_ref().take(4));
    let asked = follow.pull();
    let mut answer = relay.answer(&asked);
    answer.tails.iter_mut().find(|(section, _)| *section == NOTES).unwrap().1[1] = None;
    assert_eq!(take(&mut follow, &answer), Ended::Compare([NOTES].into()));
    follow.compare(NOTES);
    relay.known = KnownHeads::default();
    let pulled = Pulled { cause: Cause::Reconcile, mismatches: Vec::new(), checkpoint: Some(relay.checkpoint()) };
    follow.compared(NOTES, &pulled);
    relay.sections.get_mut(&NOTES).unwrap().extend(ids.by_ref().take(2));
    assert_eq!(pull(&mut follow, &mut relay), SETTLED);
    assert_eq!(true_points(&mut follow, &relay), 2, "only what came after the comparison");
}
