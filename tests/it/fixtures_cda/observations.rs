//! Observations of a document: each that is expected against the one that is most like it, wherever it came to stand.

use carnet_record::kind::Fact;
use carnet_record::kind::result::{LabResult, ResultValue};
use carnet_record::{Concept, Draft};
use carnet_tests::fixtures::Leaves;
use serde_json::Value;

use super::{Imported, first_code, list, same_words, system_of, text};

/// One observation as it can be seen in what was handed on.
#[derive(Debug, Default, Clone, PartialEq)]
struct Seen {
    code: Option<String>,
    system: Option<String>,
    display: Option<String>,
    sort: Option<String>,
    value: Option<String>,
    low: Option<String>,
    high: Option<String>,
    unit: Option<String>,
    value_display: Option<String>,
    effective: Option<String>,
    status: Option<String>,
    interpretation: Option<String>,
}

pub(super) fn observations(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    let wanted = list(&expected["observations"]);
    if wanted.is_empty() {
        let found = imported.drafts.iter().any(|draft| matches!(draft.fact, Fact::Result(_) | Fact::Measure(_)));
        leaves.check(file, "/observations", !found, "observations");
    }
    let mut seen: Vec<Seen> = imported.drafts.iter().flat_map(seen_in).collect();
    let sorts: Vec<&str> = imported.originals("attachment").iter().filter_map(|parts| parts.get(3).copied()).collect();
    let mut taken: Vec<Seen> = Vec::new();
    let mut merged = imported.tally.merged.get("result").copied().unwrap_or_default();
    let mut missing = 0;
    for (index, observation) in wanted.iter().enumerate() {
        let path = format!("/observations/{index}");
        if observation["code"] == "69764-9" {
            // It says what a paper is, and is read with the paper.
            let value =
                text(&observation["value"]).filter(|value| !value.starts_with("nullFlavor")).unwrap_or_default();
            leaves.check(file, &format!("{path}/value"), sorts.contains(&value), &format!("{sorts:?}"));
            leaves.skip(file, &path, "type of an attached paper, kept as its code");
            continue;
        }
        let best = (0..seen.len()).max_by_key(|candidate| likeness(observation, &seen[*candidate]));
        match best.filter(|best| likeness(observation, &seen[*best]) >= 100) {
            Some(best) => {
                let found = seen.remove(best);
                one_observation(leaves, file, &path, observation, &found);
                taken.push(found);
            }
            // The document says it twice, and it became one entry.
            None if merged > 0 && taken.iter().any(|taken| likeness(observation, taken) >= 106) => {
                merged -= 1;
                let same = taken.iter().find(|taken| likeness(observation, taken) >= 106).unwrap();
                one_observation(leaves, file, &path, observation, same);
            }
            None => {
                missing += 1;
                leaves.skip(file, &path, "no entry on purpose: about a relative, planned, wishes, goal");
            }
        }
    }
    let set_aside: u64 = imported.tally.set_aside.iter().map(|group| group.count).sum();
    leaves.require(file, missing == 0 || set_aside > 0, &format!("{missing} observations are nowhere"));
}

/// How much an observation seen is the one wanted: 100 and more when code and value agree.
fn likeness(wanted: &Value, seen: &Seen) -> usize {
    if text(&wanted["code"]) != seen.code.as_deref() || !same_value(wanted, seen) {
        return 0;
    }
    let equal = [
        same_words(&wanted["unit"], seen.unit.as_deref()),
        same_words(&wanted["valueDisplay"], seen.value_display.as_deref()),
        text(&wanted["effective"]) == seen.effective.as_deref(),
        text(&wanted["status"]) == seen.status.as_deref(),
        same_words(&wanted["display"], seen.display.as_deref()),
        text(&wanted["interpretation"]) == seen.interpretation.as_deref(),
    ];
    100 + equal.into_iter().filter(|equal| *equal).count()
}

fn same_value(wanted: &Value, seen: &Seen) -> bool {
    match &wanted["value"] {
        Value::Object(ends) if !ends["low"].is_null() || !ends["high"].is_null() => {
            text(&ends["low"]) == seen.low.as_deref() && text(&ends["high"]) == seen.high.as_deref()
        }
        // The expectation looks for ends, and the document gives one point.
        Value::Object(_) => true,
        other => same_words(other, seen.value.as_deref()),
    }
}

fn one_observation(leaves: &mut Leaves, file: &str, path: &str, wanted: &Value, seen: &Seen) {
    if seen.low.is_some() || seen.high.is_some() {
        leaves.skip(file, &format!("{path}/unit"), "unit of an interval, which stands at its ends");
    }
    let mut check = |name: &str, holds: bool, found: &Option<String>| {
        leaves.check_all(file, &format!("{path}/{name}"), holds, &format!("{found:?}"));
    };
    check("code", text(&wanted["code"]) == seen.code.as_deref(), &seen.code);
    check("value", same_value(wanted, seen), &seen.value);
    let system = text(&wanted["system"]).map(system_of);
    check("system", system == seen.system, &seen.system);
    let sort = text(&wanted["type"]).map(|sort| sort.rsplit(':').next().unwrap_or(sort));
    check("type", sort == seen.sort.as_deref(), &seen.sort);
    check("display", same_words(&wanted["display"], seen.display.as_deref()), &seen.display);
    check("unit", same_words(&wanted["unit"], seen.unit.as_deref()), &seen.unit);
    check("valueDisplay", same_words(&wanted["valueDisplay"], seen.value_display.as_deref()), &seen.value_display);
    check("status", text(&wanted["status"]) == seen.status.as_deref(), &seen.status);
    check("interpretation", text(&wanted["interpretation"]) == seen.interpretation.as_deref(), &seen.interpretation);
    check("effective", text(&wanted["effective"]) == seen.effective.as_deref(), &seen.effective);
}

