//! What binds at signing and at the relay, never in evaluation: a new operation is refused where it would be useless or
//! unfair, and its author signs again.

use carnet_crypto::{
    door::UnixMillis,
    fault::Fault,
    id::{DeviceId, OpId, PrincipalId},
};

use super::{
    body::{Body, CitedCheckpoint, Role},
    device_id,
    op::Op,
    state::{Membership, OpStatus},
};
use crate::limits::{
    CITED_CHECKPOINT_AGE_MS_MAX, DEVICES_OWNER_PLACES, DEVICES_PER_DELEGATE_MAX, DEVICES_PER_RECORD_MAX,
    OP_AHEAD_MS_MAX, REMOVALS_PER_RECORD_MAX,
};

/// Why a new operation is not taken, although it may be part of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// Its time is more than 10 minutes ahead.
    #[error("the time of the operation is too far ahead")]
    Ahead,
    /// It would not count.
    #[error("the author has no right to make this operation")]
    DoesNotCount,
    /// The principal or the record has as many devices as it may.
    #[error("there are as many devices as there may be")]
    Devices,
    /// The record has as many removals as it may.
    #[error("there are as many removals as there may be")]
    Removals,
    /// The checkpoint that it cites is missing, is not the relay's, or is more than 7 days old.
    #[error("the operation must be signed again with a fresh checkpoint")]
    StaleCheckpoint,
}

impl NotAdmitted {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Membership {
    /// Whether a relay, or the author itself before it hands `op` out, takes it. This is the evaluation **after** `op`
    /// was inserted; `now` is the relay's clock. [`NotAdmitted::StaleCheckpoint`] comes last: a relay may know that what the
    /// checkpoint was to protect is not hidden, and take the operation all the same.
    ///
    /// # Errors
    /// [`NotAdmitted`]: the author may sign again, differently.
    pub fn admit(&self, op: &Op, now: UnixMillis) -> Result<(), NotAdmitted> {
        if op.time().since(now) > OP_AHEAD_MS_MAX {
            return Err(NotAdmitted::Ahead);
        }
        if self.status(&op.id()) != Some(OpStatus::Counts) {
            return Err(NotAdmitted::DoesNotCount);
        }
        if op.body().removal().is_some() && self.removals().len() > REMOVALS_PER_RECORD_MAX {
            return Err(NotAdmitted::Removals);
        }
        match op.body() {
            Body::Remove(removal) => self.admit_cited(removal.cited.as_ref(), now)?,
            Body::ForkProof(accusation) => self.admit_cited(accusation.cited.as_ref(), now)?,
            // A device that announces a new incarnation of itself takes no further place.
            Body::DeviceAdd(add) if device_id(&self.key_salt(), &add.keys.signing) != op.author() => {
                self.admit_device(&add.principal)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a removal or a fork proof may cite this checkpoint: it is the relay's and at most 7 days old by `now`.
    /// Without a relay there is nothing to cite.
    ///
    /// # Errors
    /// [`NotAdmitted::StaleCheckpoint`].
    pub fn admit_cited(&self, cited: Option<&CitedCheckpoint>, now: UnixMillis) -> Result<(), NotAdmitted> {
        let Some(relay) = self.relay() else { return Ok(()) };
        let fresh = cited.is_some_and(|cited| {
            now.since(cited.checkpoint.checkpoint.time) <= CITED_CHECKPOINT_AGE_MS_MAX
                && cited.proves(&self.record(), &relay.signing)
        });
        if fresh { Ok(()) } else { Err(NotAdmitted::StaleCheckpoint) }
    }

    fn admit_device(&self, principal: &PrincipalId) -> Result<(), NotAdmitted> {
        let Some(own) = self.principal(principal) else { return Ok(()) };
        let live = self.devices().filter(|device| device.is_live && device.root.is_none()).count();
        let most = match own.role {
            Role::Owner => DEVICES_PER_RECORD_MAX,
            _ if own.devices.len() > DEVICES_PER_DELEGATE_MAX => return Err(NotAdmitted::Devices),
            _ => DEVICES_PER_RECORD_MAX.saturating_sub(self.places_left_to_owners()),
        };
        if live > most { Err(NotAdmitted::Devices) } else { Ok(()) }
    }

    /// Of the places that only owners may take, those that none has taken.
    fn places_left_to_owners(&self) -> usize {
        let owners = self.principals().filter(|principal| principal.role == Role::Owner);
        let taken: usize = owners.map(|principal| principal.devices.len()).sum();
        DEVICES_OWNER_PLACES.saturating_sub(taken)
    }

    /// The devices that signed two operations with one counter, ascending: to be shown to an owner.
    pub fn duplicated(&self) -> impl Iterator<Item = DeviceId> {
        self.devices().filter(|device| device.is_duplicated).map(|device| device.id)
    }

    /// The operations of the log that count, ascending.
    pub fn counted_ops(&self) -> Vec<OpId> {
        let all = self.evaluator.graph.index.keys();
        all.filter(|id| self.status(id) == Some(OpStatus::Counts)).copied().collect()
    }
}
