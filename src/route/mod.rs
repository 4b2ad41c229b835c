//! Layer 2, pure: which backend owns a statement. `table` is the checked map, `plan` reads an analysis against it,
//! `reach` says whose statements may go there.

mod edit;
mod pattern;
mod plan;
mod reach;
mod table;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::base::{BackendId, Fault};

pub use pattern::fits;
pub use reach::Reach;
pub use table::RouteTable;

/// Where one statement goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Names no table: the transaction's only participant, else home.
    Anywhere,
    /// Belongs to this backend.
    One {
        /// The owner.
        backend: BackendId,
        /// Replacements in the text, in order, not overlapping (renames and backend-name qualifiers); byte ranges
        /// of the whole text.
        edits: Vec<Edit>,
    },
    /// Belongs to a backend of the other dialect: it must be translated.
    Foreign {
        /// The owner.
        backend: BackendId,
        /// Every table that the statement names.
        tables: Vec<ForeignTable>,
    },
    /// Cannot be sent anywhere.
    Refuse(Fault),
}

/// A table on a backend of the other dialect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ForeignTable {
    /// The client's qualifier, folded as its dialect folds it.
    pub schema: Option<String>,
    /// The client's name, folded.
    pub name: String,
    /// Qualifier on the backend, if it needs one.
    pub physical_schema: Option<String>,
    /// Its name on the backend.
    pub physical_name: String,
}

/// One replacement in the client's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// What stands there instead.
    pub text: String,
}
