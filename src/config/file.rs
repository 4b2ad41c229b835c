//! The TOML's shape: sections that know which keys were asked for, so that every other key is an error, and typed reads
//! that note a fault and go on with the default, so that all faults are found in one run.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::expand::{ExpandFault, expand};
use super::report::{ConfigCode, ConfigFault, Span};
use super::units;

/// Reads one file's environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;
/// Reads a file named in the configuration.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> std::io::Result<String>;

/// A value with its place.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// The state of reading one file.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) env: Env<'a>,
    pub(super) read_file: ReadFile<'a>,
    pub(super) faults: Vec<ConfigFault>,
    /// Every key that was asked for, as `section.key`; user-given names are `*`.
    pub(super) keys: BTreeSet<String>,
}

/// A text with its place.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) span: Span,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, env: Env<'a>, read_file: ReadFile<'a>) -> Self {
        Self { text, env, read_file, faults: Vec::new(), keys: BTreeSet::new() }
    }

    pub(super) fn fault(&mut self, fault: ConfigFault) {
        self.faults.push(fault);
    }

    /// The text of a value, with its variables replaced.
    pub(super) fn text_of(
        &mut self,
        value: &Value<'_>,
        what: &str,
        literal: &dyn Fn(&str, usize) -> bool,
    ) -> Option<Text> {
        let span = value.span();
        let DeValue::String(template) = value.get_ref() else {
            self.wrong_type(value, what, "a text in quotes");
            return None;
        };
        match expand(template, self.env, &|at| literal(template, at)) {
            Ok(text) => Some(Text { text, span }),
            Err(faults) => {
                for fault in faults {
                    self.variable_fault(&span, fault);
                }
                None
            }
        }
    }

    fn variable_fault(&mut self, span: &Span, fault: ExpandFault) {
        let source = self.text.get(span.clone()).unwrap_or_default();
        let (code, title, at, width) = match fault {
            ExpandFault::Unset(name) => {
                let at = source.find(&format!("${{{name}")).unwrap_or(0);
                let width = name.len() + 3;
                (ConfigCode::UnsetVariable, format!("environment variable {name} is not set"), at, width)
            }
            ExpandFault::Syntax => {
                let title = "a dollar sign that is no variable: write ${NAME}, or $$ for the sign itself";
                (ConfigCode::BadVariable, title.to_owned(), source.find('$').unwrap_or(0), 1)
            }
        };
        let start = span.start + at;
        self.fault(ConfigFault::at(code, start..start + width, title));
    }

    pub(super) fn wrong_type(&mut self, value: &Value<'_>, what: &str, expected: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true/false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let title = format!("{what} must be {expected}, not {found}");
        self.fault(ConfigFault::at(ConfigCode::WrongType, value.span(), title));
    }

    pub(super) fn bad_value(&mut self, span: Span, title: impl Into<String>, label: impl Into<String>) {
        self.fault(ConfigFault::at(ConfigCode::BadValue, span, title).label(label));
    }
}

/// The nearest of `known`, if it is near.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let near = |candidate: &&str| strsim::damerau_levenshtein(word, candidate) <= (word.len() / 3).clamp(1, 3);
    known.into_iter().filter(near).min_by_key(|candidate| strsim::damerau_levenshtein(word, candidate))
}

/// Whether `"off"` is a duration here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Off {
    Allowed,
    Refused,
}

/// One table of the file. Missing sections are empty ones.
pub(super) struct Section<'t> {
    /// `pool`, `backends.store`.
    pub(super) name: String,
    /// The same with `*` for names that the user gives.
    shape: String,
    /// Where it is named.
    pub(super) span: Span,
    table: Option<&'t DeTable<'t>>,
    known: Vec<&'static str>,
}

impl<'t> Section<'t> {
    /// The file itself.
    pub(super) fn root(table: &'t DeTable<'t>) -> Self {
        Self { name: String::new(), shape: String::new(), span: 0..0, table: Some(table), known: Vec::new() }
    }

