//! Questions to the person. `--yes` answers confirmations and nothing else: never a code to compare, never words to
//! read back.

use std::io::{self, BufRead, Read, Write};

use tokio::sync::oneshot;

use super::Ui;
use crate::{error::Failure, i18n::Message, msg};

/// Longest answer read, in bytes. What follows on the same line is not read.
const ANSWER_BYTES_MAX: u64 = 1024;

impl Ui {
    /// Asks `question` and waits for yes or no. Without a terminal, only `--yes` confirms.
    pub(crate) fn confirm(&self, question: &Message) -> Result<(), Failure> {
        if self.manner.yes {
            return Ok(());
        }
        if !self.has_terminal() {
            return Err(Failure::ConfirmationNeeded);
        }
        let answer = self.ask(&msg!("confirm", question = question.clone()))?;
        let accepted = self.text(&msg!("confirm-yes-words"));
        if is_one_of(&answer, &accepted) { Ok(()) } else { Err(Failure::NotConfirmed) }
    }

    /// Asks `question` and gives the first line of the answer, without spaces around it. Read from standard input,
    /// terminal or not; an end of input is no answer.
    pub(crate) fn ask(&self, question: &Message) -> Result<String, Failure> {
        self.ask_long(question, ANSWER_BYTES_MAX)
    }

    /// As [`Ui::ask`], for an answer of up to `bytes_max` bytes.
    pub(crate) fn ask_long(&self, question: &Message, bytes_max: u64) -> Result<String, Failure> {
        self.prompt(question);
        read_answer(bytes_max)
    }

    /// Shows both sides' digits and waits for the word that says they are the same. `--yes` does not answer it. The
    /// answer is read aside, so that whoever waits for it can turn to something else; then it is never taken.
    pub(crate) async fn compare_code(&self, digits: &str) -> Result<(), Failure> {
        self.prompt(&msg!("compare-code", digits = digits));
        let (told, heard) = oneshot::channel();
        std::thread::spawn(move || drop(told.send(read_answer(ANSWER_BYTES_MAX))));
        let answer = heard.await.unwrap_or(Err(Failure::NoAnswer))?;
        // Both words are accepted in both languages: two devices may speak different ones.
        if is_one_of(&answer, "identique same") { Ok(()) } else { Err(Failure::CodesDiffer) }
    }

    /// Writes `question` and leaves the cursor behind it.
    pub(crate) fn prompt(&self, question: &Message) {
        let mut out = io::stderr().lock();
        let _ = write!(out, "{} ", self.text(question)).and_then(|()| out.flush());
    }

    /// Whether a person is there to answer.
    pub(crate) fn has_terminal(&self) -> bool {
        self.has_person
    }
}

fn read_answer(bytes_max: u64) -> Result<String, Failure> {
    let mut answer = Vec::new();
    let read = io::stdin().lock().take(bytes_max).read_until(b'\n', &mut answer);
    match read {
        Ok(1..) => Ok(String::from_utf8_lossy(&answer).trim().to_owned()),
        Ok(0) | Err(_) => Err(Failure::NoAnswer),
    }
}

fn is_one_of(answer: &str, words: &str) -> bool {
    let answer = answer.to_lowercase();
    words.split_whitespace().any(|word| word == answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_whole_word() {
        assert!(is_one_of("Oui", "o oui y yes"));
        assert!(is_one_of("y", "y yes o oui"));
        for wrong in ["", "ou", "oui yes", "yes please", "ye"] {
            assert!(!is_one_of(wrong, "o oui y yes"), "{wrong}");
        }
    }
}
