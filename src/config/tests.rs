//! Right and wrong configurations, each with what the user is told.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::*;

pub(super) const MINIMAL: &str = include_str!("../../config/minimal.toml");
pub(super) const ANNOTATED: &str = include_str!("../../config/handfast.toml");

pub(super) fn env(name: &str) -> Option<String> {
    name.ends_with("_PASSWORD").then(|| "p@ss/word".to_owned())
}

pub(super) fn read_file(path: &Path) -> io::Result<String> {
    let there = path.starts_with("/run/secrets") || path.starts_with("/etc/handfast");
    if there { Ok("from a file\n".to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
}

pub(super) fn parsed(text: &str) -> Result<Config, ConfigErrors> {
    parsed_with(text, &Overrides::default())
}

pub(super) fn parsed_with(text: &str, overrides: &Overrides) -> Result<Config, ConfigErrors> {
    parse(text, "handfast.toml", overrides, World { env: &env, read_file: &read_file })
}

/// The smallest configuration that may be extended by further sections.
pub(super) fn with(more: &str) -> String {
    format!("{MINIMAL}\n{more}")
}

#[test]
fn the_smallest_file_has_14_lines() {
    let lines = MINIMAL.lines().filter(|line| !line.trim().is_empty()).count();
    assert_eq!(lines, 14);
    let config = parsed(MINIMAL).unwrap();
    assert_eq!(config.listen.postgres, Some("127.0.0.1:6432".parse().unwrap()));
    assert_eq!((config.listen.mysql, config.admin.listen), (None, None));
    assert_eq!(config.node.cluster.as_str(), "handfast");
    let names: Vec<_> = config.backends.iter().map(|backend| backend.name.as_str()).collect();
    assert_eq!(names, ["delivery", "store"]);
    assert_eq!(config.home(Dialect::Postgres), config.backend_named("store"));
    assert_eq!(config.tables[0].backend, config.backend_named("delivery").unwrap());
    assert_eq!((config.tables[0].pattern.as_str(), config.tables[0].line), ("agents", 17));
    assert_eq!(config.backends[0].password.expose(), "demo");
}

#[test]
fn the_annotated_file_is_right_and_shows_the_defaults() {
    let (full, minimal) = (parsed(ANNOTATED).unwrap(), parsed(MINIMAL).unwrap());
    assert_eq!(format!("{:?}", full.node), format!("{:?}", minimal.node));
    assert_eq!(format!("{:?}", full.pool), format!("{:?}", minimal.pool));
    assert_eq!(format!("{:?}", full.transactions), format!("{:?}", minimal.transactions));
    assert_eq!(format!("{:?}", full.journal), format!("{:?}", minimal.journal));
    assert_eq!(format!("{:?}", full.limits), format!("{:?}", minimal.limits));
    assert_eq!(format!("{:?}", full.admin), format!("{:?}", minimal.admin));
    assert_eq!(format!("{:?}", full.telemetry), format!("{:?}", minimal.telemetry));
    assert_eq!(format!("{:?}", full.listen.tls), format!("{:?}", minimal.listen.tls));
}

#[test]
fn secrets_come_from_files_and_variables_as_they_are() {
    let config = parsed(ANNOTATED).unwrap();
    let password = |name: &str| config.backend(config.backend_named(name).unwrap()).password.expose().to_owned();
    assert_eq!(password("store"), "from a file");
    assert_eq!(password("billing"), "p@ss/word");
    assert_eq!(password("delivery"), "p@ss/word", "no percent-encoding is needed for a variable");
    assert_eq!(config.users[1].login, Credential::Password(Secret::new("from a file")));
    let rename = config.tables.iter().find(|rule| rule.pattern == "couriers").unwrap();
    assert_eq!(rename.rename.as_deref(), Some("fleet.couriers"));
}

#[test]
fn values_that_are_given_are_taken() {
    let text = with(
        "[pool]\nsize = 7\nacquire_timeout = \"250ms\"\n[transactions]\nreply = \"decided\"\nidle_timeout = \"1h\"\n\
         [journal]\npath = \"/tmp/j\"\nsegment_size = \"64KiB\"\n[admin]\nlisten = \"[::1]:6480\"\n\
         [limits]\nstatement_size = \"1MiB\"\n[telemetry]\nlog_level = \"info,handfast::commit=debug\"\nlog_format = \"json\"",
    );
    let config = parsed(&text).unwrap();
    assert_eq!((config.pool.size, config.pool.acquire_timeout), (7, Duration::from_millis(250)));
    assert_eq!(
        (config.transactions.reply, config.transactions.idle_timeout),
        (Reply::Decided, Duration::from_secs(3600))
    );
    assert_eq!((config.journal.segment_bytes, config.limits.statement_bytes), (64 << 10, 1 << 20));
    assert_eq!(config.admin.listen, Some("[::1]:6480".parse().unwrap()));
    assert!(config.telemetry.log_json);
}

/// Keys per section of the annotated file, commented-out ones included.
fn shown_keys(text: &str) -> Vec<String> {
    let (mut section, mut keys) = (String::new(), Vec::new());
    for line in text.lines() {
        let line = line.trim_start_matches("# ").trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_start_matches('[').split(']').next().unwrap().to_owned();
            if section.starts_with("backends.") {
                section = "backends.*".to_owned();
            }
        } else if let Some((key, value)) = line.split_once('=') {
            let key = if section == "tables" { "*" } else { key.trim() };
            keys.push(format!("{section}.{key}"));
            for inner in value.split(['{', ',']).filter_map(|part| part.split_once('=')) {
                keys.push(format!("{section}.{key}.{}", inner.0.trim()));
            }
        }
    }
    keys
}

#[test]
fn every_key_that_is_known_stands_in_the_annotated_file() {
    let shown = shown_keys(ANNOTATED);
    let sections = [
        "node",
        "listen",
        "listen.tls",
        "users",
        "backends",
        "tables",
        "pool",
        "transactions",
        "journal",
        "foreign",
        "limits",
        "admin",
        "telemetry",
        "telemetry.traces",
        "tables.*",
        "backends.*",
    ];
    for key in schema::keys().keys() {
        let known = sections.contains(&key.as_str()) || shown.contains(key);
        assert!(known, "config/handfast.toml does not show `{key}`");
    }
}

/// A wrong text and a piece of what is said about it.
type Wrong = (&'static str, &'static str);

/// Appended to the smallest file.
const WRONG_SECTIONS: &[Wrong] = &[
    ("[pool]\nsizee = 4", "error[HF0102]: unknown key `sizee` in [pool]"),
    ("[pool]\nsizee = 4", "^^^^^ did you mean `size`?"),
    ("[polo]\nsize = 4", "did you mean `pool`?"),
    ("[pool]\nflavour = 4", "= help: known here: mode, size, queue,"),
    ("[pool]\nsize = \"4\"", "error[HF0103]: `pool.size` must be a whole number, not a text"),
    ("[pool]\nsize = 0", "`pool.size` is out of range"),
    ("[pool]\nsize = -1", "from 1 to 10000"),
    ("[pool]\nacquire_timeout = 5", "`pool.acquire_timeout` must be a duration with its unit in quotes"),
    ("[pool]\nacquire_timeout = \"5\"", "a duration has a unit: \"250ms\""),
    ("[pool]\nacquire_timeout = \"0s\"", "must not be zero"),
    ("[pool]\nacquire_timeout = \"off\"", "`pool.acquire_timeout` cannot be \"off\""),
    ("[pool]\nmode = \"statement\"", "`pool.mode` cannot be \"statement\""),
    ("[pool]\nsize = 4\nsize = 5", "error[HF0101]: not TOML: duplicate key"),
    ("[pool", "error[HF0101]: not TOML"),
    ("pool = 4", "`tables.pool` must be a backend's name"),
    ("[transactions]\nreply = \"commited\"", "did you mean \"committed\"?"),
    ("[transactions]\ntwo_phase = \"never\"", "there is no switch"),
    ("[transactions]\nidle_timeout = \"0s\"", "write \"off\""),
    ("[journal]\nsegment_size = \"16MB\"", "sizes are in powers of 1024: \"16MiB\""),
    ("[journal]\nsegment_size = \"1KiB\"", "from \"64KiB\" to \"1GiB\""),
    ("[journal]\nsegment_size = 16", "must be a size with its unit in quotes"),
    ("[foreign]\nschema_ttl = \"0s\"", "must not be zero"),
    ("[journal]\nkind = \"etcd\"", "a journal in etcd is not built yet"),
    ("[journal]\npath = \"\"", "`journal.path` is empty"),
    ("[node]\ncluster = \"a.b\"", "error[HF0107]: `node.cluster` is no cluster name"),
    ("[node]\nname = \"seventeen-letters\"", "`node.name` is no node name"),
    ("[admin]\nlisten = \"0.0.0.0:6480\"", "error[HF0117]: `admin.listen` is open to the network"),
    ("[admin]\nlisten = \"6480\"", "`admin.listen` is no address"),
    ("[telemetry.traces]\nendpoint = \"grpc://collector\"", "`telemetry.traces.endpoint` is no address of a collector"),
    (
        "[telemetry.traces]\nendpoint = \"http://user:word@collector\"",
        "`telemetry.traces.endpoint` is no address of a collector",
    ),
    (
        "[telemetry.traces]\nendpoint = \"http://collector\"\nca_file = \"/ca\"",
        "`telemetry.traces.ca_file` is for a collector by https",
    ),
    ("[telemetry.traces]\nsample_ratio = 1.5", "from 0 to 1"),
    ("[telemetry.traces]\nsample_ratio = \"half\"", "must be a number"),
    ("[telemetry]\nlog_level = \"verbose\"", "`telemetry.log_level` is no log level"),
    ("[listen.tls]\nmode = \"require\"", "error[HF0116]: TLS is on and `listen.tls.cert` is missing"),
    ("[listen.tls]\nmode = \"require\"", "TLS is on and `listen.tls.key` is missing"),
    (
        "[listen.tls]\nmode = \"require\"\nclient_cert = \"require\"",
        "clients must show a certificate and `listen.tls.client_ca` is missing",
    ),
    ("[listen.tls]\nclient_ca = \"/ca\"", "`listen.tls.client_ca` is set and TLS is off"),
    (
        "[backends.third]\nurl = \"postgres://a@h/d\"\ntls_cert_file = \"/crt\"",
        "tls_cert_file and tls_key_file come together",
    ),
    ("[backends.third]\nurl = \"postgres://a@h/d?sslcert=/crt\"", "write tls_cert_file and tls_key_file beside"),
    ("\"items\" = \"delivry\"", "error[HF0110]: table rule points to a backend that is not defined"),
    ("\"items\" = \"delivry\"", "no [backends.delivry]; did you mean \"delivery\"?"),
    (
        "\"courier_*\" = \"delivery\"\n\"*_vehicle\" = \"store\"",
        "error[HF0113]: two table rules match `courier_vehicle` equally well",
    ),
    ("\"s.a*\" = \"delivery\"\n\"s.*b\" = \"store\"", "two table rules match `s.ab` equally well"),
    ("\"Agents\" = \"store\"", "two table rules match `agents` equally well"),
    ("\"ledger\" = { shard_by = \"id\", over = [\"store\"] }", "sharding one table (`shard_by`) is not built yet"),
    ("\"countries\" = { copies = [\"store\"] }", "one table on several backends (`copies`) is not built yet"),
    ("\"a*\" = { backend = \"store\", table = \"b\" }", "a pattern with '*' cannot rename"),
    ("\"a.b.c\" = \"store\"", "error[HF0111]: \"a.b.c\" is no table pattern"),
    ("\"x\" = { table = \"b\" }", "a rule without `backend`"),
    ("[[users]]\nname = \"app\"\npassword = \"x\"", "error[HF0114]: user \"app\" is there twice"),
    ("[[users]]\nname = \"b\"", "user \"b\" has no password"),
    ("[[users]]\nname = \"b\"\npassword = \"\"", "the password of user \"b\" is empty"),
    ("[[users]]\nname = \"b\"\npassword = \"x\"\npassword_file = \"y\"", "a password is given twice"),
    ("[[users]]\nname = \"b\"\npassword_file = \"/nowhere\"", "error[HF0109]: cannot read password_file /nowhere"),
    ("[[users]]\npassword = \"x\"", "a user without `name`"),
    ("[[users]]\nname = \"b\"\npassword = \"${NOT_SET}\"", "error[HF0120]: environment variable NOT_SET is not set"),
    ("[[users]]\nname = \"b\"\npassword = \"a$b\"", "error[HF0121]: a dollar sign that is no variable"),
    (
        "[backends.third]\nurl = \"postgres://a@h/d\"\ndefault = true",
        "error[HF0112]: 2 PostgreSQL backends say default",
    ),
    ("[backends.third]\nurl = \"oracle://a@h/d\"", "\"oracle://\" is neither postgres:// nor mysql://"),
    ("[backends.third]\nurl = \"postgres://a:p@h/d\"\npassword = \"q\"", "and in the url"),
    ("[backends.third]\npassword = \"q\"", "[backends.third] has no `url`"),
    ("[backends.third]\nurl = \"postgres://a@h/d\"\nhost = \"h\"", "this is part of `url`"),
    ("[backends.third]\nurl = \"postgres://a@h/d\"\npool_siz = 4", "did you mean `pool = { size = 40 }`?"),
    ("[backends.third]\nurl = \"postgres://a@h/d\"\ntls_ca_file = \"/ca\"", "add ?sslmode=verify-full to the url"),
    ("[backends.Third]\nurl = \"postgres://a@h/d\"", "\"Third\" is no backend name"),
    ("[backends.third]\nurl = \"postgres://a@h/d?ssl=on\"", "option \"ssl\" is not known; there is sslmode"),
];

/// Whole files.
const WRONG_FILES: &[Wrong] = &[
    ("", "error[HF0108]: nothing to listen on"),
    ("", "there is no [[users]]"),
    ("", "there is no [backends.NAME]"),
    ("users = 3", "write [[users]] with two brackets"),
    ("[listen]\npostgres = 6432", "`listen.postgres` must be a text in quotes, not a number"),
    ("[listen]\npostgres = \"localhost\"", "an IP address and a port"),
    ("[listen]\npostgres = \"127.0.0.1:1\"\nmysql = \"127.0.0.1:1\"", "both listeners are at 127.0.0.1:1"),
    (
        "[listen]\nmysql = \"127.0.0.1:6306\"\n[backends.store]\nurl = \"postgres://a@h/d\"",
        "error[HF0118]: MySQL clients can connect and no backend speaks MySQL",
    ),
    (
        "[listen]\npostgres = \"127.0.0.1:6432\"\n[backends.a]\nurl = \"postgres://a@h/d\"\n[backends.b]\nurl = \"postgres://a@h/e\"",
        "error[HF0112]: none of 2 PostgreSQL backends is the default",
    ),
];

fn expect(text: &str, expected: &str) {
    let errors = match parsed(text) {
        Ok(_) => panic!("accepted, expected {expected:?}:\n{text}"),
        Err(errors) => errors.to_string(),
    };
    assert!(errors.contains(expected), "expected {expected:?} in:\n{errors}");
}

#[test]
fn each_wrong_configuration_is_told_what_is_wrong() {
    for (section, expected) in WRONG_SECTIONS {
        expect(&with(section), expected);
    }
    for (file, expected) in WRONG_FILES {
        expect(file, expected);
    }
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file() {
    let text = with("\"x\" = \"nobody\"\n[pool]\nsize = 0\nidle_timeout = 5\n[extra]");
    let errors = parsed(&text).unwrap_err();
    use ConfigCode::{BadValue, UnknownBackend, UnknownKey, WrongType};
    assert_eq!(errors.codes(), [UnknownBackend, BadValue, WrongType, UnknownKey]);
    assert!(errors.to_string().ends_with("handfast: 4 errors in handfast.toml, nothing was started or changed"));
}

#[test]
fn a_fault_shows_its_line_and_a_caret() {
    let errors = parsed(&with("\"items\"  =  \"delivry\"")).unwrap_err().to_string();
    let expected = "error[HF0110]: table rule points to a backend that is not defined\n\
                    \x20 --> handfast.toml:20:13\n\
                    \x20  |\n\
                    20 | \"items\"  =  \"delivry\"\n\
                    \x20  |             ^^^^^^^^^ no [backends.delivry]; did you mean \"delivery\"?\n";
    assert!(errors.starts_with(expected), "{errors}\nexpected\n{expected}");
}

#[test]
fn a_tie_shows_both_rules() {
    let errors = parsed(&with("\"courier_*\" = \"delivery\"\n\"*_vehicle\"=\"store\"")).unwrap_err().to_string();
    let expected = "20 | \"courier_*\" = \"delivery\"\n   | ----------- this one\n\
                    21 | \"*_vehicle\"=\"store\"\n   | ^^^^^^^^^^^ and this one\n   = help: add an exact line";
    assert!(errors.contains(expected), "{errors}\nexpected\n{expected}");
}

#[test]
fn a_variable_that_is_not_set_is_shown_at_its_place() {
    let text = "[backends.d]\nurl = \"mysql://app:${NOT_SET}@h/d\"";
    let errors = parsed(text).unwrap_err().to_string();
    assert!(errors.contains("handfast.toml:2:20"), "{errors}");
}

#[test]
fn no_message_shows_a_password() {
    for section in [
        "[backends.c]\nurl = \"oracle://app:hunter2@h/d\"",
        "[backends.c]\nurl = \"postgres://app:hun@hunter2@h\"",
        "[[users]]\nname = \"b\"\npassword = \"hunter2$\"",
        "[[users]]\nname = \"b\"\npassword = \"hunter2",
        "[[users]]\nname = \"b\"\npassword = hunter2",
        "[[users]]\nname = \"b\"\n'password' = 'hunter2' 3",
        "users = [{ name = 3, password = \"hunter2\" }]",
        "[pool]\npassword = \"hunter2\"\npassword_file = \"hunter2$\"",
    ] {
        let errors = parsed(&with(section)).unwrap_err();
        let told = format!("{errors} {errors:?}");
        assert!(
            !told.contains("password = \"hunter2") && !told.contains("hunter2@") && !told.contains("= hunter2"),
            "{told}"
        );
    }
}

#[test]
fn a_missing_file_says_where_the_smallest_one_is() {
    let errors = Source { path: "/nowhere/handfast.toml".into(), overrides: Overrides::default() }
        .load()
        .unwrap_err()
        .to_string();
    assert!(errors.contains("cannot read /nowhere/handfast.toml"), "{errors}");
    assert!(errors.contains("handfast init"), "{errors}");
}

#[test]
fn every_code_is_one_of_ours_and_explained() {
    let mut codes: Vec<_> = ConfigCode::ALL.iter().map(|code| code.code()).collect();
    codes.dedup();
    assert_eq!(codes.len(), ConfigCode::ALL.len());
    assert!(ConfigCode::ALL.iter().all(|code| code.code().starts_with("HF01") && code.help().ends_with(['.', ')'])));
}

#[test]
fn a_huge_word_is_near_to_nothing_and_costs_nothing() {
    let (word, name) = ("x".repeat(1 << 20), "y".repeat(1 << 17));
    assert_eq!(nearest(&word, [name.as_str(), "store"]), None);
    assert_eq!(nearest("stroe", ["delivery", "store"]), Some("store"));
}
