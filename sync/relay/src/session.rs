//! One stream, from its first frame to its last: who asks, what is answered. Frames in, frames out; no socket.
//!
//! The rights of a device are looked up for every request, in the newest view: after a removal that is stored here,
//! nothing more is served on a stream that was opened before it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use carnet_crypto::id::{DeviceId, RecordId, SectionId};
use carnet_protocol::{
    checkpoint::{KnownHeads, ShortCheckpoint},
    frame::{
        Cause, Create, Denial, Frame, Hello, Item, Pull, Pulled, Push, Pushed, Reconcile, RootHello, SectionRef,
        SentOperation, SlotEnter, SlotOpen, SlotPost, SlotRead, Stage, Step, StreamRole,
    },
};
use tokio::sync::watch;

use crate::{
    admit::{Members, Standing},
    config::Policy,
    mailbox::{
        PushedItem, Taken, View, is_noted,
        serve::{self, Plan},
    },
    object,
    relay::Shared,
    slot::{self, SlotSide},
    store::StoreError,
    stream::{Gone, Sender},
};

/// What becomes of a stream after a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It goes on.
    On,
    /// It ends.
    End,
}

/// One stream.
pub(crate) struct Session {
    shared: Arc<Shared>,
    exporter: [u8; 32],
    address: IpAddr,
    stage: Stage,
    who: Option<Who>,
    slot: Option<[u8; 16]>,
    known: KnownHeads,
    /// Views that the device has.
    views: u64,
    slots: Vec<Option<SectionId>>,
    news: Option<watch::Receiver<()>>,
    is_armed: bool,
}

#[derive(Clone, Copy)]
struct Who {
    record: RecordId,
    device: DeviceId,
}

/// The device of a stream as its newest view sees it.
struct Present {
    who: Who,
    view: Arc<View>,
    standing: Standing,
}

/// Why a request has no other answer.
enum Failed {
    Gone,
    Store,
}

impl From<Gone> for Failed {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<StoreError> for Failed {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

impl Session {
    /// A stream on the connection with this exporter, from this address.
    pub(crate) fn new(shared: Arc<Shared>, exporter: [u8; 32], address: IpAddr) -> Self {
        Self {
            shared,
            exporter,
            address,
            stage: Stage::Opening,
            who: None,
            slot: None,
            known: KnownHeads::default(),
            views: 0,
            slots: Vec::new(),
            news: None,
            is_armed: false,
        }
    }

    /// How far the stream has come.
    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// Answers one frame.
    pub(crate) async fn answer(&mut self, frame: Frame, out: &mut Sender) -> Result<Flow, Gone> {
        let flow = match self.stage.next(frame.kind()) {
            Step::Judge(next) => self.judge(frame, next, out).await,
            Step::Serve => self.serve(frame, out).await,
            Step::Refuse => Ok(self.refuse(out).await?),
            Step::OutOfPlace => {
                out.send(&Frame::Denied(Denial::OutOfPlace)).await?;
                Ok(self.end())
            }
            Step::Ignore => Ok(Flow::End),
        };
        match flow {
            Ok(flow) => Ok(flow),
            Err(Failed::Gone) => Err(Gone),
            Err(Failed::Store) if self.stage == Stage::Opening => self.refuse(out).await,
            Err(Failed::Store) => {
                out.send(&Frame::Denied(Denial::Unavailable)).await?;
                Ok(self.end())
            }
        }
    }

    /// The constant answer.
    pub(crate) async fn refuse(&mut self, out: &mut Sender) -> Result<Flow, Gone> {
        out.send(&Frame::Refused).await?;
        Ok(self.end())
    }

    fn end(&mut self) -> Flow {
        self.stage = Stage::Ended;
        Flow::End
    }

    async fn judge(&mut self, frame: Frame, next: Stage, out: &mut Sender) -> Result<Flow, Failed> {
        let granted = match frame {
            Frame::Hello(hello) => self.hello(&hello).await?.then_some(Frame::Welcome),
            Frame::Create(create) => self.create(create).await?.then_some(Frame::Welcome),
            Frame::RootHello(hello) => self.root_hello(&hello).await?.map(Frame::Genesis),
            Frame::SlotEnter(enter) => self.slot_enter(&enter).await?.map(Frame::SlotContent),
            _ => None,
        };
        let Some(answer) = granted else { return Ok(self.refuse(out).await?) };
        out.send(&answer).await?;
        self.stage = next;
        Ok(if next == Stage::Ended { Flow::End } else { Flow::On })
    }

