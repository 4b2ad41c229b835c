//! Values beside the file: `HANDFAST_TRANSACTIONS__COMMIT_WAIT=3s` in the environment and `--set transactions.commit_wait=3s`
//! on the command line. Each is put into the file's tree as if it stood there; the command line wins over the environment,
//! the environment over the file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{ConfigCode, ConfigFault};
use super::schema::{Kind, keys};
use super::source::{Given, Sources};

/// What a variable's name begins with; two underscores stand for a dot.
const PREFIX: &str = "HANDFAST_";

/// Values beside the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Name and value of variables that are meant for us.
    variables: Vec<(String, String)>,
    /// Key and value of `--set`.
    options: Vec<(String, String)>,
}

impl Overrides {
    /// Those variables of an environment that have two underscores behind `HANDFAST_`, and what was given by `--set`.
    pub fn new(environment: impl IntoIterator<Item = (String, String)>, options: &[(String, String)]) -> Self {
        let ours = |(name, _): &(String, String)| name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains("__"));
        let mut variables: Vec<_> = environment.into_iter().filter(ours).collect();
        variables.sort();
        Self { variables, options: options.to_vec() }
    }

    /// Of this process: its environment, and what was given by `--set`.
    pub fn of_process(options: &[(String, String)]) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::new(std::env::vars_os().filter_map(text), options)
    }
}

/// An override on its way into the tree.
pub(super) struct Graft {
    /// A line of TOML, its bytes at their places.
    line: String,
    /// In front of the line's key: into which user's table it goes.
    user: Option<String>,
}

/// Adds the overrides to the sources. Faults: keys that cannot be read.
pub(super) fn prepare(overrides: &Overrides, sources: &mut Sources, names: &Names) -> (Vec<Graft>, Vec<ConfigFault>) {
    let (mut grafts, mut faults) = (Vec::new(), Vec::new());
    if overrides.variables.is_empty() && overrides.options.is_empty() {
        return (grafts, faults);
    }
    let keys = keys();
    let variables = overrides.variables.iter().map(|(name, value)| {
        let key = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase().split("__").map(str::to_owned).collect();
        (Given::Environment(name.clone()), names.known(key), value)
    });
    let options = overrides.options.iter().map(|(key, value)| (Given::Option(key.clone()), split(key), value));
    for (given, path, value) in variables.chain(options) {
        match path.as_slice() {
            [section, ..] if path.len() > 1 && path.iter().all(|part| !part.is_empty()) => {
                let (user, path) = match path.as_slice() {
                    [_, user, rest @ ..] if section == "users" && !rest.is_empty() => (Some(user.clone()), rest),
                    all => (None, all),
                };
                let shape = shape(section, path, user.is_some());
                let key: Vec<_> = path.iter().map(|part| quoted(part)).collect();
                let line = sources.add(given, &key.join("."), &in_toml(&keys, &shape, value), value);
                grafts.push(Graft { line, user });
            }
            _ => {
                let title = format!("{given} names no key");
                let help =
                    "write section.key, for example transactions.commit_wait (HANDFAST_TRANSACTIONS__COMMIT_WAIT)";
                faults.push(ConfigFault::whole(ConfigCode::UnknownKey, title).help(help));
            }
        }
    }
    (grafts, faults)
}

/// `transactions.commit_wait`; behind `tables.` all is one pattern, whatever dots it has.
fn split(key: &str) -> Vec<String> {
    match key.split_once('.') {
        Some(("tables", pattern)) => vec!["tables".to_owned(), pattern.to_owned()],
        Some(_) | None => key.split('.').map(str::to_owned).collect(),
    }
}

/// The key with `*` for names that the user gives.
fn shape(section: &str, path: &[String], of_user: bool) -> String {
    if of_user {
        return format!("users.{}", path.join("."));
    }
    match (section, path) {
        ("tables", _) => "tables.*".to_owned(),
        ("backends", [_, _, rest @ ..]) => format!("backends.*.{}", rest.join(".")),
        _ => path.join("."),
    }
}

