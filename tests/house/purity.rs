//! INV-8: the rooms of layer 2 have no clock, randomness, input, output, metrics or async.

use crate::source::{File, src, words};
use crate::{Complaint, none, places};

const PURE: &[&str] = &[
    "src/txn",
    "src/sql",
    "src/route",
    "src/wire",
    "src/journal/record.rs",
    "src/backend/verbs.rs",
    "src/console/query",
];

const IMPURE: &[&str] = &[
    "async",
    ".await",
    "tokio",
    // Not the bare words: values have an `Instant`, and SQL has clocks.
    "time::Instant",
    "Instant::now",
    "SystemTime",
    "base::clock",
    "clock::now",
    "std::fs",
    "std::net",
    "std::io::stdin",
    "std::io::stdout",
    "std::env",
    "std::process",
    "std::thread",
    "rand",
    "metrics",
    "tracing",
    "println!",
    "eprintln!",
];

fn check(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let pure = |file: &&File| PURE.iter().any(|room| file.path.starts_with(room));
    for file in files.iter().filter(pure) {
        for what in IMPURE {
            for at in words(&file.shipped, what) {
                let advice = "pass values in and give effects out instead";
                complaints.push(Complaint::new(file, at, format!("`{what}` in a pure room: {advice}")));
            }
        }
    }
    complaints
}

#[test]
fn pure_rooms_are_pure() {
    none(&check(&src()));
}

#[test]
fn an_impure_word_in_a_pure_room_is_found() {
    let files = [
        File::new("src/txn/x.rs", "// tokio\nuse std::time::Duration;\nasync fn f() {}"),
        File::new("src/backend/verbs.rs", "use std::time::Instant;"),
        File::new("src/backend/pool.rs", "async fn f() {}"),
        File::new("src/sql/tests.rs", "use std::fs;"),
    ];
    assert_eq!(places(&check(&files)), ["src/txn/x.rs:3", "src/backend/verbs.rs:1"]);
}