    /// The device is known and in force, then, and only then, its signature is checked.
    async fn hello(&mut self, hello: &Hello) -> Result<bool, Failed> {
        let Some(view) = self.shared.view(hello.record).await? else { return Ok(false) };
        let Some(standing) = view.members.standing(&hello.device, self.shared.now()) else { return Ok(false) };
        let checked = StreamRole::Device.check(&standing.key, &hello.record, &self.exporter, &hello.proof);
        if checked.is_err() {
            return Ok(false);
        }
        self.who = Some(Who { record: hello.record, device: hello.device });
        Ok(true)
    }

    async fn create(&mut self, create: Create) -> Result<bool, Failed> {
        let admitted = match self.shared.config.policy {
            Policy::Open => true,
            Policy::Token => create.token.is_some() && create.token == self.shared.token,
        };
        if !admitted || !self.shared.may_create(self.address) {
            return Ok(false);
        }
        let Some((record, device, key)) = Members::first_device(&create.genesis.op) else { return Ok(false) };
        if StreamRole::Device.check(&key, &record, &self.exporter, &create.proof).is_err() {
            return Ok(false);
        }
        let genesis = create.genesis;
        let created = self.shared.writer.write(1, move |books, group| books.create(group, &genesis)).await?;
        if created.is_err() {
            return Ok(false);
        }
        self.who = Some(Who { record, device });
        Ok(self.present().await?.is_some())
    }

    async fn root_hello(&mut self, hello: &RootHello) -> Result<Option<SentOperation>, Failed> {
        let Some(view) = self.shared.view(hello.record).await? else { return Ok(None) };
        let proves = |key| StreamRole::Root.check(key, &hello.record, &self.exporter, &hello.proof).is_ok();
        if !view.members.root_keys().iter().any(proves) {
            return Ok(None);
        }
        let number = view.number;
        Ok(Some(self.shared.read(move |snapshot, _| serve::genesis(snapshot, number)).await?))
    }

    async fn slot_enter(&mut self, enter: &SlotEnter) -> Result<Option<carnet_protocol::frame::SlotContent>, Failed> {
        let (name, now) = (enter.name, self.shared.now());
        let content = self
            .shared
            .read(move |snapshot, _| {
                if slot::is_open(snapshot, &name, now)? {
                    slot::read(snapshot, SlotSide::Stranger, &name, now).map(Some)
                } else {
                    Ok(None)
                }
            })
            .await?;
        self.slot = content.is_some().then_some(name);
        Ok(content)
    }

    /// The device of this stream, if it still has a place in the record.
    async fn present(&self) -> Result<Option<Present>, Failed> {
        let Some(who) = self.who else { return Ok(None) };
        let Some(view) = self.shared.view(who.record).await? else { return Ok(None) };
        let standing = view.members.standing(&who.device, self.shared.now());
        Ok(standing.map(|standing| Present { who, view, standing }))
    }

    async fn serve(&mut self, frame: Frame, out: &mut Sender) -> Result<Flow, Failed> {
        if self.stage == Stage::InSlot {
            return self.serve_stranger(frame, out).await;
        }
        let Some(present) = self.present().await? else { return Ok(self.refuse(out).await?) };
        if !self.shared.may_ask(present.who.record, present.who.device) {
            out.send(&Frame::Denied(Denial::Rate)).await?;
            return Ok(Flow::On);
        }
        let answer = match frame {
            Frame::Pull(pull) => return self.pull(&present, &pull, out).await,
            Frame::Reconcile(asked) => return self.reconcile(&present, asked, out).await,
            Frame::Subscribe => return self.subscribe(&present, out).await,
            Frame::Push(push) => self.push(&present, push).await?,
            Frame::PartsWanted(wanted) => {
                let number = present.view.number;
                let read = move |snapshot: &_, _: &_| serve::parts(snapshot, number, &wanted.ids);
                Frame::Parts(self.shared.read(read).await?)
            }
            Frame::ObjectAsked(asked) if present.standing.uses_objects() => {
                Frame::ObjectState(object::state(&self.shared, present.view.number, asked.object).await?)
            }
            Frame::ObjectWanted(wanted) if present.standing.reads_something() => {
                object::fetch(&self.shared, present.view.number, wanted).await?
            }
            Frame::ObjectPut(part) if present.standing.writes_something() => {
                object::store(&self.shared, present.view.number, present.standing.principal, part).await?
            }
            Frame::SlotOpen(asked) if present.standing.may_invite => self.slot_open(&present, asked).await?,
            Frame::SlotPost(posted) => {
                self.slot_post(SlotSide::Inviter(present.view.number, present.who.device), posted).await?
            }
            Frame::SlotRead(asked) => {
                self.slot_read(SlotSide::Inviter(present.view.number, present.who.device), asked).await?
            }
            _ => Frame::Denied(Denial::NotGranted),
        };
        out.send(&answer).await?;
        Ok(Flow::On)
    }

