//! `[backends.NAME]` and their URLs.

use super::expand::{ExpandFault, expand, percent_encoded};
use super::file::{Env, Reader, Section, Text};
use super::logins::{Given, Hash, password};
use super::report::{ConfigCode, ConfigFault, Span};
use super::schema::Kind;
use super::{Address, Backend, BackendTls, Secret};
use crate::base::Dialect;
use crate::base::limits::BACKENDS_MAX;

/// The backends with what messages need.
pub(super) struct Backends {
    /// Those that could be read, in the order of their names.
    pub(super) backends: Vec<Backend>,
    /// Where each of them is named.
    pub(super) places: Vec<Span>,
    /// Every name in the file, also of faulty ones: a rule for a faulty backend is not a second fault.
    pub(super) names: Vec<String>,
}

/// Usable as a qualifier in SQL of either dialect.
const NAME_BYTES_MAX: usize = 63;

pub(super) fn read(r: &mut Reader<'_>, root: &mut Section<'_>) -> Backends {
    let section = root.section(r, "backends");
    section.learn(r, "*", Kind::Section);
    let entries = section.entries();
    if entries.is_empty() {
        let fault = ConfigFault::at(ConfigCode::Missing, section.span.clone(), "there is no [backends.NAME]");
        r.fault(fault.help("add [backends.store] with url = \"postgres://user@host/database\", and so on"));
    }
    let mut found = Backends { backends: Vec::new(), places: Vec::new(), names: Vec::new() };
    let mut read = Vec::new();
    for (name, span, value) in entries {
        found.names.push(name.to_owned());
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(good) {
            let fault = ConfigFault::at(ConfigCode::BadName, span.clone(), format!("\"{name}\" is no backend name"));
            r.fault(fault.label("1 to 63 lower-case letters, digits, '-' or '_'"));
        }
        let section = Section::at(r, format!("backends.{name}"), "backends.*", span.clone(), value);
        read.extend(backend(r, name, section).map(|backend| (backend, span)));
    }
    if found.names.len() > BACKENDS_MAX {
        let title = format!("{} backends are too many", found.names.len());
        let fault = ConfigFault::at(ConfigCode::BadValue, section.span.clone(), title);
        r.fault(fault.label(format!("{BACKENDS_MAX} at most")));
    }
    found.names.sort();
    read.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    (found.backends, found.places) = read.into_iter().unzip();
    found
}

fn backend(r: &mut Reader<'_>, name: &str, mut section: Section<'_>) -> Option<Backend> {
    let span = section.span.clone();
    let url = url(r, &mut section);
    let password = password(r, &mut section, Hash::Refused);
    let default = section.flag(r, "default", false);
    let allow_unsafe_durability = section.flag(r, "allow_unsafe_durability", false);
    let mut file = |key| section.readable(r, key);
    let (ca_file, cert_file, key_file) = (file("tls_ca_file"), file("tls_cert_file"), file("tls_key_file"));
    let mut pool = section.section(r, "pool");
    let pool_size = pool.optional_count(r, "size", 1..=10_000);
    pool.finish(r);
    section.finish(r);
    let (url, url_span) = url?;
    if ca_file.is_some() && url.tls != BackendTls::VerifyFull {
        let title = format!("[backends.{name}] has tls_ca_file and does not verify the server");
        let option = if url.dialect == Dialect::Postgres { "sslmode" } else { "tls" };
        let fault = ConfigFault::at(ConfigCode::Tls, url_span.clone(), title);
        r.fault(fault.help(format!("add ?{option}=verify-full to the url")));
    }
    if cert_file.is_some() != key_file.is_some() || (cert_file.is_some() && url.tls == BackendTls::Disable) {
        let title = format!("[backends.{name}]: tls_cert_file and tls_key_file come together, and need TLS");
        let fault = ConfigFault::at(ConfigCode::Tls, url_span.clone(), title);
        r.fault(fault.help("give both or none, and no sslmode=disable (mysql: tls=disable) in the url"));
    }
    let password = match (password, url.password) {
        (Given::As(_) | Given::Stored(_) | Given::Faulty, Some(_)) => {
            let fault =
                ConfigFault::at(ConfigCode::Password, span, "a password is given twice").help("keep one of them");
            r.fault(fault.label("beside the url").and(url_span, "and in the url"));
            return None;
        }
        (Given::Stored(_) | Given::Faulty, None) => return None,
        (Given::As(password), None) => password,
        (Given::Nowhere, password) => Secret::new(password.unwrap_or_default()),
    };
    Some(Backend {
        name: name.to_owned(),
        dialect: url.dialect,
        address: url.address,
        user: url.user,
        password,
        database: url.database,
        tls: url.tls,
        ca_file,
        client_cert: cert_file.zip(key_file).map(Box::new),
        default,
        pool_size,
        allow_unsafe_durability,
    })
}

