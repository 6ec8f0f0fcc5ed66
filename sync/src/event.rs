//! What an exchange tells while it goes on, and what it came to.

use carnet_protocol::frame::Refusal;
use carnet_vault::Received;

use crate::error::Alarm;

/// Something happened in an exchange that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The relay did what an honest one does not do; an exchange with it ends with this as its error.
    Alarm(Alarm),
    /// The other end serves this device.
    Connected,
    /// This vault is a copy of one that went on elsewhere: this device writes under a new name from now on.
    NewIncarnation,
    /// A part of a sealed object came.
    ObjectReceiving {
        /// Bytes that are here.
        bytes: u64,
        /// Bytes that there are.
        total: u64,
    },
    /// A part of a sealed object was sent.
    ObjectSending {
        /// Bytes that are there.
        bytes: u64,
        /// Bytes that there are.
        total: u64,
    },
    /// The relay does not take something yet.
    Refused(Refusal),
    /// The relay began a new life, from a backup or empty: it is offered everything again.
    RelayRestored,
    /// Operations and envelopes came.
    Received {
        /// Operations.
        operations: usize,
        /// Envelopes.
        envelopes: usize,
    },
    /// A device of the record reached this one, and both exchanged.
    Served {
        /// Operations that came.
        operations: usize,
        /// Envelopes that came.
        envelopes: usize,
        /// Operations and envelopes that were handed over.
        sent: usize,
    },
    /// Operations and envelopes were taken by the other end.
    Sent {
        /// How many.
        items: usize,
    },
    /// The connection was lost; it is tried again.
    Reconnecting,
    /// Everything was exchanged; what comes next is told when it comes.
    UpToDate,
}

/// What an exchange came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// New operations of the membership log.
    pub operations: usize,
    /// What became of the envelopes that came.
    pub received: Received,
    /// Operations and envelopes that were handed over.
    pub sent: usize,
    /// Sealed objects that came.
    pub objects_received: usize,
    /// Sealed objects that were handed over.
    pub objects_sent: usize,
    /// What the relay did not take; it stays to be sent.
    pub refused: Vec<Refusal>,
    /// Whether it was adopted what a removal hides that came to the relay too late: what the removed device wrote meanwhile
    /// stays in the record, and the relay takes the removal.
    pub has_adopted: bool,
    /// What the relay keeps no trace of though it was to be there: sealed objects that entries name.
    pub objects_missing: usize,
    /// Snapshots that do not agree with their anchors: a device of the record published a lie. Nothing of them was taken.
    pub snapshots_rejected: usize,
    /// That the relay and a device contradict each other, if it was found here and told nobody before. An exchange with the
    /// relay itself ends with it as its error.
    pub contradiction: Option<Alarm>,
    /// What it took.
    pub traffic: Traffic,
}

/// What went over one stream: whole frames, without what encryption and transport add to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that were sent.
    pub bytes_sent: u64,
    /// Bytes that came.
    pub bytes_received: u64,
    /// How often this end waited for an answer to something that it had said.
    pub round_trips: u32,
}

impl Synced {
    /// Adds what another exchange came to.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.operations += other.operations;
        self.received.absorb(other.received);
        self.sent += other.sent;
        self.objects_received += other.objects_received;
        self.objects_sent += other.objects_sent;
        self.refused.extend(other.refused);
        self.has_adopted |= other.has_adopted;
        // What one device lacks another may have brought: the last one says what is missing now.
        self.objects_missing = other.objects_missing;
        self.snapshots_rejected += other.snapshots_rejected;
        self.contradiction = self.contradiction.or(other.contradiction);
        self.traffic.bytes_sent = self.traffic.bytes_sent.saturating_add(other.traffic.bytes_sent);
        self.traffic.bytes_received = self.traffic.bytes_received.saturating_add(other.traffic.bytes_received);
        self.traffic.round_trips = self.traffic.round_trips.saturating_add(other.traffic.round_trips);
    }

    /// Whether the relay does not take a removal, or a proof that a device was copied, as it is signed: it would hide what had
    /// lain there for more than 7 days, and this device could not adopt that. Nothing that was written upon it here reaches
    /// the relay either.
    pub fn is_held_up(&self) -> bool {
        self.refused.contains(&Refusal::Frontier)
    }

    /// Whether nothing was new on either side.
    pub fn is_quiet(&self) -> bool {
        self.operations == 0 && self.received.accepted == 0 && self.sent == 0 && self.objects_received == 0
    }
}

/// Where events go.
pub(crate) type Tell<'t> = &'t mut (dyn FnMut(Event) + Send);
