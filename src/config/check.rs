//! Turns the TOML into a checked [`Config`], section by section, and reports every fault at once.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::file::{Env, Off, ReadFile, Reader, Section, Text};
use super::overrides::{self, Overrides};
use super::report::{ConfigCode, ConfigErrors, ConfigFault, Span};
use super::schema::Kind;
use super::seen::Seen;
use super::source::Sources;
use super::{
    Admin, Backend, ClientCert, Config, Foreign, Journal, Limits, Listen, ListenTls, Node, OtherDatabases, Pool,
    PoolMode, Reply, Secret, Telemetry, TlsMode, Traces, Transactions, User, backends, logins, tables,
};
use crate::base::{ClusterName, Dialect, NodeName};

/// Where a configuration is read from, and read again.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// What was given beside it.
    pub overrides: Overrides,
}

impl Source {
    /// Reads and checks it; variables of texts come from the process's environment.
    ///
    /// # Errors
    /// All faults at once, ready to be printed.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        self.load_noted().0
    }

    /// The same, with the files that were read or asked for.
    pub fn load_noted(&self) -> (Result<Config, ConfigErrors>, Seen) {
        let seen = RefCell::new(Seen::default());
        let loaded = load(&self.path, &self.overrides, &seen);
        (loaded, seen.into_inner())
    }
}

fn load(path: &Path, overrides: &Overrides, seen: &RefCell<Seen>) -> Result<Config, ConfigErrors> {
    let file = path.display().to_string();
    let read = |path: &Path| {
        seen.borrow_mut().note(path);
        std::fs::read_to_string(path)
    };
    let text = read(path).map_err(|error| {
        let fault = ConfigFault::whole(ConfigCode::Unreadable, format!("cannot read {file}: {error}"))
            .help("name yours with -c FILE, or make one: handfast init --from URL --from URL");
        ConfigErrors::new(Sources::new(&file, ""), vec![fault])
    })?;
    let world = World { env: &|name| std::env::var(name).ok(), read_file: &read };
    parse(&text, &file, overrides, world)
}

/// What a configuration may refer to.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Looks up `${NAME}`.
    pub env: Env<'a>,
    /// Reads `password_file`s and the like.
    pub read_file: ReadFile<'a>,
}

/// Checks a text and the values given beside it.
///
/// # Errors
/// All faults at once, ready to be printed.
pub fn parse(text: &str, file: &str, overrides: &Overrides, world: World<'_>) -> Result<Config, ConfigErrors> {
    let mut sources = Sources::new(file, text);
    let (config, faults) = checked(&mut sources, overrides, world);
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        Some(_) | None => Err(ConfigErrors::new(sources, faults)),
    }
}

pub(super) fn checked(
    sources: &mut Sources,
    overrides: &Overrides,
    world: World<'_>,
) -> (Option<Config>, Vec<ConfigFault>) {
    let file = sources.file_text().to_owned();
    let (table, syntax) = DeTable::parse_recoverable(&file);
    let end = file.len();
    let not_toml = |error: &toml::de::Error| {
        let title = format!("not TOML: {}", error.message());
        ConfigFault::at(ConfigCode::Syntax, error.span().unwrap_or(end..end), title)
            .help("nothing else was checked: repair this first")
    };
    if !syntax.is_empty() {
        return (None, syntax.iter().map(not_toml).collect());
    }
    let mut root = table.into_inner();
    let (grafts, mut faults) = overrides::prepare(overrides, sources, &overrides::Names::of(&root));
    faults.extend(overrides::graft(&mut root, &grafts));
    let mut reader = Reader::new(sources, world.env, world.read_file);
    let config = read(&mut reader, &root);
    faults.append(&mut reader.faults);
    (config, faults)
}

