//! The data types of FHIR that resources share: codes, quantities, dates, names, references (FHIR R4, datatypes).
//!
//! Every function is lenient: what is not there or not of the right shape is absent, never a failure.

use carnet_record::{
    Coding, Comparator, Concept, Decimal, Instant, PartialDate, Quantity, When,
    code::system,
    person::{Address, HumanName, Identifier, NameUse, Sex, Telecom, TelecomKind},
};

use super::json::Json;

/// A `CodeableConcept`, a lone `Coding` or a bare code.
pub(crate) fn concept(json: &Json) -> Concept {
    match json {
        Json::Object(_) if json.get("coding").is_some() || json.get("text").is_some() => Concept {
            codings: json.list("coding").iter().filter_map(coding).collect(),
            text: json.text("text").map(str::to_owned),
        },
        Json::Object(_) => Concept { codings: coding(json).into_iter().collect(), text: None },
        other => Concept { codings: Vec::new(), text: other.as_text().map(str::to_owned) },
    }
}

/// The `CodeableConcept` of a member, if it says anything.
pub(crate) fn concept_at(json: &Json, name: &str) -> Option<Concept> {
    json.get(name).map(concept).filter(|concept| !concept.is_empty())
}

/// The `CodeableConcept`s of a member.
pub(crate) fn concepts_at(json: &Json, name: &str) -> Vec<Concept> {
    json.list(name).iter().map(concept).filter(|concept| !concept.is_empty()).collect()
}

/// A name with its codes: the words of the whole are the name, else those beside the first code that has some.
pub(crate) fn named(json: Option<&Json>) -> (Option<String>, Concept) {
    let mut code = json.map(concept).unwrap_or_default();
    let name = code.label().map(str::to_owned);
    code.text = None;
    (name, code)
}

/// A `Coding`.
pub(crate) fn coding(json: &Json) -> Option<Coding> {
    let code = json.text("code")?;
    let mut coding = Coding::new(json.text("system").unwrap_or_default(), code.trim());
    coding.display = json.text("display").map(str::to_owned);
    Some(coding)
}

/// The code of the member `name`, whether it is a `code`, a `Coding` or a `CodeableConcept`.
pub(crate) fn code_at(json: &Json, name: &str) -> Option<String> {
    let member = json.get(name)?;
    let first = member.list("coding").first().and_then(|coding| coding.text("code"));
    first.or_else(|| member.text("code")).or_else(|| member.as_text()).map(str::to_owned)
}

/// A `Quantity`: the UCUM code is the unit when there is one, and the words stay beside it when they differ.
pub(crate) fn quantity(json: &Json) -> Option<Quantity> {
    let (value, _) = Decimal::from_text_rounded(json.text("value")?).ok()?;
    let is_ucum = json.text("system").is_none_or(|own| carnet_record::code::normal_system(own) == system::UCUM);
    let code = json.text("code").filter(|_| is_ucum);
    let words = json.text("unit");
    let unit = code.or(words).unwrap_or_default().to_owned();
    let unit_text = words.filter(|words| *words != unit).map(str::to_owned);
    let comparator = json.text("comparator").map(Comparator::from);
    Some(Quantity { value, unit, unit_text, comparator })
}

/// The `Quantity` of a member.
pub(crate) fn quantity_at(json: &Json, name: &str) -> Option<Quantity> {
    json.get(name).and_then(quantity)
}

/// A `date`, `dateTime` or `instant`, partial or not.
pub(crate) fn when_at(json: &Json, name: &str) -> Option<When> {
    json.text(name).and_then(|text| text.trim().parse().ok())
}

/// An `instant`.
pub(crate) fn instant_at(json: &Json, name: &str) -> Option<Instant> {
    when_at(json, name).and_then(|when| when.instant())
}

/// A `date`.
pub(crate) fn date_at(json: &Json, name: &str) -> Option<PartialDate> {
    when_at(json, name).map(|when| when.date())
}

/// The extension that says why a value is not there.
pub(crate) const DATA_ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// Whether what stands beside an element says that its value is not known, and no more.
pub(crate) fn is_unknown(json: &Json) -> bool {
    let [reason] = json.list("extension") else { return false };
    json.members().len() == 1
        && reason.text("url") == Some(DATA_ABSENT)
        && reason.text("valueCode") == Some("unknown")
        && reason.members().len() == 2
}

/// Both ends of a `Period`.
pub(crate) fn period_at(json: &Json, name: &str) -> (Option<When>, Option<When>) {
    json.get(name).map_or((None, None), |period| (when_at(period, "start"), when_at(period, "end")))
}

/// An `Identifier` that has a value.
pub(crate) fn identifier(json: &Json) -> Option<Identifier> {
    let mut identifier = Identifier::new(json.text("system").unwrap_or_default(), json.text("value")?);
    identifier.sort = code_at(json, "type");
    Some(identifier)
}

/// The `Identifier`s of a member.
pub(crate) fn identifiers_at(json: &Json, name: &str) -> Vec<Identifier> {
    json.list(name).iter().filter_map(identifier).collect()
}

/// A `HumanName`. `official` stays as it is: only the French profile means the birth name by it.
pub(crate) fn human_name(json: &Json) -> HumanName {
    let texts = |name: &str| json.list(name).iter().filter_map(Json::as_text).map(str::to_owned).collect();
    HumanName {
        used_as: json.text("use").map(|code| match code {
            "maiden" => NameUse::Birth,
            "usual" | "nickname" => NameUse::Used,
            "old" => NameUse::Former,
            other => NameUse::from(other),
        }),
        family: json.text("family").map(str::to_owned),
        given: texts("given"),
        prefix: texts("prefix"),
        suffix: texts("suffix"),
        text: json.text("text").map(str::to_owned),
    }
}