    async fn serve_stranger(&mut self, frame: Frame, out: &mut Sender) -> Result<Flow, Failed> {
        let answer = match frame {
            Frame::SlotPost(posted) if self.slot == Some(posted.name) => {
                self.slot_post(SlotSide::Stranger, posted).await?
            }
            Frame::SlotRead(asked) if self.slot == Some(asked.name) => {
                self.slot_read(SlotSide::Stranger, asked).await?
            }
            _ => return Ok(self.refuse(out).await?),
        };
        out.send(&answer).await?;
        Ok(Flow::On)
    }

    async fn pull(&mut self, present: &Present, pull: &Pull, out: &mut Sender) -> Result<Flow, Failed> {
        let (view, standing) = (Arc::clone(&present.view), present.standing.clone());
        let (mut known, asked) = (std::mem::take(&mut self.known), pull.clone());
        let (planned, known) = self
            .shared
            .read(move |snapshot, _| {
                let planned = serve::plan_pull(snapshot, &view, &standing, &asked, &mut known)?;
                Ok((planned, known))
            })
            .await?;
        self.known = known;
        self.slots = planned.slots;
        self.views = pull.views;
        self.send_plan(present, planned.plan, out).await?;
        let checkpoint = Some(self.checkpoint(present));
        let pulled = Pulled { cause: Cause::Pull, mismatches: planned.mismatches, checkpoint };
        self.note_served(present).await?;
        out.send(&Frame::Pulled(pulled)).await?;
        Ok(Flow::On)
    }

    async fn reconcile(&mut self, present: &Present, asked: Reconcile, out: &mut Sender) -> Result<Flow, Failed> {
        if !present.standing.may_pull(&asked.section) {
            out.send(&Frame::Denied(Denial::NotGranted)).await?;
            return Ok(Flow::On);
        }
        let (view, exporter) = (Arc::clone(&present.view), self.exporter);
        let read = move |snapshot: &_, _: &_| serve::plan_reconcile(snapshot, &view, &asked, &exporter);
        let (vector, plan) = self.shared.read(read).await?;
        self.known.forget(&vector.section);
        out.send(&Frame::Vector(vector)).await?;
        self.send_plan(present, plan, out).await?;
        let checkpoint = Some(self.checkpoint(present));
        let pulled = Pulled { cause: Cause::Reconcile, mismatches: Vec::new(), checkpoint };
        out.send(&Frame::Pulled(pulled)).await?;
        Ok(Flow::On)
    }

