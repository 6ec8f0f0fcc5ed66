//! The grammar of the command in the language of the person. The derived one is English; in French every text is put in
//! its place, and a test holds that none is left out.

use clap::{
    ArgAction, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::talk::Lang;

/// The grammar, in `lang`.
pub(crate) fn grammar(english: Command, lang: Lang) -> Command {
    match lang {
        Lang::En => english,
        Lang::Fr => in_french(english.propagate_version(true)),
    }
}

fn in_french(command: Command) -> Command {
    let mut command = worded(command, "").subcommand_help_heading("Commandes").disable_help_subcommand(true);
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(&name, |sub| worded(sub, &name));
    }
    command
}

/// A command and its options with their French texts.
fn worded(command: Command, name: &str) -> Command {
    let template = if name.is_empty() { ROOT } else { SUB };
    let about = text(name, "").unwrap_or_default();
    let command = command.help_template(template).about(about).long_about(about).disable_help_flag(true);
    let help = clap::Arg::new("help").short('h').long("help").action(ArgAction::Help).help("Affiche cette aide");
    let command = command.arg(help).disable_version_flag(true);
    let version = clap::Arg::new("version").short('V').long("version").action(ArgAction::Version);
    let command = command.arg(version.help("Affiche la version"));
    command.mut_args(|arg| {
        let takes_value = arg.get_action().takes_values();
        let arg = if takes_value { arg.hide_default_value(true).hide_possible_values(true) } else { arg };
        match text(name, arg.get_id().as_str()) {
            Some(said) => arg.help(said).long_help(said),
            None => arg,
        }
    })
}

fn text(command: &str, arg: &str) -> Option<&'static str> {
    let of = |command: &str| FRENCH.iter().find(|(at, name, _)| *at == command && *name == arg).map(|(.., text)| *text);
    // The folder and the options of all commands are said once.
    of(command).or_else(|| of(""))
}

/// What is wrong with the words that were given, in French.
pub(crate) fn refused(error: &clap::Error) -> String {
    let said = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            format!("la commande « {} » n'existe pas.", said(ContextKind::InvalidSubcommand))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("la valeur donnée à « {} » n'est pas acceptée.", said(ContextKind::InvalidArg))
        }
        ErrorKind::MissingRequiredArgument => format!("il manque {}.", said(ContextKind::InvalidArg)),
        ErrorKind::MissingSubcommand => "il manque une commande.".to_owned(),
        ErrorKind::UnknownArgument => format!("« {} » n'est pas attendu ici.", said(ContextKind::InvalidArg)),
        _ => "la ligne de commande n'est pas comprise.".to_owned(),
    }
}

const ROOT: &str = "{about}\n\nUtilisation : {usage}\n\nCommandes :\n{subcommands}\n\nOptions :\n{options}\n";
const SUB: &str = "{about}\n\nUtilisation : {usage}\n\nOptions :\n{options}\n";

/// Command, option, text. A command without option is its own text.
const FRENCH: [(&str, &str, &str); 20] = [
    ("", "", "Un relais aveugle pour Carnet : il conserve et transmet ce qu'il ne peut pas lire"),
    ("", "data", "Le dossier du relais"),
    ("", "json", "Événements et résultats en JSON, un objet par ligne"),
    ("", "lang", "Langue des échanges [valeurs : fr, en]"),
    ("", "quiet", "Rien d'autre que les erreurs"),
    ("audit", "", "Écrit en JSON ce qui est conservé, tel que le voit un étranger qui tient le disque"),
    ("audit", "out", "Le fichier à écrire, ou - pour la sortie standard"),
    ("backup", "", "Copie tout, la clé du relais comprise, dans un seul fichier. Le relais peut tourner"),
    ("backup", "out", "Le fichier à écrire ; il ne doit pas exister"),
    ("gc", "", "Supprime les enveloppes que des instantanés confirmés couvrent depuis assez longtemps, relais arrêté"),
    ("gc", "grace_days", "Jours depuis lesquels un instantané doit être confirmé [30 sans autre choix]"),
    ("init", "", "Crée un relais dans un dossier vide"),
    (
        "init",
        "policy",
        "Qui peut créer un carnet : quiconque connaît l'adresse, ou qui en montre le jeton [valeurs : open, token]",
    ),
    ("restore", "", "Recrée un relais depuis une sauvegarde. Les appareils renverront ce qui y manque"),
    ("restore", "from", "La sauvegarde"),
    ("serve", "", "Fait tourner le relais jusqu'à ce qu'on l'arrête"),
    ("serve", "listen", "Adresse et port d'écoute ; se répète. Le port 0 laisse choisir le système"),
    ("status", "", "Dit combien est conservé"),
    ("", "help", "Affiche cette aide"),
    ("", "version", "Affiche la version"),
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::Arguments;

    #[test]
    fn every_command_and_option_has_a_french_text() {
        let english = Arguments::command();
        assert_eq!(text("", "").map(str::is_empty), Some(false));
        for sub in english.get_subcommands() {
            let own = FRENCH.iter().any(|(at, name, _)| *at == sub.get_name() && name.is_empty());
            assert!(own, "{} has no text", sub.get_name());
            for arg in sub.get_arguments() {
                assert!(text(sub.get_name(), arg.get_id().as_str()).is_some(), "{}: {}", sub.get_name(), arg.get_id());
            }
        }
        for (command, arg, _) in FRENCH {
            let sub = english.find_subcommand(command);
            assert!(command.is_empty() || sub.is_some(), "{command}");
            let known = sub.is_none_or(|sub| arg.is_empty() || sub.get_arguments().any(|one| one.get_id() == arg));
            assert!(known, "{command} has no {arg}");
        }
    }

    #[test]
    fn the_help_and_what_is_refused_are_in_french() {
        let parse = |words: &[&str]| grammar(Arguments::command(), Lang::Fr).try_get_matches_from(words).unwrap_err();
        let help = parse(&["carnet-relay", "--help"]).to_string();
        assert!(help.contains("Utilisation :") && help.contains("Commandes :"), "{help}");
        for word in ["Usage", "Options:", "Print", "Commands", "Possible", "default"] {
            assert!(!help.contains(word), "{word}: {help}");
        }
        let help = parse(&["carnet-relay", "init", "--help"]).to_string();
        assert!(help.contains("--policy") && !help.contains("Who may"), "{help}");
        assert_eq!(refused(&parse(&["carnet-relay", "init", "--nope"])), "« --nope » n'est pas attendu ici.");
        assert!(refused(&parse(&["carnet-relay", "init"])).starts_with("il manque --data"));
        assert!(refused(&parse(&["carnet-relay", "gc", "--data", "x", "--grace-days", "y"])).contains("--grace-days"));
    }
}
