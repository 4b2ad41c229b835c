//! Bounds that are part of a protocol or of our design, each with its reason. What a user may want to change is in
//! `config` instead.

/// PostgreSQL refuses longer startup packets; so do we (`MAX_STARTUP_PACKET_LENGTH`).
pub const PG_STARTUP_BYTES_MAX: usize = 10_000;

/// A MySQL packet carries at most 2^24 − 1 bytes of payload; longer ones continue in the next packet.
pub const MYSQL_PACKET_BYTES_MAX: usize = 0xFF_FF_FF;

/// A relay buffer is flushed when it holds this much: large enough to coalesce small rows into one system call, small
/// enough that a thousand sessions stay within a hundred MiB.
pub const RELAY_BUFFER_BYTES: usize = 64 * 1024;

/// XA: gtrid and bqual are at most 64 bytes each.
pub const XA_PART_BYTES_MAX: usize = 64;

/// PostgreSQL: a gid is shorter than 200 bytes (`GIDSIZE`).
pub const PG_GID_BYTES_MAX: usize = 199;

/// Backends of one configuration. What is kept for each of them is laid out for so many, so that one can be added while the
/// house runs.
pub const BACKENDS_MAX: usize = 256;

/// Table schemas kept of one backend: some MiB at most; a client that names more makes the oldest be asked for again.
pub const SCHEMA_TABLES_MAX: usize = 4096;

/// Keys that one step finds for the next: they go into one text, and servers refuse texts above 16 MiB by default.
pub const FOREIGN_KEYS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Rows of a backend of the other dialect that a client asks for in parts are kept until it does.
pub const FOREIGN_LATER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Moments that the ledger keeps of one transaction: a hundred participants would have four each; repeated failures are
/// told once.
pub const LEDGER_MOMENTS_MAX: usize = 128;

/// Transactions whose change a slow listener for news may have missed before it is told to look at all of them.
pub const LEDGER_NEWS_MAX: usize = 256;

/// Ended transactions kept where nothing is configured (tests).
pub const LEDGER_KEPT: usize = 1000;

/// Open consoles on each listener: operators, their dashboards and monitoring.
pub const CONSOLES_MAX: usize = 16;

/// Longest text of a statement for the console, in bytes.
pub const CONSOLE_TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Whoever has connected for the control plane and was not greeted after this time looks beside who is there, in milliseconds:
/// far longer than a server's greeting takes.
pub const GREETING_QUIET_MS: u64 = 1000;

/// And listens so long: a MySQL server that cannot find its client's name greets after several seconds.
pub const GREETING_MS_MAX: u64 = 5000;

/// Rows that one query of the console makes and keeps, in bytes: a list of all that a house keeps of its transactions has room, and
/// what a join of two such lists would come to has not.
pub const CONSOLE_ROWS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Connections of the admin port: dashboards' streams, health checks and monitoring of a large house; few enough files.
pub const ADMIN_CONNECTIONS_MAX: usize = 128;

/// Head of a request to the admin port, in bytes: browsers send a few KiB.
pub const ADMIN_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Body of a request to the admin port, in bytes: a statement to be explained is the longest, and each of a text's statements
/// has an answer many times its own length.
pub const ADMIN_BODY_BYTES_MAX: usize = 128 * 1024;
