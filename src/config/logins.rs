//! `[[users]]`, and by which keys passwords and other secrets are given.

use toml::de::DeValue;

use super::file::{Reader, Section, Text, Value};
use super::report::{ConfigCode, ConfigFault, Span};
use super::schema::Kind;
use super::{Credential, Secret, User, Verifier};

pub(super) fn users(r: &mut Reader<'_>, root: &mut Section<'_>) -> Vec<User> {
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
    let mut users: Vec<(User, Span)> = Vec::new();
    for entry in entries.iter() {
        let section = Section::at(r, "users".to_owned(), "users", entry.span(), entry);
        let Some((user, place)) = user(r, section) else { continue };
        match users.iter().find(|(other, _)| other.name == user.name) {
            Some((_, first)) => {
                let title = format!("user \"{}\" is there twice", user.name);
                let fault = ConfigFault::at(ConfigCode::DuplicateUser, place, title).label("again");
                r.fault(fault.and(first.clone(), "first here").help("remove one of them"));
            }
            None => users.push((user, place)),
        }
    }
    if entries.is_empty() {
        r.fault(ConfigFault::at(ConfigCode::Missing, span, "`users` is empty: nobody could log in"));
    }
    users.into_iter().map(|(user, _)| user).collect()
}

fn user(r: &mut Reader<'_>, mut section: Section<'_>) -> Option<(User, Span)> {
    let span = section.span.clone();
    let name_given = section.entry(r, "name").is_some();
    section.learn(r, "name", Kind::Text { default: "" });
    let name = section.plain(r, "name");
    if let Some(name) = &name {
        section.owner = format!("users.{}", name.text);
        r.note(section.owned("name"), &name.text, Some(&name.span));
    }
    let password = password(r, &mut section, Hash::Allowed);
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
    Some((User { name: text, login }, place))
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
