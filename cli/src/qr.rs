//! A QR code drawn with half blocks, two rows of modules in one line of a terminal.

use qrcode::{Color, EcLevel, QrCode};

/// Empty modules that a reader needs around the code.
const QUIET: usize = 2;

/// `text` as lines of a terminal, or nothing when it is too long for a code.
///
/// Light modules are drawn and dark ones left empty, which reads on the usual dark terminal; readers accept the
/// inverse on a light one.
pub(crate) fn half_blocks(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let colours = code.to_colors();
    let side = code.width();
    let light = |x: usize, y: usize| {
        let inside = (QUIET..side + QUIET).contains(&x) && (QUIET..side + QUIET).contains(&y);
        !inside || colours.get((y - QUIET) * side + (x - QUIET)) != Some(&Color::Dark)
    };
    let edge = side + 2 * QUIET;
    let mut lines = String::new();
    for y in (0..edge).step_by(2) {
        for x in 0..edge {
            lines.push(match (light(x, y), light(x, y + 1)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            });
        }
        lines.push('\n');
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_square_and_surrounded_by_light() {
        let drawn = half_blocks("carnet").unwrap();
        let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        let side = lines[0].len();
        assert_eq!(lines.len(), side.div_ceil(2));
        assert!(lines.iter().all(|line| line.len() == side));
        assert!(lines[0].iter().all(|block| *block == '\u{2588}'));
        assert!(lines.iter().all(|line| line[..QUIET].iter().all(|block| *block == '\u{2588}')));
        assert!(drawn.contains(' '), "it has dark modules");
    }

    #[test]
    fn a_text_too_long_for_a_code_gives_none() {
        assert_eq!(half_blocks(&"a".repeat(3000)), None);
    }
}
