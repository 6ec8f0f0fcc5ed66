//! The zones a person lived in, and the local day they give to an instant.
//!
//! Zone rules are compiled in (IANA database, through jiff): no file and no environment is read, so that two devices
//! compute the same day.

use jiff::{Timestamp, civil::DateTime, tz::AmbiguousOffset, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::date::{Day, Instant, PartialDate};

/// A zone name that the compiled-in database does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone: expected an IANA name such as Europe/Paris")]
pub struct UnknownZone;

/// One zone, from a moment on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ZoneSpan {
    /// First moment at which the zone holds; none for the first zone of a life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// IANA name, for instance `Europe/Paris`.
    pub zone: String,
}

/// Where a person lived: zones in order of time. Before the first one it holds too.
#[derive(Clone, Debug)]
pub struct ZoneHistory {
    spans: Vec<(i64, ZoneSpan, TimeZone)>,
}

impl ZoneHistory {
    /// One zone for a whole life.
    pub fn single(zone: &str) -> Result<Self, UnknownZone> {
        Self::new(vec![ZoneSpan { from: None, zone: zone.to_owned() }])
    }

    /// UTC, for tests and for a person whose zone is not known.
    pub fn utc() -> Self {
        let span = ZoneSpan { from: None, zone: "UTC".to_owned() };
        Self { spans: vec![(i64::MIN, span, TimeZone::UTC)] }
    }

    /// Zones in any order; an empty list is UTC.
    pub fn new(spans: Vec<ZoneSpan>) -> Result<Self, UnknownZone> {
        let mut known = Vec::with_capacity(spans.len());
        for span in spans {
            let zone = TimeZone::get(&span.zone).map_err(|_| UnknownZone)?;
            known.push((span.from.map_or(i64::MIN, Instant::millis), span, zone));
        }
        if known.is_empty() {
            return Ok(Self::utc());
        }
        known.sort_by_key(|(from, _, _)| *from);
        Ok(Self { spans: known })
    }

    /// The zones in order of time, as they are stored.
    pub fn spans(&self) -> impl Iterator<Item = &ZoneSpan> {
        self.spans.iter().map(|(_, span, _)| span)
    }

    /// Name of the zone that holds at `millis`.
    pub fn zone_at(&self, millis: i64) -> &str {
        self.span_at(millis).map_or("UTC", |(_, span, _)| span.zone.as_str())
    }

    /// Seconds east of UTC at `millis`.
    pub fn offset_seconds_at(&self, millis: i64) -> i32 {
        let Ok(at) = Timestamp::from_millisecond(millis) else { return 0 };
        self.span_at(millis).map_or(0, |(_, _, zone)| zone.to_offset(at).seconds())
    }

    /// The local day of `millis`: by the record's own offset if it has one, else by the zone that held then.
    /// None outside the years 1 to 9999.
    pub fn day_of(&self, millis: i64, offset_minutes: Option<i16>) -> Option<Day> {
        let seconds = offset_minutes.map_or_else(|| self.offset_seconds_at(millis), |minutes| i32::from(minutes) * 60);
        Day::of_millis(millis, seconds)
    }

    /// The moment of a clock time that was written without a zone.
    pub fn resolve(&self, local: LocalTime) -> Resolved {
        let guess = local.as_if_utc();
        // The zone is chosen by the clock time itself; a move on the very day may shift it by a few hours.
        let Some((_, _, zone)) = self.span_at(guess) else { return Resolved::Missing };
        let Some(civil) = local.civil() else { return Resolved::Missing };
        let moment = |seconds: i32| {
            let minutes = i16::try_from(seconds.div_euclid(60)).ok();
            guess.checked_sub(i64::from(seconds) * 1000).and_then(|millis| Instant::new(millis, minutes))
        };
        let found = match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => moment(offset.seconds()).map(Resolved::One),
            AmbiguousOffset::Fold { before, .. } => moment(before.seconds()).map(Resolved::Earlier),
            AmbiguousOffset::Gap { .. } => None,
        };
        found.unwrap_or(Resolved::Missing)
    }

    fn span_at(&self, millis: i64) -> Option<&(i64, ZoneSpan, TimeZone)> {
        let after = self.spans.partition_point(|(from, _, _)| *from <= millis);
        self.spans.get(after.saturating_sub(1))
    }
}

impl PartialEq for ZoneHistory {
    fn eq(&self, other: &Self) -> bool {
        self.spans().eq(other.spans())
    }
}

impl Serialize for ZoneHistory {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.spans())
    }
}

impl<'de> Deserialize<'de> for ZoneHistory {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A clock time as it was written, without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    day: Day,
    millis_of_day: u32,
}

