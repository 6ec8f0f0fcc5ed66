//! The kinds of facts, one file each, and the one that is not known yet.
//!
//! In stored form a fact is a flat object with `kind` in kebab-case and fields in `snake_case`. No fact has a field named
//! `kind`, `comment`, `links`, `provenance`, `also_from`, `status` or `removed`: these are common to all entries.

pub mod absence;
pub mod allergy;
pub mod appointment;
pub mod blood_group;
pub mod contact;
pub mod directive;
pub mod disability;
pub mod disease;
pub mod document;
pub mod donation;
pub mod encounter;
pub mod family_history;
pub mod identity;
pub mod import_report;
pub mod lifestyle;
pub mod measure;
pub mod prevention;
pub mod procedure;
pub mod reminder;
pub mod result;
pub mod target;
pub mod treatment;
pub mod vaccination;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

pub use self::{
    absence::Absence, allergy::Allergy, appointment::Appointment, blood_group::BloodGroup, contact::Contact,
    directive::Directive, disability::Disability, disease::Disease, document::Document, donation::Donation,
    encounter::Encounter, family_history::FamilyHistory, identity::Identity, import_report::ImportReport,
    lifestyle::Lifestyle, measure::Measure, prevention::Prevention, procedure::Procedure, reminder::Reminder,
    result::LabResult, target::Target, treatment::Treatment, vaccination::Vaccination,
};
use crate::{
    date::When,
    entry::{is_nothing, without_nothing},
    form::Form,
};

macro_rules! facts {
    ($($(#[$doc:meta])* $variant:ident($inner:ty) = $text:literal,)+) => {
        /// One health fact.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Fact {
            $($(#[$doc])* $variant(Box<$inner>),)+
            /// A kind, or a shape of a known kind, that this version does not know. It survives untouched.
            Unknown(UnknownFact),
        }

        impl Fact {
            /// Every kind that this version knows, in kebab-case.
            pub const KINDS: &'static [&'static str] = &[$($text),+];

            /// The kind, in kebab-case.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $text,)+
                    Self::Unknown(unknown) => &unknown.kind,
                }
            }

            /// The fact as a flat object with `kind` first; absent fields are left out.
            pub fn to_fields(&self) -> Map<String, Value> {
                let inner = match self {
                    $(Self::$variant(inner) => serde_json::to_value(inner).unwrap_or_default(),)+
                    Self::Unknown(unknown) => Value::Object(unknown.fields.clone()),
                };
                let mut fields = Map::new();
                fields.insert("kind".to_owned(), Value::String(self.kind().to_owned()));
                if let Value::Object(inner) = inner {
                    let kept = inner.into_iter().map(|(name, value)| (name, without_nothing(value)));
                    fields.extend(kept.filter(|(_, value)| !is_nothing(value)));
                }
                fields
            }

            fn read(kind: &str, fields: &Value) -> Option<Self> {
                match kind {
                    $($text => <$inner>::deserialize(fields).ok().map(|inner| Self::$variant(Box::new(inner))),)+
                    _ => None,
                }
            }
        }

        $(impl From<$inner> for Fact {
            fn from(inner: $inner) -> Self {
                Self::$variant(Box::new(inner))
            }
        })+
    };
}

facts! {
    /// An explicit statement that something is not there.
    Absence(Absence) = "absence",
    /// An allergy or intolerance.
    Allergy(Allergy) = "allergy",
    /// An appointment.
    Appointment(Appointment) = "appointment",
    /// The blood group.
    BloodGroup(BloodGroup) = "blood-group",
    /// A relative, a professional, an establishment, or a care team.
    Contact(Contact) = "contact",
    /// Advance directives.
    Directive(Directive) = "directive",
    /// A disability.
    Disability(Disability) = "disability",
    /// A disease or another problem.
    Disease(Disease) = "disease",
    /// A document.
    Document(Document) = "document",
    /// Organ donation.
    Donation(Donation) = "donation",
    /// A visit or a hospital stay.
    Encounter(Encounter) = "encounter",
    /// A disease of a relative.
    FamilyHistory(FamilyHistory) = "family-history",
    /// The identity sheet.
    Identity(Identity) = "identity",
    /// What an import read, kept and refused.
    ImportReport(ImportReport) = "import-report",
    /// How the person lives.
    Lifestyle(Lifestyle) = "lifestyle",
    /// A measure: weight, blood pressure, glucose.
    Measure(Measure) = "measure",
    /// What the person says of a recommended exam, screening or vaccine.
    Prevention(Prevention) = "prevention",
    /// An act.
    Procedure(Procedure) = "procedure",
    /// What the person wants to be reminded of.
    Reminder(Reminder) = "reminder",
    /// A result of a laboratory or an examination.
    Result(LabResult) = "result",
    /// What a measure is meant to be.
    Target(Target) = "target",
    /// A treatment, prescription, dispensation or administration.
    Treatment(Treatment) = "treatment",
    /// A vaccination.
    Vaccination(Vaccination) = "vaccination",
}

