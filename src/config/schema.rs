//! The JSON schema of handfast.toml, made of what the checks themselves know of each key: they note kind, default and range
//! with every read, so that there is no second list that could differ. Descriptions are the comments of config/handfast.toml.

use std::collections::BTreeMap;

use super::check;
use super::file::Reader;
use super::source::Sources;
use serde_json::{Value, json};
use toml::de::DeTable;

/// What a key takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table of keys.
    Section,
    /// A text.
    Text {
        /// Empty: none.
        default: &'static str,
    },
    /// A path.
    Path {
        /// Empty: none.
        default: &'static str,
    },
    /// An IP address and a port.
    Address {
        /// Or "off".
        off: bool,
    },
    /// A duration.
    Duration {
        /// As written.
        default: &'static str,
        /// Or "off".
        off: bool,
    },
    /// A size in bytes.
    Size {
        /// As written.
        default: &'static str,
    },
    /// A whole number.
    /// A number from 0 to 1.
    Ratio {
        /// As written.
        default: &'static str,
    },
    /// A whole number.
    Count {
        /// `None`: another key's.
        default: Option<usize>,
        /// At least.
        least: usize,
        /// At most.
        most: usize,
    },
    /// A list of texts.
    Texts,
    /// true or false.
    Flag {
        /// If it is not given.
        default: bool,
    },
    /// One of a few words; the first is the default.
    Choice {
        /// All of them.
        words: Vec<&'static str>,
    },
    /// A password or a verifier.
    Secret,
    /// A backend's URL.
    Url,
    /// A table rule: a backend's name, or a table.
    Rule,
}

/// A text that makes the checks ask for every key there is.
const SEED: &str = "users = [{}]\n[backends.b]\n[tables]\nt = {}\n";

