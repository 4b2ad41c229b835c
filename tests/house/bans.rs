//! Words that must not be in what is shipped, each with what to write instead.

use crate::source::{File, src, tree, words};
use crate::{Complaint, none, places};

const UNHANDLED: &[(&str, &str)] = &[
    (".unwrap()", "handle it, or expect(\"why it cannot fail\")"),
    ("let _ =", "handle the result, or log it"),
    ("let _: ", "handle the result, or log it"),
];

const GLOBALS: &[(&str, &str)] = &[
    ("static mut", "no globals: pass it by constructor"),
    ("lazy_static", "no globals: pass it by constructor"),
    ("OnceLock", "no globals: pass it by constructor"),
    ("LazyLock", "no globals: pass it by constructor"),
    ("OnceCell", "no globals: pass it by constructor"),
    ("thread_local!", "no globals: pass it by constructor"),
];

const UNFINISHED: &[(&str, &str)] = &[
    ("dbg!", "remove it"),
    ("todo!", "write it, or refuse it with a clear error"),
    ("unimplemented!", "write it, or refuse it with a clear error"),
    ("FIXME", "repair it"),
    ("TODO", "do it, or say in ARCHITECTURE.md that it is not done"),
    ("XXX", "say what is meant"),
];

const SPAWNS: &[(&str, &str)] = &[
    ("tokio::spawn(", "every task has an owner: a JoinSet that someone joins"),
    ("task::spawn(", "every task has an owner: a JoinSet that someone joins"),
];

fn banned(files: &[File], part: impl Fn(&File) -> &str, bans: &[(&str, &str)]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        for (word, instead) in bans {
            for at in words(part(file), word) {
                complaints.push(Complaint::new(file, at, format!("`{word}`: {instead}")));
            }
        }
    }
    complaints
}

/// `static` items hold state or are constants: constants are `const`.
fn statics(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        for at in words(&file.shipped, "static") {
            let lifetime = at > 0 && file.shipped.as_bytes()[at - 1] == b'\'';
            if !lifetime {
                complaints.push(Complaint::new(file, at, "`static`: a const, or passed by constructor"));
            }
        }
    }
    complaints
}

/// Metric names and macros anywhere but in telemetry/metrics.rs.
fn stray_metrics(files: &[File]) -> Vec<Complaint> {
    let others: Vec<_> = files.iter().filter(|file| file.path != "src/telemetry/metrics.rs").collect();
    let mut complaints = Vec::new();
    for file in others {
        for word in ["counter!", "gauge!", "histogram!"] {
            for at in words(&file.shipped, word) {
                complaints.push(Complaint::new(file, at, format!("`{word}`: add a function to telemetry/metrics.rs")));
            }
        }
        for (at, _) in file.uncommented.match_indices("\"handfast_") {
            if !file.shipped.is_empty() && file.shipped.as_bytes()[at] == b'"' {
                complaints.push(Complaint::new(file, at, "a metric's name: only telemetry/metrics.rs knows them"));
            }
        }
    }
    complaints
}

/// An error that only repeats its source says neither who nor during what.
fn bare_errors(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        for at in words(&file.uncommented, "#[error(\"{0}\")]") {
            complaints.push(Complaint::new(file, at, "a bare error: say who, what and during what, with named fields"));
        }
    }
    complaints
}

#[test]
fn no_result_is_dropped_and_nothing_unwraps() {
    none(&banned(&src(), |file| &file.shipped, UNHANDLED));
}

#[test]
fn there_are_no_globals() {
    none(&banned(&src(), |file| &file.shipped, GLOBALS));
    none(&statics(&src()));
}

#[test]
fn nothing_unfinished_is_shipped() {
    let in_code = &UNFINISHED[..3];
    none(&banned(&src(), |file| &file.code, in_code));
    none(&banned(&src(), |file| &file.text, &UNFINISHED[3..]));
}

#[test]
fn every_task_has_an_owner() {
    none(&banned(&src(), |file| &file.code, SPAWNS));
    none(&banned(&tree("tests"), |file| &file.code, SPAWNS));
}

#[test]
fn only_one_file_names_metrics() {
    none(&stray_metrics(&src()));
}

#[test]
fn every_error_says_more_than_its_source() {
    none(&bare_errors(&src()));
}

#[test]
fn each_banned_word_is_found() {
    for (word, _) in [UNHANDLED, GLOBALS, UNFINISHED, SPAWNS].concat() {
        let file = File::new("src/base/x.rs", &format!("\nfn f() {{ x{} {word} x }}", "()"));
        assert_eq!(places(&banned(&[file], |file| &file.text, &[(word, "")])), ["src/base/x.rs:2"], "{word}");
        let test = File::new("src/base/x.rs", &format!("#[cfg(test)]\nmod tests {{ fn f() {{ x() {word} x }} }}"));
        assert_eq!(banned(&[test], |file| &file.shipped, &[(word, "")]), [], "{word}");
    }
}

#[test]
fn a_static_and_a_stray_metric_and_a_bare_error_are_found() {
    let file = |text: &str| [File::new("src/commit/x.rs", text)];
    assert_eq!(places(&statics(&file("fn f(x: &'static str) {}\npub static N: u8 = 1;"))), ["src/commit/x.rs:2"]);
    assert_eq!(places(&stray_metrics(&file("\nf(\"handfast_commits_total\");"))), ["src/commit/x.rs:2"]);
    assert_eq!(places(&stray_metrics(&file("// \"handfast_x\"\nmetrics::counter!(NAME);"))), ["src/commit/x.rs:2"]);
    assert_eq!(places(&bare_errors(&file("#[error(\"{0}\")]\nX(std::io::Error),"))), ["src/commit/x.rs:1"]);
    assert_eq!(bare_errors(&file("#[error(\"reading {path}: {source}\")]")), []);
}
