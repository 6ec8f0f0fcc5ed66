//! Removals that were signed in time and come more than 7 days later: what they may hide, and what they may not.

use carnet_protocol::{
    feed::Position,
    frame::{Item, Refusal},
    membership::{
        Role, Scope,
        body::{Adopted, Body, CitedCheckpoint, Removal, Target},
    },
};

use crate::{
    client::{Client, Device, RunningRelay, folder},
    rights::cite,
    world::{NOTES, Pen, Who, World},
};

/// How old the checkpoint that a removal cites may be, in milliseconds.
const WEEK_MS: u64 = 7 * 24 * 3_600_000;

/// A relay, an owner, and a doctor who wrote three notes; with the checkpoint that covers them.
struct Story {
    folder: tempfile::TempDir,
    relay: RunningRelay,
    world: World,
    device: Device,
    owner: Client,
    doctor: Who,
    theirs: Client,
    pen: Pen,
    cited: CitedCheckpoint,
}

impl Story {
    async fn begin() -> Self {
        let folder = folder();
        let relay = RunningRelay::start(&folder.path().join("relay")).await;
        let mut world = World::new(&relay.address.key, 5);
        let doctor = world.delegate(3, Role::Writer, &[(NOTES, Scope::WRITE)], None);
        let by = world.owner;
        world.rekey(&by, &[NOTES]);
        let device = Device::new(1).await;
        let mut owner = Client::create(&device, &relay.address, &world).await;
        let items = world.items();
        assert_eq!(owner.push(&mut world, items).await.refusals, []);
        let mut theirs = Client::hello(&device, &relay.address, &world, &doctor).await;
        theirs.pull(&mut world).await;
        let pen = Pen::new(&doctor, NOTES);
        let signed = owner.pull(&mut world).await.checkpoint.unwrap();
        let cited = cite(&owner, signed);
        let mut story = Self { folder, relay, world, device, owner, doctor, theirs, pen, cited };
        story.write(3).await;
        let signed = story.owner.pull(&mut story.world).await.checkpoint.unwrap();
        story.cited = cite(&story.owner, signed);
        story
    }

    /// The doctor writes, and the relay takes it.
    async fn write(&mut self, count: usize) {
        let items = (0..count).map(|_| self.pen.write(&self.world, 256)).collect();
        assert_eq!(self.theirs.push(&mut self.world, items).await.refusals, []);
    }

    fn removal(&self, frontier: &[Position]) -> Body {
        World::removal(Target::Principal(self.doctor.principal), frontier, Some(self.cited.clone()))
    }

    /// Signs an operation that is not said yet: a copy of the story goes on with it.
    fn signed(&self, who: &Who, body: Body) -> Item {
        let mut copy = self.world.clone();
        copy.say(who, body, Vec::new());
        copy.last()
    }

    /// What the relay refuses of this, pushed by the owner.
    async fn refused(&mut self, item: Item) -> Vec<(u16, Refusal)> {
        self.owner.push(&mut self.world, vec![item]).await.refusals
    }

    fn adopt(&self, count: usize) -> Body {
        Body::Adopt(vec![Adopted::Envelope(NOTES, self.pen.place(count))])
    }

    async fn end(self) {
        self.relay.stop().await;
        drop(self.folder);
    }
}

#[tokio::test]
async fn atk_31_a_late_removal_that_hides_nothing_is_taken_with_all_that_was_built_on_it() {
    let mut story = Story::begin().await;
    let removal = story.removal(&[story.pen.place(3)]);
    let by = story.world.owner;
    story.relay.clock.advance(WEEK_MS + 1);
    story.world.say(&by, removal, Vec::new());
    let removal = story.world.last();
    story.world.rekey(&by, &[NOTES]);
    let rekey = story.world.last();
    let note = Pen::new(&by, NOTES).write(&story.world, 256);
    assert_eq!(story.owner.push(&mut story.world, vec![removal, rekey, note]).await.refusals, []);
    assert!(Client::try_hello(&story.device, &story.relay.address, &story.world, &story.doctor).await.is_none());
    let unaware = story.pen.clone().write(&story.world, 256);
    assert_eq!(story.refused(unaware).await.len(), 1, "beyond the frontier");
    story.end().await;
}

