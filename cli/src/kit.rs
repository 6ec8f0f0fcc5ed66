//! The sheet of a recovery kit: one page A4 with the 24 words, what is needed beside them, and the same as a QR code.
//!
//! A pure function of [`KitPage`]: no file, no clock, no font that a reader of PDF does not have. The page is said in
//! French and in English, whatever the language of the run: whoever finds it in ten years may speak either.
//! The bytes hold the secret itself; the caller writes them once, for the owner's eyes only, and never logs them.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use qrcode::{Color, EcLevel, QrCode};

use crate::{
    i18n::{Language, Message, Texts},
    msg,
};

/// Words of a kit.
pub(crate) const WORDS: usize = 24;
/// Words of a group, one of which is typed back before the kit counts as made.
pub(crate) const GROUP_WORDS: usize = 4;

/// Longest text, in bytes, that a record id, a relay's address or a label may have on the page.
const TEXT_BYTES_MAX: usize = 600;

const PAGE: Rect = Rect { x1: 0.0, y1: 0.0, x2: 595.0, y2: 842.0 };
const MARGIN: f32 = 50.0;
const QR_SIDE: f32 = 240.0;
/// Empty modules that a reader needs around the code.
const QR_QUIET: usize = 4;

const REGULAR: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");
const MONO: Name<'static> = Name(b"F3");

/// What stands on the sheet.
pub(crate) struct KitPage<'a> {
    /// The words of the root seed, in order.
    pub(crate) words: [&'a str; WORDS],
    /// The record, in hexadecimal.
    pub(crate) record_id: &'a str,
    /// Address of the relay, when the record has one.
    pub(crate) relay: Option<&'a str>,
    /// What the person calls the record.
    pub(crate) label: &'a str,
    /// The day the kit was made, as `2026-03-02`.
    pub(crate) made_on: &'a str,
}

/// A page that cannot be made, because one of its texts does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DoesNotFit;

impl KitPage<'_> {
    /// The sheet as a PDF file.
    pub(crate) fn pdf(&self) -> Result<Vec<u8>, DoesNotFit> {
        let texts = [self.record_id, self.relay.unwrap_or_default(), self.label, self.made_on];
        if texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(DoesNotFit);
        }
        let content = self.content()?;
        let [catalog, pages, page, contents, info] = [1, 2, 3, 4, 5].map(Ref::new);
        let fonts = [(REGULAR, "Helvetica", 6), (BOLD, "Helvetica-Bold", 7), (MONO, "Courier-Bold", 8)];
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(pages).lang(TextStr("fr"));
        pdf.pages(pages).kids([page]).count(1);
        let mut sheet = pdf.page(page);
        sheet.media_box(PAGE).parent(pages).contents(contents);
        let mut resources = sheet.resources();
        let mut named = resources.fonts();
        for (name, _, id) in fonts {
            named.pair(name, Ref::new(id));
        }
        named.finish();
        resources.finish();
        sheet.finish();
        for (_, base, id) in fonts {
            let mut font = pdf.type1_font(Ref::new(id));
            font.base_font(Name(base.as_bytes())).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        pdf.document_info(info).title(TextStr("Carnet: kit de secours / recovery kit"));
        pdf.stream(contents, &content);
        Ok(pdf.finish())
    }

    /// What the QR code says: four lines, of which the last are the words (`docs/format.md`, "Sheet of a recovery kit").
    pub(crate) fn qr_text(&self) -> String {
        format!("carnet-kit/1\n{}\n{}\n{}", self.record_id, self.relay.unwrap_or("-"), self.words.join(" "))
    }

    fn content(&self) -> Result<Vec<u8>, DoesNotFit> {
        let mut sheet = Sheet { content: Content::new(), y: PAGE.y2 - MARGIN };
        let both = [Texts::new(Language::French), Texts::new(Language::English)];
        let say = |message: &Message| both.each_ref().map(|texts| texts.say(message));

        sheet.line(BOLD, 22.0, &say(&msg!("kit-title")).join(" / "));
        sheet.gap(4.0);
        sheet.line(REGULAR, 11.0, &format!("{}   {}", self.label, self.made_on));
        sheet.gap(8.0);
        for text in say(&msg!("kit-what")) {
            sheet.paragraph(REGULAR, 9.5, &text);
            sheet.gap(4.0);
        }
        sheet.gap(6.0);
        sheet.rule();
        for (position, group) in self.words.chunks(GROUP_WORDS).enumerate() {
            sheet.gap(7.0);
            let words: Vec<String> = group.iter().map(|word| format!("{word:<10}")).collect();
            sheet.line(MONO, 16.0, &format!("{}.  {}", position + 1, words.join(" ").trim_end()));
        }
        sheet.gap(8.0);
        sheet.rule();

        sheet.fields(&say(&msg!("kit-record")).join(" / "), self.record_id);
        let none = say(&msg!("kit-no-relay")).join(" / ");
        sheet.fields(&say(&msg!("kit-relay")).join(" / "), self.relay.unwrap_or(&none));
        sheet.gap(8.0);
        sheet.qr(&self.qr_text())?;
        for text in say(&msg!("kit-use")) {
            sheet.beside_qr(&text);
        }
        sheet.finish()
    }
}

