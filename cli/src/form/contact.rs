//! Relatives, professionals and establishments. A contact carries no right.

use carnet_record::{
    Concept,
    kind::{
        Contact,
        contact::{ContactSort, ContactType},
    },
    person::{Address, FINESS_SYSTEM, HumanName, Identifier, RPPS_SYSTEM, Telecom, TelecomKind},
};

use super::{fill, only};
use crate::error::Failure;

/// What `contact add` can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ContactKind {
    Establishment,
    Professional,
    Relative,
}

/// What a relative is for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ContactTypeOption {
    Carer,
    Emergency,
    Helped,
    Trusted,
}

/// The options of `contact add` and `contact edit`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ContactFields {
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub(crate) family: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub(crate) given: Vec<String>,
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) types: Vec<ContactTypeOption>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) relation: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    pub(crate) phone: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    pub(crate) mobile: Option<String>,
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) street: Option<String>,
    #[arg(long, value_name = "CODE")]
    pub(crate) postal_code: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub(crate) city: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub(crate) country: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rpps: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    pub(crate) finess: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) role: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) profession: Option<String>,
}

impl ContactFields {
    /// A new contact.
    pub(crate) fn new_contact(&self, kind: ContactKind) -> Result<Contact, Failure> {
        let sort = match kind {
            ContactKind::Establishment => ContactSort::Establishment,
            ContactKind::Professional => ContactSort::Professional,
            ContactKind::Relative => ContactSort::Relative,
        };
        let mut contact = Contact { sort, ..Contact::default() };
        self.apply(&mut contact)?;
        Ok(contact)
    }

    /// Changes `contact` to what was given.
    pub(crate) fn apply(&self, contact: &mut Contact) -> Result<(), Failure> {
        let meant: &[&str] = match contact.sort {
            ContactSort::Establishment => &["--finess"],
            ContactSort::Professional => &["--family", "--given", "--prefix", "--rpps", "--role", "--profession"],
            _ => &["--family", "--given", "--prefix", "--types", "--relation"],
        };
        only(contact.sort.as_str(), &self.given_options(), &[OF_ALL, meant].concat())?;
        if contact.sort == ContactSort::Establishment {
            fill(&mut contact.organisation, self.name.as_ref());
        } else {
            self.apply_name(&mut contact.name);
        }
        if !self.types.is_empty() {
            contact.types = self.types.iter().map(|own| contact_type(*own)).collect();
        }
        fill(&mut contact.relation, self.relation.as_ref());
        if let Some(code) = contact.relation.as_deref().and_then(relation_code) {
            contact.relation = Some(code.to_owned());
        }
        if self.relation.is_some() {
            contact.relation_codes.clear();
        }
        fill(&mut contact.role, self.role.as_ref());
        if let Some(text) = &self.profession {
            contact.professions =
                if text.trim().is_empty() { Vec::new() } else { vec![Concept::from_text(text.trim())] };
        }
        set_telecom(contact, &TelecomKind::Phone, None, self.phone.as_ref());
        set_telecom(contact, &TelecomKind::Phone, Some(MOBILE), self.mobile.as_ref());
        set_telecom(contact, &TelecomKind::Email, None, self.email.as_ref());
        self.apply_address(contact);
        set_identifier(contact, RPPS_SYSTEM, self.rpps.as_ref());
        set_identifier(contact, FINESS_SYSTEM, self.finess.as_ref());
        Ok(())
    }

    /// Changes the first address to what was given, and takes away one of which nothing is left.
    fn apply_address(&self, contact: &mut Contact) {
        let given = [&self.street, &self.postal_code, &self.city, &self.country];
        if given.iter().all(|part| part.is_none()) {
            return;
        }
        if contact.addresses.is_empty() {
            contact.addresses.push(Address::default());
        }
        let Some(address) = contact.addresses.first_mut() else { return };
        if let Some(street) = &self.street {
            address.lines =
                Some(street.trim()).filter(|line| !line.is_empty()).map(str::to_owned).into_iter().collect();
        }
        fill(&mut address.postal_code, self.postal_code.as_ref());
        fill(&mut address.city, self.city.as_ref());
        fill(&mut address.country, self.country.as_ref());
        contact.addresses.retain(|address| *address != Address::default());
    }

    fn apply_name(&self, name: &mut HumanName) {
        if let Some(prefix) = &self.prefix {
            name.prefix = Some(prefix.trim()).filter(|text| !text.is_empty()).map(str::to_owned).into_iter().collect();
        }
        fill(&mut name.text, self.name.as_ref());
        fill(&mut name.family, self.family.as_ref());
        if !self.given.is_empty() {
            name.given = self.given.iter().filter(|part| !part.trim().is_empty()).cloned().collect();
        }
    }

