//! The exit status of each failure.

use super::Failure;

/// Exit statuses. Scripts rely on them; they do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Failed, or an import refused part of a file.
    Failed,
    /// The command was not understood.
    Usage,
    /// The vault is locked, or the passphrase is wrong.
    Locked,
    /// Not granted.
    Denied,
    /// Something does not authenticate or contradicts itself.
    Integrity,
    /// The network.
    Network,
    /// Passing: try again.
    TryAgain,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Locked => 3,
            Self::Denied => 4,
            Self::Integrity => 5,
            Self::Network => 6,
            Self::TryAgain => 75,
        }
    }
}

impl Failure {
    /// The exit status that the failure ends with.
    #[expect(clippy::too_many_lines, reason = "one arm for each failure; splitting would hide a missing one")]
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::ArchiveVersion { .. }
            | Self::BundleTooLarge
            | Self::CarnetArchive { .. }
            | Self::DeviceUnknown
            | Self::DevicesFull
            | Self::DiskFailed
            | Self::DiskFull
            | Self::EntryTooLarge
            | Self::EntryAmbiguous
            | Self::EntryUnknown
            | Self::ExchangeVersion
            | Self::FileExists { .. }
            | Self::FileNotHere
            | Self::FileRefused { .. }
            | Self::FilesRefused { .. }
            | Self::FileTooHeavy { .. }
            | Self::FileUnreadable { .. }
            | Self::FileUnwritable { .. }
            | Self::FormatUnknown { .. }
            | Self::Interrupted
            | Self::KeyStore { .. }
            | Self::Keyring { .. }
            | Self::KitDoesNotFit
            | Self::KitForestalled
            | Self::KitNotReadBack
            | Self::KitOfOther
            | Self::KitWords
            | Self::NoAnswer
            | Self::NoKeyStore
            | Self::NoKeyring
            | Self::NoLocks
            | Self::NotADocument { .. }
            | Self::NotAFile { .. }
            | Self::NotConfirmed
            | Self::NothingToImport { .. }
            | Self::NoVault { .. }
            | Self::NoWorker
            | Self::NotOfKind { .. }
            | Self::OtherPerson { .. }
            | Self::Ours(_)
            | Self::PartlyRefused { .. }
            | Self::ReadOnly
            | Self::RelayUnseen
            | Self::RemovalsFull
            | Self::RulesAhead { .. }
            | Self::RulesForm { .. }
            | Self::RulesNotNewer { .. }
            | Self::TooLarge { .. }
            | Self::TooManyFiles { .. }
            | Self::VaultExists
            | Self::VaultVersion { .. }
            | Self::WorkerFailed => Exit::Failed,
            Self::AlreadyHere
            | Self::BadBloodGroup
            | Self::BadCode(_)
            | Self::BadDate(_)
            | Self::BadDuration(_)
            | Self::BadJson
            | Self::BadName
            | Self::BadNumber(_)
            | Self::BadRecordId
            | Self::BadRelay
            | Self::BadLength(_)
            | Self::BadTime(_)
            | Self::BadZone
            | Self::ConfigInvalid { .. }
            | Self::ConfirmationNeeded
            | Self::KitNeedsPlace
            | Self::NameNeeded
            | Self::NoHome
            | Self::NoOtherDevice
            | Self::NoRelay
            | Self::NotATicket
            | Self::OtherRelay
            | Self::TicketNeedsPlace
            | Self::NoRecord
            | Self::OwnDevice
            | Self::PassphraseWeak
            | Self::RecordAmbiguous
            | Self::RecordExists
            | Self::RecordUnknown
            | Self::Rules(_)
            | Self::UnlockTooLong
            | Self::Usage(_) => Exit::Usage,
            Self::FileShared { .. }
            | Self::KeyringLocked
            | Self::KeyringPassedOver { .. }
            | Self::NoTerminal
            | Self::PassphraseLength
            | Self::PassphrasesDiffer
            | Self::WrongPassphrase => Exit::Locked,
            Self::InvitationEnded
            | Self::NotGranted
            | Self::Waiting
            | Self::CodesDiffer
            | Self::NotAdmitted
            | Self::RelayRefuses { .. }
            | Self::TicketClosed => Exit::Denied,
            Self::PairingAltered
            | Self::PeerMalformed
            | Self::RelayAlarm { .. }
            | Self::RelayContradicted { .. }
            | Self::DeviceKeyMissing
            | Self::Damaged
            | Self::FilesDamaged { .. }
            | Self::LogBroken { .. }
            | Self::NotAVault
            | Self::RulesSignature => Exit::Integrity,
            #[cfg(feature = "demo")]
            Self::DemoDiffers => Exit::Integrity,
            #[cfg(feature = "demo")]
            Self::DemoStep { .. } => Exit::Failed,
            Self::NobodyNear | Self::NoNetwork { .. } | Self::OtherSideSilent | Self::Unreachable => Exit::Network,
            Self::Busy | Self::NoMemory => Exit::TryAgain,
        }
    }
}