#[tokio::test]
async fn atk_31_a_late_removal_hides_nothing_that_had_lain_here_for_seven_days() {
    let mut story = Story::begin().await;
    let by = story.world.owner;
    let late = story.signed(&by, story.removal(&[story.pen.place(3)]));
    story.write(1).await;
    story.relay.clock.advance(WEEK_MS);
    story.write(1).await;
    story.relay.clock.advance(1);
    // The fourth note came more than 7 days ago; the owner's device had not seen it.
    assert_eq!(story.refused(late.clone()).await, [(0, Refusal::Frontier)]);
    // Nor may it hide what its own checkpoint covers, whatever came later.
    let fewer = story.signed(&by, story.removal(&[story.pen.place(2)]));
    let more = story.signed(&by, story.removal(&[story.pen.place(4)]));
    assert_eq!(story.refused(fewer).await, [(0, Refusal::Frontier)]);
    // Reaching further than the checkpoint is as good as a fresh one; the fifth note is as recent as a fresh one may hide.
    assert_eq!(story.refused(more).await, []);
    story.end().await;
}

#[tokio::test]
async fn atk_31_of_what_its_checkpoint_covers_a_late_removal_hides_what_an_owner_said_and_no_more() {
    let mut story = Story::begin().await;
    let (by, doctor) = (story.world.owner, story.doctor);
    story.relay.clock.advance(WEEK_MS + 1);
    let hiding = |story: &Story, who: &Who, hidden: u32| {
        let Body::Remove(removal) = story.removal(&[story.pen.place(2)]) else { panic!("a removal") };
        story.signed(who, Body::Remove(Removal { hidden, ..removal }))
    };
    for said in [0, 2] {
        let late = hiding(&story, &by, said);
        assert_eq!(story.refused(late).await, [(0, Refusal::Frontier)], "it hides one, and says {said}");
    }
    let own = hiding(&story, &doctor, 1);
    let refusals = story.theirs.push(&mut story.world, vec![own]).await.refusals;
    assert_eq!(refusals, [(0, Refusal::NotGranted)]);
    let said = hiding(&story, &by, 1);
    assert_eq!(story.refused(said).await, []);
    story.end().await;
}

#[tokio::test]
async fn atk_31_what_an_owner_adopts_is_not_hidden_and_the_late_removal_is_taken_as_it_is() {
    let mut story = Story::begin().await;
    let by = story.world.owner;
    let late = story.signed(&by, story.removal(&[story.pen.place(3)]));
    story.write(3).await;
    story.relay.clock.advance(WEEK_MS + 1);
    story.write(1).await;
    assert_eq!(story.refused(late.clone()).await, [(0, Refusal::Frontier)]);
    // Part of it is not enough.
    let part = story.signed(&by, story.adopt(5));
    assert_eq!(story.refused(part).await, []);
    assert_eq!(story.refused(late.clone()).await, [(0, Refusal::Frontier)]);
    story.world.clock += 60_000;
    let all = story.signed(&by, story.adopt(6));
    assert_eq!(story.refused(all).await, []);
    assert_eq!(story.refused(late).await, []);
    assert!(Client::try_hello(&story.device, &story.relay.address, &story.world, &story.doctor).await.is_none());
    story.end().await;
}

#[tokio::test]
async fn atk_31_nobody_but_an_owner_adopts_and_a_doctors_own_late_removal_hides_no_note() {
    let mut story = Story::begin().await;
    let doctor = story.doctor;
    story.write(1).await;
    story.relay.clock.advance(WEEK_MS + 1);
    for (frontier, count) in [(3, 4), (2, 4)] {
        let late = story.signed(&doctor, story.removal(&[story.pen.place(frontier)]));
        let adopts = story.signed(&doctor, story.adopt(count));
        let refusals = story.theirs.push(&mut story.world, vec![adopts, late]).await.refusals;
        assert_eq!(refusals, [(0, Refusal::NotGranted), (1, Refusal::Frontier)]);
    }
    let whole = story.signed(&doctor, story.removal(&[story.pen.place(4)]));
    assert_eq!(story.theirs.push(&mut story.world, vec![whole]).await.refusals, [], "with nothing hidden it may leave");
    story.end().await;
}

