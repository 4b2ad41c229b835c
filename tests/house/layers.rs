//! Imports only go down the layers of ARCHITECTURE.md, and rooms on one layer do not import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{File, src};
use crate::{Complaint, none, places};

/// The layer table is the law. A room is a folder or file of src/; two files have a layer of their own.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["base"]),
    (1, &["config", "telemetry"]),
    (2, &["txn", "sql", "route", "wire", "journal/record", "backend/verbs"]),
    (3, &["backend", "journal"]),
    (4, &["commit", "recovery", "relay"]),
    (5, &["session", "ops", "console"]),
    (6, &["front", "admin"]),
    (7, &["app", "cli", "main", "testbed"]),
];

/// Circles on one layer that are allowed: none.
const CIRCLES: &[(&str, &str)] = &[];

fn layer(room: &str) -> Option<u8> {
    LAYERS.iter().find(|(_, rooms)| rooms.contains(&room)).map(|(layer, _)| *layer)
}

fn room_of(path: &str) -> String {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    if layer(inner).is_some() { inner.to_owned() } else { inner.split('/').next().unwrap_or(inner).to_owned() }
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// `config::x` names room config, `journal::record::x` room journal/record.
fn room_at(path: &str) -> String {
    let first = identifier(path);
    let second = path[first.len()..].strip_prefix("::").map(identifier);
    let both = format!("{first}/{}", second.unwrap_or_default());
    if layer(&both).is_some() { both } else { first.to_owned() }
}

/// Rooms that a file names, with the place.
fn imports(file: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in file.shipped.match_indices("crate::") {
        // `pub(in crate::journal)` shows something to a room and takes nothing from it.
        if file.shipped[..at].ends_with("(in ") {
            continue;
        }
        let rest = &file.shipped[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.push((at, room_at(rest))),
            Some(group) => {
                let (mut depth, mut item) = (0, 0);
                for (offset, byte) in group.bytes().enumerate() {
                    let ends = depth == 0 && matches!(byte, b',' | b'}');
                    if ends && !group[item..offset].trim().is_empty() {
                        found.push((at, room_at(group[item..offset].trim())));
                    }
                    match byte {
                        b'{' => depth += 1,
                        b'}' if depth == 0 => break,
                        b'}' => depth -= 1,
                        _ => {}
                    }
                    if ends {
                        item = offset + 1;
                    }
                }
            }
        }
    }
    // The two files with a layer of their own must not reach into the room around them.
    let own = room_of(&file.path);
    if let Some((around, _)) = own.split_once('/') {
        found.extend(file.shipped.match_indices("super::").map(|(at, _)| (at, around.to_owned())));
    }
    found
}

fn check(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut beside: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path != "src/lib.rs") {
        let room = room_of(&file.path);
        let Some(own) = layer(&room) else {
            complaints.push(Complaint::new(
                file,
                0,
                format!("room `{room}` has no layer: add it to tests/house/layers.rs"),
            ));
            continue;
        };
        for (at, other) in imports(file).into_iter().filter(|(_, other)| *other != room) {
            match layer(&other) {
                None => complaints.push(Complaint::new(file, at, format!("`crate::{other}` is no room"))),
                Some(theirs) if theirs > own => {
                    let what =
                        format!("`{room}` (layer {own}) imports `{other}` (layer {theirs}): imports only go down");
                    complaints.push(Complaint::new(file, at, what));
                }
                Some(theirs) if theirs == own => {
                    beside.entry(room.clone()).or_default().insert(other);
                }
                Some(_) => {}
            }
        }
    }
    complaints.extend(circles(&beside));
    complaints
}

fn circles(beside: &BTreeMap<String, BTreeSet<String>>) -> Vec<Complaint> {
    let reaches = |from: &str, to: &str| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(room) = todo.pop() {
            for next in beside.get(&room).into_iter().flatten() {
                if next == to {
                    return true;
                }
                if seen.insert(next.clone()) {
                    todo.push(next.clone());
                }
            }
        }
        false
    };
    let mut complaints = Vec::new();
    for (room, others) in beside {
        for other in others.iter().filter(|other| reaches(other, room)) {
            if room < other && !CIRCLES.contains(&(room, other)) {
                complaints.push(Complaint::of_tree(format!("`{room}` and `{other}` import each other in a circle")));
            }
        }
    }
    complaints
}

#[test]
fn imports_only_go_down() {
    none(&check(&src()));
}

#[test]
fn an_import_that_goes_up_is_found() {
    let files = [
        File::new("src/base/x.rs", "use std::io;\n/// [`crate::front`]\nuse crate::config::Config;\n"),
        File::new(
            "src/txn/x.rs",
            "use crate::{base::{A, B}, journal::record::D,\n    commit::Registry};\nuse crate::journal::J;",
        ),
        File::new("src/cli/x.rs", "use crate::app; #[cfg(test)] mod tests { use crate::nowhere; }"),
        File::new("src/backend/verbs.rs", "\nuse super::Conn;"),
    ];
    let complaints = check(&files);
    assert_eq!(places(&complaints), ["src/base/x.rs:3", "src/txn/x.rs:1", "src/txn/x.rs:3", "src/backend/verbs.rs:2"]);
}

#[test]
fn a_room_without_a_layer_is_found() {
    assert_eq!(places(&check(&[File::new("src/attic/x.rs", "")])), ["src/attic/x.rs:1"]);
    assert_eq!(places(&check(&[File::new("src/cli/x.rs", "use crate::attic;")])), ["src/cli/x.rs:1"]);
}

#[test]
fn a_circle_on_one_layer_is_found() {
    let files = [
        File::new("src/commit/x.rs", "use crate::relay::R;"),
        File::new("src/relay/x.rs", "use crate::recovery::R;"),
        File::new("src/recovery/x.rs", "use crate::commit::R;"),
    ];
    assert!(!check(&files).is_empty());
    assert_eq!(check(&files[..2]), []);
}
