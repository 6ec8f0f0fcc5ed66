//! The medical profile: identity, diseases, disabilities, family history, lifestyle, treatments, stays, blood group,
//! allergies, vaccinations, advance directives, organ donation.

mod options;

use carnet_record::{
    Coding, Concept, Fact, When, ZoneHistory,
    code::system,
    kind::{
        Absence, Allergy, BloodGroup, Directive, Disability, Disease, Donation, Encounter, FamilyHistory, Identity,
        Lifestyle, Treatment, Vaccination,
        absence::{AbsenceMeaning, AbsenceOf},
        blood_group::Group,
        disability::{DisabilityRate, HumanHelp},
    },
    person::{HumanName, INS_NIR_SYSTEM, Identifier},
};

use self::options::VACCINE_TYPES;
pub(crate) use self::options::{Criticality, FormKind, HelpOption, RateOption, RelationOption, SexOption, TypeOption};
use super::{add_codes, fill, fill_when, items, only};
use crate::{error::Failure, input, msg};

/// What `profile add` can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProfileKind {
    Allergy,
    BloodGroup,
    Directive,
    Disability,
    Disease,
    Donation,
    Family,
    Identity,
    Lifestyle,
    Stay,
    Treatment,
    Vaccine,
}

impl ProfileKind {
    /// A fact of this kind in which nothing is filled in.
    pub(crate) fn empty(self) -> Fact {
        match self {
            Self::Allergy => Allergy::default().into(),
            Self::BloodGroup => BloodGroup::default().into(),
            Self::Directive => Directive::default().into(),
            Self::Disability => Disability::default().into(),
            Self::Disease => Disease::default().into(),
            Self::Donation => Donation::default().into(),
            Self::Family => FamilyHistory::default().into(),
            Self::Identity => Identity::default().into(),
            Self::Lifestyle => Lifestyle::default().into(),
            Self::Stay => Encounter::default().into(),
            Self::Treatment => Treatment::default().into(),
            Self::Vaccine => Vaccination::default().into(),
        }
    }
}

/// What `profile list` shows: what `add` makes, what comes in from files alone, and what was said not to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ListedKind {
    Allergy,
    BloodGroup,
    Directive,
    Disability,
    Disease,
    Donation,
    Family,
    Identity,
    Import,
    Lifestyle,
    None,
    Procedure,
    Result,
    Stay,
    Treatment,
    Vaccine,
}

impl ListedKind {
    /// The kind of entry.
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Allergy => "allergy",
            Self::BloodGroup => "blood-group",
            Self::Directive => "directive",
            Self::Disability => "disability",
            Self::Disease => "disease",
            Self::Donation => "donation",
            Self::Family => "family-history",
            Self::Identity => "identity",
            Self::Import => IMPORT_REPORT,
            Self::Lifestyle => "lifestyle",
            Self::None => "absence",
            Self::Procedure => "procedure",
            Self::Result => "result",
            Self::Stay => "encounter",
            Self::Treatment => "treatment",
            Self::Vaccine => "vaccination",
        }
    }
}

/// The kind of the reports of imports, which lists leave out unless they are asked for.
pub(crate) const IMPORT_REPORT: &str = "import-report";

/// The options of `profile add` and `profile edit`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ProfileFields {
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub(crate) start: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub(crate) end: Option<String>,
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) dosage: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[arg(long, value_name = "LENGTH")]
    pub(crate) duration: Option<String>,
    #[arg(long, value_name = "GROUP", allow_hyphen_values = true)]
    pub(crate) group: Option<String>,
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub(crate) r#type: Vec<TypeOption>,
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<RateOption>,
    #[arg(long, value_name = "ANSWER")]
    pub(crate) human_help: Option<HelpOption>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) technical_help: Option<String>,
    #[arg(long, value_name = "RELATIVE")]
    pub(crate) relation: Option<RelationOption>,
    #[arg(long, value_name = "LOT")]
    pub(crate) lot: Option<String>,
    #[arg(long, value_name = "CODE")]
    pub(crate) cip: Option<String>,
    #[arg(long, value_name = "SYSTEM|CODE")]
    pub(crate) code: Vec<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) severity: Option<String>,
    #[arg(long, value_name = "LEVEL")]
    pub(crate) criticality: Option<Criticality>,
    #[arg(long, value_name = "NAME")]
    pub(crate) family: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub(crate) given: Vec<String>,
    #[arg(long, value_name = "DATE")]
    pub(crate) birth: Option<String>,
    #[arg(long, value_name = "SEX")]
    pub(crate) sex: Option<SexOption>,
    #[arg(long, value_name = "NUMBER")]
    pub(crate) ins: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) birth_place: Option<String>,
    #[arg(long, value_name = "ITEM=VALUE")]
    pub(crate) item: Vec<String>,
}

