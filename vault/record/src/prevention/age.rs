//! A length of life as rules say it: `8d`, `6w`, `11m`, `65y`; and the day on which somebody reaches it.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::date::Day;

/// A text that is no length of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an age: expected a number of days, weeks, months or years such as 8d, 6w, 11m, 65y")]
pub(super) struct NotAnAge;

/// A length of life: whole months and whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Age {
    months: u16,
    days: u16,
}

impl Age {
    /// The day this long after `day`. A month that is too short ends with its last day: a month after 31 January is
    /// 28 or 29 February. Beyond the year 9999 it is the last day of that year.
    pub(super) fn after(self, day: Day) -> Day {
        let start = day.months_later(u32::from(self.months)).map_or(i32::MAX, Day::epoch_days);
        Day::at_most(start.saturating_add(i32::from(self.days)))
    }

    /// This age and so many times `every`, as far as that can be said.
    pub(super) fn and(self, every: Self, count: usize) -> Self {
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        Self {
            months: self.months.saturating_add(every.months.saturating_mul(count)),
            days: self.days.saturating_add(every.days.saturating_mul(count)),
        }
    }

    /// The days of it, a month counted as 30 and a year as 360: for telling which of two is longer, and for nothing else.
    pub(super) fn rank(self) -> u32 {
        u32::from(self.months) * 30 + u32::from(self.days)
    }
}

impl FromStr for Age {
    type Err = NotAnAge;

    fn from_str(text: &str) -> Result<Self, NotAnAge> {
        let unit = text.chars().next_back().filter(char::is_ascii).ok_or(NotAnAge)?;
        let number = text.get(..text.len() - 1).ok_or(NotAnAge)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnAge);
        }
        let number: u16 = number.parse().map_err(|_| NotAnAge)?;
        let (months, days) = match unit {
            'd' if number <= DAYS_MAX => (0, number),
            'w' if number <= WEEKS_MAX => (0, number * 7),
            'm' if number <= MONTHS_MAX => (number, 0),
            'y' if number <= YEARS_MAX => (number * 12, 0),
            _ => return Err(NotAnAge),
        };
        Ok(Self { months, days })
    }
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Years that a rule may name.
pub(super) const YEARS_MAX: u16 = 130;
const MONTHS_MAX: u16 = YEARS_MAX * 12;
const WEEKS_MAX: u16 = 520;
const DAYS_MAX: u16 = 3660;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date::PartialDate;

    fn after(age: &str, day: &str) -> String {
        age.parse::<Age>().unwrap().after(day.parse::<PartialDate>().unwrap().earliest()).to_string()
    }

    #[test]
    fn an_age_is_reached_on_its_day_and_a_short_month_ends_with_its_last() {
        for (age, born, reached) in [
            ("8d", "2025-12-28", "2026-01-05"),
            ("6w", "2026-01-01", "2026-02-12"),
            ("1m", "2026-01-31", "2026-02-28"),
            ("11m", "2025-12-31", "2026-11-30"),
            ("65y", "1960-02-29", "2025-02-28"),
            ("16y", "2012-02-29", "2028-02-29"),
            ("130y", "9990-01-01", "9999-12-31"),
        ] {
            assert_eq!(after(age, born), reached, "{age} after {born}");
        }
    }

    #[test]
    fn what_is_no_age_is_refused() {
        for wrong in ["", "y", "-1y", "+1y", "1", "1 y", "131y", "1561m", "9999d", "70000m", "1h", "1\u{e9}"] {
            assert_eq!(wrong.parse::<Age>(), Err(NotAnAge), "{wrong}");
        }
    }
}
