//! Numbers with units: `"250ms"`, `"16MiB"`. A bare number is refused, because nobody can read what it counts.

use std::time::Duration;

const DURATION_UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 24 * 3_600_000)];

const SIZE_UNITS: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A duration: a whole number and ms, s, m, h or d.
///
/// # Errors
/// What is wrong, as one line for the user.
pub fn duration(text: &str) -> Result<Duration, String> {
    let ms = scaled(text, DURATION_UNITS, "a duration has a unit: \"250ms\", \"5s\", \"5m\", \"1h\" or \"7d\"")?;
    Ok(Duration::from_millis(ms))
}

/// A size in bytes: a whole number and B, KiB, MiB or GiB.
///
/// # Errors
/// What is wrong, as one line for the user.
pub fn size(text: &str) -> Result<u64, String> {
    if let Some((number, unit)) = text.split_at_checked(text.len().saturating_sub(2))
        && let Some(binary) = [("kB", "KiB"), ("KB", "KiB"), ("MB", "MiB"), ("GB", "GiB")].iter().find(|u| u.0 == unit)
    {
        return Err(format!("sizes are in powers of 1024: \"{number}{}\"", binary.1));
    }
    scaled(text, SIZE_UNITS, "a size has a unit: \"512B\", \"16KiB\", \"16MiB\" or \"1GiB\"")
}

/// As a user writes it: the largest unit that divides it.
pub fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 { "off".to_owned() } else { show(ms, DURATION_UNITS) }
}

/// As a user writes it: the largest unit that divides it.
pub fn show_size(bytes: u64) -> String {
    show(bytes, SIZE_UNITS)
}

fn show(number: u64, units: &[(&str, u64)]) -> String {
    let fits = units.iter().rev().find(|(_, scale)| number > 0 && number.is_multiple_of(*scale));
    let (unit, scale) = fits.copied().unwrap_or(units[0]);
    format!("{}{unit}", number / scale)
}

fn scaled(text: &str, units: &[(&str, u64)], usage: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit).ok_or_else(|| usage.to_owned())?;
    if number.is_empty() {
        return Err(usage.to_owned());
    }
    let number: u64 = number.parse().map_err(|_| "the number is too large".to_owned())?;
    number.checked_mul(*scale).ok_or_else(|| "the number is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_shown_the_same() {
        for text in ["250ms", "5s", "5m", "1h", "7d"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        for text in ["512B", "16KiB", "16MiB", "1GiB"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
    }

    #[test]
    fn numbers_without_a_unit_are_refused() {
        for text in ["", "5", "s", "5 s", "1.5s", "-5s", "5S", "5sec", "99999999999999999999s", "18446744073709551615d"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "16", "16mb", "16MB", "MiB", "16 MiB", "99999999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