/// The configuration as far as it could be read; `None` only together with a fault.
pub(super) fn read(r: &mut Reader<'_>, root: &DeTable<'_>) -> Option<Config> {
    let mut root = Section::root(root);
    let node = node(r, &mut root);
    let (listen, postgres, mysql) = listen(r, &mut root);
    let logins = logins::users(r, &mut root);
    let users: Vec<User> = logins.iter().map(|login| login.user.clone()).collect();
    let user_names: Vec<String> = users.iter().map(|user| user.name.clone()).collect();
    let backends = backends::read(r, &mut root);
    let tables = tables::read(r, &mut root, &backends.names);
    let mut config = Config {
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
        settings: Vec::new(),
    };
    config.settings = std::mem::take(&mut r.settings);
    root.finish(r);
    homes(r, &config.backends, &backends.places, Dialect::Postgres, postgres);
    homes(r, &config.backends, &backends.places, Dialect::Mysql, mysql);
    logins::reaches(r, &config, &logins, &backends.names);
    Some(config)
}

fn node(r: &mut Reader<'_>, root: &mut Section<'_>) -> Option<Node> {
    let mut section = root.section(r, "node");
    let cluster = section.text(r, "cluster", "handfast");
    let name = section.text(r, "name", "");
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
    let postgres = section.address(r, "postgres", Off::Refused);
    let mysql = section.address(r, "mysql", Off::Refused);
    let database = section.text(r, "database", "app").map_or_else(|| "app".to_owned(), |text| text.text);
    let words = [("refuse", OtherDatabases::Refuse), ("home", OtherDatabases::Home)];
    let other_databases = section.choice(r, "other_databases", &words);
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
    let (postgres, mysql) = (postgres.map(|(address, _)| address), mysql.map(|(address, _)| address));
    let listen = Listen { postgres, mysql, database, other_databases, tls };
    (listen, postgres_span, mysql_span)
}

fn listen_tls(r: &mut Reader<'_>, listen: &mut Section<'_>) -> ListenTls {
    let mut section = listen.section(r, "tls");
    let words = [("off", TlsMode::Off), ("prefer", TlsMode::Prefer), ("require", TlsMode::Require)];
    let mode = section.choice(r, "mode", &words);
    let (cert, key) = (section.readable(r, "cert"), section.readable(r, "key"));
    for (name, file) in [("cert", &cert), ("key", &key)] {
        if mode != TlsMode::Off && file.is_none() {
            let title = format!("TLS is on and `listen.tls.{name}` is missing");
            r.fault(ConfigFault::at(ConfigCode::Tls, section.span.clone(), title).label("a PEM file is needed"));
        }
    }
    let client_ca = section.readable(r, "client_ca");
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
    if let Some(Text { text, span }) = section.text(r, "kind", "file")
        && text != "file"
    {
        let fault = match text.as_str() {
            "etcd" => ConfigFault::at(ConfigCode::NotBuilt, span, "a journal in etcd is not built yet"),
            other => ConfigFault::at(ConfigCode::BadValue, span, format!("`journal.kind` cannot be \"{other}\"")),
        };
        r.fault(fault.label("only \"file\""));
    }
    let journal = Journal {
        path: section
            .file_path(r, "path", "/var/lib/handfast")
            .map_or_else(|| "/var/lib/handfast".into(), |(path, _)| path),
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
    let listen = section.address(r, "listen", Off::Allowed);
    section.learn(r, "token_file", Kind::Path { default: "" });
    let token_given = section.entry(r, "token_file").map(|(_, value)| value.span());
    let token = token_given.as_ref().and_then(|span| logins::secret_file(r, &mut section, "token_file", span));
    if let (Some(token), Some(span)) = (&token, &token_given)
        && token.len() < TOKEN_BYTES_MIN
    {
        let title = "the token in `admin.token_file` is too short";
        let label = format!("{} characters; {TOKEN_BYTES_MIN} are the least", token.chars().count());
        let fault = ConfigFault::at(ConfigCode::AdminOpen, span.clone(), title).label(label);
        r.fault(fault.help("make one: openssl rand -hex 32"));
    }
    if let (Some(token), Some(span)) = (&token, &token_given)
        && token.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        let title = "the token in `admin.token_file` cannot be sent";
        let fault =
            ConfigFault::at(ConfigCode::AdminOpen, span.clone(), title).label("it has blanks or line ends in it");
        r.fault(fault.help("one word on one line; make one: openssl rand -hex 32"));
    }
    if let Some((address, span)) = &listen
        && !address.ip().is_loopback()
        && token_given.is_none()
    {
        let fault = ConfigFault::at(ConfigCode::AdminOpen, span.clone(), "`admin.listen` is open to the network");
        let fault = fault.label("without a token this may only be 127.0.0.1 or [::1]");
        r.fault(
            fault.help("add token_file = \"/run/secrets/handfast_admin\" to [admin]; requests then need its token"),
        );
    }
    let users = operators(r, &mut section, users);
    section.finish(r);
    Admin { listen: listen.map(|(address, _)| address), token: token.map(Secret::new), users }
}

