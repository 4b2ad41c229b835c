//! Dates and times as text: read as both servers write them (ISO), printed as PostgreSQL prints them.

use jiff::tz::TimeZone;

use super::calendar::{DAY_MICROS, from_micros, micros};
use super::{Date, Time, Value, ValueError, zone};

/// PostgreSQL's last years of date and of timestamp, and both's first.
const DATE_YEAR_MAX: i32 = 5_874_897;
const TIMESTAMP_YEAR_MAX: i32 = 294_276;
const YEAR_MIN: i32 = -4713;

/// What a text of date and time says.
#[derive(Clone, Debug, Default)]
struct Parts<'a> {
    date: Option<Date>,
    /// Microseconds; may be a day's.
    time: Option<i128>,
    zone: Option<Zone<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum Zone<'a> {
    Seconds(i32),
    Named(&'a str),
}

/// Reads a PostgreSQL `date`.
pub fn parse_date(text: &str) -> Result<Value, ValueError> {
    if let Some(value) = infinity(text) {
        return Ok(value);
    }
    let parts = parts(text, "date")?;
    let date = parts.date.ok_or_else(|| ValueError::invalid("date", text))?;
    in_years(date, DATE_YEAR_MAX, "date", text)?;
    Ok(Value::Date(date))
}

/// Reads a PostgreSQL `time`.
pub fn parse_time(text: &str) -> Result<Value, ValueError> {
    let invalid = || ValueError::invalid("time", text);
    let trimmed = text.trim();
    let (time, rest) = clock(trimmed).ok_or_else(invalid)?;
    zone_of(rest).ok_or_else(invalid)?;
    let time = Time::from_micros(time).filter(|t| t.is_of_day());
    time.map(Value::Time).ok_or_else(|| ValueError::out_of_range("time", text))
}

/// Reads a PostgreSQL `timestamp`. A zone in it is passed over, as the server does.
pub fn parse_timestamp(text: &str) -> Result<Value, ValueError> {
    if let Some(value) = infinity(text) {
        return Ok(value);
    }
    let (date, time, _) = date_and_time(text, "timestamp")?;
    Ok(Value::DateTime(date, time))
}

/// Reads a PostgreSQL `timestamptz`; without a zone it is the client's clock.
pub fn parse_timestamptz(text: &str, client: &TimeZone) -> Result<Value, ValueError> {
    const TYPE: &str = "timestamp with time zone";
    if let Some(value) = infinity(text) {
        return Ok(value);
    }
    let (date, time, said) = date_and_time(text, TYPE)?;
    let (date, time) = match said {
        None => zone::instant(client, date, time)?,
        Some(Zone::Seconds(east)) => {
            let utc = micros(date, time) - i128::from(east) * 1_000_000;
            from_micros(utc).ok_or_else(|| ValueError::out_of_range(TYPE, text))?
        }
        Some(Zone::Named(name)) => {
            let named = zone::parse_pg(name).ok_or_else(|| ValueError::invalid(TYPE, text))?;
            zone::instant(&named, date, time)?
        }
    };
    in_years(date, TIMESTAMP_YEAR_MAX, TYPE, text)?;
    Ok(Value::Instant(date, time))
}

/// `infinity`, `-infinity`, in any case and as short as `inf`.
fn infinity(text: &str) -> Option<Value> {
    let text = text.trim();
    let (negative, word) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let word = if negative { word } else { word.strip_prefix('+').unwrap_or(word) };
    let known = word.eq_ignore_ascii_case("infinity") || word.eq_ignore_ascii_case("inf");
    known.then_some(Value::Infinity(negative))
}

fn in_years(date: Date, last: i32, ty: &str, text: &str) -> Result<(), ValueError> {
    if (YEAR_MIN..=last).contains(&date.year) { Ok(()) } else { Err(ValueError::out_of_range(ty, text)) }
}

fn date_and_time<'a>(text: &'a str, ty: &str) -> Result<(Date, Time, Option<Zone<'a>>), ValueError> {
    let parts = parts(text, ty)?;
    let date = parts.date.ok_or_else(|| ValueError::invalid(ty, text))?;
    // 24:00 and second 60 belong to the next day or minute.
    let moment = i128::from(date.days()) * DAY_MICROS + parts.time.unwrap_or(0);
    let (date, time) = from_micros(moment).ok_or_else(|| ValueError::out_of_range(ty, text))?;
    in_years(date, TIMESTAMP_YEAR_MAX, ty, text)?;
    Ok((date, time, parts.zone))
}

