//! Dates as they were said: a year, a month or a day; instants in UTC with the offset that was told.
//!
//! Nothing here is filled up: `2015-03` never becomes the first of March. The local day of an instant follows
//! [`crate::ZoneHistory`], never the first ten characters of a text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A text that is no date of the form asked for. Carries no text of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date: expected a year, a month, a day, or an instant with its offset")]
pub struct NotADate;

/// A year, a month of a year, or a day: `1975`, `2015-03`, `2015-03-02`.
///
/// Ordered by what is said: `2015` comes before `2015-03`, which comes before `2015-03-02`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartialDate {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
}

impl PartialDate {
    /// A year, 1 to 9999.
    pub fn from_year(year: u16) -> Option<Self> {
        (1..=9999).contains(&year).then_some(Self { year, month: None, day: None })
    }

    /// A month of a year, if both exist.
    pub fn from_month(year: u16, month: u8) -> Option<Self> {
        let date = Self::from_year(year)?;
        (1..=12).contains(&month).then_some(Self { month: Some(month), ..date })
    }

    /// A day of the Gregorian calendar, if it exists.
    pub fn from_day(year: u16, month: u8, day: u8) -> Option<Self> {
        let date = Self::from_month(year, month)?;
        (1..=days_in_month(year, month)).contains(&day).then_some(Self { day: Some(day), ..date })
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, if it was said.
    pub fn month(self) -> Option<u8> {
        self.month
    }

    /// The day of the month, if it was said.
    pub fn day(self) -> Option<u8> {
        self.day
    }

    /// The day, if the date is whole.
    pub fn whole(self) -> Option<Day> {
        Some(Day::from_civil(self.year, self.month?, self.day?))
    }

    /// The first day that the date may mean.
    pub fn earliest(self) -> Day {
        Day::from_civil(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1))
    }

    /// The last day that the date may mean.
    pub fn latest(self) -> Day {
        let month = self.month.unwrap_or(12);
        Day::from_civil(self.year, month, self.day.unwrap_or_else(|| days_in_month(self.year, month)))
    }

    /// Whether every day that this may mean lies before every day that `other` may mean.
    pub fn is_surely_before(self, other: Self) -> bool {
        self.latest() < other.earliest()
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        self.month.map_or(Ok(()), |month| write!(f, "-{month:02}"))?;
        self.day.map_or(Ok(()), |day| write!(f, "-{day:02}"))
    }
}

impl FromStr for PartialDate {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let mut parts = text.splitn(3, '-');
        let year = digits(parts.next().unwrap_or_default(), 4)?;
        let month = parts.next().map(|part| digits(part, 2)).transpose()?;
        let day = parts.next().map(|part| digits(part, 2)).transpose()?;
        let narrow = |value: u16| u8::try_from(value).map_err(|_| NotADate);
        match (month, day) {
            (None, _) => Self::from_year(year),
            (Some(month), None) => Self::from_month(year, narrow(month)?),
            (Some(month), Some(day)) => Self::from_day(year, narrow(month)?, narrow(day)?),
        }
        .ok_or(NotADate)
    }
}

/// One day of the calendar, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day(i32);

impl Day {
    /// The day `days` after 1970-01-01, if its year lies in 1 to 9999.
    pub fn from_epoch_days(days: i32) -> Option<Self> {
        (EPOCH_DAY_MIN..=EPOCH_DAY_MAX).contains(&days).then_some(Self(days))
    }

    /// The day `days` after 1970-01-01, held within the years 1 to 9999.
    pub fn at_most(days: i32) -> Self {
        Self(days.clamp(EPOCH_DAY_MIN, EPOCH_DAY_MAX))
    }

    /// The day of UTC milliseconds shifted by `offset_seconds`.
    pub fn of_millis(millis: i64, offset_seconds: i32) -> Option<Self> {
        let shifted = millis.checked_add(i64::from(offset_seconds) * 1000)?;
        Self::from_epoch_days(i32::try_from(shifted.div_euclid(DAY_MS)).ok()?)
    }

    /// Days since 1970-01-01.
    pub fn epoch_days(self) -> i32 {
        self.0
    }