/// Numbers and switches as they are, rules with braces too, everything else as a text.
fn in_toml(keys: &BTreeMap<String, Kind>, shape: &str, value: &str) -> String {
    let number = value.strip_prefix('-').unwrap_or(value);
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let plain = match keys.get(shape) {
        Some(Kind::Count { .. }) => is_number,
        Some(Kind::Ratio { .. }) => {
            is_number || value.starts_with(|c: char| c.is_ascii_digit()) && value.parse::<f64>().is_ok()
        }
        Some(Kind::Flag { .. }) => matches!(value, "true" | "false"),
        Some(Kind::Rule) => value.trim_start().starts_with('{'),
        Some(_) | None => false,
    };
    if plain { value.to_owned() } else { quoted(value) }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Names that the file gives, for variables, which know only capitals and no dashes.
#[derive(Default)]
pub(super) struct Names {
    backends: Vec<String>,
    users: Vec<String>,
    patterns: Vec<String>,
}

impl Names {
    pub(super) fn of(root: &DeTable<'_>) -> Self {
        let table = |key: &str| match root.get(key).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => table.keys().map(|key| key.get_ref().to_string()).collect(),
            Some(_) | None => Vec::new(),
        };
        let users = match root.get("users").map(Spanned::get_ref) {
            Some(DeValue::Array(users)) => users.iter().filter_map(|user| user_name(user).map(str::to_owned)).collect(),
            Some(_) | None => Vec::new(),
        };
        Self { backends: table("backends"), users, patterns: table("tables") }
    }

    /// The path of a variable's name, with names as the file spells them.
    fn known(&self, mut path: Vec<String>) -> Vec<String> {
        let spelled = |names: &[String], name: &mut String| {
            let same = |other: &&String| other.to_lowercase().replace('-', "_") == *name;
            if let Some(found) = names.iter().find(same) {
                name.clone_from(found);
            }
        };
        if let [section, name, ..] = path.as_mut_slice() {
            match section.as_str() {
                "backends" => spelled(&self.backends, name),
                "users" => spelled(&self.users, name),
                "tables" => spelled(&self.patterns, name),
                _ => {}
            }
        }
        path
    }
}

fn user_name<'t>(user: &'t Spanned<DeValue<'_>>) -> Option<&'t str> {
    user.get_ref().as_table()?.get("name")?.get_ref().as_str()
}

/// Puts the overrides into the tree.
pub(super) fn graft<'t>(root: &mut DeTable<'t>, grafts: &'t [Graft]) -> Vec<ConfigFault> {
    let mut faults = Vec::new();
    for graft in grafts {
        let (table, syntax) = DeTable::parse_recoverable(&graft.line);
        for error in &syntax {
            let end = graft.line.len();
            let title = format!("not TOML: {}", error.message());
            faults.push(ConfigFault::at(ConfigCode::Syntax, error.span().unwrap_or(end..end), title));
        }
        if syntax.is_empty() {
            let span = graft.line.len() - graft.line.trim_start().len()..graft.line.len();
            match &graft.user {
                None => merge(root, table.into_inner()),
                Some(name) => merge_user(root, name, span, table.into_inner()),
            }
        }
    }
    faults
}

const PASSWORD_WAYS: [&str; 3] = ["password", "password_file", "password_hash"];

fn merge<'t>(into: &mut DeTable<'t>, from: DeTable<'t>) {
    for (key, value) in from {
        let inner = into.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut);
        if let (Some(DeValue::Table(inner)), true) = (inner, value.get_ref().is_table()) {
            if let DeValue::Table(outer) = value.into_inner() {
                merge(inner, outer);
            }
        } else {
            if let Some(way) = PASSWORD_WAYS.iter().find(|way| *way == key.get_ref()) {
                // One way to give a password replaces another.
                PASSWORD_WAYS.iter().filter(|other| *other != way).for_each(|other| drop(into.remove(*other)));
            }
            // The old key would keep its place.
            into.remove(key.get_ref().as_ref());
            into.insert(key, value);
        }
    }
}

fn merge_user<'t>(root: &mut DeTable<'t>, name: &str, span: std::ops::Range<usize>, from: DeTable<'t>) {
    let users = Spanned::new(span.clone(), Cow::Borrowed("users"));
    let empty = || Spanned::new(span.clone(), DeValue::Array(toml::de::DeArray::new()));
    let DeValue::Array(users) = Spanned::get_mut(root.entry(users).or_insert_with(empty)) else { return };
    if let Some(user) = users.iter_mut().find(|user| user_name(user) == Some(name))
        && let DeValue::Table(table) = user.get_mut()
    {
        return merge(table, from);
    }
    let mut table = from;
    let value = Spanned::new(span.clone(), DeValue::String(Cow::Owned(name.to_owned())));
    table.insert(Spanned::new(span.clone(), Cow::Borrowed("name")), value);
    users.push(Spanned::new(span, DeValue::Table(table)));
}