/// A page filled from top to bottom.
struct Sheet {
    content: Content,
    /// Where the next line's top is, in points from the foot of the page.
    y: f32,
}

impl Sheet {
    fn line(&mut self, font: Name, size: f32, text: &str) {
        self.y -= size * 1.2;
        self.text(font, size, MARGIN, text);
    }

    fn text(&mut self, font: Name, size: f32, x: f32, text: &str) {
        self.content.begin_text().set_font(font, size).next_line(x, self.y);
        self.content.show(Str(&win_ansi(text))).end_text();
    }

    fn paragraph(&mut self, font: Name, size: f32, text: &str) {
        for line in wrapped(text, 100) {
            self.line(font, size, &line);
        }
    }

    /// A name and its value below it, broken where it is too long for a line.
    fn fields(&mut self, name: &str, value: &str) {
        self.gap(6.0);
        self.line(BOLD, 9.5, name);
        for line in pieces(value, 80) {
            self.line(MONO, 9.0, &line);
        }
    }

    fn gap(&mut self, points: f32) {
        self.y -= points;
    }

    fn rule(&mut self) {
        self.gap(4.0);
        self.content.set_line_width(0.7).move_to(MARGIN, self.y).line_to(PAGE.x2 - MARGIN, self.y).stroke();
    }

    /// The code at the left margin; `y` stays at its top, so that text can stand beside it.
    fn qr(&mut self, text: &str) -> Result<(), DoesNotFit> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|_| DoesNotFit)?;
        let modules = code.width();
        let side = QR_SIDE / narrow(modules + 2 * QR_QUIET);
        let top = self.y;
        for (position, colour) in code.to_colors().iter().enumerate() {
            if *colour == Color::Dark {
                let x = MARGIN + narrow(position % modules + QR_QUIET) * side;
                let y = top - narrow(position / modules + QR_QUIET + 1) * side;
                self.content.rect(x, y, side, side);
            }
        }
        self.content.fill_nonzero();
        if top - QR_SIDE < 0.0 { Err(DoesNotFit) } else { Ok(()) }
    }

    fn beside_qr(&mut self, text: &str) {
        for line in wrapped(text, 48) {
            self.y -= 11.5;
            self.text(REGULAR, 9.5, MARGIN + QR_SIDE + 10.0, &line);
        }
        self.gap(6.0);
    }

    fn finish(self) -> Result<Vec<u8>, DoesNotFit> {
        if self.y < 20.0 { Err(DoesNotFit) } else { Ok(self.content.finish().to_vec()) }
    }
}