/// The `HumanName`s of a member.
pub(crate) fn names_at(json: &Json, name: &str) -> Vec<HumanName> {
    json.list(name).iter().map(human_name).filter(|name| !name.is_empty()).collect()
}

/// The `ContactPoint`s of a member.
pub(crate) fn telecoms_at(json: &Json, name: &str) -> Vec<Telecom> {
    let telecom = |json: &Json| {
        let kind = TelecomKind::from(json.text("system").unwrap_or("other"));
        let used_as = json.text("use").map(str::to_owned);
        Some(Telecom { kind, value: json.text("value")?.to_owned(), used_as })
    };
    json.list(name).iter().filter_map(telecom).collect()
}

/// The `Address`es of a member, with the INSEE code of the French profile.
pub(crate) fn addresses_at(json: &Json, name: &str) -> Vec<Address> {
    json.list(name).iter().map(address).filter(|address| *address != Address::default()).collect()
}

fn address(json: &Json) -> Address {
    let text = |name: &str| json.text(name).map(str::to_owned);
    Address {
        lines: json.list("line").iter().filter_map(Json::as_text).map(str::to_owned).collect(),
        postal_code: text("postalCode"),
        city: text("city"),
        region: text("state").or_else(|| text("district")),
        country: text("country"),
        insee: extension(json, "insee-code")
            .and_then(|own| {
                own.get("valueCoding").and_then(|coding| coding.text("code")).or_else(|| own.text("valueString"))
            })
            .map(str::to_owned),
        used_as: text("use"),
        text: text("text"),
    }
}

/// `administrative-gender`.
pub(crate) fn sex_at(json: &Json, name: &str) -> Option<Sex> {
    json.text(name).map(Sex::from)
}

/// The extension whose address ends with `name`.
pub(crate) fn extension<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.list("extension").iter().find(|own| own.text("url").is_some_and(|url| url_ends(url, name)))
}

/// Whether the last segment of an address is `name`, alone or after a prefix and a hyphen, without regard to case.
pub(crate) fn url_ends(url: &str, name: &str) -> bool {
    let last = url.rsplit(['/', '#']).next().unwrap_or(url).to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    last == name || last.strip_suffix(&name).is_some_and(|prefix| prefix.ends_with('-'))
}

/// The texts of the annotations of a member.
pub(crate) fn notes_at(json: &Json, name: &str) -> Option<String> {
    let notes: Vec<&str> = json.list(name).iter().filter_map(|note| note.text("text")).collect();
    (!notes.is_empty()).then(|| notes.join("\n"))
}

/// The narrative of a resource as plain text: tags taken away, blocks on lines of their own, entities resolved.
pub(crate) fn narrative(json: &Json) -> Option<String> {
    let markup = json.get("text").and_then(|text| text.text("div"))?;
    let text = plain_text(markup);
    (!text.is_empty()).then_some(text)
}

/// Markup as plain text. Nothing is rendered and nothing is run.
pub(crate) fn plain_text(markup: &str) -> String {
    let mut text = String::new();
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(&unescaped(before));
        let (tag, tail) = after.split_once('>').unwrap_or((after, ""));
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        match name.to_ascii_lowercase().as_str() {
            "p" | "div" | "br" | "tr" | "li" | "ul" | "ol" | "table" | "h1" | "h2" | "h3" | "h4" => text.push('\n'),
            "td" | "th" => text.push_str("  "),
            _ => {}
        }
        rest = tail;
    }
    text.push_str(&unescaped(rest));
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let found = after.split_once(';').filter(|(name, _)| name.len() <= 10);
        let Some((name, tail)) = found else {
            plain.push('&');
            rest = after;
            continue;
        };
        match character(name) {
            Some(character) => plain.push(character),
            None => plain.extend(["&", name, ";"]),
        }
        rest = tail;
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    let number = name.strip_prefix('#');
    match (name, number) {
        ("amp", _) => Some('&'),
        ("lt", _) => Some('<'),
        ("gt", _) => Some('>'),
        ("quot", _) => Some('"'),
        ("apos", _) => Some('\''),
        ("nbsp", _) => Some(' '),
        (_, Some(digits)) => {
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => digits.parse().ok(),
            };
            code.and_then(char::from_u32).filter(|character| !character.is_control())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::json::parse;

    fn json(text: &str) -> Json {
        parse(text.as_bytes()).unwrap().values.remove(0)
    }

    #[test]
    fn a_quantity_prefers_its_ucum_code_and_keeps_the_words() {
        let read = |text: &str| quantity(&json(text)).unwrap();
        let own = read(r#"{"value":96.0,"unit":"Kg","system":"http://unitsofmeasure.org","code":"kg"}"#);
        assert_eq!((own.to_string().as_str(), own.unit_text.as_deref()), ("96.0 kg", Some("Kg")));
        let other = read(r#"{"value":2,"unit":"TABLET","system":"http://standardterms.edqm.eu","code":"15054000"}"#);
        assert_eq!((other.unit.as_str(), other.unit_text), ("TABLET", None));
        assert_eq!(read(r#"{"value":3,"comparator":"<"}"#).to_string(), "< 3");
        assert_eq!(quantity(&json(r#"{"unit":"kg"}"#)), None);
    }

    #[test]
    fn markup_becomes_lines_of_text() {
        let text = plain_text(
            "<div><p>Poids&#160;: 70 &lt; 71 &amp; plus</p><table><tr><td>a</td><td>b</td></tr></table><script>x",
        );
        assert_eq!(text, "Poids : 70 < 71 & plus\na b\nx");
        assert_eq!(plain_text("a & b &unknown; <"), "a & b &unknown;");
    }
}