    /// The day as a whole date.
    pub fn date(self) -> PartialDate {
        let (year, month, day) = civil(i64::from(self.0));
        PartialDate { year, month: Some(month), day: Some(day) }
    }

    /// The same day of a month so much later, or the last one of a month that is too short; none beyond the year 9999.
    pub fn months_later(self, months: u32) -> Option<Self> {
        let date = self.date();
        let number = (u32::from(date.year) * 12 + u32::from(date.month?) - 1).checked_add(months)?;
        let (year, month) = (u16::try_from(number / 12).ok()?, u8::try_from(number % 12 + 1).ok()?);
        let same = PartialDate::from_day(year, month, date.day?);
        same.or_else(|| PartialDate::from_month(year, month)).map(PartialDate::latest)
    }

    fn from_civil(year: u16, month: u8, day: u8) -> Self {
        Self(epoch_days(year, month, day))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = NotADate;

    fn try_from(text: String) -> Result<Self, NotADate> {
        text.parse::<PartialDate>()?.whole().ok_or(NotADate)
    }
}

/// A moment: milliseconds UTC, and the offset from UTC that the source told, if it told one.
///
/// Its text is RFC 3339; `Z` means that no local offset is known, `+00:00` that it is zero (RFC 9557 section 2).
/// Ordered by the moment first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    millis: i64,
    offset_minutes: Option<i16>,
}

impl Instant {
    /// A moment of the years 1 to 9999 with an offset of at most 18 hours.
    pub fn new(millis: i64, offset_minutes: Option<i16>) -> Option<Self> {
        let offset_fits = offset_minutes.is_none_or(|minutes| minutes.unsigned_abs() <= OFFSET_MINUTES_MAX);
        let shifted = millis.checked_add(i64::from(offset_minutes.unwrap_or(0)) * MINUTE_MS)?;
        let fits = |at: i64| (INSTANT_MS_MIN..=INSTANT_MS_MAX).contains(&at);
        (offset_fits && fits(millis) && fits(shifted)).then_some(Self { millis, offset_minutes })
    }

    /// A moment whose local offset is not known.
    pub fn utc(millis: i64) -> Option<Self> {
        Self::new(millis, None)
    }

    /// The moment of these milliseconds in UTC, held within the years 1 to 9999.
    pub fn at_most(millis: i64) -> Self {
        Self { millis: millis.clamp(INSTANT_MS_MIN, INSTANT_MS_MAX), offset_minutes: None }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn millis(self) -> i64 {
        self.millis
    }

    /// Minutes east of UTC, if the source told them.
    pub fn offset_minutes(self) -> Option<i16> {
        self.offset_minutes
    }

    /// The same moment with another offset; the offset is left out when it does not fit.
    #[must_use]
    pub fn with_offset(self, offset_minutes: Option<i16>) -> Self {
        Self::new(self.millis, offset_minutes).unwrap_or(Self { millis: self.millis, offset_minutes: None })
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset_minutes.unwrap_or(0);
        let local = self.millis + i64::from(offset) * MINUTE_MS;
        let (year, month, day) = civil(local.div_euclid(DAY_MS));
        let in_day = local.rem_euclid(DAY_MS);
        let (hour, minute, second) = (in_day / 3_600_000, in_day / MINUTE_MS % 60, in_day / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if in_day % 1000 != 0 {
            write!(f, ".{:03}", in_day % 1000)?;
        }
        match self.offset_minutes {
            None => f.write_str("Z"),
            Some(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60)
            }
        }
    }
}

impl FromStr for Instant {
    type Err = NotADate;

    /// Reads RFC 3339. Seconds may be missing; digits beyond the millisecond are cut; `:60` is read as `:59`.
    fn from_str(text: &str) -> Result<Self, NotADate> {
        let (date, rest) = text.split_once(['T', 't']).ok_or(NotADate)?;
        let day = date.parse::<PartialDate>()?.whole().ok_or(NotADate)?;
        let zone_at = rest.find(['Z', 'z', '+', '-']).ok_or(NotADate)?;
        let (clock, zone) = rest.split_at_checked(zone_at).ok_or(NotADate)?;
        let offset_minutes = parse_offset(zone)?;
        let local = i64::from(day.0) * DAY_MS + parse_clock(clock)?;
        let millis = local - i64::from(offset_minutes.unwrap_or(0)) * MINUTE_MS;
        Self::new(millis, offset_minutes).ok_or(NotADate)
    }
}

/// When something happened: a date as it was said, or a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// A year, a month or a day, without a time.
    Date(PartialDate),
    /// A moment.
    Instant(Instant),
}

