//! Where values come from, how they are shown, and the schema that describes them.

use std::path::Path;
use std::time::Duration;

use super::tests::{ANNOTATED, MINIMAL, env, parsed, parsed_with, read_file, with};
use super::*;

fn settings(config: &Config) -> Vec<(&str, &str, String)> {
    let of = |s: &'_ Setting| s.origin.to_string();
    config.settings.iter().map(|s| (s.key.as_str(), s.value.as_str(), of(s))).collect()
}

fn overridden(variables: &[(&str, &str)], options: &[(&str, &str)]) -> Overrides {
    let owned =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
    Overrides::new(owned(variables), &owned(options))
}

#[test]
fn every_value_says_where_it_came_from() {
    let variables = [
        ("HANDFAST_TRANSACTIONS__COMMIT_WAIT", "3s"),
        ("HANDFAST_POOL__SIZE", "7"),
        ("HANDFAST_USERS__APP__PASSWORD", "other"),
        ("HANDFAST_BACKENDS__STORE__POOL__SIZE", "9"),
        ("HANDFAST_TABLES__COURIERS", "{ backend = \"delivery\", table = \"fleet.couriers\" }"),
        ("HANDFAST_LOG", "debug"),
    ];
    let options =
        [("pool.size", "8"), ("tables.billing.*", "delivery"), ("backends.delivery.allow_unsafe_durability", "true")];
    let config = parsed_with(MINIMAL, &overridden(&variables, &options)).unwrap();
    assert_eq!((config.transactions.commit_wait, config.pool.size), (Duration::from_secs(3), 8), "--set wins");
    assert_eq!(config.users[0].login, Credential::Password(Secret::new("other")));
    assert_eq!(config.backend(config.backend_named("store").unwrap()).pool_size, Some(9));
    let settings = settings(&config);
    for (key, value, origin) in [
        ("transactions.commit_wait", "3s", "environment HANDFAST_TRANSACTIONS__COMMIT_WAIT"),
        ("transactions.warn_after", "10s", "default"),
        ("pool.size", "8", "--set"),
        ("users.app.password", "***", "environment HANDFAST_USERS__APP__PASSWORD"),
        ("users.app.name", "app", "handfast.toml:6"),
        ("backends.store.url", "postgres://app:***@127.0.0.1:5432/store", "handfast.toml:10"),
        ("backends.store.pool.size", "9", "environment HANDFAST_BACKENDS__STORE__POOL__SIZE"),
        ("backends.delivery.allow_unsafe_durability", "true", "--set"),
        ("tables.agents", "delivery", "handfast.toml:17"),
        ("tables.couriers", "delivery as fleet.couriers", "environment HANDFAST_TABLES__COURIERS"),
        ("tables.billing.*", "delivery", "--set"),
        ("listen.postgres", "127.0.0.1:6432", "handfast.toml:2"),
        ("admin.listen", "off", "default"),
    ] {
        let found: Vec<_> = settings.iter().filter(|setting| setting.0 == key).collect();
        assert_eq!(found, [&(key, value, origin.to_owned())]);
    }
}

/// A value other than the default that a key takes.
fn other_value(key: &str, kind: &schema::Kind) -> String {
    use schema::Kind::*;
    match kind {
        Section | Rule => "store".to_owned(),
        Text { .. } if key == "journal.kind" => "file".to_owned(),
        Text { .. } if key == "telemetry.log_level" => "debug".to_owned(),
        Text { .. } if key == "telemetry.traces.endpoint" => "http://collector:4318".to_owned(),
        Text { .. } => "other".to_owned(),
        Ratio { .. } => "0.25".to_owned(),
        Path { .. } => "/etc/handfast/0123456789abcdef".to_owned(),
        Address { .. } => "127.0.0.1:7777".to_owned(),
        Duration { .. } => "77s".to_owned(),
        Size { .. } => "1MiB".to_owned(),
        Count { .. } => "77".to_owned(),
        Texts => "other".to_owned(),
        Flag { .. } => "true".to_owned(),
        Choice { words } => words.last().unwrap().to_string(),
        Secret if key.ends_with("password_hash") => Verifier::new("secret", b"0123456789abcdef").text(),
        Secret => "secret".to_owned(),
        Url => "postgres://app@h/d".to_owned(),
    }
}