    /// A table that stands at `value`.
    pub(super) fn at(r: &mut Reader<'_>, name: String, shape: &str, span: Span, value: &'t Value<'t>) -> Self {
        let table = match value.get_ref() {
            DeValue::Table(table) => Some(table),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                r.wrong_type(value, &format!("`{name}`"), "a table");
                None
            }
        };
        Self { name, shape: shape.to_owned(), span, table, known: Vec::new() }
    }

    /// The table under `key`; an empty one if there is none.
    pub(super) fn section(&mut self, r: &mut Reader<'_>, key: &'static str) -> Self {
        let (name, shape) = (self.path(key), join(&self.shape, key));
        match self.entry(r, key) {
            Some((span, value)) => Self::at(r, name, &shape, span, value),
            None => Self { name, shape, span: self.span.clone(), table: None, known: Vec::new() },
        }
    }

    /// Full name of a key.
    pub(super) fn path(&self, key: &str) -> String {
        join(&self.name, key)
    }

    /// Its entries with the keys' places, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(&'t str, Span, &'t Value<'t>)> {
        let mut entries: Vec<_> =
            self.table.into_iter().flatten().map(|(k, v)| (&**k.get_ref(), k.span(), v)).collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        entries
    }

    /// The key's place and its value.
    pub(super) fn entry(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<(Span, &'t Value<'t>)> {
        self.known.push(key);
        r.keys.insert(join(&self.shape, key));
        let (key, value) = self.table?.iter().find(|(k, _)| *k.get_ref() == key)?;
        Some((key.span(), value))
    }

    /// The value under `key`.
    pub(super) fn value(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<&'t Value<'t>> {
        self.entry(r, key).map(|(_, value)| value)
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self, r: &mut Reader<'_>) {
        for (key, span, _) in self.entries() {
            if self.known.contains(&key) {
                continue;
            }
            let section = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
            let fault = ConfigFault::at(ConfigCode::UnknownKey, span, format!("unknown key `{key}`{section}"));
            let fault = match hint(&self.shape, key) {
                Some(hint) => fault.label(hint),
                None => match nearest(key, self.known.iter().copied()) {
                    Some(near) => fault.label(format!("did you mean `{near}`?")),
                    None => fault.help(format!("known here: {}", self.known.join(", "))),
                },
            };
            r.fault(fault);
        }
    }

    pub(super) fn text(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<Text> {
        let value = self.value(r, key)?;
        r.text_of(value, &format!("`{}`", self.path(key)), &|_, _| false)
    }

    pub(super) fn file_path(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<PathBuf> {
        let text = self.text(r, key)?;
        if text.text.is_empty() {
            r.bad_value(text.span, format!("`{}` is empty", self.path(key)), "a path is needed");
            return None;
        }
        Some(PathBuf::from(text.text))
    }

    pub(super) fn address(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<(SocketAddr, Span)> {
        let Text { text, span } = self.text(r, key)?;
        match text.parse() {
            Ok(address) => Some((address, span)),
            Err(_) => {
                let title = format!("`{}` is no address", self.path(key));
                r.bad_value(span, title, "an IP address and a port, for example \"127.0.0.1:6432\"");
                None
            }
        }
    }

    pub(super) fn duration(&mut self, r: &mut Reader<'_>, key: &'static str, default: &str, off: Off) -> Duration {
        let fallback = if default == "off" { Ok(Duration::ZERO) } else { units::duration(default) };
        let fallback = fallback.expect("defaults are written in this folder and read by its tests");
        let Some(value) = self.value(r, key) else { return fallback };
        let what = format!("`{}`", self.path(key));
        if let DeValue::Integer(_) = value.get_ref() {
            r.wrong_type(value, &what, "a duration with its unit in quotes, such as \"5s\"");
            return fallback;
        }
        let Some(Text { text, span }) = r.text_of(value, &what, &|_, _| false) else { return fallback };
        if text == "off" && off == Off::Allowed {
            return Duration::ZERO;
        }
        match units::duration(&text) {
            Ok(duration) if duration.is_zero() => {
                r.bad_value(
                    span,
                    format!("{what} must not be zero"),
                    if off == Off::Allowed { "write \"off\"" } else { "" },
                );
                fallback
            }
            Ok(duration) => duration,
            Err(why) => {
                r.bad_value(span, format!("{what} is no duration"), why);
                fallback
            }
        }
    }

    pub(super) fn size(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        default: &str,
        range: RangeInclusive<u64>,
    ) -> u64 {
        let fallback = units::size(default).expect("defaults are written in this folder and read by its tests");
        let Some(value) = self.value(r, key) else { return fallback };
        let what = format!("`{}`", self.path(key));
        if let DeValue::Integer(_) = value.get_ref() {
            r.wrong_type(value, &what, "a size with its unit in quotes, such as \"16MiB\"");
            return fallback;
        }
        let Some(Text { text, span }) = r.text_of(value, &what, &|_, _| false) else { return fallback };
        match units::size(&text) {
            Ok(bytes) if range.contains(&bytes) => bytes,
            Ok(_) => {
                let (low, high) = (units::show_size(*range.start()), units::show_size(*range.end()));
                r.bad_value(span, format!("{what} is out of range"), format!("from \"{low}\" to \"{high}\""));
                fallback
            }
            Err(why) => {
                r.bad_value(span, format!("{what} is no size"), why);
                fallback
            }
        }
    }

    pub(super) fn count(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> usize {
        let Some(value) = self.value(r, key) else { return default };
        let what = format!("`{}`", self.path(key));
        let DeValue::Integer(number) = value.get_ref() else {
            r.wrong_type(value, &what, "a whole number");
            return default;
        };
        match usize::from_str_radix(number.as_str(), number.radix()) {
            Ok(count) if range.contains(&count) => count,
            Ok(_) | Err(_) => {
                let title = format!("{what} is out of range");
                r.bad_value(value.span(), title, format!("from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    pub(super) fn flag(&mut self, r: &mut Reader<'_>, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(r, key) else { return default };
        let DeValue::Boolean(flag) = value.get_ref() else {
            r.wrong_type(value, &format!("`{}`", self.path(key)), "true or false");
            return default;
        };
        *flag
    }

    /// One of a few words; the first is the default.
    pub(super) fn choice<T: Copy>(&mut self, r: &mut Reader<'_>, key: &'static str, words: &[(&'static str, T)]) -> T {
        let Some(Text { text, span }) = self.text(r, key) else { return words[0].1 };
        if let Some((_, choice)) = words.iter().find(|(word, _)| *word == text) {
            return *choice;
        }
        let names: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let label = match nearest(&text, words.iter().map(|(word, _)| *word)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("one of {}", names.join(", ")),
        };
        r.bad_value(span, format!("`{}` cannot be \"{text}\"", self.path(key)), label);
        words[0].1
    }
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// What people write instead, and what they mean.
fn hint(shape: &str, key: &str) -> Option<&'static str> {
    match (shape, key) {
        ("backends.*", "pool_size" | "pool_siz" | "size" | "max_connections") => {
            Some("did you mean `pool = { size = 40 }`?")
        }
        ("backends.*", "host" | "port" | "user" | "username" | "database" | "dbname") => Some("this is part of `url`"),
        ("backends.*", "sslmode" | "tls" | "ssl") => {
            Some("this is part of `url`: ?sslmode=require (mysql: ?tls=require)")
        }
        ("", "user") => Some("did you mean `[[users]]`?"),
        ("", "decision_log") => Some("did you mean `[journal]`?"),
        ("users", "password_hash") => Some("not built yet; use `password_file`"),
        ("users", "backends") => Some("not built yet; each backend has one login, in its url"),
        ("transactions", "two_phase") => Some("there is no switch: two writers make two phases"),
        ("transactions", "max_branches") => Some("did you mean `participants_max`?"),
        ("admin", "token_file") => Some("not built yet; the port listens on loopback only"),
        _ => None,
    }
}