fn parts<'a>(text: &'a str, ty: &str) -> Result<Parts<'a>, ValueError> {
    let invalid = || ValueError::invalid(ty, text);
    if !text.is_ascii() {
        return Err(invalid());
    }
    let mut rest = text.trim();
    let mut before_christ = false;
    if let Some((front, era)) = rest.len().checked_sub(2).and_then(|at| rest.split_at_checked(at)) {
        before_christ = era.eq_ignore_ascii_case("bc");
        if before_christ || era.eq_ignore_ascii_case("ad") {
            rest = front.trim_end();
        }
    }
    if rest.eq_ignore_ascii_case("epoch") {
        let date = Some(Date { year: 1970, month: 1, day: 1 });
        return Ok(Parts { date, time: Some(0), zone: Some(Zone::Seconds(0)) });
    }
    let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '/' | '.'))).unwrap_or(rest.len());
    let (day, behind) = rest.split_at(end);
    let mut date = ymd(day).ok_or_else(invalid)?;
    if date.year < 1 {
        return Err(ValueError::out_of_range(ty, text));
    }
    if before_christ {
        date.year = 1 - date.year;
    }
    if !date.is_valid() {
        return Err(ValueError::out_of_range(ty, text));
    }
    let mut out = Parts { date: Some(date), ..Parts::default() };
    let mut behind = behind.trim_start();
    if let Some(after) = behind.strip_prefix(['T', 't']).filter(|a| a.starts_with(|c: char| c.is_ascii_digit())) {
        behind = after;
    }
    if behind.starts_with(|c: char| c.is_ascii_digit()) {
        let (time, tail) = clock(behind).ok_or_else(|| ValueError::invalid(ty, text))?;
        out.time = Some(time);
        behind = tail;
    }
    out.zone = zone_of(behind).ok_or_else(invalid)?;
    Ok(out)
}

/// `2024-02-29`, `2024/2/29`, `20240229`: year, month, day, whether they exist or not.
fn ymd(text: &str) -> Option<Date> {
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        let number = |from, to| text.get(from..to)?.parse().ok();
        return Some(Date { year: text.get(..4)?.parse().ok()?, month: number(4, 6)?, day: number(6, 8)? });
    }
    let mark = text.chars().find(|c| !c.is_ascii_digit())?;
    let mut fields = text.split(mark);
    let (year, month, day) = (fields.next()?, fields.next()?, fields.next()?);
    let digits = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    // With two digits it could be a day.
    let plain = year.len() >= 3 && digits(year, 7) && digits(month, 2) && digits(day, 2) && fields.next().is_none();
    plain.then(|| Some(Date { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? }))?
}

/// `12:34`, `12:34:56.789`, `123456`: microseconds, and what stands behind.
fn clock(text: &str) -> Option<(i128, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(text.len());
    let (time, rest) = text.split_at(end);
    let (whole, fraction) = time.split_once('.').map_or((time, None), |(w, f)| (w, Some(f)));
    let (hours, minutes, seconds) = if whole.contains(':') {
        let mut fields = whole.split(':');
        let triple = (fields.next()?, fields.next()?, fields.next());
        if fields.next().is_some() || (triple.2.is_none() && fraction.is_some()) {
            return None;
        }
        triple
    } else {
        match whole.len() {
            4 if fraction.is_none() => (whole.get(..2)?, whole.get(2..)?, None),
            6 => (whole.get(..2)?, whole.get(2..4)?, whole.get(4..)),
            _ => return None,
        }
    };
    let number = |text: &str, max: i128| {
        let value = (1..=2).contains(&text.len()).then(|| text.parse::<i128>().ok())?;
        value.filter(|v| *v <= max)
    };
    let (hours, minutes) = (number(hours, 24)?, number(minutes, 59)?);
    let seconds = seconds.map_or(Some(0), |s| number(s, 60))?;
    let total = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction.map_or(Some(0), fraction_micros)?;
    (total <= DAY_MICROS).then_some((total, rest))
}

/// Digits behind the point as microseconds, rounded half to even.
pub(super) fn fraction_micros(digits: &str) -> Option<i128> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (kept, lost) = digits.split_at(digits.len().min(6));
    let micros: i128 = format!("{kept:0<6}").parse().ok()?;
    let half = lost.starts_with('5') && lost.bytes().skip(1).all(|b| b == b'0');
    let up = if half { micros % 2 == 1 } else { lost.as_bytes().first().is_some_and(|b| *b >= b'5') };
    Some(micros + i128::from(up))
}

