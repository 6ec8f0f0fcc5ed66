//! Points in time as CDA writes them: `1975`, `202101`, `20240402145521+0200`, `201308151030-0800`.
//!
//! A date keeps the precision it was given and is never filled up. A time without an offset is a clock time of the
//! person's home zone (HL7 V3 data type TS, "if the offset is missing, the local zone applies").

use carnet_record::zone::{LocalTime, Resolved};
use carnet_record::{Instant, PartialDate, When, ZoneHistory};

use crate::cda::tree::Element;

/// A text that is no point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotATime;

/// How the moment was found, when that has to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// No offset was written: the home zone was used.
    HomeZone,
    /// The clock showed this time twice that night; the earlier one was taken.
    Twice,
}

/// Reads one point in time.
///
/// # Errors
/// [`NotATime`] for a text of another shape, a day that does not exist, and a clock time that the home zone skipped.
pub(crate) fn read(text: &str, zones: &ZoneHistory) -> Result<(When, Option<Doubt>), NotATime> {
    let text = text.trim();
    let (clock, offset) = match text.find(['+', '-']) {
        Some(at) => text.split_at_checked(at).ok_or(NotATime)?,
        None => (text, ""),
    };
    let (digits, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(offset.len(), 0 | 3 | 5) || !is_number(offset.get(1..).unwrap_or_default()) {
        return Err(NotATime);
    }
    if !is_number(digits) || !is_number(fraction) || fraction.len() > FRACTION_DIGITS_MAX {
        return Err(NotATime);
    }
    let field = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u16>().ok()).ok_or(NotATime);
    let narrow = |value: u16| u8::try_from(value).map_err(|_| NotATime);
    let date = match digits.len() {
        4 => PartialDate::from_year(field(0, 4)?),
        6 => PartialDate::from_month(field(0, 4)?, narrow(field(4, 6)?)?),
        8 | 10 | 12 | 14 => PartialDate::from_day(field(0, 4)?, narrow(field(4, 6)?)?, narrow(field(6, 8)?)?),
        _ => None,
    }
    .ok_or(NotATime)?;
    if digits.len() <= 8 {
        return Ok((When::Date(date), None));
    }
    let or_zero = |from: usize| if digits.len() > from { field(from, from.saturating_add(2)) } else { Ok(0) };
    let clock = Clock { hour: field(8, 10)?, minute: or_zero(10)?, second: or_zero(12)?, fraction };
    if offset.is_empty() { in_home_zone(date, &clock, zones) } else { with_offset(date, &clock, offset) }
}

/// What a clock showed.
struct Clock<'t> {
    hour: u16,
    minute: u16,
    second: u16,
    fraction: &'t str,
}

impl Clock<'_> {
    /// Milliseconds since midnight; a leap second is read as the second before it.
    fn millis(&self) -> Option<u32> {
        if self.hour > 23 || self.minute > 59 || self.second > 60 {
            return None;
        }
        let seconds = (u32::from(self.hour) * 60 + u32::from(self.minute)) * 60 + u32::from(self.second.min(59));
        let padded: String = self.fraction.chars().chain("000".chars()).take(3).collect();
        Some(seconds * 1000 + padded.parse::<u32>().ok()?)
    }
}

fn with_offset(date: PartialDate, clock: &Clock<'_>, offset: &str) -> Result<(When, Option<Doubt>), NotATime> {
    let millis = clock.millis().ok_or(NotATime)?;
    // `+01` is written by some software for `+0100`.
    let padded = if offset.len() == 3 { format!("{offset}00") } else { offset.to_owned() };
    let (minutes, seconds) = (millis / 60_000, millis % 60_000);
    let text =
        format!("{date}T{:02}:{:02}:{:02}.{:03}{padded}", minutes / 60, minutes % 60, seconds / 1000, seconds % 1000);
    let instant: Instant = text.parse().map_err(|_| NotATime)?;
    Ok((When::Instant(instant), None))
}

