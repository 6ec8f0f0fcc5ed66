//! What a person types, made into values: numbers with a comma or a point, partial dates, instants, durations.
//!
//! What cannot be read is refused with the name of the option, never with the value: it may be health data.

use carnet_record::{
    Decimal, PartialDate, When, ZoneHistory,
    kind::encounter::DurationUnit,
    zone::{LocalTime, Resolved},
};

use crate::error::Failure;

/// A number written `72,4` or `72.4`. Neither thousands separators nor exponents.
pub(crate) fn decimal(option: &'static str, text: &str) -> Result<Decimal, Failure> {
    let refused = || Failure::BadNumber(option);
    let plain = text.trim();
    let is_plain = plain.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b',' | b'.'));
    if !is_plain || plain.matches([',', '.']).count() > 1 {
        return Err(refused());
    }
    plain.replace(',', ".").parse().map_err(|_| refused())
}

/// A year, a month or a day.
pub(crate) fn partial_date(option: &'static str, text: &str) -> Result<PartialDate, Failure> {
    text.trim().parse().map_err(|_| Failure::BadDate(option))
}

/// A partial date, or an instant: with its offset (RFC 3339), or as the clock on the wall shows it where the person
/// lives, `2019-05-03T08:30`. An hour that a change of the clock repeats or leaves out needs its offset.
pub(crate) fn when(option: &'static str, text: &str, zones: &ZoneHistory) -> Result<When, Failure> {
    let text = text.trim();
    text.parse().ok().or_else(|| wall_time(text, zones)).ok_or(Failure::BadDate(option))
}

fn wall_time(text: &str, zones: &ZoneHistory) -> Option<When> {
    let (date, time) = text.split_once(['T', ' '])?;
    let part = |text: &str, below: u32| {
        let is_two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|part| is_two_digits && *part < below)
    };
    let (hours, rest) = time.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "00"));
    let seconds = (part(hours, 24)? * 60 + part(minutes, 60)?) * 60 + part(seconds, 60)?;
    match zones.resolve(LocalTime::new(date.parse().ok()?, seconds * 1000)?) {
        Resolved::One(instant) => Some(When::Instant(instant)),
        Resolved::Earlier(_) | Resolved::Missing => None,
    }
}

/// Seconds of `90s`, `15m`, `8h` or `2d`; at least one.
pub(crate) fn seconds(option: &'static str, text: &str) -> Result<u64, Failure> {
    let refused = || Failure::BadDuration(option);
    let text = text.trim();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d' | 'j') => 24 * 3600,
        _ => return Err(refused()),
    };
    let number: u64 = text.get(..text.len() - 1).and_then(|digits| digits.parse().ok()).ok_or_else(refused)?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or_else(refused)
}

/// Calendar units: `3d`, `2w`, `1m`, `1y`, and the same with the French `j`, `s`, `m`, `a`; at least one.
pub(crate) fn length(option: &'static str, text: &str) -> Result<(u16, DurationUnit), Failure> {
    let refused = || Failure::BadLength(option);
    let text = text.trim();
    let unit = match text.chars().last() {
        Some('d' | 'j') => DurationUnit::Day,
        Some('w' | 's') => DurationUnit::Week,
        Some('m') => DurationUnit::Month,
        Some('y' | 'a') => DurationUnit::Year,
        _ => return Err(refused()),
    };
    let number = text.get(..text.len() - 1).and_then(|digits| digits.parse().ok());
    Ok((number.filter(|number| *number > 0).ok_or_else(refused)?, unit))
}

/// Lower case without the accents of French.
pub(crate) fn folded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            '\u{e0}' | '\u{e2}' | '\u{e4}' => plain.push('a'),
            '\u{e7}' => plain.push('c'),
            '\u{e8}'..='\u{eb}' => plain.push('e'),
            '\u{ee}' | '\u{ef}' => plain.push('i'),
            '\u{f4}' | '\u{f6}' => plain.push('o'),
            '\u{f9}' | '\u{fb}' | '\u{fc}' => plain.push('u'),
            '\u{e6}' => plain.push_str("ae"),
            '\u{153}' => plain.push_str("oe"),
            // Accents that stand as characters of their own.
            '\u{300}'..='\u{36f}' => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_a_point() {
        for (text, expected) in [("72,4", "72.4"), ("72.40", "72.40"), ("-3", "-3"), (" 5 ", "5"), (",5", "0.5")] {
            assert_eq!(decimal("VALUE", text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_number_in_another_form_is_refused() {
        for text in ["", "1 000", "1.000,5", "1,2,3", "1e3", "72 kg", "douze", "--1", "1-2", "NaN", "\u{0661}"] {
            assert_eq!(decimal("VALUE", text), Err(Failure::BadNumber("VALUE")), "{text}");
        }
    }

    #[test]
    fn a_date_may_be_partial_and_stays_so() {
        for text in ["2019", "2019-05", "2019-05-03"] {
            assert_eq!(partial_date("--start", text).unwrap().to_string(), text);
            assert!(matches!(when("--at", text, &ZoneHistory::utc()), Ok(When::Date(_))));
        }
        assert!(matches!(when("--at", "2019-05-03T08:30:00+02:00", &ZoneHistory::utc()), Ok(When::Instant(_))));
        for text in [
            "",
            "19",
            "2019-13",
            "2019-02-30",
            "03/05/2019",
            "hier",
            "2019-05-03T8:30",
            "2019-05T08:30",
            "2019-05-03T24:00",
        ] {
            assert_eq!(when("--at", text, &ZoneHistory::utc()), Err(Failure::BadDate("--at")), "{text}");
        }
    }

    #[test]
    fn the_clock_on_the_wall_is_that_of_the_person() {
        let paris = ZoneHistory::single("Europe/Paris").unwrap();
        for (text, expected) in
            [("2026-12-01T10:00", "2026-12-01T10:00:00+01:00"), ("2026-07-01 10:00:30", "2026-07-01T10:00:30+02:00")]
        {
            assert_eq!(when("--at", text, &paris).unwrap().to_string(), expected);
        }
        for never_or_twice in ["2026-03-29T02:30", "2026-10-25T02:30"] {
            assert_eq!(when("--at", never_or_twice, &paris), Err(Failure::BadDate("--at")), "{never_or_twice}");
        }
    }

    #[test]
    fn a_stay_has_a_length_with_its_unit() {
        assert_eq!(length("--duration", "3d"), Ok((3, DurationUnit::Day)));
        assert_eq!(length("--duration", "2s"), Ok((2, DurationUnit::Week)));
        for wrong in ["", "3", "d", "-1d", "0d", "3x", "70000d", "é"] {
            assert_eq!(length("--duration", wrong), Err(Failure::BadLength("--duration")), "{wrong}");
        }
    }

    #[test]
    fn a_duration_has_a_unit() {
        for (text, expected) in [("90s", 90), ("15m", 900), ("8h", 28_800), ("2d", 172_800), ("2j", 172_800)] {
            assert_eq!(seconds("--for", text), Ok(expected), "{text}");
        }
        for text in ["", "15", "m", "-1h", "0s", "1.5h", "99999999999999999999d", "1w", "é"] {
            assert_eq!(seconds("--for", text), Err(Failure::BadDuration("--for")), "{text}");
        }
    }
}
