//! What the command says to a person, in French and in English. Results are not talk: they go to standard output.
#![expect(clippy::print_stderr, reason = "the talk of this binary goes to standard error, from here only")]

use std::path::Path;

use carnet_relay::{
    BackupError, CollectError, Collected, ConfigError, InitError, SecretFileError, ServeError, Status, StoreError,
};
use clap::ValueEnum;

use crate::Failure;

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// French.
    Fr,
    /// English.
    En,
}

/// Says things, or is quiet.
#[derive(Debug)]
pub(crate) struct Talk {
    lang: Lang,
    quiet: bool,
}

impl Talk {
    pub(crate) fn new(lang: Lang, quiet: bool) -> Self {
        Self { lang, quiet }
    }

    fn pick<'a>(&self, french: &'a str, english: &'a str) -> &'a str {
        match self.lang {
            Lang::Fr => french,
            Lang::En => english,
        }
    }

    fn say(&self, french: &str, english: &str) {
        if !self.quiet {
            eprintln!("{}", self.pick(french, english));
        }
    }

    /// What failed, then what to do.
    pub(crate) fn failed(&self, failure: &Failure, code: u8) {
        let advice = match code {
            5 => self.pick(
                "Les données du relais sont altérées. Restaurez une sauvegarde avec « carnet-relay restore ».",
                "The relay's data is altered. Restore a backup with `carnet-relay restore`.",
            ),
            6 => self.pick("Choisissez une autre adresse avec --listen.", "Choose another address with --listen."),
            75 => self.pick(
                "Un autre processus écrit dans ce dossier. Arrêtez-le ou attendez sa fin.",
                "Another process writes to this folder. Stop it, or wait for its end.",
            ),
            _ => self.pick(
                "Rien n'a été modifié. Corrigez la cause ci-dessus puis recommencez.",
                "Nothing was changed. Mend the cause above, then try again.",
            ),
        };
        match self.lang {
            Lang::Fr => eprintln!("carnet-relay : {}", french(failure)),
            Lang::En => eprintln!("carnet-relay: {failure}"),
        }
        eprintln!("{advice}");
    }

    /// The words of the command were not understood.
    pub(crate) fn misunderstood(refused: &str) {
        eprintln!("carnet-relay : {refused}");
        eprintln!("« carnet-relay --help » montre les commandes ; « carnet-relay COMMANDE --help », leurs options.");
    }

    pub(crate) fn made(&self, data: &Path) {
        self.say(
            &format!("Le relais est prêt dans {}. Lancez « carnet-relay serve ».", data.display()),
            &format!("The relay is ready in {}. Run `carnet-relay serve`.", data.display()),
        );
    }

    pub(crate) fn listening(&self) {
        self.say("Le relais écoute. Adresse à donner aux appareils :", "The relay is listening. Address for devices:");
    }

    pub(crate) fn stopped(&self) {
        self.say("Le relais est arrêté.", "The relay has stopped.");
    }

    pub(crate) fn written(&self, path: &Path) {
        self.say(
            &format!("Ce que le relais conserve est décrit dans {}.", path.display()),
            &format!("What the relay stores is described in {}.", path.display()),
        );
    }

    pub(crate) fn backed_up(&self, path: &Path) {
        self.say(
            &format!("La sauvegarde est dans {}. Elle contient la clé du relais : gardez-la secrète.", path.display()),
            &format!("The backup is in {}. It holds the relay's key: keep it secret.", path.display()),
        );
    }

    pub(crate) fn restored(&self, data: &Path) {
        self.say(
            &format!(
                "Le relais est restauré dans {}. Les appareils renverront ce qui manque à la sauvegarde.",
                data.display()
            ),
            &format!("The relay is restored in {}. Devices will offer again what the backup lacks.", data.display()),
        );
    }

    pub(crate) fn collected(&self, collected: &Collected) {
        self.say(
            &format!("{} enveloppes supprimées, {} octets.", collected.envelopes, collected.bytes),
            &format!("{} envelopes deleted, {} bytes.", collected.envelopes, collected.bytes),
        );
    }

    /// The status, as text.
    pub(crate) fn status(&self, status: &Status) -> String {
        match self.lang {
            Lang::Fr => format!(
                "carnets : {}\nopérations : {}\nenveloppes : {}\nobjets : {}\noctets : {}\npériode : {}",
                status.records, status.operations, status.envelopes, status.objects, status.bytes, status.store_epoch
            ),
            Lang::En => format!(
                "records: {}\noperations: {}\nenvelopes: {}\nobjects: {}\nbytes: {}\nstore epoch: {}",
                status.records, status.operations, status.envelopes, status.objects, status.bytes, status.store_epoch
            ),
        }
    }
}

/// What failed, in French. Where the system speaks, its own words stand.
fn french(failure: &Failure) -> String {
    match failure {
        Failure::Backup(error) => backup(error),
        Failure::Collect(CollectError::Config(error))
        | Failure::Serve(ServeError::Config(error))
        | Failure::Config(error) => config(error),
        Failure::Collect(CollectError::Secret(error)) | Failure::Serve(ServeError::Secret(error)) => secret(error),
        Failure::Collect(CollectError::Store(error))
        | Failure::Serve(ServeError::Store(error))
        | Failure::Store(error) => store(error),
        Failure::Init(error) => init(error),
        Failure::Serve(ServeError::Bind(error)) => format!("impossible d'écouter : {error}"),
        other => other.to_string(),
    }
}

fn backup(error: &BackupError) -> String {
    match error {
        BackupError::Config(error) => config(error),
        BackupError::Damaged(_) => "la sauvegarde est altérée".to_owned(),
        BackupError::Init(error) => init(error),
        BackupError::Secret(error) => secret(error),
        BackupError::Store(error) => store(error),
        BackupError::Version(version) => {
            format!("la sauvegarde est de la version {version}, que ce programme ne lit pas")
        }
        other => other.to_string(),
    }
}

fn config(error: &ConfigError) -> String {
    match error {
        ConfigError::Missing(path) => format!("{} n'existe pas", path.display()),
        ConfigError::Invalid { path, message } => format!("{} n'est pas valable : {message}", path.display()),
        other => other.to_string(),
    }
}

fn init(error: &InitError) -> String {
    match error {
        InitError::Exists(path) => format!("{} contient déjà un relais", path.display()),
        InitError::Secret(error) => secret(error),
        InitError::Store(error) => store(error),
        other => other.to_string(),
    }
}

fn secret(error: &SecretFileError) -> String {
    match error {
        SecretFileError::Exists(path) => format!("{} existe déjà", path.display()),
        SecretFileError::Length(path) => format!("{} ne contient pas un secret de la bonne longueur", path.display()),
        SecretFileError::Open(path) => format!("{} peut être lu par d'autres que son propriétaire", path.display()),
        other => other.to_string(),
    }
}

fn store(error: &StoreError) -> String {
    match error {
        StoreError::Busy => "un autre processus utilise ce relais".to_owned(),
        StoreError::Damaged(_) => "les données conservées sont altérées".to_owned(),
        StoreError::Disk(reason) => format!("le disque ne suit pas : {reason}"),
        StoreError::Format { found } => format!("les données sont au format {found}, que ce programme ne lit pas"),
        StoreError::Missing(path) => format!("{} ne contient pas de relais", path.display()),
        StoreError::Poisoned => "une écriture a échoué plus tôt ; relancez le relais".to_owned(),
        other => other.to_string(),
    }
}
