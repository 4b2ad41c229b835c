//! Where the configuration's text comes from: the file, then one piece for each override. All stand in one text behind one
//! another, so that a byte's place says who has written it.

use super::report::Span;

/// The file and its overrides.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Sources {
    /// All of it.
    pub(super) text: String,
    /// The file's name.
    pub(super) file: String,
    /// Bytes of `text` that are the file's.
    file_bytes: usize,
    pieces: Vec<Piece>,
}

/// One override, as a line of TOML.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Piece {
    start: usize,
    /// Where its value begins in `text`.
    value: usize,
    /// Who has given it.
    pub(super) given: Given,
    /// The line as the user has written it.
    pub(super) shown: String,
    /// Characters in front of the value there.
    pub(super) before: usize,
}

/// By which way a value was given beside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// An environment variable, by its name.
    Environment(String),
    /// `--set`, by its key.
    Option(String),
}

impl std::fmt::Display for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Option(key) => write!(f, "--set {key}"),
        }
    }
}

impl Sources {
    /// A file alone.
    pub(super) fn new(file: &str, text: &str) -> Self {
        Self { text: text.to_owned(), file: file.to_owned(), file_bytes: text.len(), pieces: Vec::new() }
    }

    /// The file's own text.
    pub(super) fn file_text(&self) -> &str {
        &self.text[..self.file_bytes]
    }

    /// Adds an override: `key` and `value` in TOML. Returns its line with as many spaces in front as make its bytes' places
    /// those of [`Self::text`].
    pub(super) fn add(&mut self, given: Given, key: &str, value: &str, written: &str) -> String {
        self.text.push('\n');
        let start = self.text.len();
        let line = format!("{key} = {value}");
        self.text.push_str(&line);
        let written = if is_secret(key) { "***" } else { written };
        let shown = match &given {
            Given::Environment(name) => format!("{name}={written}"),
            Given::Option(name) => format!("--set {name}={written}"),
        };
        let before = shown.chars().count() - written.chars().count();
        self.pieces.push(Piece { start, value: start + key.len() + 3, given, shown, before });
        format!("{}{line}", " ".repeat(start))
    }

    /// The override that a byte belongs to; `None`: the file.
    pub(super) fn piece(&self, byte: usize) -> Option<&Piece> {
        self.pieces.iter().rev().find(|piece| piece.start <= byte)
    }

    /// Whether a span is (in) the value of the override that it belongs to.
    pub(super) fn is_value(piece: &Piece, span: &Span) -> bool {
        span.start >= piece.value
    }
}

/// Whether what is given for a key must not be shown; of a URL only its password is.
fn is_secret(key: &str) -> bool {
    key.to_lowercase().contains("password")
}
