//! Turns the TOML into a checked [`Config`], section by section, and reports every fault at once.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::file::{Env, Off, ReadFile, Reader, Section, Text};
use super::report::{ConfigCode, ConfigErrors, ConfigFault, Span};
use super::{
    Admin, Backend, ClientCert, Config, Foreign, Journal, Limits, Listen, ListenTls, Node, Pool, PoolMode, Reply,
    Secret, Telemetry, TlsMode, Transactions, User, backends, tables,
};
use crate::base::{ClusterName, Dialect, NodeName};

/// Reads and checks a file; variables come from the process's environment.
///
/// # Errors
/// All faults at once, ready to be printed.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let fault = ConfigFault::whole(ConfigCode::Unreadable, format!("cannot read {file}: {error}"))
            .help("config/minimal.toml is the smallest working file; name yours with -c FILE");
        ConfigErrors::new(&file, "", vec![fault])
    })?;
    parse(&text, &file, &|name| std::env::var(name).ok(), &|path| std::fs::read_to_string(path))
}

/// Checks a text. `env` looks up `${NAME}`, `read_file` reads `password_file`s.
///
/// # Errors
/// All faults at once, ready to be printed.
pub fn parse(text: &str, file_name: &str, env: Env<'_>, read_file: ReadFile<'_>) -> Result<Config, ConfigErrors> {
    let mut reader = Reader::new(text, env, read_file);
    match read(&mut reader) {
        Some(config) if reader.faults.is_empty() => Ok(config),
        Some(_) | None => Err(ConfigErrors::new(file_name, text, reader.faults)),
    }
}

/// The configuration as far as it could be read; `None` only together with a fault.
pub(super) fn read(r: &mut Reader<'_>) -> Option<Config> {
    let (table, syntax) = DeTable::parse_recoverable(r.text);
    for error in &syntax {
        let end = r.text.len();
        let span = error.span().unwrap_or(end..end);
        r.fault(ConfigFault::at(ConfigCode::Syntax, span, format!("not TOML: {}", error.message())));
    }
    if !syntax.is_empty() {
        return None;
    }
    let mut root = Section::root(table.get_ref());
    let node = node(r, &mut root);
    let (listen, postgres, mysql) = listen(r, &mut root);
    let users = users(r, &mut root);
    let user_names: Vec<String> = users.iter().map(|user| user.name.clone()).collect();
    let backends = backends::read(r, &mut root);
    let tables = tables::read(r, &mut root, &backends.names);
    let config = Config {
        node: node?,
        listen,
        users,
        backends: backends.backends,
        tables,
        pool: pool(r, &mut root),
        transactions: transactions(r, &mut root),
        journal: journal(r, &mut root),
        foreign: foreign(r, &mut root),
        limits: limits(r, &mut root),
        admin: admin(r, &mut root, &user_names),
        telemetry: telemetry(r, &mut root),
    };
    root.finish(r);
    homes(r, &config.backends, &backends.places, Dialect::Postgres, postgres);
    homes(r, &config.backends, &backends.places, Dialect::Mysql, mysql);
    Some(config)
}

fn node(r: &mut Reader<'_>, root: &mut Section<'_>) -> Option<Node> {
    let mut section = root.section(r, "node");
    let cluster = section.text(r, "cluster");
    let name = section.text(r, "name");
    section.finish(r);
    let (rule, code) = ("1 to 16 letters, digits, '-' or '_'", ConfigCode::BadName);
    let cluster_name = match &cluster {
        None => ClusterName::new("handfast"),
        Some(text) => ClusterName::new(&text.text),
    };
    if let (None, Some(text)) = (&cluster_name, &cluster) {
        r.fault(ConfigFault::at(code, text.span.clone(), "`node.cluster` is no cluster name").label(rule));
    }
    let node_name = name.as_ref().and_then(|text| NodeName::new(&text.text));
    if let (None, Some(text)) = (&node_name, &name) {
        r.fault(ConfigFault::at(code, text.span.clone(), "`node.name` is no node name").label(rule));
    }
    // The default stands in for a faulty name: the fault above keeps the configuration from being used.
    Some(Node { cluster: cluster_name.or_else(|| ClusterName::new("handfast"))?, name: node_name })
}