    /// Sends a plan frame by frame; each is read when the one before it has gone out.
    async fn send_plan(&mut self, present: &Present, mut plan: Plan, out: &mut Sender) -> Result<(), Failed> {
        while !plan.is_empty() {
            let (view, device) = (Arc::clone(&present.view), present.who.device);
            let mut known = std::mem::take(&mut self.known);
            let (frame, rest, after) = self
                .shared
                .read(move |snapshot, data| {
                    let frame = plan.step(snapshot, data, &view, &device, &mut known)?;
                    Ok((frame, plan, known))
                })
                .await?;
            (plan, self.known) = (rest, after);
            match frame {
                Some(frame) => {
                    if let Frame::Operations(batch) = &frame {
                        self.views = self.views.saturating_add(u64::try_from(batch.views.len()).unwrap_or(0));
                    }
                    out.send(&frame).await?;
                }
                None => break,
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, present: &Present) -> ShortCheckpoint {
        let signed = present.view.checkpoint(self.shared.key.signing(), self.shared.now());
        self.known.shorten(&signed, &present.view.heads(), |section| present.standing.sees(section))
    }

    async fn note_served(&self, present: &Present) -> Result<(), Failed> {
        let (number, device) = (present.view.number, present.who.device);
        let position = present.view.membership.position;
        let read = move |snapshot: &_, _: &_| is_noted(snapshot, number, &device, position);
        if self.shared.read(read).await? {
            return Ok(());
        }
        Ok(self.shared.writer.write(1, move |books, group| books.note_served(group, number, &device, position)).await?)
    }

    async fn push(&mut self, present: &Present, push: Push) -> Result<Frame, Failed> {
        let items: Vec<_> = push.items.into_iter().map(|item| self.locate(item)).collect();
        let (count, who) = (items.len(), present.who);
        let pushed =
            self.shared.writer.write(count, move |books, group| books.push(group, who.record, who.device, items));
        let Some(outcome) = pushed.await? else { return Ok(Frame::Denied(Denial::Absent)) };
        for taken in &outcome.taken {
            match taken {
                Taken::Operation(id) => self.known.expect_operation(id),
                Taken::Envelope(section, id) => self.known.expect_envelope(section, id),
            }
        }
        let signed = outcome.view.checkpoint(self.shared.key.signing(), self.shared.now());
        // A device that just removed itself sees no section any more.
        let standing = outcome.view.members.standing(&who.device, self.shared.now());
        let sees = |section: &SectionId| standing.as_ref().is_some_and(|standing| standing.sees(section));
        let checkpoint = self.known.shorten(&signed, &outcome.view.heads(), sees);
        Ok(Frame::Pushed(Pushed { receipts: outcome.receipts, refusals: outcome.refusals, checkpoint }))
    }

    fn locate(&self, item: Item) -> PushedItem {
        match item {
            Item::Operation(operation) => PushedItem::Operation(operation),
            Item::View(view) => PushedItem::View(view.heads),
            Item::Envelope(SectionRef::Named(section), bytes) => PushedItem::Envelope(section, bytes),
            Item::Envelope(SectionRef::Slot(slot), bytes) => match self.slots.get(usize::from(slot)) {
                Some(Some(section)) => PushedItem::Envelope(*section, bytes),
                _ => PushedItem::Nowhere,
            },
        }
    }

    async fn subscribe(&mut self, present: &Present, out: &mut Sender) -> Result<Flow, Failed> {
        if self.news.is_none() {
            self.news = Some(self.shared.shelf.subscribe(present.who.record));
        }
        self.is_armed = true;
        // What is new already is told at once.
        self.tell_news(out).await
    }

    /// Waits until there may be news for an armed stream.
    pub(crate) async fn news(&mut self) {
        match (&mut self.news, self.is_armed) {
            (Some(news), true) => {
                if news.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            _ => std::future::pending().await,
        }
    }

    /// Tells what is new, once per subscription: never more than one notice waits for its receiver.
    pub(crate) async fn tell(&mut self, out: &mut Sender) -> Result<Flow, Gone> {
        match self.tell_news(out).await {
            Ok(flow) => Ok(flow),
            Err(Failed::Gone) => Err(Gone),
            Err(Failed::Store) => {
                out.send(&Frame::Denied(Denial::Unavailable)).await?;
                Ok(self.end())
            }
        }
    }

    async fn tell_news(&mut self, out: &mut Sender) -> Result<Flow, Failed> {
        let Some(present) = self.present().await? else { return Ok(self.refuse(out).await?) };
        let (view, standing) = (Arc::clone(&present.view), present.standing.clone());
        let (known, views) = (self.known.clone(), self.views);
        let read = move |snapshot: &_, _: &_| serve::plan_live(snapshot, &view, &standing, &known, views);
        let plan = self.shared.read(read).await?;
        if plan.is_empty() {
            return Ok(Flow::On);
        }
        self.is_armed = false;
        self.send_plan(&present, plan, out).await?;
        // Where a log went on with gaps, only a checkpoint tells both ends where it stands.
        let heads = present.view.heads();
        let follows = |section: &SectionId| self.known.sections.get(section) == heads.get(section);
        let is_followed = heads.keys().filter(|section| present.standing.may_pull(section)).all(follows);
        let checkpoint = if is_followed { None } else { Some(self.checkpoint(&present)) };
        let pulled = Pulled { cause: Cause::Live, mismatches: Vec::new(), checkpoint };
        self.note_served(&present).await?;
        out.send(&Frame::Pulled(pulled)).await?;
        Ok(Flow::On)
    }

    async fn slot_open(&mut self, present: &Present, asked: SlotOpen) -> Result<Frame, Failed> {
        let (number, device) = (present.view.number, present.who.device);
        let opened = self.shared.writer.write(1, move |books, group| {
            let now = books.now();
            if !slot::open(group, number, device, &asked, now)? {
                return Ok(None);
            }
            slot::read(group, SlotSide::Inviter(number, device), &asked.name, now).map(Some)
        });
        Ok(opened.await?.map_or(Frame::Denied(Denial::Quota), Frame::SlotContent))
    }

    async fn slot_post(&mut self, side: SlotSide, posted: SlotPost) -> Result<Frame, Failed> {
        let content =
            self.shared.writer.write(1, move |books, group| slot::post(group, side, &posted, books.now())).await?;
        self.shared.slots.notify_waiters();
        Ok(Frame::SlotContent(content))
    }

    async fn slot_read(&mut self, side: SlotSide, asked: SlotRead) -> Result<Frame, Failed> {
        let wait = tokio::time::sleep(Duration::from_millis(asked.wait_ms));
        tokio::pin!(wait);
        loop {
            let changed = self.shared.slots.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (name, now) = (asked.name, self.shared.now());
            let content = self.shared.read(move |snapshot, _| slot::read(snapshot, side, &name, now)).await?;
            if !content.open || content.theirs.len() > usize::from(asked.seen) {
                return Ok(Frame::SlotContent(content));
            }
            tokio::select! {
                biased;
                () = changed => {}
                () = &mut wait => return Ok(Frame::SlotContent(content)),
            }
        }
    }
}
