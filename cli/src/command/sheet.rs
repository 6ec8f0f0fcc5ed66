//! Handing over the words of a recovery kit: onto a sheet or the screen, and one group of them back.
//!
//! The words exist at this moment only. They go where the person said, and nowhere else.

use std::path::Path;

use carnet_vault::RecordId;
use rand::RngExt as _;

use super::files;
use crate::{
    error::Failure,
    kit::{GROUP_WORDS, KitPage, WORDS},
    msg,
    session::Session,
    ui::Block,
};

/// Before words are drawn: is there a place where somebody will see them?
pub(super) fn check_place(out: Option<&Path>, session: &Session<'_>) -> Result<(), Failure> {
    match out {
        None if !can_be_read_back(session) => Err(Failure::KitNeedsPlace),
        Some(path) if path.exists() => Err(Failure::FileExists { path: path.display().to_string() }),
        _ => Ok(()),
    }
}

/// Whether somebody is there to type words back.
pub(super) fn can_be_read_back(session: &Session<'_>) -> bool {
    session.ui.has_terminal() && !session.ui.manner().json
}

/// What a kit says.
pub(super) struct Sheet<'a> {
    /// The 24 words.
    pub(super) words: &'a str,
    /// The record that they open.
    pub(super) record: RecordId,
    /// Where its relay is.
    pub(super) relay: Option<&'a str>,
    /// What the person calls it.
    pub(super) label: &'a str,
}

impl Sheet<'_> {
    /// Gives the words to the person: as a page in a new file, or on the screen.
    pub(super) fn give(&self, out: Option<&Path>, session: &Session<'_>) -> Result<(), Failure> {
        let words = self.words()?;
        let Some(path) = out else {
            show_words(&words, session);
            return Ok(());
        };
        let made_on = session.now().to_string().chars().take(10).collect::<String>();
        let record_id = self.record.to_string();
        let page = KitPage { words, record_id: &record_id, relay: self.relay, label: self.label, made_on: &made_on };
        files::write_own(path, &page.pdf().map_err(|_| Failure::KitDoesNotFit)?)
    }

    /// Asks for one group of the words, so that the sheet is known to be in the person's hands. `--yes` does not answer.
    pub(super) fn read_back(&self, session: &Session<'_>) -> Result<bool, Failure> {
        let group = Session::chance().random_range(0..WORDS / GROUP_WORDS);
        let words = self.words()?;
        let expected: Vec<&str> = words.iter().skip(group * GROUP_WORDS).take(GROUP_WORDS).copied().collect();
        let answer = session.ui.ask(&msg!("ask-kit-group", group = group + 1))?;
        let typed: Vec<String> = answer.to_lowercase().split_whitespace().map(str::to_owned).collect();
        Ok(typed == expected)
    }

    fn words(&self) -> Result<[&str; WORDS], Failure> {
        let words: Vec<&str> = self.words.split_whitespace().collect();
        words.try_into().map_err(|_| Failure::KitDoesNotFit)
    }
}

fn show_words(words: &[&str; WORDS], session: &Session<'_>) {
    let groups = words.chunks(GROUP_WORDS).enumerate();
    let lines: Vec<String> = groups.map(|(at, group)| format!("{}.  {}", at + 1, group.join("  "))).collect();
    session.ui.show(&[Block::Say(msg!("kit-words")), Block::Lines(lines.join("\n"))]);
}