/// The section and where each listener stands.
fn listen(r: &mut Reader<'_>, root: &mut Section<'_>) -> (Listen, Option<Span>, Option<Span>) {
    let mut section = root.section(r, "listen");
    let (postgres_key, mysql_key) = (section.entry(r, "postgres"), section.entry(r, "mysql"));
    let postgres = section.address(r, "postgres");
    let mysql = section.address(r, "mysql");
    let database = section.text(r, "database").map_or_else(|| "app".to_owned(), |text| text.text);
    let tls = listen_tls(r, &mut section);
    if postgres_key.is_none() && mysql_key.is_none() {
        let fault = ConfigFault::at(ConfigCode::NoListener, section.span.clone(), "nothing to listen on");
        r.fault(fault.help("set listen.postgres = \"127.0.0.1:6432\", listen.mysql = \"127.0.0.1:6306\" or both"));
    }
    if let (Some((one, _)), Some((other, span))) = (&postgres, &mysql)
        && one == other
    {
        r.bad_value(span.clone(), format!("both listeners are at {one}"), "another port is needed");
    }
    section.finish(r);
    let postgres_span = postgres.as_ref().map(|(_, span)| span.clone());
    let mysql_span = mysql.as_ref().map(|(_, span)| span.clone());
    let listen = Listen { postgres: postgres.map(|(a, _)| a), mysql: mysql.map(|(a, _)| a), database, tls };
    (listen, postgres_span, mysql_span)
}

fn listen_tls(r: &mut Reader<'_>, listen: &mut Section<'_>) -> ListenTls {
    let mut section = listen.section(r, "tls");
    let words = [("off", TlsMode::Off), ("prefer", TlsMode::Prefer), ("require", TlsMode::Require)];
    let mode = section.choice(r, "mode", &words);
    let cert = section.file_path(r, "cert");
    let key = section.file_path(r, "key");
    for (name, file) in [("cert", &cert), ("key", &key)] {
        if mode != TlsMode::Off && file.is_none() {
            let title = format!("TLS is on and `listen.tls.{name}` is missing");
            r.fault(ConfigFault::at(ConfigCode::Tls, section.span.clone(), title).label("a PEM file is needed"));
        }
    }
    let client_ca = section.file_path(r, "client_ca");
    let needs =
        [("optional", ClientCert::Optional), ("require", ClientCert::Require), ("verify-full", ClientCert::VerifyFull)];
    let client_cert = section.choice(r, "client_cert", &needs);
    if client_cert != ClientCert::Optional && client_ca.is_none() {
        let title = "clients must show a certificate and `listen.tls.client_ca` is missing";
        r.fault(ConfigFault::at(ConfigCode::Tls, section.span.clone(), title).label("a PEM file is needed"));
    }
    if client_ca.is_some() && mode == TlsMode::Off {
        let title = "`listen.tls.client_ca` is set and TLS is off";
        r.fault(ConfigFault::at(ConfigCode::Tls, section.span.clone(), title).label("add mode = \"require\""));
    }
    section.finish(r);
    ListenTls { mode, cert, key, client_ca, client_cert }
}

