//! One run on a vault: how it is opened, and which record is meant.

use std::sync::Arc;

use carnet_record::{Instant, ZoneHistory};
use carnet_vault::{
    Clock, Door, Passphrase, Record, RecordSummary, UnixMillis, Vault, VaultError, VaultKey,
    store::{KeyStoreName, OpenError, Options},
};
use rand::{CryptoRng, rand_core::UnwrapErr, rngs::SysRng};

use crate::{
    command::entries,
    config::Config,
    error::Failure,
    i18n::Message,
    keyring::{
        SessionStore, Source, Typed,
        account::{self, Unkept},
    },
    msg,
    ui::Ui,
};

/// How long a command waits for a vault that another one uses, in milliseconds.
const BUSY_MS_MAX: u64 = 10_000;
/// How long it waits between two tries.
const BUSY_STEP_MS: u64 = 100;

/// What every command on a vault works with.
pub(crate) struct Session<'a> {
    /// The way to the person.
    pub(crate) ui: &'a Ui,
    /// The settings of this run.
    pub(crate) config: &'a Config,
    /// Where the passphrase comes from.
    pub(crate) source: Source,
    /// The present.
    pub(crate) clock: Arc<dyn Clock>,
    /// The zones that the person lives in, as far as this machine knows.
    pub(crate) zones: ZoneHistory,
}

impl Session<'_> {
    /// The clock and chance that the vault works with.
    pub(crate) fn door(&self) -> Door {
        Door::new(self.clock.clone(), || Box::new(UnwrapErr(SysRng)))
    }

    /// A source of chance for what the command draws itself.
    pub(crate) fn chance() -> impl CryptoRng {
        UnwrapErr(SysRng)
    }

    /// The present moment to the second, with the person's offset.
    pub(crate) fn now(&self) -> Instant {
        entries::local(self.clock.now().0 / 1000 * 1000, &self.zones)
    }

    /// Where the key of this vault is kept while it is unlocked.
    pub(crate) fn keeper(&self) -> SessionStore {
        let folder = std::fs::canonicalize(&self.config.vault).unwrap_or_else(|_| self.config.vault.clone());
        SessionStore::of(&folder.to_string_lossy())
    }

    /// Opens the vault: with the key of `unlock --for`, with the one of the account's keyring, else with its passphrase.
    /// A passphrase that the options name comes before all.
    pub(crate) fn open(&self) -> Result<Vault, Failure> {
        if !Vault::is_in(&self.config.vault) {
            return Err(Failure::NoVault { folder: self.config.vault.display().to_string() });
        }
        if self.source != Source::Prompt {
            return self.open_with_passphrase();
        }
        if let Some(key) = self.keeper().key().and_then(|key| VaultKey::from_store(&key)) {
            match self.patiently(|| Vault::open_with_key(&self.config.vault, &key, Options::default(), self.door())) {
                // The vault was given a new key since: the kept one is of no use.
                Err(VaultError::Open(OpenError::Foreign)) => drop(self.keeper().forget()),
                opened => return opened.map_err(Failure::from),
            }
        }
        let mut why = None;
        for name in Vault::key_store_names(&self.config.vault) {
            match self.open_with_keyring(&name)? {
                Ok(vault) => return Ok(vault),
                Err(reason) => why = why.or(Some(reason)),
            }
        }
        let Some(why) = why else { return self.open_with_passphrase() };
        self.ui.talk(&msg!("keyring-passed-over", why = why.clone()));
        self.open_with_passphrase().map_err(|failure| match failure {
            Failure::NoTerminal => Failure::KeyringPassedOver { why },
            failure => failure,
        })
    }

    fn open_with_passphrase(&self) -> Result<Vault, Failure> {
        let typed = self.source.existing(self.ui)?;
        let passphrase = passphrase(&typed)?;
        let opened = self.patiently(|| Vault::open(&self.config.vault, &passphrase, Options::default(), self.door()));
        opened.map_err(Failure::from)
    }

    /// The vault, opened with the key that the keyring of the account has under `name`, or why that key opens nothing.
    fn open_with_keyring(&self, name: &KeyStoreName) -> Result<Result<Vault, Message>, Failure> {
        let key = match account::key(name) {
            Ok(key) => key,
            Err(unkept) => return Ok(Err(unkept.why())),
        };
        let open = || Vault::open_with_key_store(&self.config.vault, &key, Options::default(), self.door());
        match self.patiently(open) {
            Err(VaultError::Open(OpenError::Foreign)) => Ok(Err(msg!("keyring-other-key"))),
            opened => opened.map(Ok).map_err(Failure::from),
        }
    }

    /// Whether the keyring of the account has a key for the vault now. None where the vault has no lock for a keyring.
    pub(crate) fn keyring(&self) -> Option<Result<(), Unkept>> {
        let names = Vault::key_store_names(&self.config.vault);
        let asked: Vec<_> = names.iter().map(|name| account::key(name).map(|_| ())).collect();
        asked.iter().find(|had| had.is_ok()).or(asked.first()).cloned()
    }

    /// Tries again while another command holds the vault, for a limited time.
    fn patiently<T>(&self, open: impl Fn() -> Result<T, VaultError>) -> Result<T, VaultError> {
        let end = self.clock.now().plus(BUSY_MS_MAX);
        let mut is_said = false;
        loop {
            match open() {
                Err(VaultError::Open(OpenError::Busy)) if self.clock.now() < end => {
                    if !is_said {
                        self.ui.talk(&msg!("vault-busy-waiting"));
                        is_said = true;
                    }
                    pause(BUSY_STEP_MS);
                }
                result => return result,
            }
        }
    }

    /// The record that the person means: by name or id, else the only one, else the one marked as default.
    pub(crate) fn meant(&self, vault: &Vault) -> Result<RecordSummary, Failure> {
        choose(vault.records()?, self.config.record.as_deref())
    }

    /// Runs `work` on the record that is meant.
    pub(crate) fn with_record<T>(
        &self,
        work: impl FnOnce(&mut Record<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut vault = self.open()?;
        let id = self.meant(&vault)?.id;
        let result = work(&mut vault.record(&id)?);
        // What was acknowledged is safe whatever closing says; a failure of the work comes first.
        let closed = vault.close();
        let result = result?;
        closed.map_err(VaultError::from)?;
        Ok(result)
    }
}

