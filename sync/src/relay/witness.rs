//! What other devices saw of the relay, in an exchange with it: remembered, asked for once more, and told.
//!
//! What is compared, and what it means, is the vault's. Nothing here ends an exchange before its time.

use carnet_vault::witness::{Claim, Followed};

use super::Session;
use crate::{
    error::{Alarm, SyncError},
    shared::with_record,
};

impl Session {
    /// Remembers where the relay stands.
    pub(crate) async fn remember(&mut self) -> Result<(), SyncError> {
        let followed = Followed {
            relay: self.relay,
            memory: self.follow.memory().clone(),
            points: self.follow.take_points(),
            awaited: self.awaited.clone(),
        };
        with_record(&self.vault, self.record, move |record| record.remember_relay(&followed)).await
    }

    /// Whether words that came in this exchange cite more than it has shown: it is asked once more.
    pub(super) async fn owes_an_answer(&self) -> Result<bool, SyncError> {
        let claims = with_record(&self.vault, self.record, |record| record.claims()).await?;
        let (relay, memory) = (self.relay, self.follow.memory());
        let is_new = |claim: &&Claim| !self.awaited.contains(claim);
        Ok(claims.iter().filter(is_new).any(|claim| claim.lies_beyond(&relay, memory)))
    }

    /// That what this relay shows and what another device saw here contradict each other, until that is settled. It is
    /// told at every exchange; what was exchanged stays.
    pub(super) async fn contradicted(&self) -> Result<Option<Alarm>, SyncError> {
        let found = with_record(&self.vault, self.record, |record| {
            record.contradiction_to_tell()?;
            record.contradiction()
        });
        Ok(found.await?.map(Alarm::from))
    }
}