impl ProfileFields {
    /// Fills `fact` with what was given.
    pub(crate) fn apply(&self, fact: &mut Fact, zones: &ZoneHistory) -> Result<(), Failure> {
        let kind = fact.kind().to_owned();
        let only = |meant: &[&str]| only(&kind, &self.given(), meant);
        if let Some(form) = fact.form_mut() {
            only(&["--at", "--item"])?;
            let mut at = form.at();
            fill_when(&mut at, "--at", self.at.as_ref(), zones)?;
            form.set_at(at);
            return items::apply(form, &self.item);
        }
        match fact {
            Fact::Allergy(allergy) => {
                only(&["--name", "--start", "--end", "--code", "--criticality"])?;
                self.allergy(allergy, zones)
            }
            Fact::BloodGroup(group) => {
                only(&["--group", "--at"])?;
                self.blood_group(group, zones)
            }
            Fact::Disability(disability) => {
                only(&["--name", "--type", "--rate", "--human-help", "--technical-help", "--code"])?;
                self.disability(disability)
            }
            Fact::Disease(disease) => {
                only(&["--name", "--start", "--end", "--code", "--severity"])?;
                self.disease(disease, zones)
            }
            Fact::Encounter(stay) => {
                only(&["--name", "--start", "--end", "--duration", "--code"])?;
                self.stay(stay, zones)
            }
            Fact::FamilyHistory(history) => {
                only(&["--name", "--relation", "--code"])?;
                self.family_history(history)
            }
            Fact::Identity(identity) => {
                only(&["--name", "--family", "--given", "--birth", "--sex", "--ins", "--birth-place"])?;
                self.identity(identity)
            }
            Fact::Treatment(treatment) => {
                only(&["--name", "--start", "--end", "--dosage", "--reason", "--cip", "--code", "--lot"])?;
                self.treatment(treatment, zones)
            }
            Fact::Vaccination(vaccination) => {
                only(&["--name", "--at", "--type", "--lot", "--cip", "--code"])?;
                self.vaccination(vaccination, zones)
            }
            _ => Err(Failure::Usage(msg!("usage-kind-not-editable", kind = kind))),
        }
    }

