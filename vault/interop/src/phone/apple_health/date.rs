//! Dates as Apple Health prints them: `2026-03-18 17:00:00 +0200`.
//!
//! The moment is right; the hour, the day and the offset are those of the place and season **of the export**, so only
//! the moment is kept.

use jiff::fmt::strtime;

/// The moment of a printed date, in milliseconds UTC.
///
/// The 25 bytes of the usual form are read digit by digit; any other form (an hour without its zero, blanks twice, a
/// 12-hour clock) goes to a general parser.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    usual(text.as_bytes()).or_else(|| general(text))
}

fn usual(text: &[u8]) -> Option<i64> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b' ',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b' ',
        sign,
        z1,
        z2,
        z3,
        z4,
    ] = text
    else {
        return None;
    };
    let year = two(*y1, *y2)?.checked_mul(100)?.checked_add(two(*y3, *y4)?)?;
    let (month, day) = (two(*m1, *m2)?, two(*d1, *d2)?);
    let (hour, minute, second) = (two(*h1, *h2)?, two(*n1, *n2)?, two(*s1, *s2)?);
    let (zone_hour, zone_minute) = (two(*z1, *z2)?, two(*z3, *z4)?);
    let is_east = match sign {
        b'+' => true,
        b'-' => false,
        _ => return None,
    };
    if year == 0 || hour > 23 || minute > 59 || second > 59 || zone_hour > 18 || zone_minute > 59 {
        return None;
    }
    let day = carnet_record::PartialDate::from_day(
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    )?;
    let days = i64::from(day.whole()?.epoch_days());
    let local = days.checked_mul(86_400)?.checked_add(i64::from(hour * 3_600 + minute * 60 + second))?;
    let offset = i64::from(zone_hour * 3_600 + zone_minute * 60);
    let utc = if is_east { local.checked_sub(offset)? } else { local.checked_add(offset)? };
    utc.checked_mul(1_000)
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u32::from(byte.wrapping_sub(b'0')));
    Some(digit(tens)?.wrapping_mul(10).wrapping_add(digit(ones)?))
}

fn general(text: &str) -> Option<i64> {
    if text.len() > DATE_BYTES_MAX {
        return None;
    }
    let text = text.replace(['\u{202f}', '\u{a0}'], " ");
    let forms = ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %I:%M:%S %p %z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%.f%:z"];
    forms.iter().find_map(|form| {
        let moment = strtime::parse(form, text.trim()).ok()?.to_timestamp().ok()?;
        carnet_record::Instant::utc(moment.as_millisecond()).map(carnet_record::Instant::millis)
    })
}

/// A longer text is no date.
const DATE_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_form_and_the_general_parser_agree() {
        for text in [
            "2026-03-18 17:00:00 +0200",
            "1970-01-01 00:00:00 +0000",
            "2016-02-29 23:59:59 -0830",
            "1951-07-01 03:04:05 +0545",
            "9998-12-31 00:00:00 +0000",
        ] {
            assert!(usual(text.as_bytes()).is_some(), "{text}");
            assert_eq!(usual(text.as_bytes()), general(text), "{text}");
        }
        assert_eq!(parse_date("2026-03-18 17:00:00 +0200"), Some(1_773_846_000_000));
    }

    #[test]
    fn other_forms_go_to_the_general_parser() {
        let moment = parse_date("2026-03-18 17:00:00 +0200");
        for text in ["2026-03-18  17:00:00 +0200", "2026-03-18 5:00:00\u{202f}PM +0200", "2026-03-18T17:00:00+0200"] {
            assert_eq!(parse_date(text), moment, "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2026-02-30 00:00:00 +0000",
            "2026-13-01 00:00:00 +0000",
            "2026-03-18 24:00:00 +0200",
            "2026-03-18 17:00:00 ~0200",
            "0000-03-18 17:00:00 +0200",
            "2026-03-18",
            "hier",
            "\u{665}026-03-18 17:00:00 +020",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