/// `+02`, `-05:30`, `Z`, `Europe/Berlin` or nothing; `None`: something else.
fn zone_of(text: &str) -> Option<Option<Zone<'_>>> {
    let text = text.trim();
    let Some(first) = text.chars().next() else { return Some(None) };
    if text.eq_ignore_ascii_case("z") {
        return Some(Some(Zone::Seconds(0)));
    }
    if !matches!(first, '+' | '-') {
        return first.is_ascii_alphabetic().then_some(Some(Zone::Named(text)));
    }
    let digits = text.get(1..)?;
    let fields: Vec<&str> = if digits.contains(':') {
        digits.split(':').collect()
    } else {
        match digits.len() {
            1 | 2 => vec![digits],
            4 => vec![digits.get(..2)?, digits.get(2..)?],
            _ => return None,
        }
    };
    if fields.len() > 3 || fields.iter().any(|f| !(1..=2).contains(&f.len()) || !f.bytes().all(|b| b.is_ascii_digit()))
    {
        return None;
    }
    let field = |at: usize| fields.get(at).map_or(Some(0), |f| f.parse::<i32>().ok());
    let (hours, minutes, seconds) = (field(0)?, field(1)?, field(2)?);
    if hours > 15 || minutes > 59 || seconds > 59 {
        return None;
    }
    let east = (hours * 60 + minutes) * 60 + seconds;
    Some(Some(Zone::Seconds(if first == '-' { -east } else { east })))
}

/// `2024-02-29`; years before 1 lack their ` BC` ([`era`]).
pub fn day_text(date: Date) -> String {
    let year = if date.year < 1 { 1 - date.year } else { date.year };
    format!("{year:04}-{:02}-{:02}", date.month, date.day)
}

/// What stands behind a date of PostgreSQL's.
pub fn era(date: Date) -> &'static str {
    if date.year < 1 { " BC" } else { "" }
}

