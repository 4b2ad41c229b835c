//! Time zones: a moment as a client's clock shows it, and back.

use jiff::civil;
use jiff::tz::{Offset, TimeZone};

use super::calendar::{from_micros, micros};
use super::{Date, Time, Value, ValueError};

/// The zone that PostgreSQL's `TimeZone` names: `Europe/Berlin`, `-7`, `<+02>-02`. `None`: unknown here.
pub fn parse_pg(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    if let Ok(hours) = name.parse::<f64>() {
        // A plain number is hours east of Greenwich, fractions too.
        return (hours.abs() <= 167.0).then(|| (hours * 3600.0).round()).and_then(|seconds| fixed(seconds as i32));
    }
    if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("gmt") || name.eq_ignore_ascii_case("zulu") {
        return Some(TimeZone::UTC);
    }
    TimeZone::get(name).ok().or_else(|| TimeZone::posix(name).ok())
}

/// The zone that MySQL's `time_zone` names: `+02:00`, `Europe/Berlin`. `None`: `SYSTEM`, or unknown here.
pub fn parse_mysql(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    if let Some(sign) = name.chars().next().filter(|c| matches!(c, '+' | '-')) {
        let (hours, minutes) = name.get(1..)?.split_once(':')?;
        let number = |text: &str| text.parse::<i32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let seconds = number(hours)? * 3600 + number(minutes).filter(|m| *m < 60)? * 60;
        return fixed(if sign == '-' { -seconds } else { seconds });
    }
    if name.eq_ignore_ascii_case("system") {
        return None;
    }
    if name.eq_ignore_ascii_case("utc") { Some(TimeZone::UTC) } else { TimeZone::get(name).ok() }
}

fn fixed(seconds: i32) -> Option<TimeZone> {
    if seconds == 0 { Some(TimeZone::UTC) } else { Offset::from_seconds(seconds).ok().map(TimeZone::fixed) }
}

/// What a clock in the zone shows at this moment (UTC), and how many seconds it is east of Greenwich.
///
/// Errors: a moment for which the zone's rules are not known (years beyond ±9999).
pub fn local(zone: &TimeZone, date: Date, time: Time) -> Result<(Date, Time, i32), ValueError> {
    let beyond =
        || ValueError::out_of_range("timestamp with time zone", &format!("a moment of the year {}", date.year));
    let utc = micros(date, time);
    if *zone == TimeZone::UTC {
        return from_micros(utc).map(|(d, t)| (d, t, 0)).ok_or_else(beyond);
    }
    let moment = i64::try_from(utc).ok().and_then(|m| jiff::Timestamp::from_microsecond(m).ok()).ok_or_else(beyond)?;
    let seconds = zone.to_offset(moment).seconds();
    let (date, time) = from_micros(utc + i128::from(seconds) * 1_000_000).ok_or_else(beyond)?;
    Ok((date, time, seconds))
}

/// The moment (UTC) at which a clock in the zone shows this. As PostgreSQL has it: a time that the clock skips is taken by
/// the offset before the jump, one that it shows twice is the second.
///
/// Errors: a moment for which the zone's rules are not known (years beyond ±9999).
pub fn instant(zone: &TimeZone, date: Date, time: Time) -> Result<(Date, Time), ValueError> {
    let beyond =
        || ValueError::out_of_range("timestamp with time zone", &format!("a moment of the year {}", date.year));
    let shown = micros(date, time);
    let (date, time) = from_micros(shown).ok_or_else(beyond)?;
    if *zone == TimeZone::UTC {
        return Ok((date, time));
    }
    let civil = civil(date, time).ok_or_else(beyond)?;
    let moment = zone.to_ambiguous_timestamp(civil).later().map_err(|_| beyond())?;
    from_micros(i128::from(moment.as_microsecond())).ok_or_else(beyond)
}

fn civil(date: Date, time: Time) -> Option<civil::DateTime> {
    civil::DateTime::new(
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
        i8::try_from(time.hours).ok()?,
        i8::try_from(time.minutes).ok()?,
        i8::try_from(time.seconds).ok()?,
        i32::try_from(time.micros).ok()?.checked_mul(1000)?,
    )
    .ok()
}