impl Fact {
    /// Reads what [`Fact::to_fields`] wrote, and gives back the fields that no field of the model took. A kind that is
    /// not known, or a known one of another shape, becomes [`Fact::Unknown`] with all its fields.
    pub fn from_fields(fields: Map<String, Value>) -> (Self, Map<String, Value>) {
        let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let whole = Value::Object(fields);
        let read = Self::read(&kind, &whole);
        let Value::Object(mut fields) = whole else { return (Self::unknown(kind, Map::new()), Map::new()) };
        fields.shift_remove("kind");
        let Some(fact) = read else { return (Self::unknown(kind, fields), Map::new()) };
        let known = fact.to_fields();
        fields.retain(|name, value| !known.contains_key(name) && !is_nothing(value));
        (fact, fields)
    }

    /// When the fact happened or was so, for a list by time. Partial dates stay partial.
    pub fn when(&self) -> Option<When> {
        match self {
            Self::Absence(absence) => absence.stated_at,
            Self::Allergy(allergy) => allergy.onset,
            Self::Appointment(appointment) => appointment.start,
            Self::BloodGroup(group) => group.determined_at,
            Self::Directive(directive) => directive.at,
            Self::Disease(disease) => disease.start,
            Self::Document(document) => document.date,
            Self::Donation(donation) => donation.at,
            Self::Encounter(encounter) => encounter.start,
            Self::Identity(identity) => identity.birth_date.map(When::Date),
            Self::ImportReport(report) => report.at.map(When::Instant),
            Self::Lifestyle(lifestyle) => lifestyle.at,
            Self::Measure(measure) => measure.at,
            Self::Prevention(prevention) => prevention.at.or(prevention.start.map(When::Date)),
            Self::Procedure(procedure) => procedure.start,
            Self::Reminder(reminder) => reminder.start,
            Self::Result(result) => result.at.or(result.issued_at),
            Self::Target(target) => target.since.map(When::Date),
            Self::Treatment(treatment) => treatment.start.or(treatment.stated_at),
            Self::Vaccination(vaccination) => vaccination.at,
            Self::Contact(_) | Self::Disability(_) | Self::FamilyHistory(_) | Self::Unknown(_) => None,
        }
    }

    /// What to show first: a name or a title. Measures give their slug, forms nothing.
    pub fn label(&self) -> String {
        let named = |name: &Option<String>, code: &crate::Concept| {
            name.clone().or_else(|| code.label().map(str::to_owned)).unwrap_or_default()
        };
        match self {
            Self::Absence(absence) => absence.of.to_string(),
            Self::Allergy(allergy) => named(&allergy.name, &allergy.code),
            Self::Appointment(appointment) => appointment.title.clone().unwrap_or_default(),
            Self::BloodGroup(group) => group.group.to_string(),
            Self::Contact(contact) => contact.label(),
            Self::Disability(disability) => named(&disability.name, &disability.code),
            Self::Disease(disease) => named(&disease.name, &disease.code),
            Self::Document(document) => document.title.clone().unwrap_or_default(),
            Self::Encounter(encounter) => named(&encounter.name, &encounter.code),
            Self::FamilyHistory(history) => named(&history.name, &history.code),
            Self::Identity(identity) => identity.names.first().map(crate::person::HumanName::label).unwrap_or_default(),
            Self::ImportReport(report) => report.source.name.clone(),
            Self::Directive(_) | Self::Donation(_) | Self::Lifestyle(_) => String::new(),
            Self::Measure(measure) => measure.measure.clone(),
            Self::Prevention(own) => own.title.clone().or_else(|| own.code.clone()).unwrap_or_default(),
            Self::Procedure(procedure) => named(&procedure.name, &procedure.code),
            Self::Reminder(reminder) => reminder.title.clone().unwrap_or_default(),
            Self::Result(result) => result.code.label().unwrap_or_default().to_owned(),
            Self::Target(target) => target.measure.clone(),
            Self::Treatment(treatment) => named(&treatment.name, &treatment.code),
            Self::Vaccination(vaccination) => named(&vaccination.name, &vaccination.code),
            Self::Unknown(unknown) => unknown.kind.clone(),
        }
    }

