//! A file fits a sitting, a function a screen.

use crate::source::{File, closing, is_tests, src, tree, words};
use crate::{Complaint, none, places};

const FILE_LINES_MAX: usize = 500;
const TEST_FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// Longer files by name, with the lines they may have. May only shrink.
const LONGER: &[(&str, usize)] = &[("src/sql/tables/functions.rs", 586)]; // a table of names

fn long_files(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        let usual = if is_tests(&file.path) { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
        let max = LONGER.iter().find(|(path, _)| *path == file.path).map_or(usual, |(_, max)| *max);
        let lines = file.text.lines().count();
        if lines > max {
            complaints.push(Complaint::new(file, 0, format!("{lines} lines, at most {max}: split it by meaning")));
        }
    }
    complaints
}

/// Lines of a function's body that are neither empty nor comments.
fn long_functions(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        for at in words(&file.shipped, "fn") {
            let Some(open) = file.shipped[at..].find(['{', ';']).map(|offset| at + offset) else { continue };
            if file.shipped.as_bytes()[open] != b'{' {
                continue;
            }
            let body = &file.shipped[open..closing(&file.shipped, open)];
            let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
            if lines > FUNCTION_LINES_MAX + 2 {
                let what = format!("a function of {lines} lines, at most {FUNCTION_LINES_MAX}: split it by meaning");
                complaints.push(Complaint::new(file, at, what));
            }
        }
    }
    complaints
}

#[test]
fn every_file_fits_a_sitting() {
    none(&long_files(&src()));
    none(&long_files(&tree("tests")));
}

#[test]
fn every_function_fits_a_screen() {
    none(&long_functions(&src()));
}

#[test]
fn a_long_file_is_found() {
    let lines = |count: usize| "\n".repeat(count);
    let files = [
        File::new("src/base/x.rs", &lines(501)),
        File::new("src/base/y.rs", &lines(500)),
        File::new("src/base/tests.rs", &lines(501)),
        File::new("tests/sim/x.rs", &lines(801)),
    ];
    assert_eq!(places(&long_files(&files)), ["src/base/x.rs:1", "tests/sim/x.rs:1"]);
}

#[test]
fn a_long_function_is_found() {
    let function =
        |lines: usize| format!("trait T {{ fn a(); }}\nfn f() {{\n{}}}\n", "    x();\n    // why\n\n".repeat(lines));
    let files = [File::new("src/base/x.rs", &function(71)), File::new("src/base/y.rs", &function(70))];
    assert_eq!(places(&long_functions(&files)), ["src/base/x.rs:2"]);
}
