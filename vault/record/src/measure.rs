//! The kinds of measures, as data: slug, labels, codes, unit, bounds, and what goes with a value.
//!
//! Bounds catch slips of the hand. They say nothing about health, and no threshold here may ever be shown as advice.

use crate::{
    code::{Concept, normal_system, system},
    quantity::Decimal,
};

/// Whether a field goes with a kind of measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The field makes no sense there.
    Forbidden,
    /// The measure means nothing without it.
    Mandatory,
}

/// The least and the greatest value that a person may type, in the unit of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Least value.
    pub low: Decimal,
    /// Greatest value.
    pub high: Decimal,
    /// Where the bounds come from.
    pub source: &'static str,
}

/// A component of a measure that has no value of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentKind {
    /// Name of the component.
    pub slug: &'static str,
    /// Code of Mon espace santé.
    pub service_code: &'static str,
    /// French label.
    pub label_fr: &'static str,
    /// English label.
    pub label_en: &'static str,
    /// LOINC code.
    pub code: &'static str,
    /// UCUM unit.
    pub unit: &'static str,
    /// Bounds of a typed value.
    pub bounds: Bounds,
}

/// One kind of measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasureKind {
    /// Carnet's name of the kind, in the command line and in batches.
    pub slug: &'static str,
    /// Code of Mon espace santé, for the kinds that it has.
    pub service_code: Option<&'static str>,
    /// French label.
    pub label_fr: &'static str,
    /// English label.
    pub label_en: &'static str,
    /// Code system of `code`.
    pub system: &'static str,
    /// The code to write.
    pub code: &'static str,
    /// Other codes that are read as this kind: (system, code).
    pub accepted: &'static [(&'static str, &'static str)],
    /// UCUM unit of a typed value; empty for a kind that has only components.
    pub unit: &'static str,
    /// Decimals shown.
    pub decimals: u8,
    /// Bounds of a typed value; none for a kind that has only components.
    pub bounds: Option<Bounds>,
    /// Components, in place of a value.
    pub components: &'static [ComponentKind],
    /// Whether a circumstance goes with it.
    pub moment: Presence,
    /// Whether a number of days goes with it.
    pub days: Presence,
    /// Computed from others: a person cannot type it.
    pub computed: bool,
    /// Last segment of the national profile of the FHIR resource, when there is one.
    pub profile: Option<&'static str>,
}

impl MeasureKind {
    /// The kind with this slug.
    pub fn from_slug(slug: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.slug == slug)
    }

    /// The kind that a code means, written or accepted.
    pub fn from_code(system: &str, code: &str) -> Option<&'static Self> {
        let system = normal_system(system);
        KINDS
            .iter()
            .find(|kind| (kind.system == system && kind.code == code) || kind.accepted.contains(&(system, code)))
    }

    /// The kind that one of the codings means.
    pub fn from_concept(concept: &Concept) -> Option<&'static Self> {
        concept.codings.iter().find_map(|coding| Self::from_code(&coding.system, &coding.code))
    }

    /// The component with this slug.
    pub fn component(&self, slug: &str) -> Option<&'static ComponentKind> {
        self.components.iter().find(|part| part.slug == slug)
    }
}

/// The body-mass index in kg/m2 at one decimal, from kilograms and centimetres.
pub fn body_mass_index(weight_kg: Decimal, height_cm: Decimal) -> Option<Decimal> {
    let per_metre = weight_kg.times_ratio(Decimal::literal(10_000, 0), height_cm, 6)?;
    per_metre.times_ratio(Decimal::literal(1, 0), height_cm, 1)
}

/// A value in another unit at `decimals` decimals. None when no conversion is known.
pub fn convert(value: Decimal, from: &str, to: &str, decimals: u8) -> Option<Decimal> {
    if from == to {
        return Some(value);
    }
    let (numerator, denominator, shift) = conversion(from, to)?;
    let shifted = value.checked_add(shift)?;
    shifted.times_ratio(numerator, denominator, decimals)
}

