//! The house rules, read from the sources: what the compiler and clippy cannot check. Each rule is a function from files
//! to complaints; beside each stands a test that it complains of a bad sample, because a check that cannot fail is none.

mod bans;
mod invariants;
mod layers;
mod names;
mod purity;
mod sizes;
mod source;

use source::File;

/// One broken rule: where, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    place: String,
    what: String,
}

impl Complaint {
    pub(crate) fn new(file: &File, byte: usize, what: impl Into<String>) -> Self {
        Self { place: format!("{}:{}", file.path, file.line(byte)), what: what.into() }
    }

    pub(crate) fn of_tree(what: impl Into<String>) -> Self {
        Self { place: "src".to_owned(), what: what.into() }
    }
}

/// Fails with every complaint at once.
pub(crate) fn none(complaints: &[Complaint]) {
    let lines: Vec<_> = complaints.iter().map(|c| format!("{}: {}", c.place, c.what)).collect();
    assert!(complaints.is_empty(), "{} broken:\n{}\n", complaints.len(), lines.join("\n"));
}

/// The places of complaints about a sample, as `file:line`.
pub(crate) fn places(complaints: &[Complaint]) -> Vec<&str> {
    complaints.iter().map(|c| c.place.as_str()).collect()
}
