//! `document`: files of the record, sealed beside it, with what is said about them.

use std::path::{Path, PathBuf};

use carnet_interop::intake::{IMPORTER, worker::WorkerError};
use carnet_record::{Draft, EntryId, Fact, ZoneHistory, item::Item};
use carnet_vault::{Record, RecordError, entries::Filter, import::ImportSource};
use serde_json::{Value, json};

use super::{
    entries::{self, Common, ListOptions, Noun},
    files::NewFile,
    intake, search,
};
use crate::{
    error::Failure,
    form::{self, document::DocumentFields},
    msg,
    session::Session,
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    Add(AddOptions),
    List(ListDocuments),
    Show {
        #[arg(value_name = "ID")]
        id: String,
        #[arg(long)]
        history: bool,
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    Edit(EditOptions),
    Remove {
        #[arg(value_name = "ID", required = true)]
        id: Vec<String>,
    },
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "document add",
            Self::Edit(_) => "document edit",
            Self::List(_) => "document list",
            Self::Remove { .. } => "document remove",
            Self::Show { .. } => "document show",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddOptions {
    #[arg(value_name = "FILE", required = true)]
    file: Vec<PathBuf>,
    #[command(flatten)]
    fields: DocumentFields,
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListDocuments {
    #[command(flatten)]
    options: ListOptions,
    #[arg(long, value_name = "CODE")]
    category: Option<String>,
    #[arg(long, value_name = "NAME")]
    folder: Option<String>,
    #[arg(long)]
    pinned: bool,
    #[arg(long, value_name = "QUERY")]
    text: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EditOptions {
    #[arg(value_name = "ID")]
    id: String,
    #[arg(long)]
    restore: bool,
    #[command(flatten)]
    fields: DocumentFields,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    session.with_record(|record| match &options.action {
        Action::Add(options) => add(options, record, session),
        Action::List(options) => list(options, record),
        Action::Show { id, history, out } => match out {
            None => entries::show(record, Noun::Document, id, *history),
            Some(path) => save(record, id, path),
        },
        Action::Edit(options) => edit(options, record, session),
        Action::Remove { id } => entries::remove(record, Noun::Document, id),
    })
}

fn add(options: &AddOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let mut added = Vec::new();
    for path in &options.file {
        added.push(add_one(path, options, record, session)?);
    }
    let page = added
        .iter()
        .map(|found| Block::Say(msg!("saved", name = found.entry.fact.label(), id = found.entry.id.to_string())))
        .collect();
    let data = added.iter().map(entries::found_json).collect::<Vec<Value>>();
    Ok(Report { data: Value::Array(data), page, ..Report::default() })
}

/// Reads a file in the worker, like any file from outside, and keeps it as one document.
fn add_one(
    path: &Path,
    options: &AddOptions,
    record: &mut Record<'_>,
    session: &Session<'_>,
) -> Result<entries::Found, Failure> {
    let file = intake::open(path)?;
    let sha256 = intake::digest(&file, path)?;
    let mut worker = intake::start(file, path, &record.zones()?, false, session)?;
    let mut import = record.begin_import(&ImportSource { sha256, importer: format!("{IMPORTER} document") })?;
    let taken = import.read(|| -> Result<Option<Item>, Failure> {
        let Some(item) = worker.next() else { return Ok(None) };
        match item.map_err(|error: WorkerError| intake::refused(path, error))? {
            Item::DocumentStart { draft } => {
                Ok(Some(Item::DocumentStart { draft: said_about(draft, path, options, &session.zones)? }))
            }
            item @ (Item::DocumentBytes(_) | Item::DocumentEnd { .. } | Item::Tally(_)) => Ok(Some(item)),
            _ => Err(Failure::NotADocument { path: path.display().to_string() }),
        }
    });
    if let Err(failure) = taken {
        import.abandon()?;
        return Err(failure);
    }
    import.finish::<Failure>(|_| Ok(None))?;
    let sha256 = intake::hex(&sha256);
    let filter = Filter { kinds: vec!["document".to_owned()], with_removed: true, ..Filter::default() };
    let is_it = |fact: &Fact| matches!(fact, Fact::Document(document) if document.sha256.as_deref() == Some(&sha256));
    let kept = record.list(&filter)?.into_iter().find(|found| is_it(&found.entry.fact)).ok_or(Failure::EntryUnknown)?;
    said_again(kept, options, record, session)
}

/// The document of content that was here already: what the person says of it now counts, and if it was removed it is back.
fn said_again(
    mut kept: entries::Found,
    options: &AddOptions,
    record: &mut Record<'_>,
    session: &Session<'_>,
) -> Result<entries::Found, Failure> {
    if kept.entry.removed.is_some() {
        kept.entry = record.restore(&kept.entry.id)?;
    }
    let before = kept.entry.clone();
    if let Fact::Document(document) = &mut kept.entry.fact {
        options.fields.apply(document, &session.zones)?;
    }
    if let Some(comment) = options.comment.as_ref().filter(|text| !text.trim().is_empty()) {
        kept.entry.comment = Some(comment.clone());
    }
    if kept.entry != before {
        record.amend(&kept.entry)?;
    }
    Ok(kept)
}

/// The draft of a document with what the person says about it.
fn said_about(
    mut draft: Box<Draft>,
    path: &Path,
    options: &AddOptions,
    zones: &ZoneHistory,
) -> Result<Box<Draft>, Failure> {
    let named = options.fields.new_document(path, zones)?;
    if let Fact::Document(document) = &mut draft.fact {
        document.title = named.title;
        options.fields.apply(document, zones)?;
    }
    draft.comment = options.comment.clone().filter(|text| !text.trim().is_empty());
    let mut typed = draft.clone();
    typed.provenance.origin = carnet_record::Origin::Typed;
    form::check(&typed)?;
    Ok(draft)
}

fn list(options: &ListDocuments, record: &Record<'_>) -> Result<Report, Failure> {
    let mut found = record.list(&options.options.filter(Noun::Document.kinds())?)?;
    found.retain(|found| match &found.entry.fact {
        Fact::Document(document) => {
            let has_category = options.category.as_ref().is_none_or(|code| {
                document.category.as_ref().is_some_and(|category| category.as_str().eq_ignore_ascii_case(code))
            });
            let in_folder = options.folder.is_none() || document.folder == options.folder;
            let says = options.text.as_ref().is_none_or(|query| search::says(&found.entry, query));
            has_category && in_folder && says && (!options.pinned || document.pinned == Some(true))
        }
        _ => false,
    });
    Ok(entries::listed(found, &options.options))
}

fn edit(options: &EditOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let mut entry = entries::find_for(options.restore, record, Noun::Document, &options.id)?;
    if let Fact::Document(document) = &mut entry.fact {
        options.fields.apply(document, &session.zones)?;
    }
    entries::amend(record, entry, &options.common)
}

/// Gives out the content: clear text, in a new file for this account only.
fn save(record: &Record<'_>, prefix: &str, path: &Path) -> Result<Report, Failure> {
    let id: EntryId = entries::find(record, Noun::Document, prefix)?.entry.id;
    let mut file = NewFile::create(path)?;
    let mut failed = None;
    let read = record.read_document(&id, |bytes| {
        file.add(bytes).map_err(|failure| {
            failed = Some(failure);
            RecordError::NotFound
        })
    });
    if let Some(failure) = failed {
        return Err(failure);
    }
    let bytes = read?;
    file.finish()?;
    Ok(Report {
        data: json!({ "id": id.to_string(), "file": path.display().to_string(), "bytes": bytes }),
        page: vec![Block::Say(msg!("document-saved", path = path.display().to_string()))],
        warnings: vec![msg!("warning-clear-text")],
        ..Report::default()
    })
}