/// `12:34:56.789`: as many digits as it has.
pub fn time_text(time: Time) -> String {
    let sign = if time.negative { "-" } else { "" };
    let whole = format!("{sign}{:02}:{:02}:{:02}", time.hours, time.minutes, time.seconds);
    if time.micros == 0 {
        return whole;
    }
    let fraction = format!("{:06}", time.micros);
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// `+02`, `-05:30`, `+00:53:28`
pub fn offset_text(east: i32) -> String {
    let (sign, seconds) = if east < 0 { ('-', -east) } else { ('+', east) };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (minutes, seconds) {
        (0, 0) => format!("{sign}{hours:02}"),
        (_, 0) => format!("{sign}{hours:02}:{minutes:02}"),
        (_, _) => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// A moment as PostgreSQL prints it for a client in this zone.
pub fn timestamptz_text(date: Date, time: Time, client: &TimeZone) -> Result<String, ValueError> {
    let (date, time, east) = zone::local(client, date, time)?;
    Ok(format!("{} {}{}{}", day_text(date), time_text(time), offset_text(east), era(date)))
}

/// Reads a date or a date with time as a MySQL server or client writes it: `2024-02-29 12:34:56.789`, `20240229123456`.
/// Zero dates too.
pub fn parse_mysql(text: &str, ty: &str) -> Result<(Date, Time), ValueError> {
    let invalid = || ValueError::invalid(ty, text);
    let text_trimmed = text.trim();
    if !text_trimmed.is_ascii() {
        return Err(invalid());
    }
    if text_trimmed.len() == 14 && text_trimmed.bytes().all(|b| b.is_ascii_digit()) {
        let (day, time) = text_trimmed.split_at(8);
        return mysql_parts(day, time).ok_or_else(invalid);
    }
    let end = text_trimmed.find([' ', 'T']).unwrap_or(text_trimmed.len());
    let (day, time) = text_trimmed.split_at(end);
    mysql_parts(day, time.trim_start_matches([' ', 'T'])).ok_or_else(invalid)
}

fn mysql_parts(day: &str, time: &str) -> Option<(Date, Time)> {
    let date = ymd(day).filter(|d| d.year <= 9999 && d.month <= 12 && d.day <= 31)?;
    let zeros = date.month == 0 || date.day == 0;
    if !zeros && !date.is_valid() {
        return None;
    }
    if time.is_empty() {
        return Some((date, Time::MIDNIGHT));
    }
    let (micros, rest) = clock(time)?;
    let time = Time::from_micros(micros).filter(|t| t.hours < 24 && rest.is_empty())?;
    Some((date, time))
}

/// Reads a TIME as a MySQL server or client writes it: `-838:59:59.000000`, `12:34`, `1 12:34:56`.
pub fn parse_mysql_time(text: &str) -> Result<Time, ValueError> {
    let invalid = || ValueError::invalid("time", text);
    mysql_time(text.trim()).ok_or_else(invalid)
}

fn mysql_time(text: &str) -> Option<Time> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let number = |text: &str, max: i128| {
        let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<i128>().ok()).flatten().filter(|n| *n <= max)
    };
    let (days, rest) = match rest.split_once(' ') {
        Some((days, rest)) => (number(days, 34)?, rest.trim_start()),
        None => (0, rest),
    };
    let (whole, fraction) = rest.split_once('.').map_or((rest, ""), |(w, f)| (w, f));
    let mut fields = whole.split(':');
    let (hours, minutes, seconds) = (fields.next()?, fields.next()?, fields.next().unwrap_or("0"));
    if fields.next().is_some() {
        return None;
    }
    let hours = days * 24 + number(hours, 838)?;
    let total =
        ((hours * 60 + number(minutes, 59)?) * 60 + number(seconds, 59)?) * 1_000_000 + fraction_micros(fraction)?;
    Time::from_micros(if negative { -total } else { total }).filter(|t| t.hours <= 838)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_reading_a_time_panic(text in "[0-9TZa-z :./+-]{0,30}") {
            drop((parse_date(&text), parse_time(&text), parse_timestamp(&text), parse_timestamptz(&text, &TimeZone::UTC)));
            drop((parse_mysql(&text, "datetime"), parse_mysql_time(&text)));
        }
    }

    fn utc(text: &str, zone: &str) -> String {
        let zone = zone::parse_pg(zone).unwrap();
        let value = parse_timestamptz(text, &zone).unwrap();
        let Value::Instant(date, time) = value else { return format!("{value:?}") };
        timestamptz_text(date, time, &TimeZone::UTC).unwrap()
    }

    #[test]
    fn moments_are_read_as_postgres_reads_them() {
        // As PostgreSQL 15 answered.
        for (text, zone, said) in [
            ("2024-02-29 12:34:56.789+02", "UTC", "2024-02-29 10:34:56.789+00"),
            ("2024-02-29T12:34:56Z", "UTC", "2024-02-29 12:34:56+00"),
            ("2024-02-29 12:34", "Europe/Berlin", "2024-02-29 11:34:00+00"),
            ("2024-03-31 02:30", "Europe/Berlin", "2024-03-31 01:30:00+00"),
            ("2024-10-27 02:30", "Europe/Berlin", "2024-10-27 01:30:00+00"),
            ("2024-02-29 12:00 Europe/Berlin", "UTC", "2024-02-29 11:00:00+00"),
            ("2024-02-29 24:00+00", "UTC", "2024-03-01 00:00:00+00"),
            ("0044-03-15 BC", "UTC", "0044-03-15 00:00:00+00 BC"),
            ("0001-01-01 00:00:00-00:30", "UTC", "0001-01-01 00:30:00+00"),
            ("294276-12-31 23:59:59.999999+00", "UTC", "294276-12-31 23:59:59.999999+00"),
            ("20240229 123456", "UTC", "2024-02-29 12:34:56+00"),
            ("2024-02-29 12:34:56.9999999+00", "UTC", "2024-02-29 12:34:57+00"),
        ] {
            assert_eq!(utc(text, zone), said, "{text} in {zone}");
        }
        for text in [
            "",
            "now",
            "2023-02-29",
            "2024-13-01",
            "0000-01-01",
            "2024-02-29 25:00",
            "2024-02-29 12:34:56 Nowhere/Land",
            "é",
        ] {
            assert!(parse_timestamptz(text, &TimeZone::UTC).is_err(), "{text}");
        }
        assert_eq!(parse_timestamp("-infinity").unwrap(), Value::Infinity(true));
    }

    #[test]
    fn mysql_times_are_spans() {
        let time = |text| time_text(parse_mysql_time(text).unwrap());
        assert_eq!(time("-838:59:59.000000"), "-838:59:59");
        assert_eq!(time("1 12:34:56.5"), "36:34:56.5");
        assert!(parse_mysql_time("839:00:00").is_err() && parse_mysql_time("1:60:00").is_err());
        let (zero, _) = parse_mysql("0000-00-00 00:00:00", "datetime").unwrap();
        assert_eq!(zero, Date { year: 0, month: 0, day: 0 });
        assert!(parse_mysql("2023-02-29", "date").is_err());
    }
}
