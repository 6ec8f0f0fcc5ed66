//! A result of a laboratory or of an examination, or a panel of them.

use serde::{Deserialize, Serialize};

use crate::{code::Concept, date::When, person::Actor, quantity::Quantity};

/// A result. A panel has no value, and links to its members (`has-part`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabResult {
    /// What was looked for.
    pub code: Concept,
    /// `laboratory`, `imaging`, `social-history`, `survey`…
    pub categories: Vec<Concept>,
    /// When the sample was taken or the examination made.
    pub at: Option<When>,
    /// End of it.
    pub end: Option<When>,
    /// When the result was made known.
    pub issued_at: Option<When>,
    /// The value.
    pub value: Option<ResultValue>,
    /// Why there is no value.
    pub absent_reason: Option<Concept>,
    /// Parts with a value of their own, which make no sense apart.
    pub components: Vec<ResultComponent>,
    /// What the value says: high, low, sensitive, resistant.
    pub interpretation: Vec<Concept>,
    /// Reference ranges as the source gives them.
    pub reference: Vec<ReferenceRange>,
    /// `final`, `preliminary`, `amended`, `corrected` (FHIR observation-status).
    pub state: Option<String>,
    /// What was examined.
    pub specimen: Option<String>,
    /// How.
    pub method: Option<Concept>,
    /// Where on the body.
    pub body_site: Option<Concept>,
    /// Conclusion of a panel or report.
    pub conclusion: Option<String>,
    /// Conclusion as codes.
    pub conclusion_codes: Vec<Concept>,
    /// Whoever answers for it.
    pub performers: Vec<Actor>,
    /// Whether this is a panel or report, whose members are entries of their own.
    #[serde(skip_serializing_if = "is_false")]
    pub panel: bool,
    /// Members that the source names and does not hold: the reference as text.
    pub missing_members: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The value of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResultValue {
    /// Yes or no.
    Flag(bool),
    /// A code.
    Concept(Concept),
    /// Both ends of an interval; one may be open.
    Interval {
        /// Lower end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        low: Option<Quantity>,
        /// Upper end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high: Option<Quantity>,
    },
    /// A number with its unit.
    Quantity(Quantity),
    /// A ratio, a titre: `1:128`.
    Ratio {
        /// Before the colon.
        numerator: Quantity,
        /// After the colon.
        denominator: Quantity,
    },
    /// Words.
    Text(String),
    /// A date or a moment.
    When(When),
}

/// A part of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultComponent {
    /// What was looked for.
    pub code: Concept,
    /// The value.
    pub value: Option<ResultValue>,
    /// Why there is no value.
    pub absent_reason: Option<Concept>,
    /// What the value says.
    pub interpretation: Vec<Concept>,
    /// Reference ranges.
    pub reference: Vec<ReferenceRange>,
}

/// A reference range as the source gives it; we interpret nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReferenceRange {
    /// Lower end.
    pub low: Option<Quantity>,
    /// Upper end.
    pub high: Option<Quantity>,
    /// In words.
    pub text: Option<String>,
    /// What the range is: normal, target, therapeutic.
    pub meaning: Option<Concept>,
    /// To whom it applies.
    pub applies_to: Vec<Concept>,
}
