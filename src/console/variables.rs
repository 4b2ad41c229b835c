//! Session variables of both kinds of servers, as far as drivers ask for them on connect. They say what the console is;
//! setting one changes nothing.

use super::DATABASE;
use super::cell::Cell;
use crate::base::Dialect;

/// What `version()` and its kin say.
#[derive(Clone, Debug)]
pub struct Variables {
    dialect: Dialect,
    list: Vec<(String, Cell)>,
}

/// Parameters of PostgreSQL that its driver or a tool asks for, beside those of the greeting.
const PG: &[(&str, &str)] = &[
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("datestyle", "ISO, MDY"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("extra_float_digits", "1"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("intervalstyle", "postgres"),
    ("is_superuser", "off"),
    ("lc_collate", "C.UTF-8"),
    ("lc_ctype", "C.UTF-8"),
    ("lock_timeout", "0"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("scram_iterations", "4096"),
    ("search_path", "public"),
    ("server_encoding", "UTF8"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("timezone", "UTC"),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "off"),
];

/// The same of MySQL and MariaDB: numbers are numbers.
const MYSQL: &[(&str, &str)] = &[
    ("auto_increment_increment", "1"),
    ("autocommit", "1"),
    ("character_set_client", "utf8mb4"),
    ("character_set_connection", "utf8mb4"),
    ("character_set_database", "utf8mb4"),
    ("character_set_results", "utf8mb4"),
    ("character_set_server", "utf8mb4"),
    ("character_set_system", "utf8mb3"),
    ("collation_connection", "utf8mb4_general_ci"),
    ("collation_database", "utf8mb4_general_ci"),
    ("collation_server", "utf8mb4_general_ci"),
    ("default_storage_engine", "HANDFAST"),
    ("error_count", "0"),
    ("foreign_key_checks", "1"),
    ("have_ssl", "DISABLED"),
    ("hostname", "handfast"),
    ("identity", "0"),
    ("init_connect", ""),
    ("interactive_timeout", "28800"),
    ("last_insert_id", "0"),
    ("license", ""),
    ("lower_case_table_names", "0"),
    ("max_allowed_packet", "16777216"),
    ("net_buffer_length", "16384"),
    ("net_read_timeout", "30"),
    ("net_write_timeout", "60"),
    ("performance_schema", "0"),
    ("protocol_version", "10"),
    ("query_cache_size", "0"),
    ("query_cache_type", "OFF"),
    ("read_only", "1"),
    ("session_track_schema", "0"),
    ("sql_auto_is_null", "0"),
    ("sql_mode", "STRICT_TRANS_TABLES"),
    ("sql_safe_updates", "0"),
    ("sql_select_limit", "9223372036854775807"),
    ("ssl_cipher", ""),
    ("system_time_zone", "UTC"),
    ("time_zone", "+00:00"),
    ("transaction_isolation", "READ-COMMITTED"),
    ("transaction_read_only", "0"),
    ("tx_isolation", "READ-COMMITTED"),
    ("tx_read_only", "0"),
    ("unique_checks", "1"),
    ("version_compile_machine", ""),
    ("version_compile_os", "Linux"),
    ("wait_timeout", "28800"),
    ("warning_count", "0"),
];

impl Variables {
    /// Those of a client of this dialect. `greeting`: what the home server's own clients are told, which overrides ours.
    pub fn new(dialect: Dialect, server_version: &str, user: &str, greeting: &[(String, String)]) -> Self {
        let cell = |text: &str| match (dialect, text.parse::<i64>()) {
            (Dialect::Mysql, Ok(number)) if !text.starts_with('+') => Cell::Int(number),
            (Dialect::Mysql | Dialect::Postgres, _) => Cell::from(text),
        };
        let fixed = match dialect {
            Dialect::Postgres => PG,
            Dialect::Mysql => MYSQL,
        };
        let mut variables =
            Self { dialect, list: fixed.iter().map(|(name, value)| ((*name).to_owned(), cell(value))).collect() };
        match dialect {
            Dialect::Postgres => {
                for (name, value) in greeting.iter().filter(|(name, _)| !OURS.contains(&name.as_str())) {
                    variables.set(&name.to_ascii_lowercase(), Cell::from(value.as_str()));
                }
                variables.set("server_version", Cell::from(server_version));
                variables.set("session_authorization", Cell::from(user));
                let number = server_version.split(['.', ' ']).map_while(|part| part.parse::<u32>().ok());
                let number = number.take(2).fold((0, 10_000), |(sum, unit), part| (sum + part * unit, 1)).0;
                variables.set("server_version_num", Cell::from(number.to_string()));
            }
            Dialect::Mysql => {
                variables.set("version", Cell::from(server_version));
                variables.set("version_comment", Cell::from(comment()));
                variables.set("database", Cell::from(DATABASE));
            }
        }
        variables
    }

    fn set(&mut self, name: &str, value: Cell) {
        match self.list.iter_mut().find(|(other, _)| other == name) {
            Some(pair) => pair.1 = value,
            None => self.list.push((name.to_owned(), value)),
        }
    }

    /// A parameter of PostgreSQL.
    pub fn pg(&self, name: &str) -> Option<&str> {
        if self.dialect != Dialect::Postgres {
            return None;
        }
        let found = self.list.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| match value {
            Cell::Text(text) => Some(text.as_str()),
            Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) | Cell::Span(_) | Cell::Moment(_) => None,
        })
    }

    /// A variable of MySQL, without `@@` and scope.
    pub fn mysql(&self, name: &str) -> Option<Cell> {
        let known = self.dialect == Dialect::Mysql;
        self.list.iter().find(|(other, _)| known && other.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    }

    /// All, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Cell)> {
        self.list.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Settings of the home server that its sessions here do not have.
const OURS: &[&str] = &["TimeZone", "DateStyle", "IntervalStyle", "is_superuser", "session_authorization"];

/// What the console calls itself.
pub fn comment() -> String {
    format!("Handfast {} console", env!("CARGO_PKG_VERSION"))
}
