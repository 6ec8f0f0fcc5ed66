//! Help and refusals of the command line, in the language of the run.
//!
//! The text of a command is `command-PATH`, that of an option `option-PATH-NAME` or, when several commands share it,
//! `option-NAME`. A test holds every command and option to a text, and every such text to a command or option.

use clap::{
    Arg, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    args::Stop,
    error::Failure,
    i18n::{Message, Texts},
    msg,
};

/// `command` with every text of help in the language of `texts`.
pub(crate) fn localise(command: Command, texts: &Texts) -> Command {
    localise_at(command, "", texts)
}

fn localise_at(command: Command, path: &str, texts: &Texts) -> Command {
    let about = texts.say(&Message::new(command_key(path)));
    command
        .about(about)
        .help_template(template(texts))
        .subcommand_help_heading(texts.say(&msg!("help-commands")))
        .subcommand_value_name(texts.say(&msg!("help-command-name")))
        .mut_args(|arg| localise_option(arg, path, texts))
        .mut_subcommands(|inner| {
            let inner_path =
                if path.is_empty() { inner.get_name().to_owned() } else { format!("{path}-{}", inner.get_name()) };
            localise_at(inner, &inner_path, texts)
        })
}

fn localise_option(arg: Arg, path: &str, texts: &Texts) -> Arg {
    let [own, shared] = option_keys(path, arg.get_id().as_str());
    let text = texts.find(&Message::new(own)).unwrap_or_else(|| texts.say(&Message::new(shared)));
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    let takes_value = arg.get_action().takes_values();
    let text = if takes_value && !values.is_empty() {
        texts.say(&msg!("help-values", text = text, values = values.join(", ")))
    } else {
        text
    };
    let arg = if takes_value { arg.hide_possible_values(true).hide_default_value(true) } else { arg };
    let heading = texts.say(&heading(&arg));
    arg.help(text).help_heading(heading)
}

/// The layout of a page of help: clap has the word before the usage in English only.
fn template(texts: &Texts) -> String {
    format!("{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}\n", texts.say(&msg!("help-usage")))
}

/// The heading under which an option stands. The options of every command come last, apart from the command's own.
fn heading(arg: &Arg) -> Message {
    if arg.is_positional() {
        msg!("help-arguments")
    } else if arg.is_global_set() || arg.get_id() == "version" {
        msg!("help-options-of-all")
    } else {
        msg!("help-options")
    }
}

/// Turns what clap says into help to show or into a refusal in the language of the run.
pub(crate) fn explain(error: &clap::Error, grammar: &mut Command) -> Stop {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Stop::Show(error.render().to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Stop::ShowAndFail(error.render().to_string(), Failure::Usage(msg!("usage-missing-command")))
        }
        ErrorKind::MissingSubcommand => {
            Stop::ShowAndFail(grammar.render_help().to_string(), Failure::Usage(msg!("usage-missing-command")))
        }
        _ => Stop::Refuse(Failure::Usage(refusal(error))),
    }
}

/// One sentence for one refusal. Values are never repeated: they may be health data, or a secret in the wrong place.
fn refusal(error: &clap::Error) -> Message {
    let option = || option_name(&context(error, ContextKind::InvalidArg));
    match error.kind() {
        ErrorKind::UnknownArgument => match context(error, ContextKind::SuggestedArg) {
            suggestion if suggestion.is_empty() => msg!("usage-unknown-option", option = option()),
            suggestion => msg!("usage-unknown-option-suggest", option = option(), suggestion = suggestion),
        },
        ErrorKind::InvalidSubcommand => {
            msg!("usage-unknown-command", word = context(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => msg!("usage-missing", option = context(error, ContextKind::InvalidArg)),
        ErrorKind::ArgumentConflict => {
            msg!("usage-conflict", option = option(), other = option_name(&context(error, ContextKind::PriorArg)))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => {
            match context(error, ContextKind::ValidValue) {
                values if values.is_empty() => msg!("usage-value", option = option()),
                values => msg!("usage-value-among", option = option(), values = values),
            }
        }
        _ => msg!("usage-other"),
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        _ => String::new(),
    }
}

/// The name alone: what follows an equals sign is a value.
fn option_name(text: &str) -> String {
    text.split('=').next().unwrap_or_default().to_owned()
}

fn command_key(path: &str) -> String {
    if path.is_empty() { "command".to_owned() } else { format!("command-{path}") }
}

fn option_keys(path: &str, id: &str) -> [String; 2] {
    let name = id.replace('_', "-");
    [format!("option-{path}-{name}"), format!("option-{name}")]
}

/// The keys of help that `command` uses, for the test that compares them with the texts.
#[cfg(test)]
pub(crate) fn keys_used(command: &Command, path: &str, has: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut keys = vec![command_key(path)];
    for arg in command.get_arguments() {
        let [own, shared] = option_keys(path, arg.get_id().as_str());
        keys.push(if has(&own) { own } else { shared });
    }
    for inner in command.get_subcommands() {
        let inner_path =
            if path.is_empty() { inner.get_name().to_owned() } else { format!("{path}-{}", inner.get_name()) };
        keys.extend(keys_used(inner, &inner_path, has));
    }
    keys
}
