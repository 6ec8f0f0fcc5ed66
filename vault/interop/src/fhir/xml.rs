//! FHIR in XML as the same tree that JSON gives (FHIR R4, "XML Representation").
//!
//! XML does not say which members are lists and which texts are numbers; the readers take either.

use super::json::Json;
use crate::intake::{
    ContainerError,
    xml::{Content, Element, read_tree},
};

/// The resource at the root.
pub(super) fn resource(bytes: &[u8]) -> Result<Json, ContainerError> {
    let tree = read_tree(bytes)?;
    Ok(as_resource(&tree.root))
}

fn as_resource(element: &Element) -> Json {
    let mut members = vec![("resourceType".to_owned(), Json::from(element.name.as_str()))];
    members.extend(members_of(element));
    Json::Object(members)
}

fn members_of(element: &Element) -> Vec<(String, Json)> {
    let attributes = element.attributes.iter().filter(|(name, _)| matches!(name.as_str(), "id" | "url"));
    let mut members: Vec<(String, Json)> =
        attributes.map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect();
    for child in element.elements() {
        for (name, value) in member(child) {
            match members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, Json::List(items))) => items.push(value),
                Some((_, first)) => {
                    let before = std::mem::replace(first, Json::Null);
                    *first = Json::List(vec![before, value]);
                }
                None => members.push((name, value)),
            }
        }
    }
    members
}

/// An element as one member, or as two when it has both a value and extensions: `birthDate` and `_birthDate`.
fn member(element: &Element) -> Vec<(String, Json)> {
    let name = element.name.clone();
    if name == "div" {
        return vec![(name, Json::Text(markup(element)))];
    }
    let is_resource = |child: &Element| child.name.starts_with(|first: char| first.is_ascii_uppercase());
    if let Some(inner) = element.elements().find(|child| is_resource(child)) {
        return vec![(name, as_resource(inner))];
    }
    let inner = members_of(element);
    match element.attribute("value") {
        Some(value) if inner.is_empty() => vec![(name, Json::from(value))],
        Some(value) => {
            let beside = (format!("_{name}"), Json::Object(inner));
            vec![(name, Json::from(value)), beside]
        }
        None => vec![(name, Json::Object(inner))],
    }
}

/// The narrative as markup again: element names and text, without attributes.
fn markup(element: &Element) -> String {
    let mut text = format!("<{}>", element.name);
    for child in &element.children {
        match child {
            Content::Element(inner) => text.push_str(&markup(inner)),
            Content::Text(words) => {
                text.push_str(&words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
            }
        }
    }
    text.extend(["</", &element.name, ">"]);
    text
}