fn users(r: &mut Reader<'_>, root: &mut Section<'_>) -> Vec<User> {
    let Some((span, value)) = root.entry(r, "users") else {
        let fault = ConfigFault::at(ConfigCode::Missing, 0..0, "there is no [[users]]: nobody could log in");
        r.fault(fault.help("add [[users]] with name and password (or password_file)"));
        return Vec::new();
    };
    let DeValue::Array(entries) = value.get_ref() else {
        r.wrong_type(value, "`users`", "a list: write [[users]] with two brackets");
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
                r.fault(fault.and(first.clone(), "first here"));
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
    let name = section.text(r, "name");
    let password = password(r, &mut section);
    section.finish(r);
    if !name_given {
        r.fault(ConfigFault::at(ConfigCode::Missing, span.clone(), "a user without `name`"));
    }
    let Text { text, span: place } = name?;
    if text.is_empty() || text.len() > USER_BYTES_MAX || text.chars().any(char::is_control) {
        let label = format!("1 to {USER_BYTES_MAX} bytes, no control characters");
        r.fault(ConfigFault::at(ConfigCode::BadName, place, "`users.name` is no login name").label(label));
        return None;
    }
    if password == Given::Nowhere {
        let title = format!("user \"{text}\" has no password");
        r.fault(ConfigFault::at(ConfigCode::Password, span, title).help("add password_file or password"));
    }
    let Given::As(password) = password else { return None };
    if password.expose().is_empty() {
        r.fault(ConfigFault::at(ConfigCode::Password, place, format!("the password of user \"{text}\" is empty")));
        return None;
    }
    Some((User { name: text, password }, place))
}

/// PostgreSQL cuts longer names off.
const USER_BYTES_MAX: usize = 63;

/// Whether a password was given.
#[derive(PartialEq, Eq)]
pub(super) enum Given {
    /// By neither key.
    Nowhere,
    /// Given, and it cannot be used; reported.
    Faulty,
    /// This one.
    As(Secret),
}

/// `password` or `password_file` of a section.
pub(super) fn password(r: &mut Reader<'_>, section: &mut Section<'_>) -> Given {
    let inline = section.entry(r, "password");
    let file = section.entry(r, "password_file");
    match (inline, file) {
        (None, None) => Given::Nowhere,
        (Some((first, _)), Some((second, _))) => {
            let fault = ConfigFault::at(ConfigCode::Password, second, "a password is given twice");
            r.fault(fault.label("and here").and(first, "here"));
            Given::Faulty
        }
        (Some(_), None) => section.text(r, "password").map_or(Given::Faulty, |text| Given::As(Secret::new(text.text))),
        (None, Some((_, value))) => {
            let Some(path) = section.file_path(r, "password_file") else { return Given::Faulty };
            match (r.read_file)(&path) {
                Ok(text) => Given::As(Secret::new(text.trim_end_matches(['\r', '\n']))),
                Err(error) => {
                    let title = format!("cannot read password_file {}: {error}", path.display());
                    r.fault(ConfigFault::at(ConfigCode::Unreadable, value.span(), title));
                    Given::Faulty
                }
            }
        }
    }
}

fn pool(r: &mut Reader<'_>, root: &mut Section<'_>) -> Pool {
    let mut section = root.section(r, "pool");
    let modes = [("session", PoolMode::Session), ("transaction", PoolMode::Transaction)];
    let mode = section.choice(r, "mode", &modes);
    let pool = Pool {
        mode,
        size: section.count(r, "size", 50, 1..=10_000),
        queue: section.count(r, "queue", 1000, 0..=1_000_000),
        acquire_timeout: section.duration(r, "acquire_timeout", "5s", Off::Refused),
        connect_timeout: section.duration(r, "connect_timeout", "5s", Off::Refused),
        idle_timeout: section.duration(r, "idle_timeout", "5m", Off::Refused),
        max_lifetime: section.duration(r, "max_lifetime", "30m", Off::Refused),
    };
    section.finish(r);
    pool
}

fn transactions(r: &mut Reader<'_>, root: &mut Section<'_>) -> Transactions {
    let mut section = root.section(r, "transactions");
    let transactions = Transactions {
        prepare_timeout: section.duration(r, "prepare_timeout", "10s", Off::Refused),
        commit_wait: section.duration(r, "commit_wait", "5s", Off::Refused),
        idle_timeout: section.duration(r, "idle_timeout", "off", Off::Allowed),
        participants_max: section.count(r, "participants_max", 16, 1..=1000),
        in_doubt_max: section.count(r, "in_doubt_max", 1000, 1..=1_000_000),
        resolve_interval: section.duration(r, "resolve_interval", "1s", Off::Refused),
        warn_after: section.duration(r, "warn_after", "10s", Off::Refused),
        reply: section.choice(r, "reply", &[("committed", Reply::Committed), ("decided", Reply::Decided)]),
    };
    section.finish(r);
    transactions
}

fn journal(r: &mut Reader<'_>, root: &mut Section<'_>) -> Journal {
    let mut section = root.section(r, "journal");
    if let Some(Text { text, span }) = section.text(r, "kind")
        && text != "file"
    {
        let fault = match text.as_str() {
            "etcd" => ConfigFault::at(ConfigCode::NotBuilt, span, "a journal in etcd is not built yet"),
            other => ConfigFault::at(ConfigCode::BadValue, span, format!("`journal.kind` cannot be \"{other}\"")),
        };
        r.fault(fault.label("only \"file\""));
    }
    let journal = Journal {
        path: section.file_path(r, "path").unwrap_or_else(|| "/var/lib/handfast".into()),
        segment_bytes: section.size(r, "segment_size", "16MiB", 64 << 10..=1 << 30),
        keep: section.duration(r, "keep", "7d", Off::Refused),
    };
    section.finish(r);
    journal
}

fn foreign(r: &mut Reader<'_>, root: &mut Section<'_>) -> Foreign {
    let mut section = root.section(r, "foreign");
    let foreign = Foreign { schema_ttl: section.duration(r, "schema_ttl", "1m", Off::Refused) };
    section.finish(r);
    foreign
}

fn limits(r: &mut Reader<'_>, root: &mut Section<'_>) -> Limits {
    let mut section = root.section(r, "limits");
    let statement_bytes = section.size(r, "statement_size", "64MiB", 1 << 10..=1 << 30);
    let limits = Limits {
        clients: section.count(r, "clients", 1000, 1..=1_000_000),
        statement_bytes: usize::try_from(statement_bytes).unwrap_or(usize::MAX),
        statement_cache: section.count(r, "statement_cache", 10_000, 1..=10_000_000),
        login_timeout: section.duration(r, "login_timeout", "10s", Off::Refused),
        drain_timeout: section.duration(r, "drain_timeout", "30s", Off::Refused),
        transactions_kept: section.count(r, "transactions_kept", 1000, 1..=100_000),
    };
    section.finish(r);
    limits
}

fn admin(r: &mut Reader<'_>, root: &mut Section<'_>, users: &[String]) -> Admin {
    let mut section = root.section(r, "admin");
    let off = section.entry(r, "listen").is_some_and(|(_, v)| matches!(v.get_ref(), DeValue::String(s) if s == "off"));
    let listen = if off { None } else { section.address(r, "listen") };
    if let Some((address, span)) = &listen
        && !address.ip().is_loopback()
    {
        let fault = ConfigFault::at(ConfigCode::AdminOpen, span.clone(), "`admin.listen` is open to the network");
        r.fault(fault.label("it has no login yet: only 127.0.0.1 or [::1]"));
    }
    let users = operators(r, &mut section, users);
    section.finish(r);
    Admin { listen: listen.map(|(address, _)| address), users }
}

/// How log lines look.
#[derive(Clone, Copy)]
enum LogFormat {
    Auto,
    Text,
    Json,
}

/// Who may open the console: names of `[[users]]`.
fn operators(r: &mut Reader<'_>, section: &mut Section<'_>, known: &[String]) -> Vec<String> {
    let Some((_, value)) = section.entry(r, "users") else { return Vec::new() };
    let DeValue::Array(entries) = value.get_ref() else {
        r.wrong_type(value, "`admin.users`", "a list of names: [\"alice\"]");
        return Vec::new();
    };
    let mut users = Vec::new();
    for entry in entries.iter() {
        let DeValue::String(name) = entry.get_ref() else {
            r.wrong_type(entry, "a name in `admin.users`", "text");
            continue;
        };
        if known.iter().any(|user| user == name) {
            users.push(name.to_string());
        } else {
            let title = format!("`admin.users` names \"{name}\", who is not one of [[users]]");
            let near = super::file::nearest(name, known.iter().map(String::as_str));
            let label = near.map_or_else(
                || String::from("nobody of this name could log in"),
                |near| format!("did you mean \"{near}\"?"),
            );
            r.bad_value(entry.span(), title, label);
        }
    }
    users
}

fn telemetry(r: &mut Reader<'_>, root: &mut Section<'_>) -> Telemetry {
    let mut section = root.section(r, "telemetry");
    let words = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    let log_level = section.text(r, "log_level");
    let format = section.choice(r, "log_format", &words);
    section.finish(r);
    if let Some(Text { text, span }) = &log_level
        && !text.split(',').all(is_log_directive)
    {
        let label = "off, error, warn, info, debug or trace; for a part: \"info,handfast::commit=debug\"";
        r.bad_value(span.clone(), "`telemetry.log_level` is no log level", label);
    }
    let log_json = match format {
        LogFormat::Auto => !std::io::IsTerminal::is_terminal(&std::io::stderr()),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    Telemetry { log_level: log_level.map_or_else(|| "info".to_owned(), |text| text.text), log_json }
}

fn is_log_directive(text: &str) -> bool {
    let (target, level) = text.split_once('=').unwrap_or(("all", text));
    !target.is_empty()
        && target.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':')
        && ["off", "error", "warn", "info", "debug", "trace"].contains(&level)
}

/// Clients of a listener need exactly one home among the backends of their dialect.
fn homes(r: &mut Reader<'_>, backends: &[Backend], places: &[Span], dialect: Dialect, listener: Option<Span>) {
    let of_dialect: Vec<_> = backends.iter().zip(places).filter(|(b, _)| b.dialect == dialect).collect();
    let marked: Vec<_> = of_dialect.iter().filter(|(b, _)| b.default).collect();
    if let [(first, place), .., (_, last)] = marked[..] {
        let title = format!("{} {dialect} backends say default = true", marked.len());
        let fault = ConfigFault::at(ConfigCode::Default, (*last).clone(), title).label("and this one");
        r.fault(fault.and((*place).clone(), format!("\"{}\" is one", first.name)));
    }
    let Some(listener) = listener else { return };
    match &of_dialect[..] {
        [] if backends.is_empty() => {}
        [] => {
            let title = format!("{dialect} clients can connect and no backend speaks {dialect}");
            let fault = ConfigFault::at(ConfigCode::NoBackend, listener, title);
            r.fault(fault.help("add such a backend or remove this listener"));
        }
        [_] => {}
        [(first, place), ..] if marked.is_empty() => {
            let title = format!("none of {} {dialect} backends is the default", of_dialect.len());
            let fault = ConfigFault::at(ConfigCode::Default, (*place).clone(), title);
            let help = format!("add default = true to one of them, for example to [backends.{}]", first.name);
            r.fault(fault.help(help));
        }
        [..] => {}
    }
}
