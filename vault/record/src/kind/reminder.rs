//! What a person wants to be reminded of: once, or again and again. It says when, and reminds nobody by itself.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::encounter::DurationUnit;
use crate::{
    date::{DAY_MS, Day, NotADate, PartialDate, When},
    zone::{LocalTime, Resolved, ZoneHistory},
};

/// A reminder. It falls on the day of its start and, if it has a period, on every day that lies whole periods later, until
/// its last day. On each of them it falls at the clock time of its start and at its other times; without any, on the whole day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reminder {
    /// Of what; at most 100 characters when typed.
    pub title: Option<String>,
    /// The first moment, or the first day.
    pub start: Option<When>,
    /// Length of the period, in its unit; none when it falls once.
    pub period: Option<u16>,
    /// Unit of the period.
    pub period_unit: Option<DurationUnit>,
    /// Other times of the day, on the clock of where the person lives then.
    pub times: Vec<ClockTime>,
    /// Last day on which it may fall.
    pub until: Option<PartialDate>,
}

/// A time on a clock, to the minute: `08:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClockTime(u16);

impl Reminder {
    /// Every moment or day from `first` to `last`, both included, on which it falls, in order: the start as it was said, then what
    /// comes back on the clock of where the person lives. A time that the clocks leave out in spring is an hour later, one that
    /// they repeat in autumn is the earlier one; a month that has no such day has its last. Nothing when its start, or a period
    /// that it has, is not known to the day. At most [`TIMES_MAX`] of its times count.
    pub fn between(&self, first: Day, last: Day, zones: &ZoneHistory) -> Vec<When> {
        let Some(start) = self.start else { return Vec::new() };
        let Some(day) = home_day(start, zones) else { return Vec::new() };
        let last = self.until.map_or(last, |until| until.latest().min(last));
        let times = self.clock_times(start, zones);
        let mut falls = Vec::new();
        for own in self.days(day, first, last) {
            if own == day {
                falls.push(start);
            } else if times.is_empty() {
                falls.push(When::Date(own.date()));
            }
            let of_day = times.iter().filter_map(|time| moment(own, *time, zones));
            // What the first day has before or at its start is none of the reminder's times, but for a start that is a whole day.
            falls.extend(of_day.filter(|when| own != day || is_later(*when, start)));
        }
        if start.instant().is_none() && !times.is_empty() {
            falls.retain(|when| when.instant().is_some());
        }
        falls
    }

    /// The days from `first` to `last` on which it falls, if it begins at `start`.
    fn days(&self, start: Day, first: Day, last: Day) -> Vec<Day> {
        let (step, in_months) = match (self.period, &self.period_unit) {
            (None, _) => return [start].into_iter().filter(|day| (first..=last).contains(day)).collect(),
            (Some(0), _) | (_, None | Some(DurationUnit::Other(_))) => return Vec::new(),
            (Some(period), Some(DurationUnit::Day)) => (i32::from(period), false),
            (Some(period), Some(DurationUnit::Week)) => (i32::from(period) * DAYS_IN_WEEK, false),
            (Some(period), Some(DurationUnit::Month)) => (i32::from(period), true),
            (Some(period), Some(DurationUnit::Year)) => (i32::from(period) * MONTHS_IN_YEAR, true),
        };
        let whole =
            if in_months { month_number(first) - month_number(start) } else { first.epoch_days() - start.epoch_days() };
        let skipped = (whole / step).max(0);
        let after = |count: i32| {
            if in_months {
                start.months_later(u32::try_from(step.checked_mul(count)?).ok()?)
            } else {
                Day::from_epoch_days(start.epoch_days().checked_add(step.checked_mul(count)?)?)
            }
        };
        let days = (skipped..).map_while(after).take_while(|day| *day <= last);
        days.filter(|day| *day >= first).collect()
    }

    /// The times of each day, in order and once each.
    fn clock_times(&self, start: When, zones: &ZoneHistory) -> Vec<ClockTime> {
        let own = start
            .instant()
            .map(|at| ClockTime::of_millis(at.millis() + i64::from(zones.offset_seconds_at(at.millis())) * 1000));
        let mut times: Vec<ClockTime> = own.into_iter().chain(self.times.iter().copied().take(TIMES_MAX)).collect();
        times.sort_unstable();
        times.dedup();
        times
    }
}

/// Times of a day that a reminder may have beside its start.
pub const TIMES_MAX: usize = 24;

