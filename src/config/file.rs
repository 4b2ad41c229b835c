//! The TOML's shape: sections that know which keys were asked for, so that every other key is an error, and typed reads
//! that note a fault and go on with the default, so that all faults are found in one run.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::expand::{ExpandFault, expand};
use super::report::{ConfigCode, ConfigFault, Span};
use super::schema::Kind;
use super::settings::{Origin, Setting};
use super::source::Sources;

/// Reads one file's environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;
/// Reads a file named in the configuration.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> std::io::Result<String>;

/// A value with its place.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// The state of reading one file.
pub(super) struct Reader<'a> {
    pub(super) sources: &'a Sources,
    pub(super) env: Env<'a>,
    pub(super) read_file: ReadFile<'a>,
    pub(super) faults: Vec<ConfigFault>,
    /// Every key that was asked for, as `section.key`; user-given names are `*`. In the order of their first reading.
    pub(super) keys: BTreeMap<String, Kind>,
    /// Every value, in the order of reading.
    pub(super) settings: Vec<Setting>,
}

/// A text with its place.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) span: Span,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a Sources, env: Env<'a>, read_file: ReadFile<'a>) -> Self {
        Self { sources, env, read_file, faults: Vec::new(), keys: BTreeMap::new(), settings: Vec::new() }
    }

    /// Remembers a value that may be shown. `span`: where it stands; `None`: nowhere, it is the default.
    pub(super) fn note(&mut self, key: String, value: impl Into<String>, span: Option<&Span>) {
        let origin = Origin::of(self.sources, span);
        self.settings.push(Setting::shown(key, value.into(), origin));
    }

    /// Remembers a value that is shown as `shown`, or not at all.
    pub(super) fn note_hidden(&mut self, key: String, shown: Option<String>, exact: &str, span: &Span) {
        let origin = Origin::of(self.sources, Some(span));
        self.settings.push(Setting::hidden(key, shown, exact, origin));
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
        let source = self.sources.text.get(span.clone()).unwrap_or_default();
        let (code, title, at, width, help) = match fault {
            ExpandFault::Unset(name) => {
                let at = source.find(&format!("${{{name}")).unwrap_or(0);
                let width = name.len() + 3;
                let title = format!("environment variable {name} is not set");
                let help = format!("set it for Handfast, or give a default: ${{{name}:-text}}");
                (ConfigCode::UnsetVariable, title, at, width, help)
            }
            ExpandFault::Syntax => {
                let (title, help) = ("a dollar sign that is no variable", "write ${NAME}, or $$ for the sign itself");
                let at = source.find('$').unwrap_or(0);
                (ConfigCode::BadVariable, title.to_owned(), at, 1, help.to_owned())
            }
        };
        let start = span.start + at;
        self.fault(ConfigFault::at(code, start..start + width, title).help(help));
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
        let label = match value.get_ref() {
            DeValue::Integer(n) if expected.starts_with("a duration") => format!("seconds are \"{}s\"", n.as_str()),
            DeValue::Integer(n) if expected.starts_with("a size") => format!("mebibytes are \"{}MiB\"", n.as_str()),
            DeValue::String(text) if text.parse::<u64>().is_ok() => "write it without the quotes".to_owned(),
            _ if expected == "a text in quotes" => "put it in quotes".to_owned(),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => format!("{expected} is needed"),
        };
        self.fault(ConfigFault::at(ConfigCode::WrongType, value.span(), title).label(label));
    }

    pub(super) fn bad_value(&mut self, span: Span, title: impl Into<String>, label: impl Into<String>) {
        self.fault(ConfigFault::at(ConfigCode::BadValue, span, title).label(label));
    }
}

/// The name of `known` that was probably meant, if one is near.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = word.chars().count();
    let most = (length / 3).clamp(1, 3);
    let distance = |candidate: &&str| strsim::damerau_levenshtein(word, candidate);
    // Computing it takes the product of both lengths, and the word may be anybody's.
    let comparable = |candidate: &&str| candidate.chars().count().abs_diff(length) <= most;
    let near = |candidate: &&str| comparable(candidate) && distance(candidate) <= most;
    known.into_iter().filter(near).min_by_key(distance)
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
    /// The same for values: with the user's name in it.
    pub(super) owner: String,
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
        let (name, owner, shape) = (String::new(), String::new(), String::new());
        Self { name, owner, shape, span: 0..0, table: Some(table), known: Vec::new() }
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
        Self { owner: name.clone(), name, shape: shape.to_owned(), span, table, known: Vec::new() }
    }

    /// The table under `key`; an empty one if there is none.
    pub(super) fn section(&mut self, r: &mut Reader<'_>, key: &'static str) -> Self {
        let (name, shape) = (self.path(key), join(&self.shape, key));
        self.learn(r, key, Kind::Section);
        match self.entry(r, key) {
            Some((span, value)) => Self::at(r, name, &shape, span, value),
            None => Self { owner: name.clone(), name, shape, span: self.span.clone(), table: None, known: Vec::new() },
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

    /// Full name of a value.
    pub(super) fn owned(&self, key: &str) -> String {
        join(&self.owner, key)
    }

    /// Makes a key known.
    pub(super) fn learn(&self, r: &mut Reader<'_>, key: &str, kind: Kind) {
        r.keys.insert(join(&self.shape, key), kind);
    }

    /// The key's place and its value.
    pub(super) fn entry(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<(Span, &'t Value<'t>)> {
        self.known.push(key);
        r.keys.entry(join(&self.shape, key)).or_insert(Kind::Section);
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
        ("users", "max_connections" | "connection_limit" | "connections") => Some("did you mean `connections_max`?"),
        ("transactions", "two_phase") => Some("there is no switch: two writers make two phases"),
        ("transactions", "max_branches") => Some("did you mean `participants_max`?"),
        ("admin", "token") => Some("did you mean `token_file`?"),
        _ => None,
    }
}
