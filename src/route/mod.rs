//! Layer 2, pure: which backend owns a statement. `table` is the checked map, `plan` reads an analysis against it.

use std::ops::Range;

use crate::base::{BackendId, Dialect, Fault};
use crate::config::Config;
use crate::sql::Statement;

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

/// The checked map from tables to backends.
#[derive(Debug)]
pub struct RouteTable {}

#[allow(unused_variables, reason = "placeholder")]
impl RouteTable {
    /// Builds it from a checked configuration.
    pub fn new(config: &Config) -> Self {
        unimplemented!()
    }

    /// Where `statement` of `text` goes, for a client of `dialect`. Backends that are one participant
    /// ([`Config::same_participant`]) count as several only if the statement's tables need different databases; then the
    /// edits qualify the names.
    pub fn plan(&self, dialect: Dialect, text: &[u8], statement: &Statement) -> Plan {
        unimplemented!()
    }
}
