//! What can go wrong in the command, in three parts: what happened, what it means for the data, what to do next.
//!
//! The parts are the message `error-...` and its attributes `.meaning` and `.hint` in the texts. A failure never repeats
//! health data; it may name a file, an option or an identifier that the person gave.

mod convert;
mod exit;

use std::path::Path;

use crate::{i18n::Message, msg};

/// A command that did not do what was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The record is on this device already.
    AlreadyHere,
    /// An archive of our own of a later version.
    ArchiveVersion {
        /// The file.
        path: String,
    },
    /// A blood group that is none of the eight.
    BadBloodGroup,
    /// A code without its system, or in a wrong form.
    BadCode(&'static str),
    /// A date that is none of the accepted forms. Names the option, never the value.
    BadDate(&'static str),
    /// A duration that is none of the accepted forms.
    BadDuration(&'static str),
    /// JSON that is no entry of the kinds of the command.
    BadJson,
    /// A name that does not fit in a line.
    BadName,
    /// A number with neither comma nor point form.
    BadNumber(&'static str),
    /// What is no identifier of a record.
    BadRecordId,
    /// An address that is no address of a relay.
    BadRelay,
    /// A length in days, weeks, months or years that is not understood.
    BadLength(&'static str),
    /// What is no time of the day.
    BadTime(&'static str),
    /// A zone that is in no table.
    BadZone,
    /// A FHIR Bundle beyond what is read.
    BundleTooLarge,
    /// Another command holds the vault.
    Busy,
    /// An archive of our own that is damaged, altered, or of another version.
    CarnetArchive {
        /// The file.
        path: String,
    },
    /// The codes on the two sides were not said to be the same.
    CodesDiffer,
    /// The configuration file holds something else than what is documented.
    ConfigInvalid {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A confirmation is needed, and nobody can be asked.
    ConfirmationNeeded,
    /// The vault contradicts itself or does not authenticate.
    Damaged,
    /// The demonstration ended with two devices that differ, or with known text at the relay.
    #[cfg(feature = "demo")]
    DemoDiffers,
    /// A command of the demonstration failed.
    #[cfg(feature = "demo")]
    DemoStep {
        /// The words of the command.
        step: String,
        /// What it said.
        message: String,
    },
    /// The public key of a device of the record has not come.
    DeviceKeyMissing,
    /// No device, or several, have this id.
    DeviceUnknown,
    /// The record has as many devices as it may.
    DevicesFull,
    /// The disk failed.
    DiskFailed,
    /// No space is left.
    DiskFull,
    /// An entry that does not fit an envelope.
    EntryTooLarge,
    /// An identifier of an entry that is too short, or begins several.
    EntryAmbiguous,
    /// No entry, or several, have this id.
    EntryUnknown,
    /// The content of a document is not on this device.
    FileNotHere,
    /// Attached files that are lost or altered.
    FilesDamaged {
        /// How many.
        count: usize,
    },
    /// A file of exchange of another version.
    ExchangeVersion,
    /// A file is there already.
    FileExists {
        /// The file.
        path: String,
    },
    /// A file whose container cannot be trusted.
    FileRefused {
        /// The file.
        path: String,
    },
    /// A file of secrets that other accounts of the machine can read.
    FileShared {
        /// The file.
        path: String,
    },
    /// Files of an import that were not taken in.
    FilesRefused {
        /// How many.
        count: usize,
    },
    /// A file that takes more time or memory than what is accepted.
    FileTooHeavy {
        /// The file.
        path: String,
    },
    /// A file could not be read.
    FileUnreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file could not be written.
    FileUnwritable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A format that is not read.
    FormatUnknown {
        /// The file.
        path: String,
        /// What it was taken for.
        format: String,
    },
    /// The person, or the system, ended the command.
    Interrupted,
    /// The other side of a pairing ended it.
    InvitationEnded,
    /// The system's key store refused.
    KeyStore {
        /// What the system said.
        reason: String,
    },
    /// The keyring of the account did not do what was asked.
    Keyring {
        /// Why.
        why: Message,
    },
    /// The keyring of the account is locked.
    KeyringLocked,
    /// The keyring of the account did not open the vault, and nobody can be asked for the passphrase.
    KeyringPassedOver {
        /// Why.
        why: Message,
    },
    /// The sheet of a recovery kit does not fit its page.
    KitDoesNotFit,
    /// Another device made a new kit at the same time, and that one counts.
    KitForestalled,
    /// A record would be made whose recovery kit nobody would see.
    KitNeedsPlace,
    /// The words of a new kit were not typed back as they are.
    KitNotReadBack,
    /// A kit of another record, or one that was replaced.
    KitOfOther,
    /// Words that are no kit.
    KitWords,
    /// A chain of the access log that does not hold.
    LogBroken {
        /// The first bad line.
        line: u64,
    },
    /// A new record has no name.
    NameNeeded,
    /// The end of input came instead of an answer.
    NoAnswer,
    /// No device of the record was heard on the local network.
    NobodyNear,
    /// The record has no device but this one.
    NoOtherDevice,
    /// The home folder is unknown, and no vault was named.
    NoHome,
    /// The system has no key store that we use.
    NoKeyStore,
    /// The account has no keyring that we use.
    NoKeyring,
    /// The disk cannot lock files.
    NoLocks,
    /// Not enough memory to derive a key.
    NoMemory,
    /// No socket can be opened.
    NoNetwork {
        /// What the system said.
        reason: String,
    },
    /// No record, or several and none marked as default.
    NoRecord,
    /// The record has no relay.
    NoRelay,
    /// The other end does not serve this device.
    NotAdmitted,
    /// A file that is data and no document.
    NotADocument {
        /// The file.
        path: String,
    },
    /// Something that is no ordinary file.
    NotAFile {
        /// The file.
        path: String,
    },
    /// A text that is no invitation, or a code with a wrong letter.
    NotATicket,
    /// The file is not a vault.
    NotAVault,
    /// The person said no.
    NotConfirmed,
    /// A passphrase is needed, and nobody can be asked.
    NoTerminal,
    /// This device may not do that.
    NotGranted,
    /// Nothing to take in.
    NothingToImport {
        /// The file.
        path: String,
    },
    /// There is no vault in the folder.
    NoVault {
        /// The folder.
        folder: String,
    },
    /// This system has no worker process.
    NoWorker,
    /// A file of another kind than the one that was named.
    NotOfKind {
        /// The file.
        path: String,
    },
    /// A file about someone else than the record.
    OtherPerson {
        /// The file.
        path: String,
    },
    /// The record has another relay than the one that was named.
    OtherRelay,
    /// The device that invites did not answer in time.
    OtherSideSilent,
    /// A bug of ours.
    Ours(String),
    /// A device cannot remove itself.
    OwnDevice,
    /// A message of a pairing was altered.
    PairingAltered,
    /// An import that kept everything but some rows.
    PartlyRefused {
        /// How many.
        count: u64,
    },
    /// The passphrase is empty, too long, or no text.
    PassphraseLength,
    /// The two entries of a new passphrase are not the same.
    PassphrasesDiffer,
    /// A new passphrase that is too easy to guess.
    PassphraseWeak,
    /// What the other end sent is none of our protocol.
    PeerMalformed,
    /// The disk is read-only.
    ReadOnly,
    /// Several records have this name.
    RecordAmbiguous,
    /// A record has this name already.
    RecordExists,
    /// No record has this name.
    RecordUnknown,
    /// The relay did what an honest one does not do.
    RelayAlarm {
        /// What it did.
        what: Message,
    },
    /// The relay and a device of the record contradict each other.
    RelayContradicted {
        /// In what.
        what: Message,
    },
    /// The relay does not do what was asked.
    RelayRefuses {
        /// What the system said.
        reason: String,
    },
    /// The relay was not reached for so long that it would refuse a removal.
    RelayUnseen,
    /// The record has as many removals as it may.
    RemovalsFull,
    /// Published rules that are dated after today.
    RulesAhead {
        /// Their day.
        date: String,
    },
    /// A file of published rules that is none, with the place of what is wrong.
    RulesForm {
        /// The place, as far as there is one.
        place: String,
    },
    /// Published rules that are not newer than those in force.
    RulesNotNewer {
        /// The day of those in force.
        kept: String,
    },
    /// A file of published rules whose signature does not hold.
    RulesSignature,
    /// What was typed breaks rules of the record, one sentence each.
    Rules(Vec<Message>),
    /// An invitation that was used or has expired.
    TicketClosed,
    /// An invitation that would be shown to nobody.
    TicketNeedsPlace,
    /// A file above the limit.
    TooLarge {
        /// The file.
        path: String,
    },
    /// More files than one command takes.
    TooManyFiles {
        /// The limit.
        max: usize,
    },
    /// A time above the limit.
    UnlockTooLong,
    /// Nobody answers at the address.
    Unreachable,
    /// The words of the command line were not understood. The sentence says which.
    Usage(Message),
    /// There is a vault already.
    VaultExists,
    /// A vault of another version.
    VaultVersion {
        /// The version it states.
        version: u64,
    },
    /// The device waits to be admitted.
    Waiting,
    /// The reading process failed.
    WorkerFailed,
    /// The passphrase opens nothing.
    WrongPassphrase,
}

impl Failure {
    /// A file that could not be read.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::FileUnreadable { path: path.display().to_string(), reason: error.to_string() }
    }

    /// A file that could not be written.
    pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Self {
        let path = path.display().to_string();
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => Self::FileExists { path },
            std::io::ErrorKind::StorageFull => Self::DiskFull,
            _ => Self::FileUnwritable { path, reason: error.to_string() },
        }
    }

    /// A bug of ours, by the text of the library that met it: such texts carry no data.
    fn ours(error: &impl std::fmt::Display) -> Self {
        Self::Ours(error.to_string())
    }

    /// What happened. The same key has the attributes `meaning` and `hint`.
    #[expect(clippy::too_many_lines, reason = "one arm for each failure; splitting would hide a missing one")]
    pub(crate) fn message(&self) -> Message {
        match self {
            Self::AlreadyHere => msg!("error-already-here"),
            Self::ArchiveVersion { path } => msg!("error-archive-version", path = path),
            Self::BadBloodGroup => msg!("error-bad-blood-group"),
            Self::BadCode(option) => msg!("error-bad-code", option = *option),
            Self::BadDate(option) => msg!("error-bad-date", option = *option),
            Self::BadDuration(option) => msg!("error-bad-duration", option = *option),
            Self::BadJson => msg!("error-bad-json"),
            Self::BadName => msg!("error-bad-name"),
            Self::BadNumber(option) => msg!("error-bad-number", option = *option),
            Self::BadRecordId => msg!("error-bad-record-id"),
            Self::BadRelay => msg!("error-bad-relay"),
            Self::BadLength(option) => msg!("error-bad-length", option = *option),
            Self::BadTime(option) => msg!("error-bad-time", option = *option),
            Self::BadZone => msg!("error-bad-zone"),
            Self::BundleTooLarge => msg!("error-bundle-too-large"),
            Self::Busy => msg!("error-busy"),
            Self::CarnetArchive { path } => msg!("error-carnet-archive", path = path),
            Self::CodesDiffer => msg!("error-codes-differ"),
            Self::ConfigInvalid { path, reason } => msg!("error-config-invalid", path = path, reason = reason),
            Self::ConfirmationNeeded => msg!("error-confirmation-needed"),
            Self::Damaged => msg!("error-damaged"),
            #[cfg(feature = "demo")]
            Self::DemoDiffers => msg!("error-demo-differs"),
            #[cfg(feature = "demo")]
            Self::DemoStep { step, message } => msg!("error-demo-step", step = step, message = message),
            Self::DeviceKeyMissing => msg!("error-device-key-missing"),
            Self::DeviceUnknown => msg!("error-device-unknown"),
            Self::DevicesFull => msg!("error-devices-full"),
            Self::DiskFailed => msg!("error-disk-failed"),
            Self::DiskFull => msg!("error-disk-full"),
            Self::EntryTooLarge => msg!("error-entry-too-large"),
            Self::EntryAmbiguous => msg!("error-entry-ambiguous"),
            Self::EntryUnknown => msg!("error-entry-unknown"),
            Self::ExchangeVersion => msg!("error-exchange-version"),
            Self::FileExists { path } => msg!("error-file-exists", path = path),
            Self::FileNotHere => msg!("error-file-not-here"),
            Self::FilesDamaged { count } => msg!("error-files-damaged", count = *count),
            Self::FileRefused { path } => msg!("error-file-refused", path = path),
            Self::FileShared { path } => msg!("error-file-shared", path = path),
            Self::FilesRefused { count } => msg!("error-files-refused", count = *count),
            Self::FileTooHeavy { path } => msg!("error-file-too-heavy", path = path),
            Self::FileUnreadable { path, reason } => msg!("error-file-unreadable", path = path, reason = reason),
            Self::FileUnwritable { path, reason } => msg!("error-file-unwritable", path = path, reason = reason),
            Self::FormatUnknown { path, format } => msg!("error-format-unknown", path = path, format = format),
            Self::Interrupted => msg!("error-interrupted"),
            Self::InvitationEnded => msg!("error-invitation-ended"),
            Self::KeyStore { reason } => msg!("error-key-store", reason = reason),
            Self::Keyring { why } => msg!("error-keyring", why = why.clone()),
            Self::KeyringLocked => msg!("error-keyring-locked"),
            Self::KeyringPassedOver { why } => msg!("error-keyring-passed-over", why = why.clone()),
            Self::KitDoesNotFit => msg!("error-kit-does-not-fit"),
            Self::KitForestalled => msg!("error-kit-forestalled"),
            Self::KitNeedsPlace => msg!("error-kit-needs-place"),
            Self::KitNotReadBack => msg!("error-kit-not-read-back"),
            Self::KitOfOther => msg!("error-kit-of-other"),
            Self::KitWords => msg!("error-kit-words"),
            Self::LogBroken { line } => msg!("error-log-broken", line = *line),
            Self::NameNeeded => msg!("error-name-needed"),
            Self::NoAnswer => msg!("error-no-answer"),
            Self::NobodyNear => msg!("error-nobody-near"),
            Self::NoOtherDevice => msg!("error-no-other-device"),
            Self::NoHome => msg!("error-no-home"),
            Self::NoKeyStore => msg!("error-no-key-store"),
            Self::NoKeyring => msg!("error-no-keyring"),
            Self::NoLocks => msg!("error-no-locks"),
            Self::NoMemory => msg!("error-no-memory"),
            Self::NoNetwork { reason } => msg!("error-no-network", reason = reason),
            Self::NoRecord => msg!("error-no-record"),
            Self::NoRelay => msg!("error-no-relay"),
            Self::NotAdmitted => msg!("error-not-admitted"),
            Self::NotADocument { path } => msg!("error-not-a-document", path = path),
            Self::NotAFile { path } => msg!("error-not-a-file", path = path),
            Self::NotATicket => msg!("error-not-a-ticket"),
            Self::NotAVault => msg!("error-not-a-vault"),
            Self::NotConfirmed => msg!("error-not-confirmed"),
            Self::NoTerminal => msg!("error-no-terminal"),
            Self::NotGranted => msg!("error-not-granted"),
            Self::NothingToImport { path } => msg!("error-nothing-to-import", path = path),
            Self::NoVault { folder } => msg!("error-no-vault", folder = folder),
            Self::NoWorker => msg!("error-no-worker"),
            Self::NotOfKind { path } => msg!("error-not-of-kind", path = path),
            Self::OtherPerson { path } => msg!("error-other-person", path = path),
            Self::OtherRelay => msg!("error-other-relay"),
            Self::OtherSideSilent => msg!("error-other-side-silent"),
            Self::Ours(reason) => msg!("error-ours", reason = reason),
            Self::OwnDevice => msg!("error-own-device"),
            Self::PairingAltered => msg!("error-pairing-altered"),
            Self::PartlyRefused { count } => msg!("error-partly-refused", count = *count),
            Self::PassphraseLength => msg!("error-passphrase-length"),
            Self::PassphrasesDiffer => msg!("error-passphrases-differ"),
            Self::PassphraseWeak => msg!("error-passphrase-weak"),
            Self::PeerMalformed => msg!("error-peer-malformed"),
            Self::ReadOnly => msg!("error-read-only"),
            Self::RecordAmbiguous => msg!("error-record-ambiguous"),
            Self::RecordExists => msg!("error-record-exists"),
            Self::RecordUnknown => msg!("error-record-unknown"),
            Self::RelayAlarm { what } => msg!("error-relay-alarm", what = what.clone()),
            Self::RelayContradicted { what } => msg!("error-relay-contradicted", what = what.clone()),
            Self::RelayRefuses { reason } => msg!("error-relay-refuses", reason = reason),
            Self::RelayUnseen => msg!("error-relay-unseen"),
            Self::RemovalsFull => msg!("error-removals-full"),
            Self::Rules(rules) => msg!("error-rules", rules = rules.clone()),
            Self::RulesAhead { date } => msg!("error-rules-ahead", date = date),
            Self::RulesForm { place } => msg!("error-rules-form", place = place),
            Self::RulesNotNewer { kept } => msg!("error-rules-not-newer", kept = kept),
            Self::RulesSignature => msg!("error-rules-signature"),
            Self::TicketClosed => msg!("error-ticket-closed"),
            Self::TicketNeedsPlace => msg!("error-ticket-needs-place"),
            Self::TooLarge { path } => msg!("error-too-large", path = path),
            Self::TooManyFiles { max } => msg!("error-too-many-files", max = *max),
            Self::UnlockTooLong => msg!("error-unlock-too-long"),
            Self::Unreachable => msg!("error-unreachable"),
            Self::Usage(what) => msg!("error-usage", what = what.clone()),
            Self::VaultExists => msg!("error-vault-exists"),
            Self::VaultVersion { version } => msg!("error-vault-version", version = *version),
            Self::Waiting => msg!("error-waiting"),
            Self::WorkerFailed => msg!("error-worker-failed"),
            Self::WrongPassphrase => msg!("error-wrong-passphrase"),
        }
    }

    /// The name of the failure in `--json`: the key of its message without `error-`, with underscores.
    pub(crate) fn code(&self) -> String {
        let message = self.message();
        message.key().trim_start_matches("error-").replace('-', "_")
    }
}
