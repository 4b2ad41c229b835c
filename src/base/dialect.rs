//! Which SQL and wire a client or a backend speaks.

use std::fmt;

/// A wire protocol with its SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// PostgreSQL, protocol 3.
    Postgres,
    /// MySQL and MariaDB, protocol 4.1.
    Mysql,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
        })
    }
}

/// Which server stands behind a connection; MariaDB and MySQL differ in how XA branches are finished (FACTS 7–8a).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MariaDB: a prepared branch stays attached to the session that prepared it.
    Mariadb,
    /// Oracle MySQL.
    Mysql,
}

impl Engine {
    /// As its makers write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mariadb => "MariaDB",
            Self::Mysql => "MySQL",
        }
    }

    /// The dialect this server speaks.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Postgres => Dialect::Postgres,
            Self::Mariadb | Self::Mysql => Dialect::Mysql,
        }
    }
}