/// A passphrase of what was typed.
pub(crate) fn passphrase(typed: &Typed) -> Result<Passphrase, Failure> {
    Passphrase::new(typed).map_err(|_| Failure::PassphraseLength)
}

/// A passphrase that may protect a vault from now on.
pub(crate) fn new_passphrase(typed: &Typed) -> Result<Passphrase, Failure> {
    let passphrase = passphrase(typed)?;
    passphrase.check_strength().map_err(|_| Failure::PassphraseWeak)?;
    Ok(passphrase)
}

fn choose(records: Vec<RecordSummary>, named: Option<&str>) -> Result<RecordSummary, Failure> {
    let is_meant = |record: &RecordSummary| match named {
        None => true,
        Some(name) => record.label == name || (name.len() >= 6 && record.id.to_string().starts_with(name)),
    };
    let mut meant: Vec<RecordSummary> = records.into_iter().filter(is_meant).collect();
    if meant.len() > 1 && named.is_none() {
        meant.retain(|record| record.is_default);
    }
    match (meant.pop(), meant.is_empty(), named) {
        (Some(record), true, _) => Ok(record),
        (None, _, None) => Err(Failure::NoRecord),
        (None, _, Some(_)) => Err(Failure::RecordUnknown),
        (Some(_), false, _) => Err(Failure::RecordAmbiguous),
    }
}

/// The system's clock: the only one that the command reads.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        #[expect(clippy::disallowed_methods, reason = "this is where time comes into the program")]
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

fn pause(millis: u64) {
    #[expect(
        clippy::disallowed_methods,
        reason = "waiting for another process is bounded by the clock in `patiently`"
    )]
    std::thread::sleep(std::time::Duration::from_millis(millis));
}

#[cfg(test)]
mod tests {
    use carnet_vault::{DeviceStanding, RecordId};

    use super::*;

    fn record(label: &str, byte: u8, is_default: bool) -> RecordSummary {
        RecordSummary {
            id: RecordId([byte; 32]),
            label: label.to_owned(),
            since: UnixMillis(0),
            is_default,
            relay: None,
            standing: DeviceStanding::Member,
            kit_confirmed: true,
            synced_at: None,
            contradiction: None,
        }
    }

    #[test]
    fn the_only_record_or_the_default_one_is_meant() {
        assert_eq!(choose(Vec::new(), None), Err(Failure::NoRecord));
        assert_eq!(choose(vec![record("a", 1, false)], None).unwrap().label, "a");
        let two = || vec![record("a", 1, false), record("b", 2, true)];
        assert_eq!(choose(two(), None).unwrap().label, "b");
        let none = vec![record("a", 1, false), record("b", 2, false)];
        assert_eq!(choose(none, None), Err(Failure::NoRecord));
    }

    #[test]
    fn fault_j_the_wrong_record_is_never_guessed() {
        let records = || vec![record("a", 0x11, true), record("a", 0x12, false), record("b", 0x22, false)];
        assert_eq!(choose(records(), Some("a")), Err(Failure::RecordAmbiguous));
        assert_eq!(choose(records(), Some("c")), Err(Failure::RecordUnknown));
        assert_eq!(choose(records(), Some("222222")).unwrap().label, "b");
        assert_eq!(choose(records(), Some("2222")), Err(Failure::RecordUnknown), "a short prefix is no name");
    }
}