#[test]
fn every_key_can_be_given_in_the_environment_and_on_the_command_line() {
    let mut tried = 0;
    for (shape, kind) in schema::keys() {
        if kind == schema::Kind::Section || shape == "users.name" {
            continue;
        }
        let key = shape.replace("backends.*", "backends.store").replace("users.", "users.app.");
        let key = key.replace("tables.*.backend", "tables.x.backend").replace("tables.*", "tables.agents");
        if key.starts_with("tables.agents.") || key.starts_with("tables.x.") {
            continue;
        }
        let value = other_value(&key, &kind);
        let variable = format!("HANDFAST_{}", key.replace('.', "__").to_uppercase());
        for (by, overrides) in [
            (format!("environment {variable}"), overridden(&[(&variable, &value)], &[])),
            ("--set".to_owned(), overridden(&[], &[(&key, &value)])),
        ] {
            let mut sources = source::Sources::new("handfast.toml", MINIMAL);
            let config = match check::checked(&mut sources, &overrides, World { env: &env, read_file: &read_file }) {
                (Some(config), _) => config,
                (None, _) => panic!("{key} cannot be given"),
            };
            // Some keys do not go together with others; what matters here is that the value has come to its key.
            let setting = config.settings.iter().rfind(|setting| setting.key == key);
            let setting = setting.unwrap_or_else(|| panic!("{key} is not among the values"));
            assert_eq!(setting.origin.to_string(), by, "{key} = {value}");
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried}");
}

#[test]
fn the_schema_is_the_committed_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/handfast.schema.json");
    let text = schema::text();
    if std::env::var_os("HANDFAST_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "`handfast config schema` prints it");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let silent = |(key, _): &(String, schema::Kind)| {
        let path = format!("/properties/{}", key.replace('.', "/properties/"));
        let node = document.pointer(&path).unwrap_or_else(|| panic!("{key} is not in the schema"));
        node.get("description").is_none()
    };
    let keys = schema::keys()
        .into_iter()
        .filter(|(key, kind)| !key.contains('*') && !key.starts_with("users") && *kind != schema::Kind::Section);
    let silent: Vec<_> = keys.filter(silent).collect();
    assert_eq!(silent, [], "config/handfast.toml has no comment for them");
}

#[test]
fn no_value_that_is_shown_is_a_secret() {
    let config = parsed(ANNOTATED).unwrap();
    let shown: Vec<_> = config.settings.iter().map(|setting| format!("{setting:?} {}", setting.value)).collect();
    assert!(shown.iter().all(|line| !line.contains("p@ss") && !line.contains("from a file")), "{shown:#?}");
}

/// Whether a document fits a schema, as far as ours uses JSON Schema, but for patterns.
fn fits(schema: &serde_json::Value, value: &serde_json::Value) -> bool {
    use serde_json::Value;
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().any(|one| fits(one, value));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.contains(value);
    }
    let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
    match (schema["type"].as_str().unwrap(), value) {
        ("string", Value::String(_)) | ("boolean", Value::Bool(_)) => true,
        ("integer", Value::Number(number)) => {
            number.as_i64().is_some_and(|n| least.is_none_or(|l| n >= l) && most.is_none_or(|m| n <= m))
        }
        ("number", Value::Number(number)) => {
            let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
            number.as_f64().is_some_and(|n| least.is_none_or(|l| n >= l) && most.is_none_or(|m| n <= m))
        }
        ("array", Value::Array(items)) => items.iter().all(|item| fits(&schema["items"], item)),
        ("object", Value::Object(fields)) => {
            let required = schema["required"].as_array().into_iter().flatten();
            let field =
                |(name, value): (&String, &Value)| match (&schema["properties"][name], &schema["additionalProperties"])
                {
                    (Value::Null, Value::Object(_)) => fits(&schema["additionalProperties"], value),
                    (Value::Null, _) => false,
                    (known, _) => fits(known, value),
                };
            required.map(|name| name.as_str().unwrap()).all(|name| fields.contains_key(name))
                && fields.iter().all(field)
        }
        _ => false,
    }
}

#[test]
fn the_examples_fit_the_schema_and_wrong_files_do_not() {
    let schema: serde_json::Value = serde_json::from_str(&schema::text()).unwrap();
    let document = |text: &str| toml::from_str::<serde_json::Value>(text).unwrap();
    for example in [MINIMAL, ANNOTATED] {
        assert!(fits(&schema, &document(example)));
    }
    for wrong in [
        "[pool]\nsizee = 4",
        "[pool]\nsize = 0",
        "[pool]\nsize = \"4\"",
        "[pool]\nacquire_timeout = 5",
        "[polo]",
        "[backends.third]\nhost = \"h\"",
        "\"x\" = { table = \"y\" }",
        "[[users]]\npassword = \"x\"",
    ] {
        assert!(!fits(&schema, &document(&with(wrong))), "{wrong}");
    }
}
