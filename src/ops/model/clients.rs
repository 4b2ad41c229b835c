//! Who is connected, and what for.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/clients`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clients {
    /// Who has logged in, in the order of arrival.
    pub clients: Vec<ConnectedClient>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedClient {
    /// Its number here.
    pub id: u64,
    /// `postgres` or `mysql`.
    pub protocol: String,
    /// As whom it has logged in.
    pub user: String,
    /// From where.
    pub address: String,
    /// For how long.
    pub connected_s: u64,
    /// What it is doing.
    pub state: Doing,
    /// For how long.
    pub state_s: u64,
    /// The transaction it is in, once a backend takes part in it.
    pub transaction: Option<String>,
    /// Backends on which it holds a connection, or waits for one.
    pub backends: Vec<String>,
    /// Statements that it has sent; a text of several is one.
    pub statements: u64,
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doing {
    /// Nothing: Handfast waits for it.
    #[serde(rename = "idle")]
    Idle,
    /// Nothing, inside a transaction.
    #[serde(rename = "in transaction")]
    InTransaction,
    /// It waits for an answer.
    #[serde(rename = "running")]
    Running,
    /// Its transaction is ending.
    #[serde(rename = "committing")]
    Committing,
    /// Its statement waits: the pool is full, the backend is paused or does not answer, or a commit there is not finished.
    #[serde(rename = "waiting")]
    Waiting,
}

impl Doing {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::InTransaction => "in transaction",
            Self::Running => "running",
            Self::Committing => "committing",
            Self::Waiting => "waiting",
        }
    }
}