    /// The fact as a form, if it is one.
    pub fn form(&self) -> Option<&dyn Form> {
        match self {
            Self::Directive(own) => Some(&**own),
            Self::Donation(own) => Some(&**own),
            Self::Lifestyle(own) => Some(&**own),
            _ => None,
        }
    }

    /// The same, to fill it in.
    pub fn form_mut(&mut self) -> Option<&mut dyn Form> {
        match self {
            Self::Directive(own) => Some(&mut **own),
            Self::Donation(own) => Some(&mut **own),
            Self::Lifestyle(own) => Some(&mut **own),
            _ => None,
        }
    }

    fn unknown(kind: String, fields: Map<String, Value>) -> Self {
        Self::Unknown(UnknownFact { kind, fields })
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_fields().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fact {
    /// Unknown fields beside a known kind are dropped here; [`crate::Entry::from_fields`] keeps them.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        if !fields.get("kind").is_some_and(Value::is_string) {
            return Err(D::Error::missing_field("kind"));
        }
        Ok(Self::from_fields(fields).0)
    }
}

/// A fact that this version cannot read, kept whole.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownFact {
    /// Its kind.
    pub kind: String,
    /// Its fields, without `kind`.
    pub fields: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Entry, EntryId};

    const COMMON_FIELDS: [&str; 6] = ["comment", "links", "provenance", "also_from", "status", "removed"];

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            other => panic!("not an object: {other}"),
        }
    }

    #[test]
    fn an_unknown_kind_and_unknown_fields_survive() {
        let later = object(json!({"kind": "genome", "letters": 3_000_000_000_u64, "note": {"a": [1, null]}}));
        let entry = Entry::from_fields(EntryId([7; 16]), later.clone());
        assert!(matches!(&entry.fact, Fact::Unknown(fact) if fact.kind == "genome"));
        assert_eq!(entry.to_fields()["letters"], later["letters"]);

        let newer = object(json!({"kind": "disease", "name": "Asthme", "stage": "II", "comment": "x"}));
        let entry = Entry::from_fields(EntryId([8; 16]), newer.clone());
        assert!(matches!(&entry.fact, Fact::Disease(disease) if disease.name.as_deref() == Some("Asthme")));
        assert_eq!(Value::Object(entry.extra.clone()), json!({"stage": "II"}));
        assert_eq!(Value::Object(entry.to_fields()), Value::Object(newer));
    }

    #[test]
    fn a_known_kind_of_another_shape_is_kept_whole() {
        let fields = object(json!({"kind": "disease", "name": {"fr": "Asthme"}, "start": "2020"}));
        let entry = Entry::from_fields(EntryId([9; 16]), fields.clone());
        assert!(matches!(entry.fact, Fact::Unknown(_)));
        assert_eq!(Value::Object(entry.to_fields()), Value::Object(fields));
    }

    #[test]
    fn no_fact_uses_the_name_of_a_common_field() {
        for kind in Fact::KINDS {
            for common in COMMON_FIELDS {
                let fields = object(json!({"kind": kind, common: "probe"}));
                let (fact, extra) = Fact::from_fields(fields);
                assert!(!matches!(fact, Fact::Unknown(_)), "{kind} reads {common}");
                assert!(extra.contains_key(common), "{kind} has a field {common}");
            }
        }
    }

    #[test]
    fn every_kind_reads_back_from_its_bare_form() {
        for kind in Fact::KINDS {
            let (fact, extra) = Fact::from_fields(object(json!({"kind": kind})));
            assert_eq!((fact.kind(), extra.len()), (*kind, 0));
            let again: Fact = serde_json::from_value(serde_json::to_value(&fact).unwrap()).unwrap();
            assert_eq!(again, fact);
        }
    }
}
