//! The clinical traps: units, persons, negation, and what only looks like a fact.

use super::*;

#[test]
fn fault_g10_what_is_denied_is_never_an_allergy() {
    let stated = import(&entry("48765-2", &allergy("", "<value xsi:type='CD'/>", AGENT)));
    let Fact::Allergy(fact) = &stated.only().fact else { panic!() };
    assert_eq!((fact.name.as_deref(), &stated.only().status), (Some("amoxicilline"), &Status::Active));

    let denied = import(&entry("48765-2", &allergy("negationInd='true'", "<value xsi:type='CD'/>", AGENT)));
    assert_eq!(denied.only().status, Status::Refuted);
    assert!(!denied.only().status.counts());

    for (attributes, value) in [
        ("", "<value xsi:type='CD' code='716186003' codeSystem='2.16.840.1.113883.6.96'/>"),
        ("negationInd='true'", "<value xsi:type='CD' code='419199007' codeSystem='2.16.840.1.113883.6.96'/>"),
    ] {
        let none = import(&entry("48765-2", &allergy(attributes, value, "")));
        let Fact::Absence(absence) = &none.only().fact else { panic!("{:?}", none.only().fact) };
        assert_eq!((&absence.of, &absence.meaning), (&AbsenceOf::Allergies, &AbsenceMeaning::NoneKnown));
    }

    let empty = import(&entry("48765-2", &allergy("", "<value xsi:type='CD'/>", "")));
    assert_eq!(empty.set_aside(), [("allergy", "without-a-substance", 1)], "a type alone is no allergy");
}

#[test]
fn fault_g10_a_vaccination_not_given_and_a_statement_by_mistake_do_not_count() {
    let vaccine = |attributes: &str, status: &str| {
        let text = entry(
            "11369-6",
            &format!(
                "<substanceAdministration classCode='SBADM' moodCode='EVN' {attributes}><statusCode code='{status}'/>
                <consumable><manufacturedProduct><manufacturedMaterial><name>Vaccin</name><lotNumberText>L1</lotNumberText>
                </manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration>"
            ),
        );
        import(&text).only().status.clone()
    };
    assert_eq!(vaccine("", "completed"), Status::Active);
    assert_eq!(vaccine("negationInd='true'", "completed"), Status::NotDone);
    assert_eq!(vaccine("", "nullified"), Status::EnteredInError);
    let mistaken = observation("", "1", "<value xsi:type='INT' value='3'/>").replace("completed", "nullified");
    assert_eq!(import(&entry("30954-2", &mistaken)).only().status, Status::EnteredInError);
}

#[test]
fn fault_g10_no_treatment_is_an_absence() {
    let text = entry(
        "10160-0",
        "<substanceAdministration classCode='SBADM' moodCode='EVN'>
        <code code='182849000' codeSystem='2.16.840.1.113883.6.96'/><consumable><manufacturedProduct>
        <manufacturedMaterial nullFlavor='NA'/></manufacturedProduct></consumable></substanceAdministration>",
    );
    let imported = import(&text);
    let Fact::Absence(absence) = &imported.only().fact else { panic!() };
    assert_eq!(absence.of, AbsenceOf::Treatments);
}

#[test]
fn fault_g10_milligrams_micrograms_and_decimal_commas_are_never_mixed() {
    let of = |value: &str, unit: &str| {
        let value = format!("<value xsi:type='PQ' value='{value}' unit='{unit}'/>");
        format!("<entry>{}</entry>", observation("", "7", &value))
    };
    let imported = import(&section("30954-2", &(of("25", "mg") + &of("25", "ug") + &of("2,5", "mg"))));
    let said: Vec<String> = imported
        .drafts
        .iter()
        .map(|draft| match &draft.fact {
            Fact::Result(result) => match result.value.as_ref().unwrap() {
                ResultValue::Quantity(quantity) => quantity.to_string(),
                ResultValue::Text(words) => format!("words: {words}"),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said, ["25 mg", "25 ug", "words: 2,5 mg"]);
    assert_eq!(imported.warnings(), [("result", "not-a-number", 1)]);
}

#[test]
fn fault_g10_one_analyte_in_two_units_stays_two_results() {
    let moles = observation("", "40193-5", "<value xsi:type='PQ' value='4.89' unit='mmol/L'/>");
    let mass = observation("", "53049-3", "<value xsi:type='PQ' value='0.88' unit='g/L'/>");
    let imported = import(&section("18719-5", &format!("<entry>{moles}</entry><entry>{mass}</entry>")));
    assert_eq!(imported.drafts.len(), 2);
}

#[test]
fn fault_g10_what_is_about_another_person_is_no_entry() {
    let mother = "<subject><relatedSubject classCode='PRS'><code code='MTH'/></relatedSubject></subject>";
    let pregnancy = observation("", "8302-2", "<value xsi:type='PQ' value='172' unit='cm'/>");
    for text in [
        entry("30954-2", &pregnancy.replace("</observation>", &format!("{mother}</observation>"))),
        section("10162-6", &format!("{mother}<entry>{pregnancy}</entry>")),
        entry("10157-6", &pregnancy),
    ] {
        let imported = import(&text);
        assert!(imported.drafts.is_empty());
        assert_eq!(imported.set_aside(), [("result", "about-a-relative", 1)]);
    }
}

#[test]
fn fault_g10_another_person_is_told_by_the_claim_and_two_persons_give_no_entry() {
    let known = import(&section("30954-2", "")).subject.unwrap();
    let other = section("30954-2", "").replace("284029999999904", "279035121518989").replace("19840229", "19790328");
    assert_eq!(import(&other).subject.unwrap().compare(&known), SubjectMatch::Different);

    let body = format!(
        "<structuredBody><component><section><entry>{}</entry></section></component></structuredBody>",
        observation("", "1", "<value xsi:type='INT' value='3'/>")
    );
    let imported = import(&with(&PATIENT.repeat(2), &body));
    assert!(imported.drafts.is_empty());
    assert_eq!(imported.set_aside(), [("person", "several-persons", 1)]);
}

#[test]
fn what_is_planned_insured_or_wished_is_no_fact() {
    let plan = observation("", "1", "<value xsi:type='ST'>a faire</value>").replace("moodCode='EVN'", "moodCode='RQO'");
    assert_eq!(import(&entry("30954-2", &plan)).set_aside(), [("result", "planned", 1)]);
    let value = observation("", "1", "<value xsi:type='BL' value='true'/>");
    assert_eq!(import(&entry("48768-6", &value)).set_aside(), [("result", "insurance", 1)]);
    assert_eq!(import(&entry("42348-3", &value)).set_aside(), [("result", "wishes-stay-in-the-document", 1)]);
}
