//! Sections: the unit of sharing and of keys, and which entry goes where.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::kind::Fact;

/// A text that names no section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown section")]
pub struct UnknownSection;

/// The kinds of sections. The first eleven can be named and shared; the last two are technical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionKind {
    /// Identity sheet.
    Identity,
    /// Diseases, disabilities, family history, lifestyle, stays, statements of absence, import reports, reimbursements.
    History,
    /// Treatments, allergies, blood group.
    Treatments,
    /// Vaccinations.
    Vaccines,
    /// Measures, typed or dense, and their targets.
    Measures,
    /// Laboratory results, examinations, acts.
    Results,
    /// Documents and folders.
    Documents,
    /// Appointments and reminders.
    Agenda,
    /// Message threads.
    Messages,
    /// Relatives, professionals, establishments.
    Contacts,
    /// Trusted person's mandate, advance directives, organ donation.
    Wishes,
    /// Sealed labels of members and devices. Technical.
    Roster,
    /// Ledger lines and open-receipts. Technical.
    Access,
}

impl SectionKind {
    /// The eleven sections that can be named and shared.
    pub const NAMEABLE: [Self; 11] = [
        Self::Identity,
        Self::History,
        Self::Treatments,
        Self::Vaccines,
        Self::Measures,
        Self::Results,
        Self::Documents,
        Self::Agenda,
        Self::Messages,
        Self::Contacts,
        Self::Wishes,
    ];

    /// Every section, the two technical ones last.
    pub const ALL: [Self; 13] = [
        Self::Identity,
        Self::History,
        Self::Treatments,
        Self::Vaccines,
        Self::Measures,
        Self::Results,
        Self::Documents,
        Self::Agenda,
        Self::Messages,
        Self::Contacts,
        Self::Wishes,
        Self::Roster,
        Self::Access,
    ];

    /// The name in the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::History => "history",
            Self::Treatments => "treatments",
            Self::Vaccines => "vaccines",
            Self::Measures => "measures",
            Self::Results => "results",
            Self::Documents => "documents",
            Self::Agenda => "agenda",
            Self::Messages => "messages",
            Self::Contacts => "contacts",
            Self::Wishes => "wishes",
            Self::Roster => "roster",
            Self::Access => "access",
        }
    }

    /// Whether a person can name and share the section.
    pub fn is_nameable(self) -> bool {
        !matches!(self, Self::Roster | Self::Access)
    }

    /// Whether the section opens a new volume each year (`docs/protocol.md`, "Sections and volumes").
    pub fn rolls_by_year(self) -> bool {
        matches!(self, Self::Measures | Self::Messages)
    }
}

impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SectionKind {
    type Err = UnknownSection;

    fn from_str(text: &str) -> Result<Self, UnknownSection> {
        Self::ALL.into_iter().find(|section| section.as_str() == text).ok_or(UnknownSection)
    }
}

impl Fact {
    /// The section that the entry belongs to. An unknown kind goes to `history`, where only its holder looks.
    pub fn section(&self) -> SectionKind {
        match self {
            Self::Identity(_) => SectionKind::Identity,
            Self::Treatment(treatment) if treatment.is_reimbursement() => SectionKind::History,
            Self::Treatment(_) | Self::Allergy(_) | Self::BloodGroup(_) => SectionKind::Treatments,
            Self::Vaccination(_) => SectionKind::Vaccines,
            Self::Measure(_) | Self::Target(_) => SectionKind::Measures,
            Self::Result(_) | Self::Procedure(_) => SectionKind::Results,
            Self::Document(document) if document.states_wishes() => SectionKind::Wishes,
            Self::Document(_) => SectionKind::Documents,
            Self::Appointment(_) | Self::Prevention(_) | Self::Reminder(_) => SectionKind::Agenda,
            Self::Contact(_) => SectionKind::Contacts,
            Self::Directive(_) | Self::Donation(_) => SectionKind::Wishes,
            Self::Absence(absence) => absence.section(),
            Self::Disability(_)
            | Self::Disease(_)
            | Self::Encounter(_)
            | Self::FamilyHistory(_)
            | Self::ImportReport(_)
            | Self::Lifestyle(_)
            | Self::Unknown(_) => SectionKind::History,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eleven_sections_can_be_named_and_each_reads_back() {
        assert!(SectionKind::NAMEABLE.iter().all(|section| section.is_nameable()));
        assert_eq!(SectionKind::ALL.iter().filter(|section| !section.is_nameable()).count(), 2);
        for section in SectionKind::ALL {
            assert_eq!(section.to_string().parse(), Ok(section));
            assert_eq!(serde_json::to_value(section).unwrap(), section.as_str());
        }
        assert_eq!("all".parse::<SectionKind>(), Err(UnknownSection));
    }
}
