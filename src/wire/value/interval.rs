//! PostgreSQL's intervals as text.

use super::datetime::fraction_micros;
use super::{Value, ValueError};

const SECOND: i128 = 1_000_000;
const HOUR: i128 = 3600 * SECOND;
const DAY: i128 = 24 * HOUR;

/// Reads what `IntervalStyle = postgres` prints, with any unit's name, and ISO 8601's `P1Y2M3DT4H5M6S`.
pub fn parse(text: &str) -> Result<Value, ValueError> {
    let trimmed = text.trim().to_ascii_lowercase();
    let sums = match trimmed.strip_prefix('p') {
        Some(iso) => iso_sums(iso),
        None => sums(&trimmed),
    };
    let sums = sums.ok_or_else(|| ValueError::invalid("interval", text))?;
    let beyond = || ValueError::out_of_range("interval", text);
    Ok(Value::Interval {
        months: i32::try_from(sums.months).map_err(|_| beyond())?,
        days: i32::try_from(sums.days).map_err(|_| beyond())?,
        micros: i64::try_from(sums.micros).map_err(|_| beyond())?,
    })
}

#[derive(Default)]
struct Sums {
    months: i128,
    days: i128,
    micros: i128,
}

impl Sums {
    /// A number of a unit; a fraction goes on into the smaller units, as on the server.
    fn add(&mut self, number: &str, unit: &str) -> Option<()> {
        let negative = number.starts_with('-');
        let plain = number.trim_start_matches(['+', '-']);
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok().filter(|n: &i128| *n < 1 << 62)? };
        let millionths = fraction_micros(fraction)?;
        let sign = if negative { -1 } else { 1 };
        let (whole, millionths) = (whole * sign, millionths * sign);
        match unit {
            "y" | "year" | "years" | "yr" | "yrs" => {
                self.months += whole * 12 + millionths * 12 / 1_000_000;
            }
            "mon" | "mons" | "month" | "months" => {
                self.months += whole;
                self.add_days(millionths * 30);
            }
            "w" | "week" | "weeks" => {
                self.days += whole * 7;
                self.add_days(millionths * 7);
            }
            "d" | "day" | "days" => {
                self.days += whole;
                self.micros += millionths * (DAY / 1_000_000);
            }
            "h" | "hour" | "hours" | "hr" | "hrs" => self.micros += whole * HOUR + millionths * (HOUR / 1_000_000),
            "m" | "min" | "mins" | "minute" | "minutes" => self.micros += whole * 60 * SECOND + millionths * 60,
            "s" | "sec" | "secs" | "second" | "seconds" => self.micros += whole * SECOND + millionths,
            "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => self.micros += whole * 1000 + millionths / 1000,
            "us" | "usec" | "usecs" | "microsecond" | "microseconds" => self.micros += whole,
            _ => return None,
        }
        Some(())
    }

    fn add_days(&mut self, millionths: i128) {
        self.days += millionths / 1_000_000;
        self.micros += millionths % 1_000_000 * (DAY / 1_000_000);
    }
}

fn sums(text: &str) -> Option<Sums> {
    let (text, ago) = match text.strip_suffix(" ago") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let text = text.strip_prefix('@').unwrap_or(text);
    let mut out = Sums::default();
    let mut words = text.split_ascii_whitespace().peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        if word.contains(':') {
            out.micros += clock(word)?;
            continue;
        }
        let end = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
        let (number, unit) = word.split_at(end);
        if !number.bytes().any(|b| b.is_ascii_digit()) {
            return None;
        }
        match (unit, words.peek()) {
            // A number alone counts seconds.
            ("", None) => out.add(number, "s")?,
            ("", Some(next)) if next.contains(':') => out.add(number, "d")?,
            ("", Some(_)) => out.add(number, words.next()?)?,
            (unit, _) => out.add(number, unit)?,
        }
    }
    if ago {
        out = Sums { months: -out.months, days: -out.days, micros: -out.micros };
    }
    Some(out)
}