    /// Every option, with whether it was given.
    fn given(&self) -> [(&'static str, bool); 25] {
        [
            ("--name", self.name.is_some()),
            ("--start", self.start.is_some()),
            ("--end", self.end.is_some()),
            ("--at", self.at.is_some()),
            ("--dosage", self.dosage.is_some()),
            ("--reason", self.reason.is_some()),
            ("--duration", self.duration.is_some()),
            ("--group", self.group.is_some()),
            ("--type", !self.r#type.is_empty()),
            ("--rate", self.rate.is_some()),
            ("--human-help", self.human_help.is_some()),
            ("--technical-help", self.technical_help.is_some()),
            ("--relation", self.relation.is_some()),
            ("--lot", self.lot.is_some()),
            ("--cip", self.cip.is_some()),
            ("--code", !self.code.is_empty()),
            ("--severity", self.severity.is_some()),
            ("--criticality", self.criticality.is_some()),
            ("--family", self.family.is_some()),
            ("--given", !self.given.is_empty()),
            ("--birth", self.birth.is_some()),
            ("--sex", self.sex.is_some()),
            ("--ins", self.ins.is_some()),
            ("--birth-place", self.birth_place.is_some()),
            ("--item", !self.item.is_empty()),
        ]
    }

    /// Whether nothing was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.given().iter().all(|(_, is_given)| !is_given)
    }

    fn allergy(&self, allergy: &mut Allergy, zones: &ZoneHistory) -> Result<(), Failure> {
        fill(&mut allergy.name, self.name.as_ref());
        fill_when(&mut allergy.onset, "--start", self.start.as_ref(), zones)?;
        fill_when(&mut allergy.end, "--end", self.end.as_ref(), zones)?;
        if let Some(level) = self.criticality {
            let level = match level {
                Criticality::High => "high",
                Criticality::Low => "low",
            };
            allergy.criticality = Some(level.to_owned());
        }
        add_codes(&mut allergy.code, "--code", &self.code)
    }

    fn blood_group(&self, group: &mut BloodGroup, zones: &ZoneHistory) -> Result<(), Failure> {
        if let Some(sign) = &self.group {
            group.group = Group::from_sign(sign).ok_or(Failure::BadBloodGroup)?;
        }
        fill_when(&mut group.determined_at, "--at", self.at.as_ref(), zones)
    }

    fn disability(&self, disability: &mut Disability) -> Result<(), Failure> {
        fill(&mut disability.name, self.name.as_ref());
        fill(&mut disability.technical_help, self.technical_help.as_ref());
        if !self.r#type.is_empty() {
            disability.types = self.r#type.iter().map(|one| one.of_disability()).collect::<Result<_, _>>()?;
            disability.types.dedup();
        }
        if let Some(rate) = self.rate {
            disability.rate = Some(match rate {
                RateOption::Under50 => DisabilityRate::Under50,
                RateOption::From50To79 => DisabilityRate::From50To79,
                RateOption::From80 => DisabilityRate::From80,
                RateOption::Unknown => DisabilityRate::Unknown,
            });
        }
        if let Some(answer) = self.human_help {
            disability.human_help = Some(match answer {
                HelpOption::No => HumanHelp::No,
                HelpOption::NotSaid => HumanHelp::NotSaid,
                HelpOption::Yes => HumanHelp::Yes,
            });
        }
        add_codes(&mut disability.code, "--code", &self.code)
    }

    fn family_history(&self, history: &mut FamilyHistory) -> Result<(), Failure> {
        fill(&mut history.name, self.name.as_ref());
        if let Some(relation) = self.relation {
            history.relative = Some(relation.into());
        }
        add_codes(&mut history.code, "--code", &self.code)
    }

    fn disease(&self, disease: &mut Disease, zones: &ZoneHistory) -> Result<(), Failure> {
        fill(&mut disease.name, self.name.as_ref());
        fill_when(&mut disease.start, "--start", self.start.as_ref(), zones)?;
        fill_when(&mut disease.end, "--end", self.end.as_ref(), zones)?;
        if let Some(text) = &self.severity {
            disease.severity = (!text.trim().is_empty()).then(|| Concept::from_text(text.trim()));
        }
        add_codes(&mut disease.code, "--code", &self.code)
    }

    fn stay(&self, stay: &mut Encounter, zones: &ZoneHistory) -> Result<(), Failure> {
        fill(&mut stay.name, self.name.as_ref());
        fill_when(&mut stay.start, "--start", self.start.as_ref(), zones)?;
        fill_when(&mut stay.end, "--end", self.end.as_ref(), zones)?;
        if let Some(text) = &self.duration {
            let (number, unit) = input::length("--duration", text)?;
            stay.duration = Some(number);
            stay.duration_unit = Some(unit);
        }
        if stay.class.is_none() {
            stay.class = Some(Coding::new(ACT_CODE_SYSTEM, "IMP"));
        }
        add_codes(&mut stay.code, "--code", &self.code)
    }

