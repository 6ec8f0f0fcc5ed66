//! What is said about a document: title, date, category, marks.

use std::path::Path;

use carnet_record::{
    ZoneHistory,
    kind::{
        Document,
        document::{Category, Confidentiality},
    },
    validate::NAME_CHARS_MAX,
};

use super::{fill, fill_when};
use crate::{error::Failure, msg};

/// Who must not see a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ConfidentialityOption {
    Hidden,
    HiddenFromGuardians,
    Normal,
}

/// The options of `document add` and `document edit`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct DocumentFields {
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<String>,
    #[arg(long, value_name = "CODE")]
    pub(crate) category: Option<String>,
    #[arg(long, value_name = "MARK")]
    pub(crate) confidentiality: Option<ConfidentialityOption>,
    #[arg(long, value_name = "NAME")]
    pub(crate) folder: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub(crate) tag: Vec<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) dispute: Option<String>,
    #[arg(long)]
    pub(crate) pin: bool,
}

impl DocumentFields {
    /// A new document for the file at `path`; its title is the name of the file unless `--title` says otherwise.
    pub(crate) fn new_document(&self, path: &Path, zones: &ZoneHistory) -> Result<Document, Failure> {
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut document = Document { title: Some(title_of(path)), file_name, ..Document::default() };
        self.apply(&mut document, zones)?;
        Ok(document)
    }

    /// Changes `document` to what was given.
    pub(crate) fn apply(&self, document: &mut Document, zones: &ZoneHistory) -> Result<(), Failure> {
        fill(&mut document.title, self.title.as_ref());
        fill_when(&mut document.date, "--date", self.date.as_ref(), zones)?;
        if let Some(code) = &self.category {
            document.category = Some(category(code)?);
        }
        if let Some(mark) = self.confidentiality {
            document.confidentiality.retain(|kept| {
                !matches!(kept, Confidentiality::Normal | Confidentiality::HiddenFromProfessionals)
                    && *kept != Confidentiality::HiddenFromGuardians
            });
            document.confidentiality.push(match mark {
                ConfidentialityOption::Hidden => Confidentiality::HiddenFromProfessionals,
                ConfidentialityOption::HiddenFromGuardians => Confidentiality::HiddenFromGuardians,
                ConfidentialityOption::Normal => Confidentiality::Normal,
            });
        }
        fill(&mut document.folder, self.folder.as_ref());
        fill(&mut document.dispute, self.dispute.as_ref());
        if !self.tag.is_empty() {
            document.tags = self.tag.iter().filter(|tag| !tag.trim().is_empty()).cloned().collect();
        }
        if self.pin {
            document.pinned = Some(true);
        }
        Ok(())
    }
}

fn category(code: &str) -> Result<Category, Failure> {
    let known = Category::from(code.trim().to_ascii_uppercase().as_str());
    if known.is_known() {
        Ok(known)
    } else {
        Err(Failure::Usage(msg!("usage-value-among", option = "--category", values = Category::KNOWN.join(", "))))
    }
}

/// The name of the file as a title: without its ending, its control characters and its doubled spaces.
fn title_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let title: String = stem.chars().map(|c| if c.is_control() { ' ' } else { c }).take(NAME_CHARS_MAX).collect();
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use carnet_record::{Draft, Fact, Provenance};

    use super::*;
    use crate::form;

    #[test]
    fn a_file_name_becomes_a_title_that_the_rules_accept() {
        for (path, title) in [
            ("/x/Compte rendu (IRM) 12.03.2024.pdf", "Compte rendu (IRM) 12.03.2024"),
            ("ordonnance.PDF", "ordonnance"),
            ("a\u{7}b.txt", "a b"),
        ] {
            let document = DocumentFields::default().new_document(Path::new(path), &ZoneHistory::utc()).unwrap();
            assert_eq!(document.title.as_deref(), Some(title));
            assert!(form::check(&Draft::new(Fact::from(document), Provenance::default())).is_ok(), "{path}");
        }
    }

    #[test]
    fn a_category_is_one_of_the_known_ones() {
        let fields = DocumentFields { category: Some("biologie".into()), ..DocumentFields::default() };
        let document = fields.new_document(Path::new("a.pdf"), &ZoneHistory::utc()).unwrap();
        assert_eq!(document.category, Some(Category::Biologie));
        let wrong = DocumentFields { category: Some("X".into()), ..DocumentFields::default() };
        assert_eq!(wrong.new_document(Path::new("a.pdf"), &ZoneHistory::utc()).unwrap_err().exit().code(), 2);
    }

    #[test]
    fn a_mark_of_another_kind_survives_an_edit() {
        let mut document = Document { confidentiality: vec![Confidentiality::VeryRestricted], ..Document::default() };
        let hidden =
            DocumentFields { confidentiality: Some(ConfidentialityOption::Hidden), ..DocumentFields::default() };
        hidden.apply(&mut document, &ZoneHistory::utc()).unwrap();
        assert_eq!(
            document.confidentiality,
            [Confidentiality::VeryRestricted, Confidentiality::HiddenFromProfessionals]
        );
    }
}
