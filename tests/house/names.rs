//! Tests are promises, named as sentences; every file opens by saying what it is.

use std::fs;
use std::path::Path;

use crate::source::{File, is_tests, src, tree, words};
use crate::{Complaint, none, places};

const WORDS_MIN: usize = 3;

/// Test functions whose name is no sentence.
fn short_test_names(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        for attribute in ["#[test]", "#[tokio::test"] {
            for (at, _) in file.code.match_indices(attribute) {
                let Some(function) = words(&file.code[at..], "fn").first().map(|offset| at + offset) else { continue };
                let name: String =
                    file.code[function + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if name.is_empty() {
                    continue; // `$name` of a macro: checked where the macro is used, by eye
                }
                if name.split('_').filter(|word| !word.is_empty()).count() < WORDS_MIN {
                    let what = format!("test `{name}`: a test's name is a sentence that says what is promised");
                    complaints.push(Complaint::new(file, function, what));
                }
            }
        }
    }
    complaints
}

/// Files that do not open with `//!`.
fn silent_files(files: &[File]) -> Vec<Complaint> {
    // Tests beside a file of src are part of it.
    let own = |file: &&File| file.path.starts_with("tests/") || !is_tests(&file.path);
    let silent = files.iter().filter(own).filter(|file| !file.text.starts_with("//!"));
    silent.map(|file| Complaint::new(file, 0, "open the file with //! saying what it does")).collect()
}

/// Files that the map of ARCHITECTURE.md does not name, and names on it that are no files.
fn off_the_map(files: &[File], page: &str) -> Vec<Complaint> {
    let word = |c: char| c.is_whitespace() || c == '`';
    let named: Vec<_> = page.split(word).filter(|name| name.starts_with("src/") && name.ends_with(".rs")).collect();
    let missing = files.iter().filter(|file| !is_tests(&file.path) && !named.contains(&file.path.as_str()));
    let mut complaints: Vec<_> =
        missing.map(|file| Complaint::new(file, 0, "not on the map of ARCHITECTURE.md: add its line")).collect();
    for name in named.iter().filter(|name| files.iter().all(|file| file.path != **name)) {
        let what = format!("the map of ARCHITECTURE.md names {name}, which is not there: remove its line");
        complaints.push(Complaint::of_tree(what));
    }
    complaints
}

#[test]
fn every_file_is_on_the_map() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    none(&off_the_map(&src(), &fs::read_to_string(page).unwrap()));
}

#[test]
fn a_file_off_the_map_and_a_name_without_a_file_are_found() {
    let files = [File::new("src/x.rs", ""), File::new("src/y.rs", ""), File::new("src/tests.rs", "")];
    assert_eq!(places(&off_the_map(&files, "src/x.rs  X\nsrc/z.rs Z")), ["src/y.rs:1", "src"]);
}

#[test]
fn every_test_is_named_as_a_sentence() {
    none(&short_test_names(&src()));
    none(&short_test_names(&tree("tests")));
}

#[test]
fn every_file_says_what_it_is() {
    none(&silent_files(&src()));
    none(&silent_files(&tree("tests")));
}

#[test]
fn a_short_test_name_is_found() {
    let text = "#[test]\nfn works() {}\n#[tokio::test(flavor = \"x\")]\nasync fn two_words() {}\n#[test]\nfn it_is_so() {}\nfn x() {}";
    assert_eq!(places(&short_test_names(&[File::new("src/x.rs", text)])), ["src/x.rs:2", "src/x.rs:4"]);
}

#[test]
fn a_file_that_says_nothing_is_found() {
    assert_eq!(
        places(&silent_files(&[File::new("src/x.rs", "use std::io;"), File::new("src/y.rs", "//! Y.")])),
        ["src/x.rs:1"]
    );
}
