//! `[[users]]`, and by which keys passwords and other secrets are given.

use toml::de::DeValue;

use super::file::{Reader, Section, Text, Value, nearest};
use super::report::{ConfigCode, ConfigFault, Span};
use super::schema::Kind;
use super::{Config, Credential, Secret, User, Verifier};
use crate::base::Dialect;

/// A user with the places of its name and of what it may use.
pub(super) struct Login {
    pub(super) user: User,
    span: Span,
    /// The list's place, and each name's.
    reach: Option<(Span, Vec<Text>)>,
}

pub(super) fn users(r: &mut Reader<'_>, root: &mut Section<'_>) -> Vec<Login> {
    let Some((span, value)) = root.entry(r, "users") else {
        let fault = ConfigFault::at(ConfigCode::Missing, 0..0, "there is no [[users]]: nobody could log in");
        r.fault(fault.help("add [[users]] with name and password (or password_file)"));
        return Vec::new();
    };
    let DeValue::Array(entries) = value.get_ref() else {
        let fault = ConfigFault::at(ConfigCode::WrongType, value.span(), "`users` must be a list");
        r.fault(fault.label("write [[users]] with two brackets"));
        return Vec::new();
    };
    let mut users: Vec<Login> = Vec::new();
    for entry in entries.iter() {
        let section = Section::at(r, "users".to_owned(), "users", entry.span(), entry);
        let Some(login) = user(r, section) else { continue };
        let Login { user, span: place, .. } = &login;
        match users.iter().find(|other| other.user.name == user.name) {
            Some(Login { span: first, .. }) => {
                let title = format!("user \"{}\" is there twice", user.name);
                let fault = ConfigFault::at(ConfigCode::DuplicateUser, place.clone(), title).label("again");
                r.fault(fault.and(first.clone(), "first here").help("remove one of them"));
            }
            None => users.push(login),
        }
    }
    if entries.is_empty() {
        r.fault(ConfigFault::at(ConfigCode::Missing, span, "`users` is empty: nobody could log in"));
    }
    users
}

fn user(r: &mut Reader<'_>, mut section: Section<'_>) -> Option<Login> {
    let span = section.span.clone();
    let name_given = section.entry(r, "name").is_some();
    section.learn(r, "name", Kind::Text { default: "" });
    let name = section.plain(r, "name");
    if let Some(name) = &name {
        section.owner = format!("users.{}", name.text);
        r.note(section.owned("name"), &name.text, Some(&name.span));
    }
    let password = password(r, &mut section, Hash::Allowed);
    let connections_max = section.optional_count(r, "connections_max", 0..=1_000_000).unwrap_or(0);
    let reach = section.names(r, "backends");
    section.finish(r);
    if !name_given {
        r.fault(ConfigFault::at(ConfigCode::Missing, span.clone(), "a user without `name`").help("add name = \"…\""));
    }
    let Text { text, span: place } = name?;
    if text.is_empty() || text.len() > USER_BYTES_MAX || text.chars().any(char::is_control) {
        let label = format!("1 to {USER_BYTES_MAX} bytes, no control characters");
        r.fault(ConfigFault::at(ConfigCode::BadName, place, "`users.name` is no login name").label(label));
        return None;
    }
    if password == Given::Nowhere {
        let title = format!("user \"{text}\" has no password");
        r.fault(
            ConfigFault::at(ConfigCode::Password, span, title)
                .help("add password_file, password, or password_hash (`handfast hash-password` prints one)"),
        );
    }
    let login = match password {
        Given::Nowhere | Given::Faulty => return None,
        Given::Stored(verifier) => Credential::Stored(verifier),
        Given::As(password) if password.expose().is_empty() => {
            let fault =
                ConfigFault::at(ConfigCode::Password, place, format!("the password of user \"{text}\" is empty"));
            r.fault(fault.help("everybody could log in: give a password, or remove this user"));
            return None;
        }
        Given::As(password) => Credential::Password(password),
    };
    let backends = reach.as_ref().map(|(_, names)| names.iter().map(|name| name.text.clone()).collect());
    Some(Login { user: User { name: text, login, connections_max, backends }, span: place, reach })
}

