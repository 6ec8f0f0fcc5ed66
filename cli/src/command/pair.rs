//! `pair`: adding a device to a record, face to face or by letter.
//!
//! Nothing is given before a person has said that both sides show the same six digits; `--yes` does not say it. A ticket
//! or a typed code is a secret: it goes to a file for this account only or to the terminal, never to standard output.

use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_sync::{Invited, Meeting, Met, Node, SyncError, hand_on};
use carnet_vault::{
    RecordId, RelayAddress,
    pairing::{Delivery, Meeting as Place, Ticket},
};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    entries, files, init,
    record::{checked_name, free_name},
};
use crate::{
    error::Failure,
    msg,
    network::{self, Teller, add_synced},
    qr,
    session::Session,
    ui::{Block, Report},
};

/// Largest file that is read as a ticket, in bytes.
const TICKET_BYTES_MAX: u64 = 8 * 1024;
/// How long the joining side waits to be admitted once its person has answered: the other person reads six digits too.
const ADMISSION: Duration = Duration::from_mins(3);
/// The name of a record on a device that joins it, if none is given.
const NAME_DEFAULT: &str = "Carnet";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    Invite(InviteOptions),
    Join(JoinOptions),
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Invite(_) => "pair invite",
            Self::Join(_) => "pair join",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct InviteOptions {
    #[arg(long, value_name = "FILE")]
    ticket_out: Option<PathBuf>,
    #[arg(long)]
    code: bool,
    #[arg(long)]
    letter: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct JoinOptions {
    #[arg(value_name = "TICKET-FILE", required_unless_present = "relay", conflicts_with = "relay")]
    ticket: Option<PathBuf>,
    #[arg(long, value_name = "ADDR")]
    relay: Option<String>,
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    match &options.action {
        Action::Invite(options) => invite(options, session),
        Action::Join(options) => join(options, session),
    }
}

fn invite(options: &InviteOptions, session: &Session<'_>) -> Result<Report, Failure> {
    let has_terminal = session.ui.has_terminal() && !session.ui.manner().json;
    if !has_terminal && (options.code || options.ticket_out.is_none()) {
        return Err(Failure::TicketNeedsPlace);
    }
    if let Some(path) = options.ticket_out.as_ref().filter(|path| path.exists()) {
        return Err(Failure::FileExists { path: path.display().to_string() });
    }
    let vault = session.open()?;
    let id = session.meant(&vault)?.id;
    network::run(vault, session.ui, async |node, shared| {
        let delivery = if options.letter { Delivery::Letter } else { Delivery::AtOnce };
        let invited = Invited::open(node, shared, id, delivery, options.code).await?;
        let interrupted = network::interrupted();
        hand_over(&invited, options, session)?;
        let met = invited.meet(node, interrupted).await?;
        admit(met, node, id, session).await
    })
}

/// Gives the ticket to the person who invites: in a file, or on the terminal.
fn hand_over(invited: &Invited, options: &InviteOptions, session: &Session<'_>) -> Result<(), Failure> {
    let ticket = invited.ticket();
    let expires = entries::local(ticket.expires.0 / 1000 * 1000, &session.zones).to_string();
    let mut fields = Map::from_iter([("expires".to_owned(), Value::String(expires.clone()))]);
    let mut page = Vec::new();
    if let Some(path) = &options.ticket_out {
        let text = ticket.expose_text();
        files::write_own(path, text.as_bytes())?;
        fields.insert("path".to_owned(), Value::String(path.display().to_string()));
        page.push(Block::Say(msg!("ticket-written", path = path.display().to_string())));
    } else if let Some(code) = invited.code() {
        page.push(Block::Pairs(vec![(msg!("ticket-code"), code.into())]));
        if let Some(relay) = &ticket.meeting.relay {
            page.push(Block::Pairs(vec![(msg!("column-relay"), relay.to_string().into())]));
        }
    } else {
        let text = ticket.expose_text();
        page.extend(qr::half_blocks(&text).map(Block::Lines));
        page.push(Block::Lines(text.to_string()));
    }
    page.push(Block::Say(msg!("ticket-expires", expires = expires)));
    session.ui.show(&page);
    session.ui.event("ticket", fields);
    Ok(())
}

/// Asks whether the digits are the same, admits the device, and lets it have the record. Whoever is not admitted is told.
async fn admit(met: Met, node: &Node, id: RecordId, session: &Session<'_>) -> Result<Report, Failure> {
    let label = met.label().to_owned();
    session.ui.talk(&msg!("device-asks", name = &label));
    if let Err(failure) = compare(&met.code(), session).await {
        met.refuse(node).await;
        return Err(failure);
    }
    let admitted = met.admit(node).await?;
    let device = admitted.device();
    session.ui.event("admitted", Map::from_iter([("device".to_owned(), Value::String(device.to_string()))]));
    let mut teller = Teller::new(session.ui);
    let mut tell = |event| teller.tell(event);
    let exchanged = tokio::select! {
        exchanged = hand_on(node, admitted, ADMISSION, &mut tell) => exchanged,
        () = network::interrupted() => Err(SyncError::Interrupted),
    };
    let mut report = Report { page: vec![Block::Say(msg!("device-admitted", name = &label))], ..Report::default() };
    let mut data = Map::from_iter([
        ("record".to_owned(), Value::String(id.to_string())),
        ("device".to_owned(), Value::String(device.to_string())),
        ("label".to_owned(), Value::String(label)),
    ]);
    report.failure = add_synced(exchanged, &mut data, &mut report.page, &mut report.warnings);
    report.data = Value::Object(data);
    Ok(report)
}

fn join(options: &JoinOptions, session: &Session<'_>) -> Result<Report, Failure> {
    let device = checked_name(options.label.as_deref().unwrap_or(std::env::consts::OS))?;
    let named = options.name.as_deref().or(session.config.record.as_deref());
    let name = checked_name(named.unwrap_or(NAME_DEFAULT))?;
    let ticket = ticket(options, session)?;
    let vault = init::open_or_create(session)?;
    free_name(&vault, &name, ticket.record().as_ref())?;
    network::run(vault, session.ui, async |node, shared| {
        let meeting = Meeting::enter(node, shared, ticket, &device).await?;
        if let Err(failure) = compare(&meeting.code(), session).await {
            meeting.refuse(node).await;
            return Err(failure);
        }
        let joining = meeting.accept(&name).await?;
        let id = joining.record();
        session.ui.event("joined", Map::from_iter([("record".to_owned(), Value::String(id.to_string()))]));
        session.ui.talk(&msg!("join-waits", minutes = ADMISSION.as_secs() / 60));
        let mut teller = Teller::new(session.ui);
        let mut tell = |event| teller.tell(event);
        let exchanged = tokio::select! {
            exchanged = joining.wait(node, ADMISSION, &mut tell) => exchanged,
            () = network::interrupted() => Err(SyncError::Interrupted),
        };
        let mut report = Report { page: vec![Block::Say(msg!("joined", name = &name))], ..Report::default() };
        let mut data = Map::from_iter([
            ("record".to_owned(), Value::String(id.to_string())),
            ("name".to_owned(), Value::String(name)),
        ]);
        report.failure = add_synced(exchanged, &mut data, &mut report.page, &mut report.warnings);
        if report.failure.is_some() {
            report.page.clear();
        }
        report.data = Value::Object(data);
        Ok(report)
    })
}

/// The ticket of a file or of standard input, or the one behind a typed code.
fn ticket(options: &JoinOptions, session: &Session<'_>) -> Result<Ticket, Failure> {
    let refused = |error| Failure::from(SyncError::Pairing(error));
    let now = session.clock.now();
    if let Some(relay) = &options.relay {
        let relay: RelayAddress = relay.parse().map_err(|_| Failure::BadRelay)?;
        let code = Zeroizing::new(session.ui.ask(&msg!("ask-ticket-code"))?);
        let place = Place { relay: Some(relay), inviter: None };
        return Ticket::from_code(&code, place, now.plus(Delivery::Letter.lifetime_ms())).map_err(refused);
    }
    let path = options.ticket.as_deref().unwrap_or(Path::new("-"));
    let text = if path == Path::new("-") {
        // One line: the answers to the questions that follow come on the same stream.
        Zeroizing::new(session.ui.ask_long(&msg!("ask-ticket"), TICKET_BYTES_MAX)?)
    } else {
        let bytes = Zeroizing::new(entries::read_bounded(path, TICKET_BYTES_MAX)?);
        Zeroizing::new(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    Ticket::parse(&text, now).map_err(refused)
}

/// Shows the six digits and waits for the word that says they are the same, or for an interruption.
async fn compare(code: &str, session: &Session<'_>) -> Result<(), Failure> {
    let shown = code.split_at_checked(3).map_or_else(|| code.to_owned(), |(one, two)| format!("{one} {two}"));
    let interrupted = network::interrupted();
    session.ui.event("code", Map::from_iter([("code".to_owned(), Value::String(shown.clone()))]));
    tokio::select! {
        compared = session.ui.compare_code(&shown) => compared,
        () = interrupted => Err(Failure::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        args::{Arguments, Command, Stop, parse},
        i18n::{Language, Texts},
    };

    fn understood(line: &str) -> Option<Arguments> {
        let words = std::iter::once("carnet").chain(line.split_whitespace()).map(Into::into).collect();
        match parse(words, &Texts::new(Language::French)) {
            Ok(arguments) => Some(arguments),
            Err(Stop::Refuse(failure) | Stop::ShowAndFail(_, failure)) => {
                assert_eq!(failure.exit().code(), 2);
                None
            }
            Err(Stop::Show(text)) => panic!("{text}"),
        }
    }

    #[test]
    fn joining_takes_a_ticket_or_the_relay_of_a_code_and_not_both() {
        for line in ["pair join ticket.txt", "pair join -", "pair join --relay x --label y", "pair invite --letter"] {
            assert!(matches!(understood(line).unwrap().command, Command::Pair(_)), "{line}");
        }
        for line in ["pair", "pair join", "pair join t --relay x", "pair invite --ticket abc", "pair join --code 1234"]
        {
            assert!(understood(line).is_none(), "{line}");
        }
    }

    #[test]
    fn an_exchange_may_name_a_relay() {
        for line in ["sync", "sync --once", "sync --relay x"] {
            assert!(matches!(understood(line).unwrap().command, Command::Sync(_)), "{line}");
        }
        for line in ["sync now", "sync --once now"] {
            assert!(understood(line).is_none(), "{line}");
        }
    }
}