impl When {
    /// The local day. A whole date is a day; a moment with its own offset uses it, another one the person's zones;
    /// a year or a month is no day.
    pub fn local_day(&self, zones: &crate::ZoneHistory) -> Option<Day> {
        match self {
            Self::Date(date) => date.whole(),
            Self::Instant(at) => zones.day_of(at.millis, at.offset_minutes),
        }
    }

    /// The date as said, or the local date of the moment by its own offset (UTC when it has none).
    pub fn date(&self) -> PartialDate {
        match self {
            Self::Date(date) => *date,
            Self::Instant(at) => {
                let offset = i32::from(at.offset_minutes.unwrap_or(0)) * 60;
                Day::of_millis(at.millis, offset).unwrap_or(Day(0)).date()
            }
        }
    }

    /// For sorting only: the moment, or UTC midnight of the first day that the date may mean.
    pub fn sort_millis(&self) -> i64 {
        match self {
            Self::Date(date) => i64::from(date.earliest().0) * DAY_MS,
            Self::Instant(at) => at.millis,
        }
    }

    /// The moment, if it is one.
    pub fn instant(&self) -> Option<Instant> {
        match self {
            Self::Date(_) => None,
            Self::Instant(at) => Some(*at),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => date.fmt(f),
            Self::Instant(at) => at.fmt(f),
        }
    }
}

impl FromStr for When {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        if text.contains(['T', 't']) { text.parse().map(Self::Instant) } else { text.parse().map(Self::Date) }
    }
}

impl From<PartialDate> for When {
    fn from(date: PartialDate) -> Self {
        Self::Date(date)
    }
}

impl From<Instant> for When {
    fn from(at: Instant) -> Self {
        Self::Instant(at)
    }
}

macro_rules! serde_as_text {
    ($($name:ident),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

serde_as_text!(PartialDate, Instant, When);

fn digits(text: &str, count: usize) -> Result<u16, NotADate> {
    if text.len() != count || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotADate);
    }
    text.parse().map_err(|_| NotADate)
}

fn parse_clock(clock: &str) -> Result<i64, NotADate> {
    let mut parts = clock.splitn(3, ':');
    let hour = digits(parts.next().unwrap_or_default(), 2)?;
    let minute = digits(parts.next().unwrap_or_default(), 2)?;
    let (second, fraction) = match parts.next() {
        None => ("00", ""),
        Some(seconds) => seconds.split_once(['.', ',']).unwrap_or((seconds, "")),
    };
    let second = digits(second, 2)?.min(59);
    if hour > 23 || minute > 59 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) || fraction.len() > 12 {
        return Err(NotADate);
    }
    let millis = fraction.bytes().chain(*b"000").take(3).fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    Ok(i64::from(hour) * 3_600_000 + i64::from(minute) * MINUTE_MS + i64::from(second) * 1000 + millis)
}

/// `Z`, `+hh:mm` or `+hhmm`.
fn parse_offset(zone: &str) -> Result<Option<i16>, NotADate> {
    if zone.eq_ignore_ascii_case("z") {
        return Ok(None);
    }
    let (sign, rest) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (None, Some(rest)) => (-1, rest),
        (None, None) => return Err(NotADate),
    };
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2)).ok_or(NotADate)?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if minutes > 59 {
        return Err(NotADate);
    }
    i16::try_from(hours * 60 + minutes).map(|offset| Some(sign * offset)).map_err(|_| NotADate)
}

fn days_in_month(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar (Howard Hinnant, `days_from_civil`).
fn epoch_days(year: u16, month: u8, day: u8) -> i32 {
    let shifted_year = i32::from(year) - i32::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((i32::from(month) + 9) % 12) + 2) / 5 + i32::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`epoch_days`] (`civil_from_days`). Outside the years 1 to 9999 the nearest of them is given.
