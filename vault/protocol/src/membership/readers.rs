//! For whom keys are: the readers of a section, and the digest by which a rekey names them.

use carnet_crypto::{
    digest,
    id::{DeviceId, SectionId},
};

use super::detached::KemHash;
use crate::codec::Writer;

/// A device that is to get the key of a section, and the KEM key to wrap it to. Both come from operations that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipient {
    /// The device, or the root's.
    pub device: DeviceId,
    /// Its KEM key, by hash.
    pub kem: KemHash,
}

/// `H("recipients", …)` over the readers of each section: what a rekey is made for. Sections and readers ascend.
pub fn recipients_digest(readers: &[(SectionId, Vec<Recipient>)]) -> [u8; 32] {
    let mut writer = Writer::new();
    writer.count(readers.len());
    for (section, recipients) in readers {
        writer.raw(&section.0).count(recipients.len());
        for recipient in recipients {
            writer.raw(&recipient.device.0).raw(&recipient.kem.0);
        }
    }
    digest::hash("recipients", &[writer.as_slice()])
}