fn url(r: &mut Reader<'_>, section: &mut Section<'_>) -> Option<(Url, Span)> {
    section.learn(r, "url", Kind::Url);
    let Some((_, value)) = section.entry(r, "url") else {
        let title = format!("[{}] has no `url`", section.name);
        let fault = ConfigFault::at(ConfigCode::Missing, section.span.clone(), title);
        r.fault(fault.help("url = \"postgres://user:password@host:5432/database\" or mysql://…"));
        return None;
    };
    let Text { text, span } = r.text_of(value, &format!("`{}`", section.path("url")), &in_login)?;
    r.note_hidden(section.owned("url"), Some(without_password(&text)), &text, &span);
    match read_url(&text) {
        Ok(url) => Some((url, span)),
        Err(why) => {
            let title = format!("[{}]: the url cannot be read", section.name);
            r.fault(ConfigFault::at(ConfigCode::BadUrl, span, title).label(why));
            None
        }
    }
}

/// A backend as a command line names it, by nothing but its URL.
#[derive(Clone, Debug)]
pub struct FromUrl {
    /// It; everything but the URL is the default.
    pub backend: Backend,
    /// The variable that holds its password, if the URL says `user:${NAME}@`.
    pub password_variable: Option<String>,
}

/// Reads a URL with its `${VARIABLES}`. Errors: what is wrong with it, never with the password in it.
pub fn from_url(name: &str, template: &str, env: Env<'_>) -> Result<FromUrl, String> {
    let text =
        expand(template, env, &|at| in_login(template, at)).map_err(|faults| match faults.into_iter().next() {
            Some(ExpandFault::Unset(name)) => format!("environment variable {name} is not set"),
            Some(ExpandFault::Syntax) | None => String::from("a dollar sign that is no variable: write %24"),
        })?;
    let url = read_url(&text)?;
    let login = template.rsplit_once('@').map_or("", |(login, _)| login);
    let variable = login.rsplit_once(":${").and_then(|(_, rest)| rest.strip_suffix('}'));
    let password_variable = variable.filter(|name| !name.contains(['$', ':', '}'])).map(str::to_owned);
    let backend = Backend {
        name: name.to_owned(),
        dialect: url.dialect,
        address: url.address,
        user: url.user,
        password: Secret::new(url.password.unwrap_or_default()),
        database: url.database,
        tls: url.tls,
        ca_file: None,
        client_cert: None,
        default: false,
        pool_size: None,
        allow_unsafe_durability: false,
    };
    Ok(FromUrl { backend, password_variable })
}

/// A backend's URL without its password; what [`from_url`] reads back.
pub fn to_url(backend: &Backend) -> String {
    let (scheme, option) = match backend.dialect {
        Dialect::Postgres => ("postgres", "sslmode"),
        Dialect::Mysql => ("mysql", "tls"),
    };
    let mode = match backend.tls {
        BackendTls::Disable => format!("?{option}=disable"),
        BackendTls::Prefer => String::new(),
        BackendTls::Require => format!("?{option}=require"),
        BackendTls::VerifyFull => format!("?{option}=verify-full"),
    };
    let Address { host, port } = &backend.address;
    let host = if host.contains(':') { format!("[{host}]") } else { percent_encoded(host) };
    let (user, database) = (percent_encoded(&backend.user), percent_encoded(&backend.database));
    format!("{scheme}://{user}@{host}:{port}/{database}{mode}")
}

/// Between `://` and the last `@` a variable's characters are a login's, not the URL's.
fn in_login(template: &str, at: usize) -> bool {
    let login = template.find("://").map_or(0, |scheme| scheme + 3)..template.rfind('@').unwrap_or(0);
    login.contains(&at)
}

/// The URL with `***` for a password.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return "***".to_owned() };
    match rest.rsplit_once('@').and_then(|(login, host)| Some((login.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{scheme}://{user}:***@{host}"),
        None => text.to_owned(),
    }
}

/// What a backend's URL says.
#[derive(Debug, PartialEq, Eq)]
struct Url {
    dialect: Dialect,
    address: Address,
    user: String,
    password: Option<String>,
    database: String,
    tls: BackendTls,
}

fn read_url(text: &str) -> Result<Url, String> {
    let (scheme, rest) = text.split_once("://").ok_or("it must begin with postgres:// or mysql://")?;
    let (dialect, default_port) = match scheme {
        "postgres" | "postgresql" => (Dialect::Postgres, 5432),
        "mysql" | "mariadb" => (Dialect::Mysql, 3306),
        other => return Err(format!("\"{other}://\" is neither postgres:// nor mysql://")),
    };
    if rest.contains('#') {
        return Err("'#' must be written %23".to_owned());
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, host) = authority.rsplit_once('@').ok_or("the user is missing: user@host")?;
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(decoded(password)?)),
        None => (login, None),
    };
    let (user, database) = (decoded(user)?, decoded(database)?);
    if user.is_empty() {
        return Err("the user is missing: user@host".to_owned());
    }
    if database.is_empty() || database.contains('/') {
        return Err("the database is missing: host/database".to_owned());
    }
    let address = address(host, default_port)?;
    Ok(Url { dialect, address, user, password, database, tls: tls(dialect, query)? })
}