impl LocalTime {
    /// A time of a whole date; `millis_of_day` below 86 400 000.
    pub fn new(date: PartialDate, millis_of_day: u32) -> Option<Self> {
        let day = date.whole()?;
        (i64::from(millis_of_day) < crate::date::DAY_MS).then_some(Self { day, millis_of_day })
    }

    fn as_if_utc(self) -> i64 {
        i64::from(self.day.epoch_days()) * crate::date::DAY_MS + i64::from(self.millis_of_day)
    }

    fn civil(self) -> Option<DateTime> {
        let at = Timestamp::from_millisecond(self.as_if_utc()).ok()?;
        Some(TimeZone::UTC.to_datetime(at))
    }
}

/// What a clock time without a zone means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It happened twice (autumn): the earlier moment, to be told with a warning.
    Earlier(Instant),
    /// It never happened (spring), or lies outside the years 1 to 9999: to be refused with that reason.
    Missing,
    /// One moment.
    One(Instant),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paris() -> ZoneHistory {
        ZoneHistory::single("Europe/Paris").unwrap()
    }

    fn millis(text: &str) -> i64 {
        text.parse::<Instant>().unwrap().millis()
    }

    fn local(date: &str, hour: u32, minute: u32) -> LocalTime {
        LocalTime::new(date.parse().unwrap(), (hour * 60 + minute) * 60_000).unwrap()
    }

    #[test]
    fn the_local_day_follows_the_season_and_not_the_printed_offset() {
        // A winter row that an export of summer printed with +02:00: 00:30 on the 11th, in truth 23:30 on the 10th.
        let winter = millis("2026-01-11T00:30:00+02:00");
        assert_eq!(paris().day_of(winter, None).unwrap().to_string(), "2026-01-10");
        assert_eq!(paris().day_of(winter, Some(120)).unwrap().to_string(), "2026-01-11");
    }

    #[test]
    fn days_have_23_24_or_25_hours() {
        let hours = |day: &str| {
            let date: PartialDate = day.parse().unwrap();
            let noon = i64::from(date.earliest().epoch_days()) * 86_400_000 + 43_200_000;
            let of_day = |at: &i64| paris().day_of(*at, None) == date.whole();
            (-24..24).map(|hour| noon + hour * 3_600_000).filter(of_day).count()
        };
        assert_eq!((hours("2026-03-29"), hours("2026-06-01"), hours("2026-10-25")), (23, 24, 25));
    }

    #[test]
    fn a_clock_time_in_autumn_takes_the_earlier_moment_and_one_in_spring_is_refused() {
        assert_eq!(
            paris().resolve(local("2026-10-25", 2, 30)),
            Resolved::Earlier("2026-10-25T02:30:00+02:00".parse().unwrap())
        );
        assert_eq!(paris().resolve(local("2026-03-29", 2, 30)), Resolved::Missing);
        assert_eq!(
            paris().resolve(local("2026-03-29", 3, 0)),
            Resolved::One("2026-03-29T03:00:00+02:00".parse().unwrap())
        );
    }

    #[test]
    fn half_hour_and_quarter_hour_zones_exist() {
        let in_zone = |zone: &str| ZoneHistory::single(zone).unwrap().resolve(local("2026-01-10", 8, 0));
        assert_eq!(in_zone("Asia/Kathmandu"), Resolved::One("2026-01-10T08:00:00+05:45".parse().unwrap()));
        assert_eq!(in_zone("America/St_Johns"), Resolved::One("2026-01-10T08:00:00-03:30".parse().unwrap()));
    }

    #[test]
    fn a_move_changes_the_zone_from_its_moment_on() {
        let zones = ZoneHistory::new(vec![
            ZoneSpan { from: Some("2020-07-01T00:00:00Z".parse().unwrap()), zone: "Indian/Reunion".to_owned() },
            ZoneSpan { from: None, zone: "Europe/Paris".to_owned() },
        ])
        .unwrap();
        assert_eq!(zones.zone_at(millis("2020-06-30T23:59:59Z")), "Europe/Paris");
        assert_eq!(zones.zone_at(millis("2020-07-01T00:00:00Z")), "Indian/Reunion");
        assert_eq!(zones.offset_seconds_at(millis("2021-01-01T00:00:00Z")), 14_400);
        let again: ZoneHistory = serde_json::from_str(&serde_json::to_string(&zones).unwrap()).unwrap();
        assert_eq!(again, zones);
        assert_eq!(ZoneHistory::single("Mars/Olympus").err(), Some(UnknownZone));
        assert_eq!(ZoneHistory::new(Vec::new()).unwrap(), ZoneHistory::utc());
    }
}