fn in_home_zone(date: PartialDate, clock: &Clock<'_>, zones: &ZoneHistory) -> Result<(When, Option<Doubt>), NotATime> {
    let local = clock.millis().and_then(|millis| LocalTime::new(date, millis)).ok_or(NotATime)?;
    match zones.resolve(local) {
        Resolved::One(instant) => Ok((When::Instant(instant), Some(Doubt::HomeZone))),
        Resolved::Earlier(instant) => Ok((When::Instant(instant), Some(Doubt::Twice))),
        Resolved::Missing => Err(NotATime),
    }
}

/// A stretch of time as an element tells it (`IVL_TS`, `TS`, `SXPR_TS`, `PIVL_TS`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// Start, or the one point.
    pub(crate) start: Option<String>,
    /// End, when it was told.
    pub(crate) end: Option<String>,
    /// Why there is none (`nullFlavor`), when the element says so.
    pub(crate) null_flavor: Option<String>,
}

impl Span {
    /// Whether no point in time is told.
    pub(crate) fn is_empty(&self) -> bool {
        self.start.is_none() && self.end.is_none()
    }

    /// The stretch that all `effectiveTime` children of an element tell together: the first that names a point.
    pub(crate) fn of(element: &Element) -> Self {
        let spans = element.all("effectiveTime").map(Self::of_time);
        let mut first = Self::default();
        for span in spans {
            if !span.is_empty() {
                return span;
            }
            first = if first.null_flavor.is_none() { span } else { first };
        }
        first
    }

    /// The stretch that one element tells.
    pub(crate) fn of_time(time: &Element) -> Self {
        let value = |name: &str| time.child(name).and_then(|part| part.attribute("value")).map(str::to_owned);
        let mut span = Self {
            start: time.attribute("value").map(str::to_owned).or_else(|| value("low")).or_else(|| value("center")),
            end: value("high"),
            null_flavor: time.attribute("nullFlavor").map(str::to_owned),
        };
        if span.is_empty()
            && let Some(part) = time.all("comp").map(Self::of_time).find(|part| !part.is_empty())
        {
            span.start = part.start;
            span.end = part.end;
        }
        span
    }
}

/// Digits after the second that are read.
const FRACTION_DIGITS_MAX: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    fn paris() -> ZoneHistory {
        ZoneHistory::single("Europe/Paris").unwrap()
    }

    fn text(of: &str) -> String {
        read(of, &paris()).unwrap().0.to_string()
    }

    #[test]
    fn precision_is_kept_as_given() {
        assert_eq!(text("1975"), "1975");
        assert_eq!(text("202101"), "2021-01");
        assert_eq!(text("20210104"), "2021-01-04");
        assert_eq!(text("20210104+0100"), "2021-01-04");
    }

    #[test]
    fn offsets_are_the_true_ones() {
        assert_eq!(text("20240402145521+0200"), "2024-04-02T14:55:21+02:00");
        assert_eq!(text("201308151030-0800"), "2013-08-15T10:30:00-08:00");
        assert_eq!(text("2013081510-08"), "2013-08-15T10:00:00-08:00");
        assert_eq!(text("20240402145521.250+0200"), "2024-04-02T14:55:21.250+02:00");
    }

    #[test]
    fn a_time_without_offset_is_of_the_home_zone() {
        assert_eq!(read("200905121430", &paris()).unwrap().1, Some(Doubt::HomeZone));
        assert_eq!(text("200905121430"), "2009-05-12T14:30:00+02:00");
        assert_eq!(read("202510260230", &paris()).unwrap().1, Some(Doubt::Twice));
        assert_eq!(read("202503300230", &paris()), Err(NotATime), "skipped in spring");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "19", "20211301", "20210230", "2021010425+0100", "2021-01-04", "1e5", "20210104x", "+0100"] {
            assert_eq!(read(text, &paris()), Err(NotATime), "{text}");
        }
    }
}