/// A moment as a MySQL client in this zone sees it in a TIMESTAMP: the codecs of MySQL's wire know no zones. Other values
/// stay as they are.
pub fn shown_to_mysql(value: Value, zone: &TimeZone) -> Result<Value, ValueError> {
    let Value::Instant(date, time) = value else { return Ok(value) };
    local(zone, date, time).map(|(date, time, _)| Value::DateTime(date, time))
}

/// A date and time that a MySQL client in this zone wrote for a TIMESTAMP.
///
/// Errors: a time that the zone's clock skips, which MySQL's strict mode refuses too; zero dates.
pub fn written_by_mysql(date: Date, time: Time, zone: &TimeZone) -> Result<Value, ValueError> {
    let text = || format!("{:04}-{:02}-{:02} {:02}:{:02}", date.year, date.month, date.day, time.hours, time.minutes);
    let skipped = || ValueError::out_of_range("timestamp", &text());
    if !date.is_valid() {
        return Err(skipped());
    }
    if *zone == TimeZone::UTC {
        return Ok(Value::Instant(date, time));
    }
    let ambiguous = zone.to_ambiguous_timestamp(civil(date, time).ok_or_else(skipped)?);
    if ambiguous.is_ambiguous() && matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. }) {
        return Err(skipped());
    }
    let moment = ambiguous.earlier().map_err(|_| skipped())?;
    let (date, time) = from_micros(i128::from(moment.as_microsecond())).ok_or_else(skipped)?;
    Ok(Value::Instant(date, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i32, month: u8, day: u8, hours: u16, minutes: u8) -> (Date, Time) {
        (Date { year, month, day }, Time { hours, minutes, ..Time::MIDNIGHT })
    }

    #[test]
    fn a_skipped_time_and_a_doubled_one_are_read_as_postgres_reads_them() {
        let berlin = parse_pg("Europe/Berlin").unwrap();
        let utc = |(date, time)| instant(&berlin, date, time).unwrap();
        assert_eq!(utc(at(2024, 1, 1, 12, 0)), at(2024, 1, 1, 11, 0));
        assert_eq!(utc(at(2024, 3, 31, 2, 30)), at(2024, 3, 31, 1, 30));
        assert_eq!(utc(at(2024, 10, 27, 2, 30)), at(2024, 10, 27, 1, 30));
        let (date, time) = at(2024, 3, 31, 1, 30);
        let (hour, minute) = (3, 30);
        let (local_date, local_time, offset) = local(&berlin, date, time).unwrap();
        assert_eq!((local_date, local_time.hours, local_time.minutes, offset), (date, hour, minute, 7200));
    }

    #[test]
    fn zones_are_found_by_the_names_that_servers_report() {
        for name in ["Europe/Berlin", "UTC", "Etc/UTC", "GMT", "<+02>-02", "-7", "5.5", "America/New_York"] {
            assert!(parse_pg(name).is_some(), "{name}");
        }
        for name in ["+02:00", "-05:30", "UTC", "Europe/Berlin", "+00:00"] {
            assert!(parse_mysql(name).is_some(), "{name}");
        }
        assert!(parse_mysql("SYSTEM").is_none() && parse_pg("Nowhere/Land").is_none() && parse_mysql("+2").is_none());
        let east = |zone: TimeZone| zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds();
        assert_eq!(east(parse_pg("<+02>-02").unwrap()), 7200);
        assert_eq!(east(parse_pg("-7").unwrap()), -25_200);
        assert_eq!(east(parse_mysql("-05:30").unwrap()), -19_800);
    }

    #[test]
    fn a_time_that_the_clock_skips_cannot_be_a_timestamp() {
        let berlin = parse_mysql("Europe/Berlin").unwrap();
        let (date, time) = at(2024, 3, 31, 2, 30);
        assert!(written_by_mysql(date, time, &berlin).is_err());
        let (date, time) = at(2024, 7, 1, 2, 30);
        let (utc_date, utc_time) = at(2024, 7, 1, 0, 30);
        let moment = written_by_mysql(date, time, &berlin).unwrap();
        assert_eq!(moment, Value::Instant(utc_date, utc_time));
        assert_eq!(shown_to_mysql(moment, &berlin).unwrap(), Value::DateTime(date, time));
    }
}
