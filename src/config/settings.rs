//! Every value with where it came from, for `handfast config show`, the console, the operator's port and a reload's answer.

use std::fmt;

use sha2::{Digest, Sha256};

use super::report::{Span, line_of};
use super::source::{Given, Sources};

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// One value of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `transactions.commit_wait`, `backends.store.url`, `users.app.password`, `tables.items`.
    pub key: String,
    /// As one would write it; secrets as `***`; empty: not set, and there is no default.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
    /// Of what it really is, to tell whether it has changed.
    digest: [u8; 32],
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The file.
    File {
        /// Its name.
        file: String,
        /// From 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// `--set` on the command line.
    Option,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Environment { name } => write!(f, "environment {name}"),
            Self::Option => f.write_str("--set"),
        }
    }
}

impl Origin {
    /// The origin of what stands at a place; `None`: of a default.
    pub(super) fn of(sources: &Sources, span: Option<&Span>) -> Self {
        let Some(span) = span else { return Self::Default };
        match sources.piece(span.start).map(|piece| &piece.given) {
            None => Self::File { file: sources.file.clone(), line: line_of(&sources.text, span.start) },
            Some(Given::Environment(name)) => Self::Environment { name: name.clone() },
            Some(Given::Option(_)) => Self::Option,
        }
    }
}

impl Setting {
    /// A value that may be shown.
    pub(super) fn shown(key: String, value: String, origin: Origin) -> Self {
        let digest = Sha256::digest(&value).into();
        Self { key, value, origin, digest }
    }

    /// A value that is shown as something else.
    pub(super) fn hidden(key: String, shown: Option<String>, exact: &str, origin: Origin) -> Self {
        let value = shown.unwrap_or_else(|| HIDDEN.to_owned());
        Self { key, value, origin, digest: Sha256::digest(exact).into() }
    }

    /// Whether the other one says the same.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}
