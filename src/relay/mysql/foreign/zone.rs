//! The client's time zone: moments are shown in it, as its own server would.

use jiff::civil;
use jiff::tz::{Offset, TimeZone};

use super::not_convertible;
use crate::base::Fault;
use crate::wire::value::{Date, Time, Value};

/// MySQL's `time_zone`, resolved.
#[derive(Clone, Debug)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    /// By MySQL's name for it: `+02:00`, `Europe/Berlin`, `UTC`. What is not known makes moments unreadable, nothing else.
    pub fn named(name: &str) -> Self {
        if let Some(offset) = fixed(name) {
            return Self(Some(offset.to_time_zone()));
        }
        Self(match name {
            "UTC" | "GMT" => Some(TimeZone::UTC),
            // An abbreviation such as CEST says neither where nor since when.
            region if region.contains('/') => TimeZone::get(region).ok(),
            _unknown => None,
        })
    }

    /// The value as a client in this zone sees it: a moment becomes local time.
    ///
    /// Errors: the zone is not known, or the moment is beyond the calendar.
    pub fn local(&self, value: Value) -> Result<Value, Fault> {
        let Value::Instant(date, time) = value else { return Ok(value) };
        let zone = self.0.as_ref().ok_or_else(|| {
            not_convertible("the session's time_zone is the server's own, and that has no name that says which it is")
                .hint("SET time_zone to an offset such as '+00:00' or to a name such as 'Europe/Berlin'.")
        })?;
        let beyond = || not_convertible(format!("the moment {date:?} {time:?} is beyond the calendar"));
        let utc = civil_time(date, time).ok_or_else(beyond)?;
        let moment = Offset::UTC.to_timestamp(utc).map_err(|_| beyond())?;
        let local = zone.to_datetime(moment);
        Ok(Value::DateTime(
            Date {
                year: i32::from(local.year()),
                month: local.month().unsigned_abs(),
                day: local.day().unsigned_abs(),
            },
            Time {
                negative: false,
                hours: u16::from(local.hour().unsigned_abs()),
                minutes: local.minute().unsigned_abs(),
                seconds: local.second().unsigned_abs(),
                micros: local.subsec_nanosecond().unsigned_abs() / 1000,
            },
        ))
    }
}

fn civil_time(date: Date, time: Time) -> Option<civil::DateTime> {
    let small = |n: u8| i8::try_from(n).ok();
    civil::DateTime::new(
        i16::try_from(date.year).ok()?,
        small(date.month)?,
        small(date.day)?,
        i8::try_from(time.hours).ok()?,
        small(time.minutes)?,
        small(time.seconds)?,
        i32::try_from(time.micros).ok()?.checked_mul(1000)?,
    )
    .ok()
}

/// `+HH:MM` or `-HH:MM`.
fn fixed(name: &str) -> Option<Offset> {
    let (sign, rest) = match name.as_bytes().first()? {
        b'+' => (1, &name[1..]),
        b'-' => (-1, &name[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(sign * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon(month: u8) -> Value {
        let time = Time { negative: false, hours: 12, minutes: 0, seconds: 0, micros: 5 };
        Value::Instant(Date { year: 2024, month, day: 1 }, time)
    }

    fn hours(value: Value) -> u16 {
        let Value::DateTime(_, time) = value else { panic!("{value:?} is no local time") };
        time.hours
    }

    #[test]
    fn a_moment_is_shown_in_the_client_s_zone_and_season() {
        assert_eq!(hours(Zone::named("+00:00").local(noon(1)).unwrap()), 12);
        assert_eq!(hours(Zone::named("-03:30").local(noon(1)).unwrap()), 8);
        let berlin = Zone::named("Europe/Berlin");
        assert_eq!((hours(berlin.local(noon(1)).unwrap()), hours(berlin.local(noon(7)).unwrap())), (13, 14));
    }

    #[test]
    fn an_unknown_zone_refuses_moments_only() {
        let unknown = Zone::named("CEST");
        assert!(unknown.local(noon(1)).is_err());
        assert_eq!(unknown.local(Value::Int(1)).unwrap(), Value::Int(1));
    }
}