#[tokio::test]
async fn atk_31_without_a_checkpoint_of_this_store_a_removal_hides_nothing_at_all() {
    let mut story = Story::begin().await;
    let by = story.world.owner;
    let mut forged = story.cited.clone();
    forged.checkpoint.checkpoint.time.0 -= 2 * WEEK_MS;
    let mut elsewhere = story.cited.clone();
    elsewhere.checkpoint.checkpoint.store_epoch += 1;
    let target = Target::Principal(story.doctor.principal);
    story.write(1).await;
    for cited in [None, Some(forged), Some(elsewhere)] {
        let short = story.signed(&by, World::removal(target, &[story.pen.place(3)], cited.clone()));
        assert_eq!(story.refused(short).await, [(0, Refusal::Frontier)], "not even what just came");
    }
    let whole = story.signed(&by, World::removal(target, &[story.pen.place(4)], None));
    assert_eq!(story.refused(whole).await, []);
    story.end().await;
}

#[tokio::test]
async fn atk_31_a_stolen_device_neither_erases_anothers_notes_nor_comes_back_by_an_old_removal() {
    let mut story = Story::begin().await;
    let by = story.world.owner;
    let thief = story.world.second(2);
    let added = story.world.last();
    story.world.rekey(&by, &[NOTES]);
    let rekey = story.world.last();
    assert_eq!(story.owner.push(&mut story.world, vec![added, rekey]).await.refusals, []);
    let mut stolen = Client::hello(&story.device, &story.relay.address, &story.world, &thief).await;
    let signed = stolen.pull(&mut story.world).await.checkpoint.unwrap();
    let cited = cite(&stolen, signed);
    // The owner writes on; the thief keeps an old checkpoint for later.
    let mut own = Pen::new(&by, NOTES);
    let notes = (0..4).map(|_| own.write(&story.world, 256)).collect();
    assert_eq!(story.owner.push(&mut story.world, notes).await.refusals, []);
    story.relay.clock.advance(WEEK_MS + 1);
    let mut copy = story.world.clone();
    let erases = copy.say(&thief, World::removal(Target::Device(by.id), &[], Some(cited)), Vec::new());
    let mut signed = vec![copy.last()];
    copy.say(&thief, Body::Adopt(vec![Adopted::Op(erases)]), Vec::new());
    signed.push(copy.last());
    let refusals = stolen.push(&mut story.world, signed.clone()).await.refusals;
    assert_eq!(refusals, [(0, Refusal::Frontier), (1, Refusal::ViewMissing)]);
    // The owner's removal of it is taken. Handed over by a member, what the thief had signed may lie in the log: it counts
    // for nothing.
    let fresh = story.owner.pull(&mut story.world).await.checkpoint.unwrap();
    let removal = World::removal(Target::Device(thief.id), &[], Some(cite(&story.owner, fresh)));
    story.world.say(&by, removal, Vec::new());
    let removal = story.world.last();
    assert_eq!(story.refused(removal).await, []);
    for item in signed {
        assert_eq!(story.refused(item).await, []);
    }
    assert!(Client::try_hello(&story.device, &story.relay.address, &story.world, &thief).await.is_none());
    assert!(Client::try_hello(&story.device, &story.relay.address, &story.world, &by).await.is_some());
    story.world.rekey(&by, &[NOTES]);
    let rekey = story.world.last();
    let note = own.write(&story.world, 256);
    assert_eq!(story.owner.push(&mut story.world, vec![rekey, note]).await.refusals, [], "the owner writes on");
    story.end().await;
}

#[tokio::test]
async fn atk_21_a_removal_in_time_may_leave_out_of_its_frontier_what_an_owner_adopted_before() {
    let mut story = Story::begin().await;
    let by = story.world.owner;
    let empty = story.signed(&by, story.removal(&[]));
    assert_eq!(story.refused(empty).await, [(0, Refusal::Frontier)]);
    for (count, refusals) in [(2, vec![(0, Refusal::Frontier)]), (3, vec![])] {
        let adopts = story.adopt(count);
        story.world.say(&by, adopts, Vec::new());
        let adopts = story.world.last();
        assert_eq!(story.refused(adopts).await, []);
        let removal = story.signed(&by, story.removal(&[]));
        assert_eq!(story.refused(removal).await, refusals);
    }
    story.end().await;
}