fn address(text: &str, default_port: u16) -> Result<Address, String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("']' is missing after the IPv6 address")?;
            (host.to_owned(), after.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (decoded(host)?, Some(port)),
            None => (decoded(text)?, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(format!("\"{port}\" is no port"))?,
        None => default_port,
    };
    if host.is_empty() || host.contains(['/', ' ', '@']) {
        return Err("the host is missing or is no host name".to_owned());
    }
    Ok(Address { host, port })
}

fn tls(dialect: Dialect, query: &str) -> Result<BackendTls, String> {
    let mut tls = BackendTls::Prefer;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = match dialect {
            Dialect::Postgres => key == "sslmode",
            Dialect::Mysql => key == "tls" || key == "ssl-mode",
        };
        if !known {
            let option = if dialect == Dialect::Postgres { "sslmode" } else { "tls" };
            let instead = match key {
                "sslrootcert" | "ssl-ca" => "; write tls_ca_file beside the url",
                "sslcert" | "sslkey" | "ssl-cert" | "ssl-key" => {
                    "; write tls_cert_file and tls_key_file beside the url"
                }
                _ => "",
            };
            return Err(format!("option \"{key}\" is not known; there is {option}{instead}"));
        }
        tls = match value.to_ascii_lowercase().as_str() {
            "disable" | "disabled" => BackendTls::Disable,
            "prefer" | "preferred" | "allow" => BackendTls::Prefer,
            "require" | "required" => BackendTls::Require,
            "verify-full" | "verify_identity" => BackendTls::VerifyFull,
            _ => return Err(format!("{key}={value}: one of disable, prefer, require, verify-full")),
        };
    }
    Ok(tls)
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| char::from(b?).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let (high, low) = (digit(bytes.next()), digit(bytes.next()));
        let (Some(high), Some(low)) = (high, low) else {
            return Err("'%' must be written %25, or be followed by two hex digits".to_owned());
        };
        out.push(high << 4 | low);
    }
    match String::from_utf8(out) {
        Ok(text) if !text.contains('\0') => Ok(text),
        Ok(_) | Err(_) => Err("percent-encoded bytes are no text".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_url_is_read_and_decoded() {
        let url = read_url("postgres://a%40b:p%3Aq%2F@db.example:6543/st%20ore?sslmode=verify-full").unwrap();
        let address = Address { host: "db.example".to_owned(), port: 6543 };
        let (user, password, database) = ("a@b".to_owned(), Some("p:q/".to_owned()), "st ore".to_owned());
        assert_eq!(
            url,
            Url { dialect: Dialect::Postgres, address, user, password, database, tls: BackendTls::VerifyFull }
        );
    }

    #[test]
    fn a_url_is_written_as_it_is_read_without_its_password() {
        let env = |name: &str| (name == "PASSWORD").then(|| String::from("p@ss:w/rd"));
        for (given, written) in [
            ("postgres://a%40b:${PASSWORD}@h/d", "postgres://a%40b@h:5432/d"),
            ("mariadb://app:${PASSWORD}@[::1]:3307/d?tls=require", "mysql://app@[::1]:3307/d?tls=require"),
        ] {
            let FromUrl { backend, password_variable } = from_url("x", given, &env).unwrap();
            assert_eq!((backend.password.expose(), password_variable.as_deref()), ("p@ss:w/rd", Some("PASSWORD")));
            assert_eq!(to_url(&backend), written);
            let again = from_url("x", written, &env).unwrap().backend;
            assert_eq!((again.user, again.address, again.tls), (backend.user, backend.address, backend.tls));
        }
        assert_eq!(from_url("x", "mysql://app:${NONE}@h/d", &env).unwrap_err(), "environment variable NONE is not set");
        assert_eq!(from_url("x", "mysql://app:x@h/d", &env).unwrap().password_variable, None);
    }

    #[test]
    fn ports_and_tls_have_defaults() {
        let url = read_url("mysql://app@[::1]/delivery").unwrap();
        assert_eq!((url.address.host.as_str(), url.address.port, url.tls), ("::1", 3306, BackendTls::Prefer));
        assert_eq!(url.password, None);
        assert_eq!(read_url("postgresql://app:@h/d").unwrap().address.port, 5432);
        assert_eq!(read_url("mysql://app@h/d?ssl-mode=DISABLED").unwrap().tls, BackendTls::Disable);
    }

    #[test]
    fn urls_that_miss_a_part_are_refused() {
        for text in [
            "store",
            "http://app@h/d",
            "postgres://h/d",
            "postgres://@h/d",
            "postgres://app@/d",
            "postgres://app@h",
            "postgres://app@h/",
            "postgres://app@h:0/d",
            "postgres://app@h:99999/d",
            "postgres://app@h/d?sslmode=verify-ca",
            "postgres://app@h/d?tls=require",
            "postgres://app:%zz@h/d",
            "postgres://app:%00@h/d",
            "postgres://app:a#b@h/d",
        ] {
            assert!(read_url(text).is_err(), "{text}");
        }
    }
}