/// A shorter token could be guessed.
const TOKEN_BYTES_MIN: usize = 16;

/// How log lines look.
#[derive(Clone, Copy)]
enum LogFormat {
    Auto,
    Text,
    Json,
}

/// Who may open the console: names of `[[users]]`, as a list, or as a text with commas (as variables give it).
fn operators(r: &mut Reader<'_>, section: &mut Section<'_>, known: &[String]) -> Vec<String> {
    let Some((_, given)) = section.names(r, "users") else {
        r.note(section.owned("users"), "[]", None);
        return Vec::new();
    };
    let mut users = Vec::new();
    for Text { text: name, span } in given {
        if known.contains(&name) {
            users.push(name);
            continue;
        }
        let title = format!("`admin.users` names \"{name}\", who is not one of [[users]]");
        let near = super::file::nearest(&name, known.iter().map(String::as_str));
        let label = match near {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => String::from("nobody of this name could log in"),
        };
        r.bad_value(span, title, label);
    }
    users
}

fn telemetry(r: &mut Reader<'_>, root: &mut Section<'_>) -> Telemetry {
    let mut section = root.section(r, "telemetry");
    let words = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    let log_level = section.text(r, "log_level", "info");
    let format = section.choice(r, "log_format", &words);
    let statements_max = section.count(r, "statements_max", 1000, 0..=100_000);
    let traces = traces(r, &mut section);
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
    Telemetry {
        log_level: log_level.map_or_else(|| "info".to_owned(), |text| text.text),
        log_json,
        statements_max,
        traces,
    }
}

fn traces(r: &mut Reader<'_>, telemetry: &mut Section<'_>) -> Traces {
    let mut section = telemetry.section(r, "traces");
    let endpoint = section.text(r, "endpoint", "").filter(|text| !text.text.is_empty());
    let ca_file = section.readable(r, "ca_file");
    let sample_ratio = section.ratio(r, "sample_ratio", "0.1");
    section.finish(r);
    if let Some(Text { text, span }) = &endpoint
        && !is_collector(text)
    {
        let label = "an OTLP collector by HTTP: \"http://127.0.0.1:4318\" or \"https://collector.example:4318\"";
        r.bad_value(span.clone(), "`telemetry.traces.endpoint` is no address of a collector", label);
    }
    if let Some(Text { text, span }) = &endpoint
        && ca_file.is_some()
        && text.starts_with("http://")
    {
        let title = String::from("`telemetry.traces.ca_file` is for a collector by https");
        r.bad_value(span.clone(), title, "write https://, or take ca_file away");
    }
    Traces { endpoint: endpoint.map(|text| text.text), ca_file, sample_ratio }
}

fn is_collector(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]/".contains(c);
    text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).is_some_and(|rest| {
        rest.chars().all(plain) && rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
    })
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
        let fault = fault.help("remove default = true from all but one");
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
