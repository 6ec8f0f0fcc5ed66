//! The vaccination calendar held against schedules that were published: ages and histories, each with its source.

use super::*;

/// Infants: hexavalent and pneumococcus at 2, 4 and 11 months, MMR at 12 and 16-18 months, meningococci ACWY at 6 and 12,
/// B at 3, 5 and 12 months (calendar of 2025; read at news.dayfr.com/health/4217223.html and msp-marvejols.fr/?p=1634).
const INFANT: &str = "calendar 2025, infants";
/// Infants who begin late: ACWY one dose from 12 months on; B two doses two months apart and one 12 to 23 months later
/// (vivamagazine.fr/vaccination-obligatoire-pour-les-infections-a-meningocoques, January 2025); pneumococcus from 7 to 11
/// months two doses and one a year later, from 12 to 23 months two doses; Hib and hepatitis B until 15
/// (cardiologie.lequotidiendumedecin.fr, "1. Le nourrisson").
const LATE: &str = "calendar, catch-up of infants";
/// At least six months before the booster of 11 months (static2.lequotidiendumedecin.fr, "La transition entre ancien et
/// nouveau calendrier vaccinal").
const INTERVAL: &str = "HCSP 2013, intervals";
/// Boosters at 6, 11-13, 25, 45, 65 and then every ten years, whooping cough at 25 until 39 (mutuelle-sg.com/?p=3123;
/// familysante.com/?p=9553, calendar 2025).
const BOOSTER: &str = "calendar 2025, boosters";
/// The four examples of secourisme.net/spip.php?breve339 (HCSP 2013, kept since): 33 years, last at 30; 43, last at 40;
/// 35, last at 18; 43, last at 18.
const TRANSITION: &str = "HCSP 2013, examples";
/// Two doses from 11 to 14, three doses later, until 26 (pourquoidocteur.fr 54201, March 2026; perinat-normandie.fr,
/// 19 December 2025).
const HPV: &str = "calendar 2025, HPV";
/// ACWY from 11 to 14 whatever came before, catch-up until 24 (pro.campus.sanofi, 28 August 2025).
const TEEN: &str = "calendar 2025, adolescents";
/// MMR: two doses for all born since 1980; one before 12 months does not count (vivamagazine.fr, 9 September 2025).
const MMR: &str = "calendar 2025, MMR";
/// From 65: influenza and Covid-19 each autumn, pneumococcus with Prevenar 20, shingles with two doses two months apart;
/// RSV from 75, from 65 with diseases (geroscopie.fr, calendar 2025; pays-de-la-loire.ars.sante.fr, campaign 2025-2026).
const SENIOR: &str = "calendar 2025, from 65";

struct Case {
    source: &'static str,
    birth: &'static str,
    today: &'static str,
    doses: &'static [(&'static str, &'static str)],
    expected: &'static [&'static str],
    /// Rules that may not say that anything is due or late.
    silent: &'static [&'static str],
}

const fn case(
    source: &'static str,
    birth: &'static str,
    today: &'static str,
    doses: &'static [(&'static str, &'static str)],
    expected: &'static [&'static str],
) -> Case {
    Case { source, birth, today, doses, expected, silent: &[] }
}

const fn silent(
    source: &'static str,
    birth: &'static str,
    today: &'static str,
    silent: &'static [&'static str],
) -> Case {
    Case { source, birth, today, doses: &[], expected: &[], silent }
}

const AT_2: [(&str, &str); 2] = [("2026-03-12", "Hexyon"), ("2026-03-12", "Prevenar 13")];
const AT_4: [(&str, &str); 5] = [
    ("2026-03-12", "Hexyon"),
    ("2026-03-12", "Prevenar 13"),
    ("2026-04-12", "Bexsero"),
    ("2026-05-12", "Hexyon"),
    ("2026-05-12", "Prevenar 13"),
];
const AT_6: [(&str, &str); 7] = [
    ("2026-03-12", "Hexyon"),
    ("2026-03-12", "Prevenar 13"),
    ("2026-04-12", "Bexsero"),
    ("2026-05-12", "Hexyon"),
    ("2026-05-12", "Prevenar 13"),
    ("2026-06-12", "Bexsero"),
    ("2026-07-12", "Nimenrix"),
];

