//! Where tables live.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/tables`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    /// The rules, as configured.
    pub rules: Vec<Rule>,
    /// Tables that clients do not find by their names: without a rule they go elsewhere.
    pub unrouted: Vec<UnroutedTable>,
    /// Tables of one name on several backends, and no rule says which is meant.
    pub doubly: Vec<DoublyTable>,
    /// How many more of both there are than are listed.
    pub unlisted: usize,
    /// Backends that did not answer when they were looked at.
    pub unseen: Vec<String>,
    /// When the backends were looked at; none: not yet.
    pub looked_wall_ms: Option<u64>,
}

/// One line of `[tables]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Which names it is for.
    pub pattern: String,
    /// Their owner.
    pub backend: String,
    /// The table's name there, if it is another one.
    pub table: Option<String>,
    /// Where it stands in the file.
    pub line: usize,
}

/// A table that its name does not lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnroutedTable {
    /// Its name, with its schema if a bare name does not mean it.
    pub table: String,
    /// Where it is.
    pub backend: String,
    /// Of which clients that is so: `postgres`, `mysql`.
    pub clients: Vec<String>,
    /// Where their statements go instead; none: nowhere.
    pub goes_to: Option<String>,
}

/// A name of several tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoublyTable {
    /// The name.
    pub table: String,
    /// Where they are.
    pub backends: Vec<String>,
    /// Whose clients' statements go there: `postgres`, `mysql`.
    pub clients: Vec<String>,
    /// Which of them is meant by these clients.
    pub goes_to: Option<String>,
}