const DAYS_IN_WEEK: i32 = 7;
const MONTHS_IN_YEAR: i32 = 12;
const MINUTES_IN_HOUR: u16 = 60;
const MINUTES_IN_DAY: u16 = 24 * MINUTES_IN_HOUR;
const MINUTE_MS: u32 = 60_000;

/// The day of the start where the person lived then.
fn home_day(start: When, zones: &ZoneHistory) -> Option<Day> {
    match start.instant() {
        Some(at) => zones.day_of(at.millis(), None),
        None => start.local_day(zones),
    }
}

/// Whether `when` comes after `start`; whatever falls on a whole day does.
fn is_later(when: When, start: When) -> bool {
    start.instant().is_none_or(|start| when.sort_millis() > start.millis())
}

fn moment(day: Day, time: ClockTime, zones: &ZoneHistory) -> Option<When> {
    let at = |minutes: u16| {
        let day = Day::from_epoch_days(day.epoch_days() + i32::from(minutes / MINUTES_IN_DAY))?;
        let local = LocalTime::new(day.date(), u32::from(minutes % MINUTES_IN_DAY) * MINUTE_MS)?;
        match zones.resolve(local) {
            Resolved::One(instant) | Resolved::Earlier(instant) => Some(When::Instant(instant)),
            Resolved::Missing => None,
        }
    };
    at(time.0).or_else(|| at(time.0 + MINUTES_IN_HOUR))
}

fn month_number(day: Day) -> i32 {
    let date = day.date();
    i32::from(date.year()) * MONTHS_IN_YEAR + i32::from(date.month().unwrap_or(1)) - 1
}

impl ClockTime {
    fn of_millis(millis: i64) -> Self {
        let minutes = millis.rem_euclid(DAY_MS) / i64::from(MINUTE_MS);
        Self(u16::try_from(minutes).unwrap_or_default())
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / MINUTES_IN_HOUR, self.0 % MINUTES_IN_HOUR)
    }
}

impl FromStr for ClockTime {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let (hours, minutes) = text.split_once(':').ok_or(NotADate)?;
        let part = |text: &str| {
            let is_two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|_| is_two_digits).ok_or(NotADate)
        };
        let (hours, minutes) = (part(hours)?, part(minutes)?);
        let of_day = hours * MINUTES_IN_HOUR + minutes;
        if minutes < MINUTES_IN_HOUR && of_day < MINUTES_IN_DAY { Ok(Self(of_day)) } else { Err(NotADate) }
    }
}