    fn given_options(&self) -> [(&'static str, bool); 17] {
        [
            ("--name", self.name.is_some()),
            ("--family", self.family.is_some()),
            ("--given", !self.given.is_empty()),
            ("--types", !self.types.is_empty()),
            ("--relation", self.relation.is_some()),
            ("--prefix", self.prefix.is_some()),
            ("--phone", self.phone.is_some()),
            ("--mobile", self.mobile.is_some()),
            ("--street", self.street.is_some()),
            ("--postal-code", self.postal_code.is_some()),
            ("--city", self.city.is_some()),
            ("--country", self.country.is_some()),
            ("--email", self.email.is_some()),
            ("--rpps", self.rpps.is_some()),
            ("--finess", self.finess.is_some()),
            ("--role", self.role.is_some()),
            ("--profession", self.profession.is_some()),
        ]
    }
}

fn contact_type(option: ContactTypeOption) -> ContactType {
    match option {
        ContactTypeOption::Carer => ContactType::Caregiver,
        ContactTypeOption::Emergency => ContactType::Emergency,
        ContactTypeOption::Helped => ContactType::Helped,
        ContactTypeOption::Trusted => ContactType::Trusted,
    }
}

/// The options that every sort of contact has.
const OF_ALL: &[&str] =
    &["--name", "--phone", "--mobile", "--email", "--street", "--postal-code", "--city", "--country"];

/// The code of Mon espace santé for a relation that is typed as one of its terms; other words stay as they are.
fn relation_code(text: &str) -> Option<&'static str> {
    Some(match text.to_lowercase().as_str() {
        "mother" | "mère" => "MOTHER",
        "father" | "père" => "FATHER",
        "child" | "enfant" => "CHILD",
        "spouse" | "conjoint" | "conjointe" => "SPOUSE",
        "guardian" | "tuteur" | "tutrice" => "TUTEUR",
        "other" | "autre" => "OTHER",
        _ => return None,
    })
}

/// Use of a telephone that is carried along (FHIR contact-point-use).
const MOBILE: &str = "mobile";

/// Sets the one of this kind and use. A mobile number and one of another use stand beside each other.
fn set_telecom(contact: &mut Contact, kind: &TelecomKind, used_as: Option<&str>, given: Option<&String>) {
    let Some(value) = given else { return };
    let is_mobile = |used_as: Option<&str>| used_as == Some(MOBILE);
    contact.telecoms.retain(|own| own.kind != *kind || is_mobile(own.used_as.as_deref()) != is_mobile(used_as));
    if !value.trim().is_empty() {
        let used_as = used_as.map(str::to_owned);
        contact.telecoms.push(Telecom { kind: kind.clone(), value: value.trim().to_owned(), used_as });
    }
}

fn set_identifier(contact: &mut Contact, system: &str, given: Option<&String>) {
    let Some(value) = given else { return };
    contact.identifiers.retain(|identifier| identifier.system != system);
    let digits: String = value.chars().filter(|c| !c.is_whitespace()).collect();
    if !digits.is_empty() {
        contact.identifiers.push(Identifier::new(system, &digits));
    }
}

#[cfg(test)]
mod tests {
    use carnet_record::{Draft, Fact, Provenance};

    use super::*;
    use crate::form;

    #[test]
    fn a_relative_has_several_types() {
        let fields = ContactFields {
            family: Some("Martin".into()),
            given: vec!["Paul".into()],
            types: vec![ContactTypeOption::Emergency, ContactTypeOption::Trusted],
            phone: Some("06 00 00 00 00".into()),
            ..ContactFields::default()
        };
        let contact = fields.new_contact(ContactKind::Relative).unwrap();
        assert_eq!(contact.label(), "Paul Martin");
        assert_eq!(contact.types, [ContactType::Emergency, ContactType::Trusted]);
        assert_eq!(contact.telecoms[0].value, "06 00 00 00 00");
    }

    #[test]
    fn a_wrong_check_digit_is_a_remark_and_no_refusal() {
        let fields = ContactFields {
            name: Some("Dr Durand".into()),
            rpps: Some("10000000001".into()),
            ..ContactFields::default()
        };
        let contact = fields.new_contact(ContactKind::Professional).unwrap();
        let remarks = form::check(&Draft::new(Fact::from(contact), Provenance::default())).unwrap();
        assert_eq!(remarks.len(), 1);
    }

    #[test]
    fn an_establishment_has_no_family_name() {
        let fields = ContactFields { family: Some("X".into()), ..ContactFields::default() };
        assert!(matches!(fields.new_contact(ContactKind::Establishment), Err(Failure::Usage(_))));
    }
}