fn civil(days: i64) -> (u16, u8, u8) {
    let shifted = days.clamp(i64::from(EPOCH_DAY_MIN), i64::from(EPOCH_DAY_MAX)) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (u16::try_from(year).unwrap_or(1), u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

const MINUTE_MS: i64 = 60_000;
/// Milliseconds of a day of 24 hours.
pub(crate) const DAY_MS: i64 = 86_400_000;
/// 0001-01-01.
const EPOCH_DAY_MIN: i32 = -719_162;
/// 9999-12-31.
const EPOCH_DAY_MAX: i32 = 2_932_896;
/// 0001-01-01T00:00:00Z.
pub const INSTANT_MS_MIN: i64 = -62_135_596_800_000;
/// 9999-12-31T23:59:59.999Z.
pub const INSTANT_MS_MAX: i64 = 253_402_300_799_999;
/// The widest offset of a clock: 18 hours.
pub const OFFSET_MINUTES_MAX: u16 = 1080;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_partial_date_is_never_filled_up() {
        for text in ["1975", "2015-03", "2015-03-02", "2024-02-29"] {
            let date: PartialDate = text.parse().unwrap();
            assert_eq!(date.to_string(), text);
            assert_eq!(date.whole().is_some(), text.len() == 10);
        }
        for wrong in
            ["", "75", "2015-3", "2015-13", "2023-02-29", "2015-03-02T", "0000", "20150302", "2015--02", "+201"]
        {
            assert_eq!(wrong.parse::<PartialDate>(), Err(NotADate), "{wrong}");
        }
    }

    #[test]
    fn an_instant_keeps_whether_its_offset_was_told() {
        for text in ["2017-11-10T08:20:00+01:00", "2017-11-10T07:20:00Z", "1999-12-31T23:59:59.999+00:00"] {
            assert_eq!(text.parse::<Instant>().unwrap().to_string(), text);
        }
        let read = |text: &str| text.parse::<Instant>().unwrap();
        assert_eq!(read("2017-11-10T08:20+0100"), read("2017-11-10T08:20:00.000+01:00"));
        assert_eq!(read("2017-11-10T08:20:00.1239Z").millis() % 1000, 123);
        assert_eq!(read("1970-01-01T00:00:00-03:30").millis(), 12_600_000);
        for wrong in ["2017-11-10T08:20", "2017-11-10T24:00:00Z", "2017-11T08:20:00Z", "2017-11-10T08:20:00+19:00", "T"]
        {
            assert_eq!(wrong.parse::<Instant>(), Err(NotADate), "{wrong}");
        }
    }

    #[test]
    fn surely_before_leaves_overlaps_open() {
        let read = |text: &str| text.parse::<PartialDate>().unwrap();
        assert!(read("2014").is_surely_before(read("2015-03")));
        assert!(!read("2015").is_surely_before(read("2015-03")));
        assert!(!read("2015-03-31").is_surely_before(read("2015-03")));
        assert!(read("2015-02-28").is_surely_before(read("2015-03")));
    }

    proptest! {
        #[test]
        fn every_day_reads_back(days in EPOCH_DAY_MIN..=EPOCH_DAY_MAX) {
            let day = Day::from_epoch_days(days).unwrap();
            let date = day.date();
            prop_assert_eq!(date.to_string().parse::<PartialDate>().unwrap(), date);
            prop_assert_eq!(date.whole(), Some(day));
            prop_assert_eq!(date.earliest(), date.latest());
        }

        #[test]
        fn every_instant_reads_back(
            millis in (INSTANT_MS_MIN + DAY_MS)..=(INSTANT_MS_MAX - DAY_MS),
            offset in proptest::option::of(-1080_i16..=1080),
        ) {
            let at = Instant::new(millis, offset).unwrap();
            prop_assert_eq!(at.to_string().parse::<When>().unwrap(), When::Instant(at));
            let json = serde_json::to_string(&When::Instant(at)).unwrap();
            prop_assert_eq!(serde_json::from_str::<When>(&json).unwrap(), When::Instant(at));
        }

        #[test]
        fn no_text_makes_the_parser_fail_loudly(text in "\\PC{0,40}") {
            let _ = text.parse::<When>();
            let _ = text.parse::<crate::Decimal>();
            let _ = text.parse::<crate::EntryId>();
        }
    }
}