/// Checks what users may use, once the backends and their homes are known.
pub(super) fn reaches(r: &mut Reader<'_>, config: &Config, logins: &[Login], backends: &[String]) {
    let listens = [(Dialect::Postgres, config.listen.postgres), (Dialect::Mysql, config.listen.mysql)];
    let homes = listens.into_iter().filter(|(_, listener)| listener.is_some());
    let homes: Vec<&str> =
        homes.filter_map(|(dialect, _)| config.home(dialect)).map(|home| config.backend(home).name.as_str()).collect();
    for Login { user, reach, .. } in logins {
        let Some((list, names)) = reach else { continue };
        let unknown: Vec<&Text> = names.iter().filter(|name| !backends.contains(&name.text)).collect();
        for Text { text, span } in &unknown {
            let title = format!("user \"{}\" is given a backend that is not defined", user.name);
            r.fault(ConfigFault::at(ConfigCode::UnknownBackend, span.clone(), title).label(no_such(text, backends)));
        }
        // A misspelled name may have been meant for a home.
        if unknown.is_empty() && !homes.is_empty() && !names.iter().any(|name| homes.contains(&name.text.as_str())) {
            let title = format!("user \"{}\" could not log in: none of its backends is a default", user.name);
            let help = format!("add {} to the list", quoted(&homes).join(" or "));
            let fault = ConfigFault::at(ConfigCode::NoHome, list.clone(), title);
            r.fault(fault.label("greeting, catalogs and statements without a table need it").help(help));
        }
    }
}

/// What is said of a backend's name that nobody bears.
pub(super) fn no_such(name: &str, backends: &[String]) -> String {
    match nearest(name, backends.iter().map(String::as_str)) {
        Some(near) => format!("no [backends.{name}]; did you mean \"{near}\"?"),
        None => format!("no [backends.{name}]; there is {}", backends.join(", ")),
    }
}

fn quoted(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("\"{name}\"")).collect()
}

/// PostgreSQL cuts longer names off.
const USER_BYTES_MAX: usize = 63;

/// Whether a password was given.
#[derive(PartialEq, Eq)]
pub(super) enum Given {
    /// As a stored verifier.
    Stored(Box<Verifier>),
    /// By neither key.
    Nowhere,
    /// Given, and it cannot be used; reported.
    Faulty,
    /// This one.
    As(Secret),
}

/// Whether a stored verifier will do in place of a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// It will.
    Allowed,
    /// The password itself is needed.
    Refused,
}

/// `password`, `password_file` or `password_hash` of a section.
pub(super) fn password(r: &mut Reader<'_>, section: &mut Section<'_>, hash: Hash) -> Given {
    let mut ways = vec!["password", "password_file"];
    ways.extend((hash == Hash::Allowed).then_some("password_hash"));
    let mut given = Vec::new();
    for way in ways {
        section.learn(r, way, if way == "password_file" { Kind::Path { default: "" } } else { Kind::Secret });
        given.extend(section.entry(r, way).map(|(key, value)| (way, key, value)));
    }
    match given[..] {
        [] => Given::Nowhere,
        [("password", ..)] => {
            let Some(Text { text, span }) = section.plain(r, "password") else { return Given::Faulty };
            r.note_hidden(section.owned("password"), None, &text, &span);
            Given::As(Secret::new(text))
        }
        [("password_hash", _, value)] => stored(r, section, value),
        [(_, _, value)] => match secret_file(r, section, "password_file", &value.span()) {
            Some(text) => Given::As(Secret::new(text)),
            None => Given::Faulty,
        },
        [(_, ref first, _), (_, ref second, _), ..] => {
            let fault = ConfigFault::at(ConfigCode::Password, second.clone(), "a password is given twice");
            r.fault(fault.label("and here").and(first.clone(), "here").help("keep one of them"));
            Given::Faulty
        }
    }
}

/// A verifier has dollar signs of its own: variables are replaced only in a text that is nothing but one.
fn stored(r: &mut Reader<'_>, section: &mut Section<'_>, value: &Value<'_>) -> Given {
    let raw = value.get_ref().as_str().filter(|text| !(text.starts_with("${") && text.ends_with('}')));
    let text = match raw {
        Some(raw) => raw.to_owned(),
        None => match section.plain(r, "password_hash") {
            Some(text) => text.text,
            None => return Given::Faulty,
        },
    };
    r.note_hidden(section.owned("password_hash"), None, &text, &value.span());
    match Verifier::parse(&text) {
        Ok(verifier) => Given::Stored(Box::new(verifier)),
        Err(why) => {
            let title = "`users.password_hash` cannot be used";
            r.fault(ConfigFault::at(ConfigCode::Password, value.span(), title).label(why).help(
                "`handfast hash-password` prints one that is good for both protocols; hashes of other programs are not",
            ));
            Given::Faulty
        }
    }
}

/// What a file holds, without the end of its last line.
pub(super) fn secret_file(
    r: &mut Reader<'_>,
    section: &mut Section<'_>,
    key: &'static str,
    span: &Span,
) -> Option<String> {
    let (path, _) = section.plain_path(r, key)?;
    match (r.read_file)(&path) {
        Ok(text) => {
            let text = text.trim_end_matches(['\r', '\n']);
            r.note_hidden(section.owned(key), Some(path.display().to_string()), text, span);
            Some(text.to_owned())
        }
        Err(error) => {
            let title = format!("cannot read {key} {}: {error}", path.display());
            let fault = ConfigFault::at(ConfigCode::Unreadable, span.clone(), title);
            r.fault(fault.help("the file must be there and readable for the user that Handfast runs as"));
            None
        }
    }
}
