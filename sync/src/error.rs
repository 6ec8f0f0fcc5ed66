//! Why an exchange did not happen, or ended early. Whatever was acknowledged before stays; the next one goes on from there.

use carnet_crypto::{fault::Fault, logsafe::LogSafe};
use carnet_protocol::{codec::DecodeError, frame::Denial};
use carnet_vault::{
    RecordError, VaultError,
    blob::{ReadError, ReceiveError},
    devices::InviteError,
    pairing::PairingError,
    recovery::RecoveryError,
    snapshot::TakeSnapshotError,
    witness::{Contradiction, ContradictionKind},
};

/// What a relay did that an honest one does not do. The device keeps its own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Alarm {
    /// It does not show what another device of the record says that it saw there.
    Behind,
    /// A checkpoint that is not the relay's, or does not agree with what the relay has just sent.
    Checkpoint,
    /// Another history than the one that this device has seen there.
    Fork,
    /// A receipt that is not the relay's, or none.
    Receipt,
    /// An earlier state than the one that this device has seen there.
    Rollback,
    /// Another device of the record says that it saw another history there.
    Split,
    /// Its own checkpoint says that it keeps something back, or what it sent was altered.
    Withheld,
}

impl Alarm {
    /// Whether it rests on what another device of the record says. Then the relay need not be the one who lies.
    pub fn rests_on_a_device(self) -> bool {
        matches!(self, Self::Behind | Self::Split)
    }
}

impl From<Contradiction> for Alarm {
    fn from(found: Contradiction) -> Self {
        match found.kind {
            ContradictionKind::Split => Self::Split,
            _ => Self::Behind,
        }
    }
}

impl std::fmt::Display for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Behind => "it does not show what another device saw there",
            Self::Checkpoint => "its checkpoint contradicts what it sent",
            Self::Fork => "it shows another history than before",
            Self::Receipt => "a receipt is missing or not its own",
            Self::Rollback => "it shows an earlier state than before",
            Self::Split => "another device saw another history there",
            Self::Withheld => "it keeps something back, or altered it",
        })
    }
}

/// What kind of failure it is, for the one who decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Nobody there, or the connection broke: try again.
    Network,
    /// The other end does not serve this device, or a person said no.
    Denied,
    /// Something was altered, forged or kept back.
    Integrity,
    /// A wrong use: no relay named, a ticket that is none.
    Usage,
    /// This device: its disk, its vault.
    Local,
}

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The sockets of this device could not be opened, or it has no way to where they were to send.
    #[error("this machine cannot send: {0}")]
    Bind(String),
    /// The other end grants this device no such request.
    #[error("the relay refuses: {0:?}")]
    Denied(Denial),
    /// An exchange file could not be read or written.
    #[error("the exchange file: {0}")]
    File(std::io::ErrorKind),
    /// The exchange file was made by a later version.
    #[error("the exchange file was made by a newer version of Carnet")]
    LaterFile,
    /// The exchange file is of another record, or none.
    #[error("this is not an exchange file of this record")]
    NotThisRecord,
    /// The command was told to end.
    #[error("interrupted")]
    Interrupted,
    /// The other side ended the invitation, or somebody else used its ticket too.
    #[error("the other side ended the invitation")]
    InvitationEnded,
    /// What the other end sent is no frame, or may not stand there.
    #[error("the other end does not keep to the protocol")]
    Malformed,
    /// The relay or device does not serve this device: not admitted yet, removed, or the record is not there.
    #[error("this device is not admitted there")]
    NotAdmitted,
    /// A person did not confirm that the codes are the same.
    #[error("the codes were not confirmed to be the same")]
    NotConfirmed,
    /// The device that invites did not answer in time: its person is away, or it was ended.
    #[error("the other device did not answer in time")]
    NobodyAnswered,
    /// No device of the record was heard on the local network.
    #[error("no device of the record was heard on the local network")]
    NobodyNear,
    /// The record has no device but this one.
    #[error("the record has no other device")]
    NoOtherDevice,
    /// The record has no relay.
    #[error("the record has no relay")]
    NoRelay,
    /// The membership log names another relay than the one that was to be used.
    #[error("the record names another relay")]
    OtherRelay,
    /// The pairing ended.
    #[error(transparent)]
    Pairing(#[from] PairingError),
    /// The relay did what an honest one does not do.
    #[error("the relay is not to be trusted: {what}")]
    RelayAlarm {
        /// What it did.
        what: Alarm,
    },
    /// The ticket was used, has expired, or its slot is closed.
    #[error("the invitation was used already or has expired")]
    TicketClosed,
    /// Nobody answers at that address, or the connection broke.
    #[error("cannot reach the other end")]
    Unreachable,
    /// The vault or the record refused, or the disk failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The recovery refused.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// A task of this program ended before its time.
    #[error("an internal task ended")]
    Ours,
}

impl SyncError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Ours => Fault::Ours,
            Self::Malformed | Self::RelayAlarm { .. } | Self::Unreachable => Fault::Peer,
            Self::NotThisRecord | Self::LaterFile => Fault::Input,
            Self::File(_) => Fault::Disk,
            Self::Pairing(error) => error.fault(),
            Self::Vault(error) => error.fault(),
            Self::Recovery(error) => error.fault(),
            _ => Fault::Caller,
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Bind(_)
            | Self::NobodyAnswered
            | Self::NobodyNear
            | Self::Unreachable
            | Self::Denied(Denial::Unavailable | Denial::Rate) => FailureKind::Network,
            Self::Denied(_)
            | Self::NotAdmitted
            | Self::InvitationEnded
            | Self::NotConfirmed
            | Self::TicketClosed
            | Self::Recovery(RecoveryError::OtherRecord) => FailureKind::Denied,
            Self::Malformed | Self::RelayAlarm { .. } | Self::NotThisRecord => FailureKind::Integrity,
            Self::Pairing(error) if error.fault() == Fault::Peer => FailureKind::Integrity,
            Self::NoOtherDevice | Self::NoRelay | Self::OtherRelay | Self::Pairing(_) => FailureKind::Usage,
            Self::Recovery(error) if error.fault() == Fault::Caller => FailureKind::Usage,
            Self::File(_) | Self::Interrupted | Self::LaterFile | Self::Vault(_) | Self::Recovery(_) | Self::Ours => {
                FailureKind::Local
            }
        }
    }
}

impl LogSafe for SyncError {}

impl From<RecordError> for SyncError {
    fn from(error: RecordError) -> Self {
        Self::Vault(error.into())
    }
}

impl From<DecodeError> for SyncError {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

impl From<InviteError> for SyncError {
    fn from(error: InviteError) -> Self {
        match error {
            InviteError::Pairing(error) => error.into(),
            InviteError::Record(error) => error.into(),
            _ => Self::Ours,
        }
    }
}

impl From<ReadError> for SyncError {
    fn from(error: ReadError) -> Self {
        RecordError::from(error).into()
    }
}

impl From<ReceiveError> for SyncError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Store(error) => RecordError::from(error).into(),
            _ => Self::Malformed,
        }
    }
}

impl From<TakeSnapshotError> for SyncError {
    fn from(error: TakeSnapshotError) -> Self {
        match error {
            TakeSnapshotError::Record(error) => error.into(),
            _ => Self::Malformed,
        }
    }
}
