//! What the command says to a person, in French and in English. Results are not talk: they go to standard output.
#![expect(clippy::print_stderr, reason = "the talk of this binary goes to standard error, from here only")]

use std::path::Path;

use carnet_relay::{Collected, Status};
use clap::ValueEnum;

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
    pub(crate) fn failed(&self, error: &dyn std::fmt::Display, code: u8) {
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
        eprintln!("carnet-relay: {error}");
        eprintln!("{advice}");
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