/// (numerator, denominator, what is added before multiplying).
fn conversion(from: &str, to: &str) -> Option<(Decimal, Decimal, Decimal)> {
    let row = CONVERSIONS.iter().find(|row| row.0 == from && row.1 == to)?;
    Some((row.2, row.3, row.4))
}

const fn d(mantissa: i64, scale: u8) -> Decimal {
    Decimal::literal(mantissa, scale)
}

type Conversion = (&'static str, &'static str, Decimal, Decimal, Decimal);

/// Exact factors: (from, to, numerator, denominator, added before).
const CONVERSIONS: [Conversion; 24] = [
    ("g", "kg", d(1, 0), d(1000, 0), d(0, 0)),
    ("kg", "g", d(1000, 0), d(1, 0), d(0, 0)),
    ("[lb_av]", "kg", d(45_359_237, 8), d(1, 0), d(0, 0)),
    ("kg", "[lb_av]", d(1, 0), d(45_359_237, 8), d(0, 0)),
    ("[stone_av]", "kg", d(635_029_318, 8), d(1, 0), d(0, 0)),
    ("m", "cm", d(100, 0), d(1, 0), d(0, 0)),
    ("cm", "m", d(1, 0), d(100, 0), d(0, 0)),
    ("[in_i]", "cm", d(254, 2), d(1, 0), d(0, 0)),
    ("cm", "[in_i]", d(1, 0), d(254, 2), d(0, 0)),
    ("km", "m", d(1000, 0), d(1, 0), d(0, 0)),
    ("[mi_i]", "m", d(1_609_344, 3), d(1, 0), d(0, 0)),
    ("[ft_i]", "m", d(3048, 4), d(1, 0), d(0, 0)),
    ("kJ", "kcal", d(1, 0), d(4184, 3), d(0, 0)),
    ("cal", "kcal", d(1, 0), d(1000, 0), d(0, 0)),
    ("[degF]", "Cel", d(1, 0), d(18, 1), d(-32, 0)),
    ("K", "Cel", d(1, 0), d(1, 0), d(-27_315, 2)),
    ("mmol/L", "mg/dL", d(1_801_558_800_000_541, 14), d(1, 0), d(0, 0)),
    ("mg/dL", "mmol/L", d(1, 0), d(1_801_558_800_000_541, 14), d(0, 0)),
    ("g/L", "mg/dL", d(100, 0), d(1, 0), d(0, 0)),
    ("mg/dL", "g/L", d(1, 0), d(100, 0), d(0, 0)),
    ("kPa", "mm[Hg]", d(750_061_683, 8), d(1, 0), d(0, 0)),
    ("mm[Hg]", "kPa", d(1, 0), d(750_061_683, 8), d(0, 0)),
    ("min", "h", d(1, 0), d(60, 0), d(0, 0)),
    ("h", "min", d(60, 0), d(1, 0), d(0, 0)),
];

const SERVICE: &str = "Mon espace santé, questionnaire of the mobile application (2025-08-27)";
const SCALE: &str = "definition of the scale";
const OWN: &str = "Carnet: wide limits against slips of the hand, not a medical norm";

const fn own(low: Decimal, high: Decimal) -> Bounds {
    Bounds { low, high, source: OWN }
}

/// A kind with no extras, for the rows below to change.
const PLAIN: MeasureKind = MeasureKind {
    slug: "",
    service_code: None,
    label_fr: "",
    label_en: "",
    system: system::LOINC,
    code: "",
    accepted: &[],
    unit: "",
    decimals: 0,
    bounds: None,
    components: &[],
    moment: Presence::Forbidden,
    days: Presence::Forbidden,
    computed: false,
    profile: None,
};

const BLOOD_PRESSURE_PARTS: [ComponentKind; 2] = [
    ComponentKind {
        slug: "systolic",
        service_code: "SYSTOLIC_BLOOD_PRESSURE",
        label_fr: "Systolique",
        label_en: "Systolic",
        code: "8480-6",
        unit: "mm[Hg]",
        bounds: own(d(30, 0), d(350, 0)),
    },
    ComponentKind {
        slug: "diastolic",
        service_code: "DIASTOLIC_BLOOD_PRESSURE",
        label_fr: "Diastolique",
        label_en: "Diastolic",
        code: "8462-4",
        unit: "mm[Hg]",
        bounds: own(d(10, 0), d(250, 0)),
    },
];

