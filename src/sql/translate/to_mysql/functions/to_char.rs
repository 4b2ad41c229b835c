//! `to_char`'s patterns for moments, as pieces that DATE_FORMAT prints alike.

/// A piece of a pattern.
pub(super) struct Piece {
    /// DATE_FORMAT's.
    pub(super) format: String,
    /// What must be done with its text.
    pub(super) wrap: Wrap,
}

/// What is done with what DATE_FORMAT gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// Nothing.
    Plain,
    /// Upper case.
    Upper,
    /// Lower case.
    Lower,
    /// With blanks to nine characters.
    Padded,
    /// Both.
    PaddedUpper,
    /// Both.
    PaddedLower,
    /// Without zeros in front.
    Number,
    /// Milliseconds of microseconds.
    Millis,
    /// The quarter.
    Quarter,
    /// Sunday is 1.
    Weekday,
    /// Monday is 1.
    IsoWeekday,
}

/// Words of a pattern, the longest first; with the prefix `FM` a number loses its zeros and a name its blanks.
const WORDS: &[(&str, &str, Wrap)] = &[
    ("HH24", "%H", Wrap::Plain),
    ("HH12", "%h", Wrap::Plain),
    ("IYYY", "%x", Wrap::Plain),
    ("YYYY", "%Y", Wrap::Plain),
    ("Month", "%M", Wrap::Padded),
    ("MONTH", "%M", Wrap::PaddedUpper),
    ("month", "%M", Wrap::PaddedLower),
    ("Mon", "%b", Wrap::Plain),
    ("MON", "%b", Wrap::Upper),
    ("mon", "%b", Wrap::Lower),
    ("DDD", "%j", Wrap::Plain),
    ("Day", "%W", Wrap::Padded),
    ("DAY", "%W", Wrap::PaddedUpper),
    ("day", "%W", Wrap::PaddedLower),
    ("HH", "%h", Wrap::Plain),
    ("MI", "%i", Wrap::Plain),
    ("MM", "%m", Wrap::Plain),
    ("MS", "%f", Wrap::Millis),
    ("US", "%f", Wrap::Plain),
    ("SS", "%s", Wrap::Plain),
    ("DD", "%d", Wrap::Plain),
    ("Dy", "%a", Wrap::Plain),
    ("DY", "%a", Wrap::Upper),
    ("dy", "%a", Wrap::Lower),
    ("ID", "", Wrap::IsoWeekday),
    ("IW", "%v", Wrap::Plain),
    ("YY", "%y", Wrap::Plain),
    ("AM", "%p", Wrap::Upper),
    ("PM", "%p", Wrap::Upper),
    ("am", "%p", Wrap::Lower),
    ("pm", "%p", Wrap::Lower),
    ("D", "", Wrap::Weekday),
    ("Q", "", Wrap::Quarter),
];

/// A pattern's pieces, or `None` if it has something else in it.
pub(super) fn pieces(pattern: &str) -> Option<Vec<Piece>> {
    let mut out: Vec<Piece> = Vec::new();
    let mut rest = pattern;
    let mut fill = true;
    let literal = |out: &mut Vec<Piece>, text: &str, wrap: Wrap| match out.last_mut() {
        Some(last) if last.wrap == Wrap::Plain && wrap == Wrap::Plain => last.format.push_str(text),
        _ => out.push(Piece { format: text.to_owned(), wrap }),
    };
    while let Some(c) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("FM") {
            fill = false;
            rest = behind;
            continue;
        }
        if c == '"' {
            let (quoted, behind) = rest.get(1..)?.split_once('"')?;
            if quoted.contains('\\') {
                return None;
            }
            literal(&mut out, &quoted.replace('%', "%%"), Wrap::Plain);
            rest = behind;
            continue;
        }
        if !c.is_ascii_alphabetic() {
            if c == '\\' {
                return None;
            }
            let text = if c == '%' { "%%".to_owned() } else { c.to_string() };
            literal(&mut out, &text, Wrap::Plain);
            rest = rest.get(c.len_utf8()..)?;
            continue;
        }
        let (word, format, wrap) = find(rest)?;
        let wrap = if fill { wrap } else { unfilled(word, wrap)? };
        literal(&mut out, format, wrap);
        rest = rest.get(word.len()..)?;
        if ["TH", "th", "SP"].iter().any(|suffix| rest.starts_with(suffix)) {
            return None;
        }
        fill = true;
    }
    Some(out)
}

/// Numbers are read in any case, names as they are written.
fn find(rest: &str) -> Option<(&'static str, &'static str, Wrap)> {
    let found = WORDS.iter().find(|(word, _, wrap)| {
        let Some(head) = rest.get(..word.len()) else { return false };
        let number = matches!(wrap, Wrap::Plain | Wrap::Millis | Wrap::Quarter | Wrap::Weekday | Wrap::IsoWeekday);
        let name = matches!(*word, "Mon" | "Dy");
        head == *word || (number && !name && head.eq_ignore_ascii_case(word))
    });
    found.map(|(word, format, wrap)| (*word, *format, *wrap))
}

fn unfilled(word: &str, wrap: Wrap) -> Option<Wrap> {
    Some(match wrap {
        Wrap::Padded => Wrap::Plain,
        Wrap::PaddedUpper => Wrap::Upper,
        Wrap::PaddedLower => Wrap::Lower,
        Wrap::Plain if matches!(word, "HH24" | "HH12" | "HH" | "MI" | "MM" | "SS" | "DD" | "DDD" | "IW") => {
            Wrap::Number
        }
        Wrap::Plain if matches!(word, "YYYY" | "Mon" | "Dy") => Wrap::Plain,
        _ => return None,
    })
}