/// A small count as a length. Counts here are modules of a code, at most 177 and a margin.
fn narrow(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}

/// `text` in lines of at most `columns` characters, broken at spaces.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// `text` cut every `columns` characters: for identifiers, which have no spaces.
fn pieces(text: &str, columns: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(columns).map(|piece| piece.iter().collect()).collect()
}

/// `text` in the encoding of the built-in fonts. A character that they lack becomes a question mark.
fn win_ansi(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| match character {
            ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(character)).unwrap_or(b'?'),
            '\u{20ac}' => 0x80,
            '\u{2026}' => 0x85,
            '\u{0152}' => 0x8c,
            '\u{2018}' => 0x91,
            '\u{2019}' => 0x92,
            '\u{201c}' => 0x93,
            '\u{201d}' => 0x94,
            '\u{2022}' => 0x95,
            '\u{2013}' => 0x96,
            '\u{2014}' => 0x97,
            '\u{0153}' => 0x9c,
            '\u{202f}' => 0xa0,
            _ => b'?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORD_LIST: [&str; WORDS] = [
        "abandon", "ability", "able", "about", "above", "absent", "absorb", "abstract", "absurd", "abuse", "access",
        "accident", "account", "accuse", "achieve", "acid", "acoustic", "acquire", "across", "act", "action", "actor",
        "actress", "actual",
    ];

    fn page<'a>(relay: Option<&'a str>, record_id: &'a str) -> KitPage<'a> {
        KitPage { words: WORD_LIST, record_id, relay, label: "Carnet d'Anaïs", made_on: "2026-03-02" }
    }

    fn holds(pdf: &[u8], text: &[u8]) -> bool {
        pdf.windows(text.len()).any(|window| window == text)
    }

    #[test]
    fn the_sheet_holds_the_words_in_groups_and_what_restores_beside_them() {
        let record = "ab".repeat(32);
        let pdf = page(Some("relay-address"), &record).pdf().unwrap();
        assert!(pdf.starts_with(b"%PDF-1."));
        assert!(pdf.ends_with(b"%%EOF") || pdf.ends_with(b"%%EOF\n"));
        assert!(holds(&pdf, b"1.  abandon    ability    able       about"));
        assert!(holds(&pdf, b"6.  action     actor      actress    actual"));
        assert!(holds(&pdf, record.as_bytes()));
        assert!(holds(&pdf, b"relay-address"));
        assert!(holds(&pdf, b"Kit de secours / Recovery kit"));
        assert_eq!(pdf, page(Some("relay-address"), &record).pdf().unwrap(), "the same page twice");
    }

    #[test]
    fn accents_are_written_in_the_encoding_of_the_built_in_fonts() {
        let pdf = page(None, "00").pdf().unwrap();
        // A string with bytes above 127 is written in hexadecimal.
        assert!(holds(&pdf.to_ascii_uppercase(), b"416E61EF73"));
        assert_eq!(win_ansi("é œ ’ – 日"), b"\xe9 \x9c \x92 \x96 ?");
    }

    #[test]
    fn the_code_says_the_record_the_relay_and_the_words() {
        let text = page(None, "00ff").qr_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["carnet-kit/1", "00ff", "-"]);
        assert_eq!(lines[3].split(' ').collect::<Vec<_>>(), WORD_LIST);
    }

    #[test]
    fn a_long_address_still_fits_and_an_endless_one_is_refused() {
        let record = "ab".repeat(32);
        assert!(page(Some(&"a".repeat(300)), &record).pdf().is_ok());
        assert_eq!(page(Some(&"a".repeat(601)), &record).pdf(), Err(DoesNotFit));
    }

    #[test]
    fn lines_break_at_spaces_and_identifiers_anywhere() {
        assert_eq!(wrapped("un deux trois", 7), ["un deux", "trois"]);
        assert_eq!(pieces("abcdef", 4), ["abcd", "ef"]);
    }
}
