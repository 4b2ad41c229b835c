//! The console's tables: what is in which column.

use super::cell::Kind::{Bool, Float, Int, Moment, Span, Text};
use super::query::Columns;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name, lower case.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// Its columns.
    pub columns: Columns,
}

/// All of them, in the order in which SHOW HELP tells them.
pub const TABLES: &[Table] = &[
    Table {
        name: "status",
        about: "one row: how the house is",
        columns: &[
            ("sentence", Text),
            ("state", Text),
            ("version", Text),
            ("node", Text),
            ("cluster", Text),
            ("epoch", Int),
            ("uptime", Span),
            ("clients_postgres", Int),
            ("clients_mysql", Int),
            ("in_doubt", Int),
            ("oldest_in_doubt", Span),
            ("committed", Int),
            ("rolled_back", Int),
            ("unknown", Int),
            ("two_phase", Int),
            ("p99_commit_ms", Float),
            ("backends_down", Text),
        ],
    },
    Table {
        name: "transactions",
        about: "distributed transactions: in doubt, ending, and the last that ended",
        columns: &[
            ("name", Text),
            ("state", Text),
            ("decision", Text),
            ("age", Span),
            ("begun", Moment),
            ("decided", Moment),
            ("protocol", Text),
            ("client", Text),
            ("why", Text),
            ("next", Text),
        ],
    },
    Table {
        name: "branches",
        about: "their parts, one on each backend, with what a DBA would type there",
        columns: &[
            ("transaction", Text),
            ("backend", Text),
            ("place", Int),
            ("name", Text),
            ("state", Text),
            ("problem", Text),
            ("attempts", Int),
            ("by_hand", Text),
            ("session", Int),
        ],
    },
    Table {
        name: "timeline",
        about: "what happened to them, and when after their begin",
        columns: &[("transaction", Text), ("at", Span), ("what", Text), ("backend", Text), ("detail", Text)],
    },
    Table {
        name: "backends",
        about: "the databases",
        columns: &[
            ("name", Text),
            ("dialect", Text),
            ("engine", Text),
            ("version", Text),
            ("address", Text),
            ("database", Text),
            ("up", Bool),
            ("since", Moment),
            ("paused", Bool),
            ("last_error", Text),
            ("prepared_now", Int),
            ("prepared_limit", Int),
            ("in_doubt", Int),
            ("strangers", Int),
        ],
    },
    Table {
        name: "pools",
        about: "connections to each of them",
        columns: &[("backend", Text), ("mode", Text), ("size", Int), ("idle", Int), ("active", Int), ("waiting", Int)],
    },
    Table {
        name: "clients",
        about: "who is connected, and what for",
        columns: &[
            ("id", Int),
            ("protocol", Text),
            ("user", Text),
            ("address", Text),
            ("connected", Span),
            ("state", Text),
            ("state_for", Span),
            ("transaction", Text),
            ("backends", Text),
            ("statements", Int),
        ],
    },
    Table {
        name: "tables",
        about: "routing rules",
        columns: &[("pattern", Text), ("backend", Text), ("table", Text), ("line", Int)],
    },
    Table {
        name: "misplaced",
        about: "tables on the backends that their names do not lead to (unrouted), or that are on several (doubly)",
        columns: &[("table", Text), ("problem", Text), ("backends", Text), ("clients", Text), ("goes_to", Text)],
    },
    Table {
        name: "strangers",
        about: "prepared branches on the backends that are not ours to end",
        columns: &[("backend", Text), ("name", Text), ("owner", Text), ("age", Span), ("advice", Text)],
    },
    Table {
        name: "statements",
        about: "statements by their text without values: how often, for how long, with how many errors",
        columns: &[
            ("text", Text),
            ("protocol", Text),
            ("route", Text),
            ("count", Int),
            ("errors", Int),
            ("total_ms", Float),
            ("mean_ms", Float),
            ("max_ms", Float),
        ],
    },
    Table {
        name: "config",
        about: "every setting, and where it was set",
        columns: &[("key", Text), ("value", Text), ("origin", Text)],
    },
    Table {
        name: "metrics",
        about: "figures, as Prometheus reads them",
        columns: &[("name", Text), ("labels", Text), ("value", Float)],
    },
    Table {
        name: "journal",
        about: "one row: the journal's files, syncs and last recovery",
        columns: &[
            ("path", Text),
            ("segments", Int),
            ("bytes", Int),
            ("unsettled", Int),
            ("kept", Int),
            ("syncs", Int),
            ("sync_mean_ms", Float),
            ("sync_last_ms", Float),
            ("recovery_found", Int),
            ("recovery_committed", Int),
            ("recovery_rolled_back", Int),
            ("recovery_took_ms", Float),
        ],
    },
];

/// What SHOW HELP tells beside tables: command, and what it does.
pub const COMMANDS: &[(&str, &str)] = &[
    ("SELECT … FROM table", "WHERE, JOIN, GROUP BY, ORDER BY, LIMIT; for example: WHERE age > interval '5 seconds'"),
    ("SHOW TABLES", "the console's tables; SHOW RULES: routing rules"),
    ("SHOW VERSION", "which Handfast this is"),
    ("RESOLVE 'name' COMMIT | ROLLBACK", "ends a transaction that is in doubt, unless that would leave it half done"),
    ("PAUSE backend", "new statements for it wait; those that run finish"),
    ("RESUME backend", "they go on"),
    ("KILL id", "ends a client's session; PostgreSQL and MySQL clients are told apart by KILL postgres id"),
    ("RELOAD", "reads the configuration again, and tells what changed"),
    ("DRAIN", "no new transactions; ends when the open ones have"),
    ("EXPLAIN ROUTE sql", "where a statement would go"),
    ("EXPLAIN ROUTE FOR USER name sql", "where this user's would go"),
];
