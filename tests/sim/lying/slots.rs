//! The slots of invitations at a relay that may lie: it keeps what either side left, and gives to either what it likes.

use std::collections::BTreeMap;

use carnet_protocol::frame::{Frame, SlotContent, SlotRead};

use crate::executor::NodeId;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Inviter,
    /// A stranger, who names the slot.
    Joiner(NodeId),
}

/// What was left in one slot.
#[derive(Clone, Default)]
pub(crate) struct Slot {
    pub(crate) inviter: Vec<Vec<u8>>,
    pub(crate) joiners: BTreeMap<NodeId, Vec<Vec<u8>>>,
    /// Who was there first.
    first: Option<NodeId>,
    /// Whether the inviter has closed it.
    is_closed: bool,
}

/// What one side is given for message number so many of the other, which is this one.
type Gives = Box<dyn FnMut(Side, usize, &[u8], &Slot) -> Vec<u8>>;

/// All slots.
pub(crate) struct Slots {
    open: BTreeMap<[u8; 16], Slot>,
    /// Whose messages the inviter gets; those of the first that came where nobody is named.
    pub(crate) heeded: Option<NodeId>,
    pub(crate) gives: Gives,
}

impl Default for Slots {
    fn default() -> Self {
        Self { open: BTreeMap::new(), heeded: None, gives: Box::new(honest) }
    }
}

fn honest(_: Side, _: usize, message: &[u8], _: &Slot) -> Vec<u8> {
    message.to_vec()
}

impl Slot {
    /// What the other side left.
    fn theirs(&self, side: Side, heeded: Option<NodeId>) -> &[Vec<u8>] {
        match side {
            Side::Inviter => heeded.or(self.first).and_then(|node| self.joiners.get(&node)).map_or(&[], Vec::as_slice),
            Side::Joiner(_) => &self.inviter,
        }
    }

    fn own(&mut self, side: Side) -> &mut Vec<Vec<u8>> {
        match side {
            Side::Inviter => &mut self.inviter,
            Side::Joiner(node) => self.joiners.entry(node).or_default(),
        }
    }
}

impl Slots {
    /// What was left in all slots so far.
    pub(crate) fn all(&self) -> Vec<Slot> {
        self.open.values().cloned().collect()
    }

    /// From now on everybody gets what the other side left.
    pub(crate) fn repent(&mut self) {
        self.heeded = None;
        self.gives = Box::new(honest);
    }

    /// Whether `side` has something to hear.
    pub(super) fn has_more(&self, side: Side, asked: &SlotRead) -> bool {
        let Some(slot) = self.open.get(&asked.name) else { return true };
        slot.is_closed || slot.theirs(side, self.heeded).len() > usize::from(asked.seen)
    }

    /// The answer, if it is about a slot.
    pub(super) fn respond(&mut self, side: Side, frame: &Frame) -> Option<Frame> {
        let (name, posted) = match frame {
            Frame::SlotOpen(open) => {
                self.open.entry(open.name).or_default();
                (open.name, None)
            }
            Frame::SlotEnter(enter) => (enter.name, None),
            Frame::SlotPost(post) => (post.name, Some(post)),
            Frame::SlotRead(read) => (read.name, None),
            _ => return None,
        };
        let Some(slot) = self.open.get_mut(&name) else { return Some(Frame::Refused) };
        if let (Side::Joiner(node), None) = (side, slot.first) {
            slot.first = Some(node);
        }
        let own = slot.own(side);
        if let Some(post) = posted {
            let place = usize::from(post.index);
            match own.get(place) {
                None => own.push(post.message.clone()),
                // Of the joiners it hides that there are two.
                Some(there) => {
                    let is_other = *there != post.message;
                    slot.is_closed |= is_other && side == Side::Inviter;
                }
            }
        }
        let own = u8::try_from(slot.own(side).len()).unwrap();
        let open = !slot.is_closed;
        let theirs = if open { slot.theirs(side, self.heeded) } else { &[] };
        let given = theirs.iter().enumerate().map(|(index, message)| (self.gives)(side, index, message, slot));
        Some(Frame::SlotContent(SlotContent { open, own, theirs: given.collect() }))
    }
}
