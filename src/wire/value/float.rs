//! Floating-point numbers as each server prints them.

/// As PostgreSQL prints a `double precision`: the shortest digits that read back the same, or `%.*g` if
/// `extra_float_digits` is below 1.
pub fn pg_float8(number: f64, extra_float_digits: i32) -> String {
    if extra_float_digits > 0 {
        return special(number).unwrap_or_else(|| pg_shortest(&format!("{number:e}"), 15));
    }
    special(number).unwrap_or_else(|| general(number, 15 + extra_float_digits))
}

/// The same for a `real`.
pub fn pg_float4(number: f32, extra_float_digits: i32) -> String {
    if extra_float_digits > 0 {
        return special(f64::from(number)).unwrap_or_else(|| pg_shortest(&format!("{number:e}"), 6));
    }
    special(f64::from(number)).unwrap_or_else(|| general(f64::from(number), 6 + extra_float_digits))
}

/// As MySQL and MariaDB print a DOUBLE (`my_gcvt`). The number is finite.
pub fn mysql_float8(number: f64) -> String {
    mysql_shortest(&format!("{number:e}"))
}

/// As MySQL and MariaDB print a FLOAT: six digits, though it has more. The number is finite.
pub fn mysql_float4(number: f32) -> String {
    mysql_shortest(&format!("{:.5e}", f64::from(number)))
}

fn special(number: f64) -> Option<String> {
    if number.is_nan() {
        return Some("NaN".into());
    }
    number.is_infinite().then(|| if number < 0.0 { "-Infinity" } else { "Infinity" }.into())
}

/// Sign, digits without trailing zeros, and the power of ten of the first.
fn parts(scientific: &str) -> (bool, String, i32) {
    let (negative, rest) = scientific.strip_prefix('-').map_or((false, scientific), |rest| (true, rest));
    let (mantissa, exponent) = rest.split_once('e').unwrap_or((rest, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let trimmed = digits.trim_end_matches('0');
    let digits = if trimmed.is_empty() { "0" } else { trimmed };
    (negative, digits.to_owned(), exponent.parse().unwrap_or(0))
}

fn fixed(digits: &str, exponent: i32) -> String {
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    if exponent < 0 {
        return format!("0.{}{digits}", zeros(-exponent - 1));
    }
    if count <= exponent + 1 {
        return format!("{digits}{}", zeros(exponent + 1 - count));
    }
    let (whole, fraction) = digits.split_at(usize::try_from(exponent + 1).unwrap_or(0));
    format!("{whole}.{fraction}")
}

fn mantissa(digits: &str) -> String {
    match digits.split_at(1) {
        (first, "") => first.to_owned(),
        (first, rest) => format!("{first}.{rest}"),
    }
}

/// The sign of a number that is printed by C's rules for exponents, which have two digits at least.
fn c_style(negative: bool, digits: &str, exponent: i32, fixed_below: i32) -> String {
    let sign = if negative { "-" } else { "" };
    if (-4..fixed_below).contains(&exponent) {
        return format!("{sign}{}", fixed(digits, exponent));
    }
    let mark = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{}e{mark}{:02}", mantissa(digits), exponent.abs())
}

/// `double_to_shortest_decimal_bufn`: fixed below 1e15 (`real`: 1e6).
fn pg_shortest(scientific: &str, fixed_below: i32) -> String {
    let (negative, digits, exponent) = parts(scientific);
    c_style(negative, &digits, exponent, fixed_below)
}

/// C's `%.*g`.
fn general(number: f64, precision: i32) -> String {
    let precision = precision.max(1);
    let behind = usize::try_from(precision - 1).unwrap_or(0);
    let (negative, digits, exponent) = parts(&format!("{number:.behind$e}"));
    c_style(negative, &digits, exponent, precision)
}

/// Fixed while the point is at most 15 places away (`MAX_DECPT_FOR_F_FORMAT`).
fn mysql_shortest(scientific: &str) -> String {
    let (negative, digits, exponent) = parts(scientific);
    let sign = if negative { "-" } else { "" };
    if (-15..15).contains(&exponent) {
        return format!("{sign}{}", fixed(&digits, exponent));
    }
    format!("{sign}{}e{exponent}", mantissa(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_prints_the_shortest_digits() {
        for (number, text) in [
            (0.1, "0.1"),
            (1e15, "1e+15"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e14, "100000000000000"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e300, "1.5e+300"),
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (100.0, "100"),
        ] {
            assert_eq!(pg_float8(number, 1), text);
        }
        for (number, text) in [
            (0.1, "0.1"),
            (1e6, "1e+06"),
            (100_000.0, "100000"),
            (f32::MAX, "3.4028235e+38"),
            (1.2345e-7, "1.2345e-07"),
        ] {
            assert_eq!(pg_float4(number, 1), text);
        }
        assert_eq!(pg_float8(0.1 + 0.2, 0), "0.3");
        assert_eq!(pg_float8(0.1 + 0.2, 1), "0.30000000000000004");
        assert_eq!(pg_float8(1e15, 0), "1e+15");
    }
}
