//! Decimal numbers as digits: nothing here rounds.

/// `NaN`
pub const NAN: &str = "NaN";
/// `Infinity`
pub const INFINITY: &str = "Infinity";
/// `-Infinity`
pub const NEGATIVE_INFINITY: &str = "-Infinity";

/// PostgreSQL's bounds: digits before and behind the point.
const WHOLE_MAX: usize = 131_072;
const FRACTION_MAX: usize = 16_383;

/// Plain digits of any number that PostgreSQL or MySQL writes: without exponent, plus sign and leading zeros; the scale is
/// kept. `NaN` and infinities in PostgreSQL's spelling. `None`: no number, or too long.
pub fn parse(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.eq_ignore_ascii_case("nan") {
        return (rest.len() == text.len()).then(|| NAN.to_owned());
    }
    if rest.eq_ignore_ascii_case("infinity") || rest.eq_ignore_ascii_case("inf") {
        return Some(if negative { NEGATIVE_INFINITY } else { INFINITY }.to_owned());
    }
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let digits = exponent.trim_start_matches(['+', '-']);
            let valid =
                !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && exponent.len() - digits.len() <= 1;
            (mantissa, valid.then(|| exponent.parse::<i32>().ok()).flatten()?)
        }
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if exponent.unsigned_abs() as usize > WHOLE_MAX + FRACTION_MAX {
        return None;
    }
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let scale = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
    plain(negative, &digits, point, usize::try_from(scale).unwrap_or(0))
}

/// `digits` with the point before the one at `point`, and so many digits behind it.
fn plain(negative: bool, digits: &str, point: i64, scale: usize) -> Option<String> {
    let before = usize::try_from(point).unwrap_or(0);
    let zeros_before = before.saturating_sub(digits.len());
    let zeros_behind = usize::try_from(-point).unwrap_or(0);
    let (whole, fraction) = digits.split_at(before.min(digits.len()));
    let whole = format!("{whole}{}", "0".repeat(zeros_before));
    let whole = whole.trim_start_matches('0');
    if whole.len() > WHOLE_MAX || scale > FRACTION_MAX {
        return None;
    }
    let zero = digits.bytes().all(|b| b == b'0');
    let mut out = String::with_capacity(whole.len() + scale + 3);
    if negative && !zero {
        out.push('-');
    }
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        out.push('.');
        out.push_str(&"0".repeat(zeros_behind));
        out.push_str(fraction);
    }
    Some(out)
}

/// The number with `scale` digits behind its point, as far as that only adds or takes zeros.
pub fn with_scale(digits: &str, scale: usize) -> String {
    if !is_finite(digits) {
        return digits.to_owned();
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let kept = fraction.trim_end_matches('0').len().max(scale.min(fraction.len()));
    let mut out = whole.to_owned();
    if kept.max(scale) > 0 {
        out.push('.');
        out.push_str(fraction.get(..kept).unwrap_or_default());
        out.push_str(&"0".repeat(scale.saturating_sub(kept)));
    }
    out
}

/// Not `NaN` and no infinity.
pub fn is_finite(digits: &str) -> bool {
    digits.bytes().any(|b| b.is_ascii_digit())
}

/// The whole number, if it is one.
pub fn to_int(digits: &str) -> Option<i128> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    fraction.bytes().all(|b| b == b'0').then(|| whole.parse().ok()).flatten()
}

/// PostgreSQL's binary form (`numeric_send`): digits to base 10,000, weight of the first, sign, scale.
pub fn to_binary(digits: &str) -> Option<Vec<u8>> {
    let fixed = |sign: u16| [0_u16, 0, sign, 0].iter().flat_map(|n| n.to_be_bytes()).collect();
    match digits {
        NAN => return Some(fixed(0xc000)),
        INFINITY => return Some(fixed(0xd000)),
        NEGATIVE_INFINITY => return Some(fixed(0xf000)),
        _ => {}
    }
    let (negative, rest) = digits.strip_prefix('-').map_or((false, digits), |rest| (true, rest));
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let padded_whole = format!("{}{whole}", "0".repeat(whole.len().next_multiple_of(4) - whole.len()));
    let padded_fraction = format!("{fraction}{}", "0".repeat(fraction.len().next_multiple_of(4) - fraction.len()));
    let group = |chunk: &[u8]| chunk.iter().fold(0_u16, |n, b| n * 10 + u16::from(b - b'0'));
    let mut groups: Vec<u16> = padded_whole.as_bytes().chunks(4).map(group).collect();
    let mut weight = i32::try_from(groups.len()).ok()? - 1;
    groups.extend(padded_fraction.as_bytes().chunks(4).map(group));
    let leading = groups.iter().take_while(|g| **g == 0).count();
    groups.drain(..leading);
    weight -= i32::try_from(leading).ok()?;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let (weight, sign) = if groups.is_empty() { (0, 0) } else { (weight, if negative { 0x4000 } else { 0 }) };
    let mut out = Vec::with_capacity(8 + groups.len() * 2);
    out.extend(u16::try_from(groups.len()).ok()?.to_be_bytes());
    out.extend(i16::try_from(weight).ok()?.to_be_bytes());
    out.extend(u16::to_be_bytes(sign));
    out.extend(u16::try_from(fraction.len()).ok()?.to_be_bytes());
    out.extend(groups.iter().flat_map(|g| g.to_be_bytes()));
    Some(out)
}

