//! The words of a section, as plain readable text.
//!
//! A narrative is somebody else's markup. It is never shown as markup: tables become lines, everything else becomes
//! its words, and what looks like a script or a style stays inert text or is left out. Addresses of links are kept as
//! words so that a reader sees where they would have led; nothing is fetched.

use std::collections::HashMap;

use crate::cda::tree::{Element, Node, Vocabulary};

/// Longest text kept of one section, in bytes.
pub(crate) const SECTION_BYTES_MAX: usize = 256 << 10;

/// The readable text of a narrative block; empty when it says nothing.
pub(crate) fn plain(block: &Element) -> String {
    let mut out = Plain::default();
    out.children(block);
    out.finish()
}

/// Text under construction: spaces are collapsed, lines are broken where the markup breaks them.
#[derive(Default)]
struct Plain {
    done: String,
    line: String,
    space: bool,
}

impl Plain {
    fn children(&mut self, element: &Element) {
        for node in &element.children {
            match node {
                Node::Text(text) => self.words(text),
                Node::Element(child) => self.element(child),
            }
        }
    }

    fn element(&mut self, element: &Element) {
        match element.name.as_str() {
            // Code of a page that slipped in is no narrative.
            "script" | "style" if element.vocabulary == Vocabulary::Foreign => {}
            "br" => self.break_line(),
            "td" | "th" => {
                if !self.line.trim().is_empty() {
                    self.words(" | ");
                }
                self.children(element);
            }
            "item" => {
                self.break_line();
                self.words("- ");
                self.children(element);
                self.break_line();
            }
            "tr" | "paragraph" | "caption" | "list" | "table" | "title" | "p" | "div" => {
                self.break_line();
                self.children(element);
                self.break_line();
            }
            "linkHtml" => {
                self.children(element);
                if let Some(address) = element.attribute("href").filter(|address| !address.starts_with('#')) {
                    self.words(&format!(" ({address})"));
                }
            }
            _ => self.children(element),
        }
    }

    fn words(&mut self, text: &str) {
        for character in text.chars() {
            if character.is_whitespace() {
                self.space = true;
            } else {
                if self.space && !self.line.is_empty() {
                    self.line.push(' ');
                }
                self.space = false;
                self.line.push(character);
            }
        }
    }

    fn break_line(&mut self) {
        let line = self.line.trim();
        if !line.is_empty() && self.done.len() < SECTION_BYTES_MAX {
            if !self.done.is_empty() {
                self.done.push('\n');
            }
            let room = line.floor_char_boundary(SECTION_BYTES_MAX.saturating_sub(self.done.len()));
            self.done.push_str(line.get(..room).unwrap_or_default());
        }
        self.line.clear();
        self.space = false;
    }

    fn finish(mut self) -> String {
        self.break_line();
        self.done
    }
}

/// Words by the `ID` that entries refer to (`#id`).
#[derive(Default)]
pub(crate) struct Words<'t> {
    by_id: HashMap<&'t str, &'t Element>,
}

impl<'t> Words<'t> {
    /// Every element of a document that has an `ID`; the first one of an `ID` counts.
    pub(crate) fn of(document: &'t Element) -> Self {
        let mut words = Self::default();
        words.collect(document);
        words
    }

    fn collect(&mut self, element: &'t Element) {
        if let Some(id) = element.attribute("ID") {
            self.by_id.entry(id).or_insert(element);
        }
        for child in element.elements() {
            self.collect(child);
        }
    }

    /// The words that a `text` or `originalText` says itself, or refers to; on one line.
    pub(crate) fn said_by(&self, text: &Element) -> Option<String> {
        text.line_of_text().or_else(|| {
            let target = text.child("reference")?.attribute("value")?;
            let element = self.by_id.get(target.strip_prefix('#').unwrap_or(target))?;
            // Only narrative is words: an `ID` on an entry's media names a picture.
            if element.name == "observationMedia" { None } else { element.line_of_text() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cda::tree::tests::tree;

    fn plain_of(inner: &str) -> String {
        let text = format!("<text xmlns='urn:hl7-org:v3'>{inner}</text>");
        plain(&tree(&text))
    }

    #[test]
    fn tables_lists_and_breaks_become_lines() {
        let text = plain_of(
            "<table><thead><tr><th>Date</th><th>Poids</th></tr></thead><tbody><tr><td>1975</td><td><content>58\n  kg</content></td></tr></tbody></table>
             <list><item>un</item><item>deux</item></list>a<br/>b",
        );
        assert_eq!(text, "Date | Poids\n1975 | 58 kg\n- un\n- deux\na\nb");
    }

    #[test]
    fn fault_g4_markup_of_pages_stays_words() {
        for (input, kept) in [
            ("x<script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>y", "xy"),
            ("<img xmlns='http://www.w3.org/1999/xhtml' src='x' onerror='alert(1)'/>z", "z"),
            ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
            ("<linkHtml href='javascript:alert(1)'>ici</linkHtml>", "ici (javascript:alert(1))"),
            ("<![CDATA[<iframe src=\"http://x\">]]>", "<iframe src=\"http://x\">"),
            ("<renderMultiMedia referencedObject='M1'/>", ""),
        ] {
            assert_eq!(plain_of(input), kept);
        }
    }

    #[test]
    fn a_section_has_a_longest_text() {
        let long = "a".repeat(SECTION_BYTES_MAX * 2);
        assert_eq!(plain_of(&long).len(), SECTION_BYTES_MAX);
    }

    #[test]
    fn references_lead_to_words() {
        let text = "<a xmlns='urn:hl7-org:v3'><text><content ID='w'> deux \n mots </content></text><b><reference value='#w'/></b><c><reference value='#none'/></c></a>";
        let root = tree(text);
        let words = Words::of(&root);
        assert_eq!(words.said_by(root.child("b").unwrap()).as_deref(), Some("deux mots"));
        assert_eq!(words.said_by(root.child("c").unwrap()), None);
    }
}