/// `-04:05:06.789`
fn clock(word: &str) -> Option<i128> {
    let (negative, rest) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
    let rest = rest.strip_prefix('+').unwrap_or(rest);
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let mut fields = whole.split(':');
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i128>().ok()).flatten();
    let hours = number(fields.next()?)?;
    let minutes = number(fields.next()?)?;
    let seconds = fields.next().map_or(Some(0), number)?;
    if fields.next().is_some() || minutes > 59 || seconds > 60 || hours > 1 << 40 {
        return None;
    }
    let total = hours * HOUR + minutes * 60 * SECOND + seconds * SECOND + fraction_micros(fraction)?;
    Some(if negative { -total } else { total })
}

/// Behind the `P`.
fn iso_sums(text: &str) -> Option<Sums> {
    let mut out = Sums::default();
    let (mut in_time, mut number) = (false, String::new());
    for c in text.chars() {
        match c {
            't' if !in_time && number.is_empty() => in_time = true,
            '0'..='9' | '.' | '-' | '+' => number.push(c),
            unit => {
                let unit = match (unit, in_time) {
                    ('m', false) => "mon",
                    ('y', false) => "y",
                    ('w', false) => "w",
                    ('d', false) => "d",
                    ('h', true) => "h",
                    ('m', true) => "m",
                    ('s', true) => "s",
                    _ => return None,
                };
                number.bytes().any(|b| b.is_ascii_digit()).then_some(())?;
                out.add(&std::mem::take(&mut number), unit)?;
            }
        }
    }
    (number.is_empty() && text.ends_with(|c| c != 't') && !text.is_empty()).then_some(out)
}

/// As `IntervalStyle = postgres` prints it: `1 year 2 mons -3 days +04:05:06.789`.
pub fn text(months: i32, days: i32, micros: i64) -> String {
    let mut out = String::new();
    // A positive part behind a negative one says its sign.
    let mut negative_before = false;
    let mut unit = |value: i64, name: &str| {
        if value == 0 {
            return;
        }
        let space = if out.is_empty() { "" } else { " " };
        let sign = if negative_before && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        out.push_str(&format!("{space}{sign}{value} {name}{plural}"));
        negative_before = value < 0;
    };
    unit(i64::from(months / 12), "year");
    unit(i64::from(months % 12), "mon");
    unit(i64::from(days), "day");
    if micros != 0 || out.is_empty() {
        let rest = micros.unsigned_abs();
        let sign = match (micros < 0, negative_before) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let (hours, minutes, seconds) = (rest / 3_600_000_000, rest / 60_000_000 % 60, rest / 1_000_000 % 60);
        let space = if out.is_empty() { "" } else { " " };
        out.push_str(&format!("{space}{sign}{hours:02}:{minutes:02}:{seconds:02}"));
        if !rest.is_multiple_of(1_000_000) {
            out.push_str(format!(".{:06}", rest % 1_000_000).trim_end_matches('0'));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_printed_as_postgres_prints_them_and_read_back() {
        // As PostgreSQL 15 printed them.
        for (months, days, micros, said) in [
            (0, 0, 0, "00:00:00"),
            (14, 3, 14_706_789_000, "1 year 2 mons 3 days 04:05:06.789"),
            (-14, 3, -14_706_000_000, "-1 years -2 mons +3 days -04:05:06"),
            (1, -1, 1, "1 mon -1 days +00:00:00.000001"),
            (0, 1, 0, "1 day"),
            (0, 0, 360_000_000_000, "100:00:00"),
        ] {
            assert_eq!(text(months, days, micros), said);
            assert_eq!(parse(said).unwrap(), Value::Interval { months, days, micros });
        }
        for (written, said) in [
            ("1 day 2 hours", "1 day 02:00:00"),
            ("P1Y2M3DT4H5M6.5S", "1 year 2 mons 3 days 04:05:06.5"),
            ("1.5 days", "1 day 12:00:00"),
            ("3", "00:00:03"),
            ("2 weeks ago", "-14 days"),
            ("1 02:03:04", "1 day 02:03:04"),
            ("90 min", "01:30:00"),
        ] {
            let Value::Interval { months, days, micros } = parse(written).unwrap() else { panic!("{written}") };
            assert_eq!(text(months, days, micros), said, "{written}");
        }
        for wrong in ["", "day", "1 parsec", "P", "PT", "1:2:3:4", "é"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
