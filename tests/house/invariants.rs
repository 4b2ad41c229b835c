//! Every invariant of ARCHITECTURE.md has an assertion or a type in src and a checker in tests.

use std::fs;
use std::path::Path;

use crate::source::{File, src, tree, words};
use crate::{Complaint, none, places};

const INVARIANTS: &[&str] =
    &["INV-1", "INV-2", "INV-3", "INV-4", "INV-5", "INV-6", "INV-7", "INV-8", "INV-9", "INV-10"];

/// Ids that stand nowhere in these files.
fn missing(files: &[File], place: &str, advice: &str) -> Vec<Complaint> {
    let absent = |id: &&&str| files.iter().all(|file| words(&file.text, id).is_empty());
    let complaint = |id: &&str| Complaint { place: place.to_owned(), what: format!("{id} stands nowhere: {advice}") };
    INVARIANTS.iter().filter(absent).map(complaint).collect()
}

#[test]
fn every_invariant_is_asserted_in_the_sources() {
    let files: Vec<_> = src().into_iter().filter(|file| !file.shipped.is_empty()).collect();
    none(&missing(&files, "src", "name it at the assertion or the type that keeps it"));
}

#[test]
fn every_invariant_has_a_checker() {
    // The checker of INV-8 is this very folder's `purity`; the others must be checked by what runs.
    let ours = |file: &File| !file.path.starts_with("tests/house/") || file.path == "tests/house/purity.rs";
    let files: Vec<_> = tree("tests").into_iter().filter(ours).collect();
    none(&missing(&files, "tests", "name it in the check that would fail without it"));
}

#[test]
fn every_invariant_is_explained_to_readers() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = fs::read_to_string(page).unwrap();
    none(&missing(&[File::new("ARCHITECTURE.md", &text)], "ARCHITECTURE.md", "say what it means"));
}

#[test]
fn an_invariant_that_stands_nowhere_is_found() {
    let text: String = INVARIANTS.iter().filter(|id| **id != "INV-1").map(|id| format!("{id}\n")).collect();
    let complaints = missing(&[File::new("src/txn/x.rs", &text)], "src", "");
    assert_eq!(places(&complaints), ["src"]);
    assert!(complaints[0].what.starts_with("INV-1 "), "INV-10 must not count as INV-1");
}
