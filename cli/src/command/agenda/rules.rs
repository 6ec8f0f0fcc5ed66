//! `agenda rules`: which published rules are gone by, and another file of them, signed, in their place.

use std::path::PathBuf;

use carnet_record::prevention::{Rules, Source, Text};
use carnet_vault::{
    Record,
    prevention::{RulesInForce, SignedRules},
};
use serde_json::json;

use crate::{
    command::entries::read_bounded,
    error::Failure,
    i18n::Language,
    msg,
    session::Session,
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[arg(long, conflicts_with = "from")]
    bundled: bool,
}

/// Bytes of a signed file that are read; what is larger than rules may be is refused by the vault.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

pub(super) fn run(options: &Options, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    if options.bundled {
        record.leave_rules()?;
    }
    if let Some(path) = &options.from {
        let signed = SignedRules::read(&read_bounded(path, FILE_BYTES_MAX)?)?;
        let today = super::due::today(record, session)?;
        let is_trusted = record.trusts(&signed)?;
        if !is_trusted {
            session.ui.show(&page(&signed.rules, Some(&signed.fingerprint()), session.ui.texts().language()));
            session.ui.confirm(&msg!("ask-rules-publisher"))?;
        }
        record.take_rules(&signed, true, today)?;
    }
    let RulesInForce { rules, publisher, set_aside } = record.rules()?;
    let data = json!({
        "title": rules.title,
        "country": rules.country,
        "date": rules.date,
        "review_by": rules.review_by,
        "publisher": publisher,
        "rules": rules.codes().collect::<Vec<_>>(),
        "sources": rules.sources,
        "left_out": rules.left_out,
    });
    let warnings = set_aside.map(|error| Failure::from(error).message()).into_iter().collect();
    let page = page(&rules, publisher.as_deref(), session.ui.texts().language());
    Ok(Report { data, page, warnings, ..Report::default() })
}

/// What a file of rules is, who signed it, what it draws on, and what it leaves out.
fn page(rules: &Rules, publisher: Option<&str>, language: Language) -> Vec<Block> {
    let words = |text: &Text| match language {
        Language::French => text.fr.clone(),
        Language::English => text.en.clone(),
    };
    let mut page = vec![
        Block::Wrapped(0, msg!("rules-head", title = words(&rules.title), country = &rules.country)),
        Block::Wrapped(0, msg!("rules-dates", date = rules.date.to_string(), review = rules.review_by.to_string())),
        Block::Wrapped(0, publisher.map_or_else(|| msg!("rules-bundled"), |key| msg!("rules-publisher", key = key))),
        Block::Wrapped(0, msg!("rules-sources", count = rules.sources.len())),
    ];
    let source = |source: &Source| {
        let (title, publisher) = (source.title.as_str(), source.publisher.as_str());
        let (date, address) = (source.date.to_string(), source.address.as_str());
        Block::Wrapped(0, msg!("rules-source", title = title, publisher = publisher, date = date, address = address))
    };
    page.extend(rules.sources.values().map(source));
    if !rules.left_out.is_empty() {
        page.push(Block::Wrapped(0, msg!("rules-left-out")));
        page.extend(rules.left_out.iter().map(|text| Block::Wrapped(0, msg!("due-item", name = words(text)))));
    }
    page
}