    fn identity(&self, identity: &mut Identity) -> Result<(), Failure> {
        if self.name.is_some() || self.family.is_some() || !self.given.is_empty() {
            if identity.names.is_empty() {
                identity.names.push(HumanName::default());
            }
            if let Some(name) = identity.names.first_mut() {
                fill(&mut name.text, self.name.as_ref());
                fill(&mut name.family, self.family.as_ref());
                if !self.given.is_empty() {
                    name.given = self.given.iter().filter(|part| !part.trim().is_empty()).cloned().collect();
                }
            }
        }
        if let Some(text) = &self.birth {
            identity.birth_date =
                if text.trim().is_empty() { None } else { Some(input::partial_date("--birth", text)?) };
        }
        if let Some(sex) = self.sex {
            identity.sex = Some(sex.into());
        }
        if let Some(number) = &self.ins {
            let number: String = number.chars().filter(|c| !c.is_whitespace()).collect();
            identity.identifiers.retain(|identifier| !identifier.is_ins());
            if !number.is_empty() {
                identity.identifiers.push(Identifier::new(INS_NIR_SYSTEM, &number));
            }
        }
        fill(&mut identity.birth_place, self.birth_place.as_ref());
        Ok(())
    }

    fn treatment(&self, treatment: &mut Treatment, zones: &ZoneHistory) -> Result<(), Failure> {
        fill(&mut treatment.name, self.name.as_ref());
        fill(&mut treatment.dosage, self.dosage.as_ref());
        fill(&mut treatment.lot, self.lot.as_ref());
        fill_when(&mut treatment.start, "--start", self.start.as_ref(), zones)?;
        fill_when(&mut treatment.end, "--end", self.end.as_ref(), zones)?;
        if let Some(text) = &self.reason {
            treatment.reasons = if text.trim().is_empty() { Vec::new() } else { vec![Concept::from_text(text.trim())] };
        }
        self.cip(&mut treatment.code)?;
        add_codes(&mut treatment.code, "--code", &self.code)
    }

    fn vaccination(&self, vaccination: &mut Vaccination, zones: &ZoneHistory) -> Result<(), Failure> {
        fill(&mut vaccination.name, self.name.as_ref());
        fill(&mut vaccination.lot, self.lot.as_ref());
        fill_when(&mut vaccination.at, "--at", self.at.as_ref(), zones)?;
        match self.r#type.as_slice() {
            [] => {}
            [one] => vaccination.administration = Some(one.of_vaccination()?),
            _ => return Err(Failure::Usage(msg!("usage-value-among", option = "--type", values = VACCINE_TYPES))),
        }
        self.cip(&mut vaccination.code)?;
        add_codes(&mut vaccination.code, "--code", &self.code)
    }

    /// The code of a box: CIP, 7 or 13 digits.
    fn cip(&self, concept: &mut Concept) -> Result<(), Failure> {
        let Some(code) = &self.cip else { return Ok(()) };
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if !matches!(digits.len(), 7 | 13) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Failure::BadCode("--cip"));
        }
        concept.codings.retain(|coding| coding.system != system::CIP);
        concept.codings.push(Coding::new(system::CIP, &digits));
        Ok(())
    }
}

/// What "not concerned" can be said of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NoneKind {
    Allergy,
    Disability,
    Disease,
    Family,
    Stay,
    Treatment,
}

impl NoneKind {
    /// The code of what is not there.
    pub(crate) fn of(self) -> AbsenceOf {
        match self {
            Self::Allergy => AbsenceOf::Allergies,
            Self::Disability => AbsenceOf::Disabilities,
            Self::Disease => AbsenceOf::Diseases,
            Self::Family => AbsenceOf::FamilyHistories,
            Self::Stay => AbsenceOf::Hospitalizations,
            Self::Treatment => AbsenceOf::Treatments,
        }
    }

    /// The statement, made at `stated_at`.
    pub(crate) fn statement(self, stated_at: When) -> Fact {
        Absence {
            of: self.of(),
            meaning: AbsenceMeaning::NotConcerned,
            stated_at: Some(stated_at),
            ..Absence::default()
        }
        .into()
    }
}