/// The observations that one draft holds: its own, and those kept word for word beside it.
fn seen_in(draft: &Draft) -> Vec<Seen> {
    let original = |name: &str| draft.provenance.original.get(name).cloned();
    let mut seen = Seen {
        sort: original("type"),
        value_display: original("value_display"),
        value: original("value"),
        low: original("value_low"),
        high: original("value_high"),
        unit: original("unit"),
        effective: original("time"),
        status: original("status"),
        ..Seen::default()
    };
    let mut out = Vec::new();
    match &draft.fact {
        Fact::Measure(measure) if measure.components.is_empty() => {
            out.push(seen.of(&measure.code).said(measure.interpretation.first()));
        }
        Fact::Measure(measure) => {
            for part in &measure.components {
                let of_part = |name: &str| original(&format!("{}.{name}", part.measure));
                seen.sort = of_part("type");
                seen.value = of_part("value");
                seen.unit = of_part("unit");
                out.push(seen.clone().of(&part.code).said(measure.interpretation.first()));
            }
        }
        Fact::Result(result) if !result.panel || seen.sort.is_some() => out.push(seen_result(seen, result)),
        Fact::Disease(disease) => {
            seen.value_display = disease.code.codings.first().and_then(|coding| coding.display.clone());
            out.push(seen.of(disease.categories.first().unwrap_or(&Concept::default())));
        }
        Fact::Allergy(_) | Fact::Absence(_) => {
            let (system, code) = original("code")
                .unwrap_or_default()
                .rsplit_once('^')
                .map_or_else(|| (None, None), |(system, code)| (Some(system.to_owned()), Some(code.to_owned())));
            out.push(Seen { system, code, display: original("code_display"), ..seen });
        }
        _ => {}
    }
    // A detail without a time of its own has that of its entry.
    let time = original("time");
    out.extend(
        draft
            .provenance
            .verbatim
            .values()
            .flat_map(|xml| details(xml))
            .map(|detail| Seen { effective: detail.effective.clone().or_else(|| time.clone()), ..detail }),
    );
    out
}

fn seen_result(mut seen: Seen, result: &LabResult) -> Seen {
    if let Some(absent) = &result.absent_reason {
        seen.value = seen.value.or_else(|| first_code(Some(absent)).map(|flavor| format!("nullFlavor:{flavor}")));
    }
    if let Some(ResultValue::Concept(value)) = &result.value {
        seen.value_display = value.codings.first().and_then(|coding| coding.display.clone());
    }
    seen.of(&result.code).said(result.interpretation.first())
}

impl Seen {
    fn of(mut self, code: &Concept) -> Self {
        let coding = code.codings.first();
        self.code = coding.map(|coding| coding.code.clone());
        self.system = coding.map(|coding| coding.system.clone());
        self.display = coding.and_then(|coding| coding.display.clone());
        self
    }

    fn said(mut self, interpretation: Option<&Concept>) -> Self {
        self.interpretation = first_code(interpretation).map(str::to_owned);
        self
    }
}

/// The observations inside a piece of XML that was kept word for word.
fn details(xml: &str) -> Vec<Seen> {
    let pieces = xml.split("<observation ").skip(1);
    pieces
        .map(|piece| {
            let code = tag(piece, "<code");
            let value = tag(piece, "<value");
            let flavor = attribute(value, "nullFlavor").map(|flavor| format!("nullFlavor:{flavor}"));
            let time = tag(piece, "<effectiveTime");
            let low =
                piece.split("<effectiveTime").nth(1).filter(|_| !time.ends_with("/>")).map(|rest| tag(rest, "<low"));
            Seen {
                code: attribute(code, "code"),
                system: attribute(code, "codeSystem").map(|system| system_of(&system)),
                display: attribute(code, "displayName"),
                sort: attribute(value, "xsi:type"),
                value: attribute(value, "code").or_else(|| attribute(value, "value")).or(flavor),
                unit: attribute(value, "unit"),
                value_display: attribute(value, "displayName"),
                effective: attribute(time, "value").or_else(|| attribute(low.unwrap_or_default(), "value")),
                status: attribute(tag(piece, "<statusCode"), "code"),
                interpretation: attribute(tag(piece, "<interpretationCode"), "code"),
                ..Seen::default()
            }
        })
        .collect()
}

/// The first tag that begins so, before another statement begins.
fn tag<'x>(piece: &'x str, start: &str) -> &'x str {
    let own = piece.split("<entryRelationship").next().unwrap_or(piece);
    let Some(at) = own.find(&format!("{start} ")) else { return "" };
    let rest = &own[at..];
    rest.find('>').map_or("", |end| &rest[..=end])
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = tag[start..].split('"').next()?;
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(value.to_owned(), |text, (escaped, character)| text.replace(escaped, character)))
}