/// Every kind, those of Mon espace santé first.
pub const KINDS: [MeasureKind; 23] = [
    MeasureKind {
        slug: "weight",
        service_code: Some("WEIGHT"),
        label_fr: "Poids",
        label_en: "Weight",
        code: "29463-7",
        accepted: &[(system::LOINC, "3141-9")],
        unit: "kg",
        decimals: 1,
        bounds: Some(Bounds { low: d(2, 1), high: d(600, 0), source: SERVICE }),
        profile: Some("mesures-fr-observation-body-weight"),
        ..PLAIN
    },
    MeasureKind {
        slug: "height",
        service_code: Some("HEIGHT"),
        label_fr: "Taille",
        label_en: "Height",
        code: "8302-2",
        accepted: &[(system::LOINC, "8306-3"), (system::LOINC, "3137-7")],
        unit: "cm",
        decimals: 1,
        bounds: Some(Bounds { low: d(10, 0), high: d(250, 0), source: SERVICE }),
        profile: Some("mesures-fr-observation-bodyheight"),
        ..PLAIN
    },
    MeasureKind {
        slug: "bmi",
        service_code: Some("BODY_MASS_INDEX"),
        label_fr: "Indice de masse corporelle",
        label_en: "Body mass index",
        code: "39156-5",
        unit: "kg/m2",
        decimals: 1,
        bounds: Some(own(d(5, 0), d(200, 0))),
        computed: true,
        profile: Some("mesures-fr-observation-bmi"),
        ..PLAIN
    },
    MeasureKind {
        slug: "waist",
        service_code: Some("WAIST_CIRCUMFERENCE"),
        label_fr: "Tour de taille",
        label_en: "Waist circumference",
        code: "8280-0",
        unit: "cm",
        decimals: 1,
        bounds: Some(own(d(20, 0), d(300, 0))),
        profile: Some("mesures-observation-waist-circumference"),
        ..PLAIN
    },
    MeasureKind {
        slug: "head",
        service_code: Some("HEAD_CIRCUMFERENCE"),
        label_fr: "Périmètre crânien",
        label_en: "Head circumference",
        code: "8287-5",
        accepted: &[(system::LOINC, "9843-4")],
        unit: "cm",
        decimals: 1,
        bounds: Some(own(d(15, 0), d(80, 0))),
        profile: Some("mesures-observation-head-circumference"),
        ..PLAIN
    },
    MeasureKind {
        slug: "temperature",
        service_code: Some("BODY_TEMPERATURE"),
        label_fr: "Température",
        label_en: "Temperature",
        code: "8310-5",
        accepted: &[(system::LOINC, "8331-1")],
        unit: "Cel",
        decimals: 1,
        bounds: Some(own(d(20, 0), d(45, 0))),
        profile: Some("mesures-fr-observation-body-temperature"),
        ..PLAIN
    },
    MeasureKind {
        slug: "heart-rate",
        service_code: Some("HEART_RATE"),
        label_fr: "Fréquence cardiaque",
        label_en: "Heart rate",
        code: "8867-4",
        unit: "/min",
        decimals: 0,
        bounds: Some(own(d(10, 0), d(350, 0))),
        profile: Some("mesures-fr-observation-heartrate"),
        ..PLAIN
    },
    MeasureKind {
        slug: "blood-pressure",
        service_code: Some("BLOOD_PRESSURE"),
        label_fr: "Tension artérielle",
        label_en: "Blood pressure",
        code: "85354-9",
        accepted: &[(system::LOINC, "55284-4")],
        components: &BLOOD_PRESSURE_PARTS,
        profile: Some("mesures-fr-observation-bp"),
        ..PLAIN
    },
    MeasureKind {
        slug: "pain",
        service_code: Some("PAIN_SEVERITY"),
        label_fr: "Niveau de douleur",
        label_en: "Pain level",
        code: "72514-3",
        unit: "1",
        decimals: 0,
        bounds: Some(Bounds { low: d(0, 0), high: d(10, 0), source: SCALE }),
        profile: Some("mesures-observation-pain-severity"),
        ..PLAIN
    },
    MeasureKind {
        slug: "steps",
        service_code: Some("STEPS_BY_DAY"),
        label_fr: "Nombre de pas",
        label_en: "Steps",
        code: "41950-7",
        unit: "1/(24.h)",
        decimals: 0,
        bounds: Some(own(d(0, 0), d(200_000, 0))),
        profile: Some("mesures-observation-steps-by-day"),
        ..PLAIN
    },
    MeasureKind {
        slug: "glucose",
        service_code: Some("GLUCOSE"),
        label_fr: "Glycémie",
        label_en: "Blood glucose",
        code: "2345-7",
        accepted: &[(system::LOINC, "2339-0")],
        unit: "mg/dL",
        decimals: 0,
        bounds: Some(own(d(5, 0), d(2000, 0))),
        moment: Presence::Mandatory,
        profile: Some("mesures-observation-glucose"),
        ..PLAIN
    },
    MeasureKind {
        slug: "interstitial-glucose",
        service_code: Some("INTERSTITIAL_GLUCOSE"),
        label_fr: "Taux de glucose interstitiel",
        label_en: "Interstitial glucose",
        system: system::TRE_R308,
        code: "MED-969",
        accepted: &[(NCIT, "C159776")],
        unit: "mg/dL",
        decimals: 0,
        bounds: Some(own(d(5, 0), d(2000, 0))),
        days: Presence::Mandatory,
        profile: Some("mesures-observation-glucose"),
        ..PLAIN
    },
    MeasureKind {
        slug: "hba1c",
        service_code: Some("GLYCATED_HEMOGLOBIN"),
        label_fr: "Hémoglobine glyquée",
        label_en: "Glycated haemoglobin",
        code: "4548-4",
        accepted: &[(system::LOINC, "17856-6")],
        unit: "%",
        decimals: 1,
        bounds: Some(own(d(2, 0), d(25, 0))),
        profile: Some("mesures-observation-hb1ac"),
        ..PLAIN
    },
    MeasureKind {
        slug: "gmi",
        service_code: Some("HEMOGLOBIN_GLYCATION_INDEX"),
        label_fr: "Indicateur de gestion du glucose",
        label_en: "Glucose management indicator",
        system: system::TRE_R308,
        code: "MED-972",
        unit: "%",
        decimals: 1,
        bounds: Some(own(d(2, 0), d(25, 0))),
        days: Presence::Mandatory,
        profile: Some("mesures-observation-glucose"),
        ..PLAIN
    },
    MeasureKind {
        slug: "spo2",
        label_fr: "Saturation en oxygène",
        label_en: "Oxygen saturation",
        code: "2708-6",
        accepted: &[(system::LOINC, "59408-5")],
        unit: "%",
        decimals: 0,
        bounds: Some(own(d(20, 0), d(100, 0))),
        profile: Some("mesures-fr-observation-oxygen-sat"),
        ..PLAIN
    },
    MeasureKind {
        slug: "respiratory-rate",
        label_fr: "Fréquence respiratoire",
        label_en: "Respiratory rate",
        code: "9279-1",
        unit: "/min",
        decimals: 0,
        bounds: Some(own(d(1, 0), d(150, 0))),
        profile: Some("mesures-fr-observation-respiratory-rate"),
        ..PLAIN
    },
    MeasureKind {
        slug: "cholesterol-total",
        label_fr: "Cholestérol total",
        label_en: "Total cholesterol",
        code: "2093-3",
        accepted: &[(system::LOINC, "14647-2")],
        unit: "mmol/L",
        decimals: 2,
        bounds: Some(own(d(2, 1), d(50, 0))),
        profile: Some("mesures-observation-cholesterol-total"),
        ..PLAIN
    },
    MeasureKind {
        slug: "cholesterol-hdl",
        label_fr: "Cholestérol HDL",
        label_en: "HDL cholesterol",
        code: "2085-9",
        accepted: &[(system::LOINC, "14646-4")],
        unit: "mmol/L",
        decimals: 2,
        bounds: Some(own(d(5, 2), d(20, 0))),
        profile: Some("mesures-observation-cholesterol-hdl"),
        ..PLAIN
    },
    MeasureKind {
        slug: "cholesterol-ldl",
        label_fr: "Cholestérol LDL",
        label_en: "LDL cholesterol",
        code: "2089-1",
        accepted: &[(system::LOINC, "13457-7"), (system::LOINC, "18262-6")],
        unit: "mmol/L",
        decimals: 2,
        bounds: Some(own(d(5, 2), d(50, 0))),
        profile: Some("mesures-observation-cholesterol-ldl"),
        ..PLAIN
    },
    MeasureKind {
        slug: "triglycerides",
        label_fr: "Triglycérides",
        label_en: "Triglycerides",
        code: "2571-8",
        accepted: &[(system::LOINC, "14927-8")],
        unit: "mmol/L",
        decimals: 2,
        bounds: Some(own(d(5, 2), d(150, 0))),
        profile: Some("mesures-observation-trigly"),
        ..PLAIN
    },
    MeasureKind {
        slug: "peak-flow",
        label_fr: "Débit expiratoire de pointe",
        label_en: "Peak expiratory flow",
        code: "19935-6",
        accepted: &[(system::LOINC, "33452-4")],
        unit: "L/min",
        decimals: 0,
        bounds: Some(own(d(10, 0), d(1500, 0))),
        ..PLAIN
    },
    MeasureKind {
        slug: "creatinine",
        label_fr: "Créatinine",
        label_en: "Creatinine",
        code: "14682-9",
        accepted: &[(system::LOINC, "2160-0")],
        unit: "umol/L",
        decimals: 0,
        bounds: Some(own(d(5, 0), d(5000, 0))),
        ..PLAIN
    },
    MeasureKind {
        slug: "sleep",
        label_fr: "Durée de sommeil",
        label_en: "Sleep duration",
        code: "93832-4",
        unit: "h",
        decimals: 1,
        bounds: Some(own(d(0, 0), d(24, 0))),
        ..PLAIN
    },
];