/// Reads PostgreSQL's binary form. `None`: malformed.
pub fn from_binary(bytes: &[u8]) -> Option<String> {
    let mut fields = bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    let (count, weight) = (usize::from(fields.next()?), fields.next()?.cast_signed());
    let (sign, scale) = (fields.next()?, usize::from(fields.next()?));
    let groups: Vec<u16> = fields.collect();
    if !bytes.len().is_multiple_of(2)
        || groups.len() != count
        || groups.iter().any(|g| *g > 9999)
        || scale > FRACTION_MAX
    {
        return None;
    }
    match sign {
        0xc000 => return Some(NAN.to_owned()),
        0xd000 => return Some(INFINITY.to_owned()),
        0xf000 => return Some(NEGATIVE_INFINITY.to_owned()),
        0 | 0x4000 => {}
        _ => return None,
    }
    let group = |at: i64| usize::try_from(at).ok().and_then(|at| groups.get(at)).copied().unwrap_or(0);
    let weight = i64::from(weight);
    let mut whole = String::new();
    for at in 0..=weight.max(-1) {
        whole.push_str(&format!("{:04}", group(at)));
    }
    let mut fraction = String::new();
    let mut at = weight + 1;
    // Groups between the point and the first one given are zeros.
    while fraction.len() < scale {
        fraction.push_str(&format!("{:04}", if at < 0 { 0 } else { group(at) }));
        at += 1;
    }
    if weight < -1 {
        let zeros = usize::try_from(-1 - weight).ok()? * 4;
        let rest: String = groups.iter().map(|g| format!("{g:04}")).collect();
        fraction = format!("{}{rest}", "0".repeat(zeros.min(scale)));
        fraction.push_str(&"0".repeat(scale.saturating_sub(fraction.len())));
    }
    fraction.truncate(scale);
    let digits = if scale > 0 { format!("{whole}.{fraction}") } else { whole };
    parse(&format!(
        "{}{}",
        if sign == 0 { "" } else { "-" },
        if digits.starts_with('.') {
            format!("0{digits}")
        } else if digits.is_empty() {
            "0".into()
        } else {
            digits
        }
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_survives_its_binary_form(text in "-?[0-9]{1,40}(\\.[0-9]{1,40})?") {
            let plain = parse(&text).unwrap();
            prop_assert_eq!(from_binary(&to_binary(&plain).unwrap()), Some(plain));
        }

        #[test]
        fn no_bytes_make_reading_a_numeric_panic(bytes: Vec<u8>) {
            from_binary(&bytes);
        }

        #[test]
        fn no_text_makes_reading_a_number_panic(text: String) {
            parse(&text);
        }
    }

    #[test]
    fn numbers_become_plain_digits() {
        for (text, plain) in [
            ("007.50", "7.50"),
            ("-0", "0"),
            ("-0.00", "0.00"),
            ("1e5", "100000"),
            ("1.5E-3", "0.0015"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+12.34e1", "123.4"),
            ("1.50e1", "15.0"),
            ("nan", "NaN"),
            ("-inf", "-Infinity"),
            ("0e5", "0"),
            ("123e-5", "0.00123"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(plain), "{text}");
        }
        for text in ["", "-", ".", "1e", "1e+-5", "--1", "0x10", "1 2", "1e999999", "-NaN", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_scale_adds_and_takes_zeros_only() {
        for (digits, scale, out) in [
            ("1.5", 2, "1.50"),
            ("1.500", 2, "1.50"),
            ("1.505", 2, "1.505"),
            ("1", 0, "1"),
            ("1.0", 0, "1"),
            ("7", 3, "7.000"),
        ] {
            assert_eq!(with_scale(digits, scale), out);
        }
    }
}
