//! Drugs and vaccines of a document: each that is expected against the one that is most like it.

use carnet_record::kind::Fact;
use carnet_record::{Concept, Draft, Status};
use carnet_tests::fixtures::Leaves;
use serde_json::Value;

use super::{Imported, list, same_words, system_of, text};

pub(super) fn products(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    let wanted = list(&expected["products"]);
    if wanted.is_empty() {
        let holds =
            !imported.drafts.iter().any(|draft| matches!(draft.fact, Fact::Treatment(_) | Fact::Vaccination(_)));
        leaves.check(file, "/products", holds, "products");
    }
    let mut found: Vec<Product> = imported.drafts.iter().filter_map(product_of).collect();
    for (index, product) in wanted.iter().enumerate() {
        let path = format!("/products/{index}");
        let best = (0..found.len()).max_by_key(|candidate| alike(product, &found[*candidate]));
        let Some(best) = best.filter(|best| alike(product, &found[*best]) >= 100) else {
            let set_aside = imported.tally.set_aside.iter().any(|group| group.kind != "attachment");
            leaves.require(file, set_aside, &format!("the product {index} is nowhere"));
            leaves.skip(file, &path, "product of a planned or related statement");
            continue;
        };
        one_product(leaves, file, &path, product, &found.remove(best));
    }
}

struct Product {
    name: Option<String>,
    code: Concept,
    lot: Option<String>,
    act: Option<String>,
    start: Option<String>,
    end: Option<String>,
    is_negated: bool,
    /// Whether it is only named beside something else: the cause of an allergy.
    is_cause: bool,
}

fn product_of(draft: &Draft) -> Option<Product> {
    let (name, code, lot, is_cause) = match &draft.fact {
        Fact::Treatment(treatment) => (&treatment.name, &treatment.code, treatment.lot.clone(), false),
        Fact::Vaccination(vaccination) => (&vaccination.name, &vaccination.code, vaccination.lot.clone(), false),
        Fact::Allergy(allergy) => (&allergy.name, &allergy.code, None, true),
        _ => return None,
    };
    let original = |name: &str| draft.provenance.original.get(name).cloned();
    Some(Product {
        name: name.clone(),
        code: code.clone(),
        lot,
        act: original("statement"),
        start: original("time"),
        end: original("time_end"),
        is_negated: draft.status == Status::NotDone,
        is_cause,
    })
}

fn alike(wanted: &Value, found: &Product) -> usize {
    if !same_words(&wanted["name"], found.name.as_deref()) {
        return 0;
    }
    let equal = [
        text(&wanted["effective"]) == found.start.as_deref(),
        text(&wanted["effectiveEnd"]) == found.end.as_deref(),
        same_words(&wanted["lot"], found.lot.as_deref()),
        text(&wanted["act"]) == found.act.as_deref(),
        list(&wanted["translations"]).iter().all(|pair| has_code(&found.code, &pair[0], &pair[1])),
    ];
    100 + equal.into_iter().filter(|equal| *equal).count()
}

fn has_code(code: &Concept, wanted: &Value, system: &Value) -> bool {
    let (Some(wanted), Some(system)) = (text(wanted), text(system).map(system_of)) else { return true };
    code.codings.iter().any(|coding| coding.code == wanted && coding.system == system)
}

fn one_product(leaves: &mut Leaves, file: &str, path: &str, wanted: &Value, found: &Product) {
    let mut check = |name: &str, holds: bool, seen: &str| {
        leaves.check_all(file, &format!("{path}/{name}"), holds, seen);
    };
    check("name", same_words(&wanted["name"], found.name.as_deref()), &format!("{:?}", found.name));
    let has_own = has_code(&found.code, &wanted["code"], &wanted["codeSystem"]);
    check("code", has_own, &format!("{:?}", found.code));
    check("codeSystem", has_own, &format!("{:?}", found.code));
    for (index, pair) in list(&wanted["translations"]).iter().enumerate() {
        let holds = has_code(&found.code, &pair[0], &pair[1]);
        check(&format!("translations/{index}"), holds, &format!("{:?}", found.code));
    }
    if list(&wanted["translations"]).is_empty() {
        check("translations", true, "");
    }
    check("effective", text(&wanted["effective"]) == found.start.as_deref(), &format!("{:?}", found.start));
    check("effectiveEnd", text(&wanted["effectiveEnd"]) == found.end.as_deref(), &format!("{:?}", found.end));
    check("lot", same_words(&wanted["lot"], found.lot.as_deref()), &format!("{:?}", found.lot));
    let negation = text(&wanted["negation"]) == Some("true");
    check("negation", negation == found.is_negated, &found.is_negated.to_string());
    if found.is_cause {
        leaves.skip(file, &format!("{path}/act"), "cause of an allergy, not a treatment");
    } else {
        let holds = text(&wanted["act"]) == found.act.as_deref();
        leaves.check(file, &format!("{path}/act"), holds, &format!("{:?}", found.act));
    }
}