/// Every key there is, names that the user gives as `*`.
pub fn keys() -> BTreeMap<String, Kind> {
    let sources = Sources::new("", SEED);
    let (table, _) = DeTable::parse_recoverable(SEED);
    let mut reader = Reader::new(&sources, &|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
    check::read(&mut reader, table.get_ref());
    reader.keys
}

/// The schema as it is committed: config/handfast.schema.json.
pub fn text() -> String {
    format!("{:#}\n", document())
}

fn document() -> Value {
    let (keys, comments) = (keys(), comments(include_str!("../../config/handfast.toml")));
    let mut root = object("A Handfast configuration: https://toml.io; see config/handfast.toml.");
    for (key, kind) in &keys {
        let Some(parent) = parent(&mut root, key) else { continue };
        let name = key.rsplit('.').next().unwrap_or(key);
        let mut node = kind.schema();
        let said = comments.iter().find(|(said, _)| said == key);
        if let (Some((_, comment)), Value::Object(node)) = (said, &mut node) {
            node.insert("description".to_owned(), json!(comment));
        }
        if key == "users" {
            node = json!({ "type": "array", "items": node });
        }
        match name {
            "*" => parent["additionalProperties"] = node,
            name => parent["properties"][name] = node,
        }
    }
    root["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    root["required"] = json!(["listen", "users", "backends"]);
    root["properties"]["users"]["items"]["required"] = json!(["name"]);
    root["properties"]["backends"]["additionalProperties"]["required"] = json!(["url"]);
    root["properties"]["backends"]["propertyNames"] = json!({ "pattern": "^[a-z0-9_-]{1,63}$" });
    root
}

fn object(description: &str) -> Value {
    json!({ "type": "object", "description": description, "properties": {}, "additionalProperties": false })
}

/// The node that holds a key.
fn parent<'v>(root: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    let mut node = root;
    let parts: Vec<_> = key.split('.').collect();
    for part in &parts[..parts.len() - 1] {
        node = match *part {
            "*" => &mut node["additionalProperties"],
            name => &mut node["properties"][name],
        };
        if node["type"] == "array" {
            node = &mut node["items"];
        }
        if node["anyOf"].is_array() {
            // A rule: its keys are those of the table.
            node = &mut node["anyOf"][1];
        }
    }
    node.is_object().then_some(node)
}

/// A text that is put together from variables can be anything.
const VARIABLE: &str = r"\$\{";

impl Kind {
    fn schema(&self) -> Value {
        let text = |pattern: &str| json!({ "type": "string", "pattern": format!("{VARIABLE}|{pattern}") });
        let (mut node, default) = match self {
            Self::Section => (object(""), None),
            Self::Text { default } | Self::Path { default } => {
                (json!({ "type": "string" }), Some(json!(default)).filter(|_| !default.is_empty()))
            }
            Self::Address { off } => {
                let off = if *off { "^off$|" } else { "" };
                let default = (!off.is_empty()).then(|| json!("off"));
                (text(&format!(r"{off}^([0-9.]+|\[[0-9a-fA-F:.]+\]):[0-9]{{1,5}}$")), default)
            }
            Self::Duration { default, off } => {
                let off = if *off { "^off$|" } else { "" };
                (text(&format!("{off}^[0-9]+(ms|s|m|h|d)$")), Some(json!(default)))
            }
            Self::Size { default } => (text("^[0-9]+(B|KiB|MiB|GiB)$"), Some(json!(default))),
            Self::Count { default, least, most } => {
                (json!({ "type": "integer", "minimum": least, "maximum": most }), default.map(|count| json!(count)))
            }
            Self::Ratio { default } => {
                let default = default.parse::<f64>().ok().map(|number| json!(number));
                (json!({ "type": "number", "minimum": 0, "maximum": 1 }), default)
            }
            Self::Texts => (json!({ "type": "array", "items": { "type": "string" } }), None),
            Self::Flag { default } => (json!({ "type": "boolean" }), Some(json!(default))),
            Self::Choice { words } => {
                let any = json!({ "type": "string", "pattern": VARIABLE });
                (json!({ "anyOf": [{ "enum": words }, any] }), words.first().map(|word| json!(word)))
            }
            Self::Secret => (json!({ "type": "string" }), None),
            Self::Url => (text("^(postgres|postgresql|mysql|mariadb)://"), None),
            Self::Rule => {
                let mut table = object("Another name there");
                table["required"] = json!(["backend"]);
                (json!({ "anyOf": [{ "type": "string" }, table] }), None)
            }
        };
        if node["description"] == "" {
            node.as_object_mut().expect("made as an object above").remove("description");
        }
        if let Some(default) = default {
            node["default"] = default;
        }
        node
    }
}

/// What the annotated file says of its keys: the comment at the end of the line, or else the one above.
fn comments(file: &str) -> Vec<(String, String)> {
    let (mut section, mut above, mut found) = (String::new(), String::new(), Vec::new());
    for line in file.lines() {
        let line = line.strip_prefix("# ").filter(|rest| is_entry(rest)).unwrap_or(line).trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_start_matches('[').split(']').next().unwrap_or_default().to_owned();
            if section.starts_with("backends.") {
                section = "backends.*".to_owned();
            }
            let said = above.trim_matches(['-', ' ']).to_owned();
            if !said.is_empty() && !found.iter().any(|(key, _)| *key == section) {
                found.push((section.clone(), said));
            }
            above.clear();
        } else if let Some(comment) = line.strip_prefix('#') {
            let comment = comment.trim();
            let heading = comment.strip_prefix("----").map(|rest| rest.trim_matches(['-', ' ']));
            above = heading.map_or_else(|| format!("{above} {comment}"), str::to_owned);
        } else if let Some((key, rest)) = line.split_once('=').filter(|_| section != "tables") {
            let said = rest.rsplit_once(" # ").map(|(_, said)| said.trim().to_owned());
            let key = format!("{section}.{}", key.trim());
            if let Some(said) = said.filter(|_| !found.iter().any(|(other, _)| *other == key)) {
                found.push((key, said));
            }
            above.clear();
        } else {
            above.clear();
        }
    }
    found
}

/// `key = value`, commented out.
fn is_entry(line: &str) -> bool {
    line.split_once('=').is_some_and(|(key, _)| {
        let key = key.trim();
        !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}