/// The code system of the classes of an encounter (HL7 v3 `ActCode`).
const ACT_CODE_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

#[cfg(test)]
mod tests {
    use carnet_record::Draft;

    use super::*;

    fn made(kind: ProfileKind, fields: &ProfileFields) -> Result<Fact, Failure> {
        let mut fact = kind.empty();
        fields.apply(&mut fact, &ZoneHistory::utc())?;
        Ok(fact)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the fields of a form are optional")]
    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    fn is_valid(fact: &Fact) -> bool {
        Draft::new(fact.clone(), carnet_record::Provenance::default()).validate().is_ok()
    }

    #[test]
    fn a_disease_keeps_its_partial_date_and_its_code() {
        let fields = ProfileFields {
            name: text("Asthme"),
            start: text("2015-03"),
            code: vec!["cim10|J45".into()],
            ..ProfileFields::default()
        };
        let Ok(Fact::Disease(disease)) = made(ProfileKind::Disease, &fields) else { panic!() };
        assert_eq!(disease.start.unwrap().to_string(), "2015-03");
        assert!(disease.code.has(system::ICD10, "J45"));
        assert!(is_valid(&disease.into_fact()));
    }

    trait IntoFact {
        fn into_fact(self) -> Fact;
    }

    impl IntoFact for Box<Disease> {
        fn into_fact(self) -> Fact {
            Fact::Disease(self)
        }
    }

    #[test]
    fn a_blood_group_is_read_by_its_sign() {
        let fields = ProfileFields { group: text("ab-"), ..ProfileFields::default() };
        let Ok(Fact::BloodGroup(group)) = made(ProfileKind::BloodGroup, &fields) else { panic!() };
        assert_eq!(group.group, Group::AbNegative);
        let wrong = ProfileFields { group: text("C+"), ..ProfileFields::default() };
        assert_eq!(made(ProfileKind::BloodGroup, &wrong), Err(Failure::BadBloodGroup));
    }

    #[test]
    fn an_identity_is_edited_field_by_field() {
        let fields = ProfileFields {
            family: text("Martin"),
            given: vec!["Anaïs".into()],
            birth: text("1984-05"),
            sex: Some(SexOption::Female),
            ins: text("2 84 05 75 123 456 78"),
            ..ProfileFields::default()
        };
        let mut fact = made(ProfileKind::Identity, &fields).unwrap();
        ProfileFields { birth: text("1984-05-12"), ..ProfileFields::default() }
            .apply(&mut fact, &ZoneHistory::utc())
            .unwrap();
        let Fact::Identity(identity) = fact else { panic!() };
        assert_eq!(identity.names[0].label(), "Anaïs Martin");
        assert_eq!(identity.birth_date.unwrap().to_string(), "1984-05-12");
        assert_eq!(identity.identifiers[0].value, "284057512345678");
    }

    #[test]
    fn an_option_of_another_kind_is_refused() {
        let fields = ProfileFields { name: text("Pollen"), dosage: text("2"), ..ProfileFields::default() };
        assert!(matches!(made(ProfileKind::Allergy, &fields), Err(Failure::Usage(_))));
    }

    #[test]
    fn a_box_code_has_7_or_13_digits() {
        for (code, accepted) in [("3400930000001", true), ("3000001", true), ("12", false), ("34009300000AB", false)] {
            let fields = ProfileFields { name: text("X"), cip: text(code), ..ProfileFields::default() };
            assert_eq!(made(ProfileKind::Treatment, &fields).is_ok(), accepted, "{code}");
        }
    }

    #[test]
    fn the_six_statements_of_absence_are_dated() {
        for kind in <NoneKind as clap::ValueEnum>::value_variants() {
            let Fact::Absence(absence) =
                kind.statement(input::when("--at", "2026-01-02", &ZoneHistory::utc()).unwrap())
            else {
                panic!()
            };
            assert_eq!((absence.of.clone(), absence.meaning.clone()), (kind.of(), AbsenceMeaning::NotConcerned));
            assert!(absence.stated_at.is_some());
        }
    }
}
