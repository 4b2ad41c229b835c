//! Layer 2, pure: which backend owns a statement. `table` is the checked map, `plan` reads an analysis against it.

mod edit;
mod pattern;
mod plan;
mod table;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::base::{BackendId, Fault};

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
    /// Cannot be sent anywhere.
    Refuse(Fault),
}

/// One replacement in the client's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// What stands there instead.
    pub text: String,
}