/// An infant born on 10 January 2026 unless said otherwise.
const CASES: &[Case] = &[
    case(
        INFANT,
        "2026-01-10",
        "2026-03-05",
        &[],
        &["vac-hexa/1 upcoming 2026-03-10..2026-04-09", "vac-men-b/1 upcoming 2026-04-10..2026-05-09"],
    ),
    case(
        INFANT,
        "2026-01-10",
        "2026-03-10",
        &[],
        &[
            "vac-hexa/1 due 2026-03-10..2026-04-09",
            "vac-pneumo/1 due 2026-03-10..2026-04-09",
            "vac-rotavirus/1 due 2026-03-10..2026-04-09",
        ],
    ),
    case(
        INFANT,
        "2026-01-10",
        "2026-04-10",
        &[],
        &["vac-hexa/1 overdue 2026-03-10..2026-04-09", "vac-men-b/1 due 2026-04-10..2026-05-09"],
    ),
    case(
        INFANT,
        "2026-01-10",
        "2026-04-11",
        &AT_2,
        &[
            "vac-hexa/2 upcoming 2026-05-12..2026-06-11",
            "vac-pneumo/2 upcoming 2026-05-12..2026-06-11",
            "vac-men-b/1 due 2026-04-10..2026-05-09",
        ],
    ),
    case(
        INFANT,
        "2026-01-10",
        "2026-05-12",
        &AT_2,
        &[
            "vac-hexa/2 due 2026-05-12..2026-06-11",
            "vac-pneumo/2 due 2026-05-12..2026-06-11",
            "vac-men-b/1 overdue 2026-04-10..2026-05-09",
        ],
    ),
    case(
        INFANT,
        "2026-01-10",
        "2026-06-12",
        &AT_2,
        &["vac-hexa/2 overdue 2026-05-12..2026-06-11", "vac-pneumo/2 overdue 2026-05-12..2026-06-11"],
    ),
    case(
        INFANT,
        "2026-01-10",
        "2026-06-15",
        &AT_4,
        &[
            "vac-hexa/3 upcoming 2026-12-10..2027-01-09",
            "vac-men-b/2 due 2026-06-12..2026-07-11",
            "vac-men-acwy/1 upcoming 2026-07-10..2026-08-09",
        ],
    ),
    case(
        INFANT,
        "2026-01-10",
        "2026-07-10",
        &AT_4,
        &["vac-men-acwy/1 due 2026-07-10..2026-08-09", "vac-men-b/2 due 2026-06-12..2026-07-11"],
    ),
    case(
        INFANT,
        "2026-01-10",
        "2026-12-10",
        &AT_6,
        &[
            "vac-hexa/3 due 2026-12-10..2027-01-09",
            "vac-pneumo/3 due 2026-12-10..2027-01-09",
            "vac-mmr/1 upcoming 2027-01-10..2027-02-09",
        ],
    ),
    case(
        INFANT,
        "2026-01-10",
        "2027-01-10",
        &AT_6,
        &[
            "vac-mmr/1 due 2027-01-10..2027-02-09",
            "vac-men-b/3 due 2027-01-10..2027-02-09",
            "vac-men-acwy/2 due 2027-01-10..2027-02-09",
            "vac-hexa/3 overdue 2026-12-10..2027-01-09",
        ],
    ),
    case(INFANT, "2025-01-10", "2026-05-10", &[("2026-01-12", "Priorix")], &["vac-mmr/2 due 2026-05-10..2026-08-09"]),
    case(
        INFANT,
        "2025-01-10",
        "2026-08-10",
        &[("2026-01-12", "Priorix")],
        &["vac-mmr/2 overdue 2026-05-10..2026-08-09"],
    ),
    case(
        INFANT,
        "2025-01-10",
        "2026-08-10",
        &[("2026-01-12", "Priorix"), ("2026-06-01", "M-M-RVAXPRO")],
        &["vac-mmr/2 done"],
    ),
    case(MMR, "2025-01-10", "2026-02-01", &[("2025-12-12", "ROR")], &["vac-mmr/1 due 2026-01-10..2026-02-09"]),
    case(
        LATE,
        "2025-01-10",
        "2026-01-20",
        &[],
        &["vac-men-acwy/1 due 2026-01-10..2026-02-09", "vac-men-b/1 due 2026-01-10..2026-02-09"],
    ),
    case(
        LATE,
        "2025-01-10",
        "2026-03-01",
        &[("2026-01-20", "Nimenrix"), ("2026-01-20", "Bexsero")],
        &["vac-men-acwy/1 done", "vac-men-b/2 upcoming 2026-03-20..2026-04-19"],
    ),
    case(
        LATE,
        "2025-01-10",
        "2026-06-01",
        &[("2026-01-20", "Bexsero"), ("2026-03-22", "Bexsero")],
        &["vac-men-b/3 upcoming 2027-03-22..2027-04-22"],
    ),
    case(
        LATE,
        "2025-02-10",
        "2026-02-12",
        &[("2025-08-10", "Neisvac")],
        &["vac-men-acwy/1 due 2026-02-10..2026-03-09"],
    ),
    case(
        LATE,
        "2025-09-10",
        "2026-05-01",
        &[("2026-04-20", "Prevenar 13")],
        &["vac-pneumo/2 upcoming 2026-06-20..2026-07-19"],
    ),
    case(
        LATE,
        "2025-09-10",
        "2026-09-01",
        &[("2026-04-20", "Prevenar 13"), ("2026-06-20", "Prevenar 13")],
        &["vac-pneumo/3 upcoming 2027-06-20..2027-07-19"],
    ),
    case(LATE, "2025-01-10", "2026-02-15", &[], &["vac-pneumo/1 overdue 2026-01-10..2026-02-09"]),
    case(
        LATE,
        "2025-01-10",
        "2026-04-20",
        &[("2026-02-16", "Vaxneuvance"), ("2026-04-17", "Vaxneuvance")],
        &["vac-pneumo/2 done"],
    ),
    case(
        INTERVAL,
        "2025-04-10",
        "2026-02-15",
        &[("2025-06-12", "Vaxelis"), ("2026-01-12", "Vaxelis")],
        &["vac-hexa/3 upcoming 2026-07-12..2026-08-11"],
    ),
    case(
        LATE,
        "2014-01-10",
        "2026-06-01",
        &[("2025-10-01", "Engerix B"), ("2025-11-03", "Engerix B")],
        &["vac-hepb/3 overdue 2026-04-03..2026-05-04"],
    ),
    case(BOOSTER, "2020-01-10", "2026-01-10", &[], &["vac-dtp/6y due 2026-01-10..2027-01-09"]),
    case(BOOSTER, "2019-01-10", "2026-06-01", &[], &["vac-dtp/6y overdue 2025-01-10..2026-01-09"]),
    case(
        BOOSTER,
        "2019-01-10",
        "2026-06-01",
        &[("2025-03-01", "Tetravac")],
        &["vac-dtp/6y done 2025-01-10..2026-01-09", "vac-dtp/11y upcoming 2030-01-10..2033-01-09"],
    ),
    case(
        BOOSTER,
        "2019-01-10",
        "2026-06-01",
        &[("2025-03-01", "Revaxis")],
        &["vac-dtp/6y overdue 2025-01-10..2026-01-09"],
    ),
    case(
        BOOSTER,
        "2015-01-10",
        "2026-01-10",
        &[("2021-02-01", "Infanrix Tetra")],
        &["vac-dtp/11y due 2026-01-10..2029-01-09"],
    ),
    case(
        BOOSTER,
        "2011-01-10",
        "2026-01-10",
        &[("2017-02-01", "Infanrix Tetra")],
        &["vac-dtp/11y overdue 2022-01-10..2025-01-09"],
    ),
    case(
        BOOSTER,
        "2011-01-10",
        "2026-01-10",
        &[("2022-02-01", "Repevax")],
        &["vac-dtp/11y done 2022-01-10..2025-01-09", "vac-dtp/25y upcoming 2036-01-10..2037-01-09"],
    ),
    case(
        BOOSTER,
        "2001-01-10",
        "2026-01-10",
        &[("2012-02-01", "Repevax")],
        &["vac-dtp/25y due 2026-01-10..2027-01-09", "vac-pertussis/25y due 2026-01-10..2027-01-09"],
    ),
    case(
        BOOSTER,
        "2001-01-10",
        "2026-01-20",
        &[("2023-02-01", "Boostrixtetra")],
        &["vac-dtp/25y done 2026-01-10..2027-01-09", "vac-pertussis/25y done 2026-01-10..2027-01-09"],
    ),
    case(
        BOOSTER,
        "1990-01-10",
        "2026-01-20",
        &[("2015-02-01", "Revaxis")],
        &["vac-dtp/25y done 2015-01-10..2016-01-09", "vac-pertussis/25y overdue 2015-01-10..2016-01-09"],
    ),
    silent(BOOSTER, "1985-01-10", "2026-01-20", &["vac-pertussis"]),
    case(
        TRANSITION,
        "1993-01-10",
        "2026-02-01",
        &[("2023-02-01", "DTPolio")],
        &["vac-dtp/25y done 2018-01-10..2019-01-09", "vac-dtp/45y upcoming 2038-01-10..2039-01-09"],
    ),
    case(
        TRANSITION,
        "1983-01-10",
        "2026-02-01",
        &[("2023-02-01", "DTPolio")],
        &["vac-dtp/45y done 2028-01-10..2029-01-09", "vac-dtp/65y upcoming 2048-01-10..2049-01-09"],
    ),
    case(
        TRANSITION,
        "1991-01-10",
        "2026-02-01",
        &[("2009-02-01", "DTPolio")],
        &["vac-dtp/25y overdue 2016-01-10..2017-01-09"],
    ),
    case(
        TRANSITION,
        "1983-01-10",
        "2026-02-01",
        &[("2001-02-01", "DTPolio")],
        &["vac-dtp/25y overdue 2008-01-10..2009-01-09"],
    ),
    case(
        TRANSITION,
        "1983-01-10",
        "2026-02-20",
        &[("2001-02-01", "DTPolio"), ("2026-02-10", "Revaxis")],
        &["vac-dtp/65y upcoming 2048-01-10..2049-01-09"],
    ),
    case(
        BOOSTER,
        "1961-01-10",
        "2026-02-01",
        &[("2006-02-01", "Revaxis")],
        &["vac-dtp/65y due 2026-01-10..2027-01-09"],
    ),
    case(
        BOOSTER,
        "1959-01-10",
        "2026-02-01",
        &[("2022-02-01", "Revaxis")],
        &["vac-dtp/65y done 2024-01-10..2025-01-09", "vac-dtp/75y upcoming 2034-01-10..2035-01-09"],
    ),
    case(
        BOOSTER,
        "1950-01-10",
        "2026-02-01",
        &[("2015-02-01", "Revaxis")],
        &["vac-dtp/75y overdue 2025-01-10..2026-01-09"],
    ),
    case(
        BOOSTER,
        "1941-01-10",
        "2026-02-01",
        &[("2016-02-01", "Revaxis")],
        &["vac-dtp/85y due 2026-01-10..2027-01-09"],
    ),
    case(HPV, "2015-01-10", "2026-01-10", &[], &["vac-hpv/1 due 2026-01-10..2030-01-09"]),
    case(
        HPV,
        "2014-01-10",
        "2026-03-01",
        &[("2026-01-20", "Gardasil 9")],
        &["vac-hpv/2 upcoming 2026-06-20..2029-01-09"],
    ),
    case(
        HPV,
        "2014-01-10",
        "2026-03-01",
        &[("2025-03-20", "Gardasil 9"), ("2025-09-25", "Gardasil 9")],
        &["vac-hpv/2 done"],
    ),
    case(HPV, "2009-01-10", "2026-03-01", &[], &["vac-hpv/1 overdue 2020-01-10..2024-01-09"]),
    case(
        HPV,
        "2010-01-10",
        "2026-03-01",
        &[("2025-06-01", "Gardasil 9"), ("2025-08-02", "Gardasil 9")],
        &["vac-hpv/3 overdue 2025-12-02..2026-01-02"],
    ),
    case(HPV, "2000-01-10", "2026-03-01", &[], &["vac-hpv/1 overdue 2011-01-10..2015-01-09"]),
    silent(HPV, "1999-01-10", "2026-03-01", &["vac-hpv"]),
    case(TEEN, "2014-01-10", "2026-03-01", &[], &["vac-men-acwy-teen/1 due 2025-01-10..2029-01-09"]),
    case(
        TEEN,
        "2009-01-10",
        "2026-03-01",
        &[("2010-01-20", "Nimenrix")],
        &["vac-men-acwy-teen/1 overdue 2020-01-10..2024-01-09"],
    ),
    case(TEEN, "2009-01-10", "2026-03-01", &[("2022-01-20", "Menquadfi")], &["vac-men-acwy-teen/1 done"]),
    silent(TEEN, "2001-01-10", "2026-03-01", &["vac-men-acwy-teen"]),
    case(MMR, "1985-01-10", "2026-03-01", &[], &["vac-mmr/1 overdue 1986-01-10..1986-02-09"]),
    case(MMR, "1985-01-10", "2026-03-01", &[("1987-01-10", "ROR")], &["vac-mmr/2 overdue 1987-02-10..1987-03-13"]),
    silent(MMR, "1979-12-31", "2026-03-01", &["vac-mmr"]),
    case(
        SENIOR,
        "1959-01-10",
        "2026-01-20",
        &[],
        &[
            "vac-flu/2025 due 2025-10-14..2026-01-31",
            "vac-covid/2025 due 2025-10-14..2026-01-31",
            "vac-pneumo-65/1 overdue 2024-01-10..2025-01-09",
            "vac-zoster/1 overdue 2024-01-10..2025-01-09",
        ],
    ),
    case(
        SENIOR,
        "1959-01-10",
        "2026-01-20",
        &[
            ("2025-11-05", "Efluelda"),
            ("2025-11-05", "Comirnaty"),
            ("2025-05-05", "Prevenar 20"),
            ("2025-12-05", "Shingrix"),
        ],
        &[
            "vac-flu/2025 done 2025-10-14..2026-01-31",
            "vac-covid/2025 done 2025-10-14..2026-01-31",
            "vac-pneumo-65/1 done",
            "vac-zoster/2 upcoming 2026-02-05..2026-03-08",
        ],
    ),
    case(
        SENIOR,
        "1959-01-10",
        "2026-06-20",
        &[("2025-11-05", "Efluelda")],
        &["vac-flu/2026 upcoming 2026-10-14..2027-01-31"],
    ),
    case(
        SENIOR,
        "1961-01-10",
        "2026-06-20",
        &[("2024-05-05", "Prevenar 13")],
        &["vac-pneumo-65/1 due 2026-01-10..2027-01-09", "vac-zoster/1 due 2026-01-10..2027-01-09"],
    ),
    case(SENIOR, "1950-06-10", "2026-06-05", &[], &["vac-rsv/1 due 2025-06-10..2026-06-09"]),
    case(
        SENIOR,
        "1956-06-10",
        "2026-06-05",
        &[],
        &["vac-rsv/1 upcoming 2031-06-10..2032-06-09", "vac-rsv-if/1 due 2021-06-10..2031-06-09"],
    ),
    case(SENIOR, "1946-06-10", "2026-06-05", &[("2024-10-10", "Arexvy")], &["vac-rsv/1 done"]),
    silent(SENIOR, "1975-06-10", "2026-06-05", &["vac-rsv-if", "vac-rsv"]),
    silent(INFANT, "2017-12-31", "2026-06-05", &["vac-hexa", "vac-pneumo"]),
    silent(LATE, "2010-01-01", "2026-06-05", &["vac-hepb"]),
    silent(INFANT, "2026-01-10", "2026-07-01", &["vac-rotavirus"]),
];

#[test]
fn the_calendar_agrees_with_published_schedules_by_age_and_history() {
    assert!(CASES.len() >= 60, "{}", CASES.len());
    let rules = Rules::bundled().unwrap();
    let mut wrong = Vec::new();
    for (place, case) in CASES.iter().enumerate() {
        let told = lines(&rules, &person(case.birth, None), case.doses, &[], case.today);
        let is_told = |expected: &&str| told.iter().any(|line| line == *expected);
        for expected in case.expected.iter().filter(|expected| !is_told(expected)) {
            let code = expected.split('/').next().unwrap();
            let of_rule: Vec<_> = told.iter().filter(|line| line.starts_with(code)).collect();
            wrong.push(format!(
                "case {place} ({}), born {}, on {}: {expected} is not among {of_rule:?}",
                case.source, case.birth, case.today
            ));
        }
        let is_asked = |line: &&String| !line.contains(" past") && !line.contains(" upcoming");
        for rule in case.silent {
            let own = told.iter().filter(|line| line.split(['/', ' ']).next() == Some(rule));
            let asked = own.filter(is_asked);
            wrong.extend(asked.map(|line| format!("case {place} ({}), born {}: {line}", case.source, case.birth)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
