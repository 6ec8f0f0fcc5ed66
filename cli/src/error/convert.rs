//! From the errors of the libraries to what the command says. Nothing of their text is shown: each has its sentence.

use carnet_record::prevention::RulesRefused;
use carnet_sync::{Alarm, FailureKind, SyncError};
use carnet_vault::{
    NotAdmitted, RecordError, VaultError,
    blob::{ReadError, SealError},
    import::ImportError,
    pairing::PairingError,
    prevention::RulesError,
    store::{CreateError, OpenError, RelockError, StoreError},
};

use super::Failure;
use crate::{form, i18n::Message, msg};

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Create(error) => error.into(),
            VaultError::NameTaken => Self::RecordExists,
            VaultError::Open(error) => error.into(),
            VaultError::Record(error) => error.into(),
            other => Self::ours(&other),
        }
    }
}

impl From<RulesError> for Failure {
    fn from(error: RulesError) -> Self {
        match error {
            RulesError::Ahead { date } => Self::RulesAhead { date: date.to_string() },
            RulesError::NotNewer { kept } => Self::RulesNotNewer { kept: kept.to_string() },
            RulesError::Record(error) => error.into(),
            RulesError::Rules(RulesRefused::Form { line, column }) => {
                Self::RulesForm { place: format!("{line}:{column}") }
            }
            RulesError::Rules(RulesRefused::Value { path, .. }) => Self::RulesForm { place: path },
            RulesError::NotSigned | RulesError::Rules(_) => Self::RulesForm { place: "1".to_owned() },
            RulesError::OtherPublisher | RulesError::Signature => Self::RulesSignature,
            other => Self::ours(&other),
        }
    }
}

impl From<CreateError> for Failure {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::AlreadyExists => Self::VaultExists,
            CreateError::Busy => Self::Busy,
            CreateError::NoLocks => Self::NoLocks,
            CreateError::NoMemory => Self::NoMemory,
            CreateError::Store(error) => error.into(),
            other => Self::ours(&other),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Busy => Self::Busy,
            OpenError::Foreign | OpenError::WrongPassphrase => Self::WrongPassphrase,
            OpenError::Missing | OpenError::NotAVault => Self::NotAVault,
            OpenError::NoLocks => Self::NoLocks,
            OpenError::NoMemory => Self::NoMemory,
            OpenError::Store(error) => error.into(),
            OpenError::Unsupported { version } => Self::VaultVersion { version: u64::from(version) },
            other => Self::ours(&other),
        }
    }
}

impl From<RelockError> for Failure {
    fn from(error: RelockError) -> Self {
        match error {
            RelockError::NoMemory => Self::NoMemory,
            RelockError::Store(error) => error.into(),
            other => Self::ours(&other),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged => Self::Damaged,
            StoreError::DiskFull => Self::DiskFull,
            StoreError::ReadOnly => Self::ReadOnly,
            StoreError::Io(_) | StoreError::Poisoned => Self::DiskFailed,
            StoreError::TooLarge => Self::EntryTooLarge,
            other => Self::ours(&other),
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Ambiguous => Self::EntryAmbiguous,
            RecordError::NotFound => Self::EntryUnknown,
            RecordError::Damaged(_) | RecordError::File(ReadError::NotAuthentic) => Self::Damaged,
            RecordError::File(ReadError::Absent) => Self::FileNotHere,
            RecordError::Invalid(violations) => Self::Rules(violations.iter().map(form::rule).collect()),
            RecordError::KeyMissing => Self::DeviceKeyMissing,
            RecordError::NotAdmitted(NotAdmitted::Devices) => Self::DevicesFull,
            RecordError::NotAdmitted(NotAdmitted::Removals) => Self::RemovalsFull,
            RecordError::NotAdmitted(NotAdmitted::StaleCheckpoint) => Self::RelayUnseen,
            RecordError::NotGranted => Self::NotGranted,
            RecordError::Waiting => Self::Waiting,
            RecordError::Store(error)
            | RecordError::Seal(SealError::Store(error))
            | RecordError::File(ReadError::Store(error)) => error.into(),
            RecordError::TooLarge => Self::EntryTooLarge,
            other => Self::ours(&other),
        }
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Record(error) => error.into(),
            _ => Self::WorkerFailed,
        }
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Interrupted => Self::Interrupted,
            SyncError::InvitationEnded => Self::InvitationEnded,
            SyncError::Bind(reason) => Self::NoNetwork { reason },
            SyncError::NobodyAnswered => Self::OtherSideSilent,
            SyncError::NobodyNear => Self::NobodyNear,
            SyncError::NoOtherDevice => Self::NoOtherDevice,
            SyncError::NoRelay => Self::NoRelay,
            SyncError::NotAdmitted => Self::NotAdmitted,
            SyncError::NotConfirmed => Self::CodesDiffer,
            SyncError::OtherRelay => Self::OtherRelay,
            SyncError::LaterFile => Self::ExchangeVersion,
            SyncError::File(std::io::ErrorKind::StorageFull) => Self::DiskFull,
            SyncError::File(_) | SyncError::Malformed | SyncError::NotThisRecord => Self::PeerMalformed,
            SyncError::Pairing(error) => error.into(),
            SyncError::Recovery(error) => error.into(),
            SyncError::RelayAlarm { what } if what.rests_on_a_device() => Self::RelayContradicted { what: alarm(what) },
            SyncError::RelayAlarm { what } => Self::RelayAlarm { what: alarm(what) },
            SyncError::TicketClosed => Self::TicketClosed,
            SyncError::Unreachable => Self::Unreachable,
            SyncError::Vault(error) => error.into(),
            other => match (other.kind(), other) {
                (FailureKind::Network, _) => Self::Unreachable,
                (_, SyncError::Denied(denial)) => Self::RelayRefuses { reason: format!("{denial:?}") },
                (_, other) => Self::ours(&other),
            },
        }
    }
}

impl From<PairingError> for Failure {
    fn from(error: PairingError) -> Self {
        match error {
            PairingError::AlreadyHere => Self::AlreadyHere,
            PairingError::Code(_) | PairingError::NotATicket => Self::NotATicket,
            PairingError::Derivation(_) => Self::NoMemory,
            PairingError::Expired => Self::TicketClosed,
            PairingError::Store => Self::DiskFailed,
            PairingError::NotTheSame | PairingError::Refused => Self::PairingAltered,
            other => Self::ours(&other),
        }
    }
}

fn alarm(what: Alarm) -> Message {
    match what {
        Alarm::Behind => msg!("alarm-behind"),
        Alarm::Checkpoint => msg!("alarm-checkpoint"),
        Alarm::Fork => msg!("alarm-fork"),
        Alarm::Receipt => msg!("alarm-receipt"),
        Alarm::Rollback => msg!("alarm-rollback"),
        Alarm::Split => msg!("alarm-split"),
        _ => msg!("alarm-withheld"),
    }
}