impl Serialize for ClockTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse::<PartialDate>().unwrap().whole().unwrap()
    }

    fn reminder(start: &str, period: Option<(u16, DurationUnit)>) -> Reminder {
        let (period, period_unit) = period.unzip();
        Reminder { start: Some(start.parse().unwrap()), period, period_unit, ..Reminder::default() }
    }

    fn falls(reminder: &Reminder, first: &str, last: &str) -> Vec<String> {
        let paris = ZoneHistory::single("Europe/Paris").unwrap();
        reminder.between(day(first), day(last), &paris).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_that_falls_once_falls_on_its_day() {
        let once = reminder("2026-12-01", None);
        assert_eq!(falls(&once, "2026-11-25", "2026-12-05"), ["2026-12-01"]);
        assert!(falls(&once, "2026-12-02", "2027-12-05").is_empty());
        let partial = reminder("2026-12", Some((1, DurationUnit::Day)));
        assert!(falls(&partial, "2026-12-01", "2026-12-31").is_empty(), "a month is no day");
    }

    #[test]
    fn a_period_counts_from_the_start_however_long_ago() {
        let weekly = reminder("1926-12-01", Some((2, DurationUnit::Week)));
        assert_eq!(falls(&weekly, "2026-11-25", "2026-12-20"), ["2026-12-02", "2026-12-16"]);
        let ended = Reminder { until: Some("2026-12-02".parse().unwrap()), ..weekly };
        assert_eq!(falls(&ended, "2026-11-25", "2026-12-20"), ["2026-12-02"]);
        let later = reminder("2027-01-01", Some((1, DurationUnit::Day)));
        assert_eq!(falls(&later, "2026-12-30", "2027-01-02"), ["2027-01-01", "2027-01-02"]);
    }

    #[test]
    fn a_month_without_that_day_has_its_last() {
        let monthly = reminder("2027-01-31", Some((1, DurationUnit::Month)));
        assert_eq!(falls(&monthly, "2027-02-01", "2027-04-30"), ["2027-02-28", "2027-03-31", "2027-04-30"]);
        let yearly = reminder("2024-02-29", Some((1, DurationUnit::Year)));
        assert_eq!(falls(&yearly, "2026-01-01", "2028-12-31"), ["2026-02-28", "2027-02-28", "2028-02-29"]);
    }

    #[test]
    fn the_clock_on_the_wall_stays_the_same_through_the_changes_of_the_year() {
        let daily = Reminder {
            times: vec!["20:00".parse().unwrap()],
            ..reminder("2026-10-24T08:00:00+02:00", Some((1, DurationUnit::Day)))
        };
        let expected = [
            "2026-10-24T08:00:00+02:00",
            "2026-10-24T20:00:00+02:00",
            "2026-10-25T08:00:00+01:00",
            "2026-10-25T20:00:00+01:00",
        ];
        assert_eq!(falls(&daily, "2026-10-24", "2026-10-25"), expected);
        let skipped = reminder("2026-03-28T02:30:00+01:00", Some((1, DurationUnit::Day)));
        assert_eq!(falls(&skipped, "2026-03-29", "2026-03-29"), ["2026-03-29T03:30:00+02:00"]);
        let twice = reminder("2026-10-24T02:30:00+02:00", Some((1, DurationUnit::Day)));
        assert_eq!(falls(&twice, "2026-10-25", "2026-10-25"), ["2026-10-25T02:30:00+02:00"]);
    }

    #[test]
    fn the_start_is_the_moment_that_was_said_wherever_and_to_whatever_second() {
        for (start, day) in [
            ("2026-12-01T23:00:00-05:00", "2026-12-02"),
            ("2026-12-01T08:00:00+09:00", "2026-12-01"),
            ("2026-12-01T08:30:30+01:00", "2026-12-01"),
            ("2026-10-25T02:30:00+01:00", "2026-10-25"),
        ] {
            assert_eq!(falls(&reminder(start, None), day, day), [start]);
            let daily = reminder(start, Some((1, DurationUnit::Day)));
            let all = falls(&daily, day, "2026-12-03");
            assert_eq!(all[0], start);
            assert_eq!(
                all.len(),
                if day.starts_with("2026-10") {
                    40
                } else if day.ends_with('2') {
                    2
                } else {
                    3
                }
            );
        }
        // Eight o'clock in Tokyo is midnight in Paris, and stays so there.
        let tokyo = reminder("2026-12-01T08:00:00+09:00", Some((1, DurationUnit::Day)));
        assert_eq!(falls(&tokyo, "2026-12-02", "2026-12-02"), ["2026-12-02T00:00:00+01:00"]);
        // A whole day with times falls at these alone.
        let times = Reminder { times: vec!["08:00".parse().unwrap()], ..reminder("2026-12-01", None) };
        assert_eq!(falls(&times, "2026-12-01", "2026-12-02"), ["2026-12-01T08:00:00+01:00"]);
    }

    #[test]
    fn nothing_falls_before_the_start() {
        let evening = Reminder {
            times: vec!["08:00".parse().unwrap()],
            ..reminder("2026-12-01T20:00:00+01:00", Some((1, DurationUnit::Day)))
        };
        let expected = ["2026-12-01T20:00:00+01:00", "2026-12-02T08:00:00+01:00", "2026-12-02T20:00:00+01:00"];
        assert_eq!(falls(&evening, "2026-12-01", "2026-12-02"), expected);
    }

    #[test]
    fn a_period_that_is_not_known_falls_nowhere_and_the_end_of_time_is_no_trouble() {
        for period in [(0, DurationUnit::Day), (1, DurationUnit::Other("century".into()))] {
            assert!(falls(&reminder("2026-12-01", Some(period)), "2026-12-01", "2026-12-02").is_empty());
        }
        for unit in [DurationUnit::Day, DurationUnit::Week, DurationUnit::Month, DurationUnit::Year] {
            let longest = reminder("0001-01-01", Some((u16::MAX, unit)));
            assert!(falls(&longest, "9999-01-01", "9999-12-31").len() < 2);
        }
    }

    #[test]
    fn a_clock_time_is_four_digits() {
        for text in ["00:00", "08:30", "23:59"] {
            assert_eq!(text.parse::<ClockTime>().unwrap().to_string(), text);
        }
        for text in ["", "8:30", "24:00", "08:60", "0830", "08:30:00", "-1:00", "\u{0660}8:30", "65535:99"] {
            assert_eq!(text.parse::<ClockTime>(), Err(NotADate), "{text}");
        }
    }
}
