//! Tables for a terminal of any width. A table that does not fit becomes one short list a row, so that nothing is cut.

/// A table to be shown: its head, and rows of as many cells. Cells are already harmless text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    /// Names of the columns.
    pub(crate) head: Vec<String>,
    /// Rows, each with one cell a column.
    pub(crate) rows: Vec<Vec<String>>,
}

const GAP: &str = "  ";

impl Table {
    /// The lines of the table, none of them longer than `columns` unless a single cell is. `pair` writes a name beside
    /// its value, as the language does.
    pub(crate) fn lines(&self, columns: usize, pair: impl Fn(&str, &str) -> String) -> Vec<String> {
        let widths = self.widths();
        let total = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
        if total <= columns { self.aligned(&widths) } else { self.listed(pair) }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.head.iter().map(|cell| width(cell)).collect();
        for row in &self.rows {
            for (known, cell) in widths.iter_mut().zip(row) {
                *known = (*known).max(width(cell));
            }
        }
        widths
    }

    fn aligned(&self, widths: &[usize]) -> Vec<String> {
        std::iter::once(&self.head).chain(&self.rows).map(|row| align(row, widths)).collect()
    }

    fn listed(&self, pair: impl Fn(&str, &str) -> String) -> Vec<String> {
        let mut lines = Vec::new();
        for (position, row) in self.rows.iter().enumerate() {
            if position > 0 {
                lines.push(String::new());
            }
            let cells = self.head.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
            lines.extend(cells.map(|(name, cell)| pair(name, cell)));
        }
        lines
    }
}

/// `text` in lines no longer than `columns`, unless one word is, each begun by `indent` blanks; after a dash, further lines
/// stand below the first word.
pub(super) fn wrapped(text: &str, indent: usize, columns: usize) -> Vec<String> {
    if let Some(rest) = text.strip_prefix("- ") {
        let mut lines = wrapped(rest, indent + 2, columns);
        if let Some(first) = lines.first_mut() {
            *first = format!("{}- {}", " ".repeat(indent), first.trim_start());
        }
        return lines;
    }
    let room = columns.saturating_sub(indent);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter().map(|line| format!("{}{line}", " ".repeat(indent))).collect()
}

fn align(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, column) in row.iter().zip(widths) {
        if !line.is_empty() {
            line.push_str(GAP);
        }
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', column.saturating_sub(width(cell))));
    }
    line.truncate(line.trim_end().len());
    line
}

/// Columns a text takes: its characters, those that combine with the one before not counted.
fn width(text: &str) -> usize {
    text.chars().filter(|character| !matches!(character, '\u{300}'..='\u{36f}')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> String {
        format!("{name}: {value}")
    }

    fn table() -> Table {
        Table {
            head: vec!["Date".into(), "Valeur".into(), "Source".into()],
            rows: vec![
                vec!["2026-01-02".into(), "72,4 kg".into(), "saisie".into()],
                vec!["2026".into(), String::new(), "pèse-personne".into()],
            ],
        }
    }

    #[test]
    fn a_table_that_fits_is_aligned() {
        assert_eq!(
            table().lines(80, pair),
            ["Date        Valeur   Source", "2026-01-02  72,4 kg  saisie", "2026                 pèse-personne"]
        );
    }

    #[test]
    fn a_sentence_is_broken_between_words_to_the_width_there_is() {
        assert_eq!(wrapped("un deux trois", 2, 9), ["  un deux", "  trois"]);
        assert_eq!(wrapped("anticonstitutionnellement oui", 0, 5), ["anticonstitutionnellement", "oui"]);
        assert_eq!(wrapped("- un deux trois", 0, 9), ["- un deux", "  trois"]);
        assert_eq!(wrapped("un", 40, 20), [format!("{}un", " ".repeat(40))]);
    }

    #[test]
    fn fault_j_twenty_columns_cut_nothing() {
        assert_eq!(
            table().lines(20, pair),
            ["Date: 2026-01-02", "Valeur: 72,4 kg", "Source: saisie", "", "Date: 2026", "Source: pèse-personne"]
        );
    }
}
