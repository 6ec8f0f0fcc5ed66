//! `timeline`: everything the record holds in the order of time, cut by section, kind, source and words.

use carnet_record::{Entry, Fact, SectionKind};

use super::{
    entries::{self, Found, ListOptions},
    export::sections,
    search,
};
use crate::{error::Failure, form::profile::IMPORT_REPORT, input::folded, msg, session::Session, ui::Report};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long, value_name = "QUERY")]
    text: Option<String>,
    #[arg(long, value_name = "SECTIONS", value_delimiter = ',')]
    section: Vec<String>,
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    kind: Vec<String>,
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    #[command(flatten)]
    list: ListOptions,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    let sections = sections(&options.section)?;
    let kinds = kinds(&options.kind)?;
    session.with_record(|record| {
        let mut found = record.list(&options.list.filter(&kinds)?)?;
        found.retain(|found| is_meant(found, &sections, options));
        Ok(entries::listed(found, &options.list))
    })
}

/// The kinds that are shown: those that were named, or all but the reports of imports.
fn kinds(named: &[String]) -> Result<Vec<&'static str>, Failure> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let known = |name: &String| Fact::KINDS.iter().copied().find(|kind| kind == name);
    let refused = || Failure::Usage(msg!("usage-value-among", option = "--kind", values = Fact::KINDS.join(", ")));
    named.iter().map(|name| known(name).ok_or_else(refused)).collect()
}

fn is_meant(found: &Found, sections: &[SectionKind], options: &Options) -> bool {
    let is_report = options.kind.is_empty() && found.entry.fact.kind() == IMPORT_REPORT;
    !is_report
        && (sections.is_empty() || found.section.is_some_and(|section| sections.contains(&section)))
        && options.text.as_ref().is_none_or(|query| search::says(&found.entry, query))
        && options.source.as_ref().is_none_or(|name| comes_from(&found.entry, name))
}

/// Whether a source, an application or an author of the entry bears the name, or a part of it.
fn comes_from(entry: &Entry, name: &str) -> bool {
    let provenance = &entry.provenance;
    let source = provenance.source.as_ref().map(|source| source.name.as_str());
    let author = provenance.author.as_ref().and_then(|author| author.name.as_deref());
    let names = [source, provenance.application.as_deref(), author, Some(provenance.origin.as_str())];
    names.into_iter().flatten().any(|own| folded(own).contains(&folded(name)))
}