/// Thesaurus of the National Cancer Institute, in older pages of the national guide.
const NCIT: &str = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_and_codes_name_one_kind_each() {
        for (place, kind) in KINDS.iter().enumerate() {
            assert_eq!(MeasureKind::from_slug(kind.slug), Some(kind));
            assert_eq!(MeasureKind::from_code(kind.system, kind.code), Some(kind), "{}", kind.slug);
            assert_eq!(kind.bounds.is_some(), kind.components.is_empty(), "{}", kind.slug);
            assert!(KINDS.iter().skip(place + 1).all(|other| other.slug != kind.slug && other.code != kind.code));
            if let Some(bounds) = kind.bounds {
                assert!(bounds.low.compare(bounds.high).is_lt(), "{}", kind.slug);
            }
        }
        assert_eq!(KINDS.iter().filter(|kind| kind.service_code.is_some()).count(), 14);
    }

    #[test]
    fn conversions_are_exact_at_the_decimals_asked_for() {
        let read = |text: &str| text.parse::<Decimal>().unwrap();
        let told = |value: &str, from, to, decimals| convert(read(value), from, to, decimals).unwrap().to_string();
        assert_eq!(told("98.6", "[degF]", "Cel", 1), "37.0");
        assert_eq!(told("5.5", "mmol/L", "mg/dL", 1), "99.1");
        assert_eq!(told("1.85", "m", "cm", 0), "185");
        assert_eq!(told("150", "[lb_av]", "kg", 2), "68.04");
        assert_eq!(told("16", "kPa", "mm[Hg]", 0), "120");
        assert_eq!(convert(read("1"), "kg", "cm", 0), None);
    }

    #[test]
    fn the_body_mass_index_is_weight_over_height_squared() {
        let index = body_mass_index("71".parse().unwrap(), "185".parse().unwrap()).unwrap();
        assert_eq!(index.to_string(), "20.7");
        assert_eq!(body_mass_index("71".parse().unwrap(), Decimal::ZERO), None);
    }
}
