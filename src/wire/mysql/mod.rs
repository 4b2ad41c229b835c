//! MySQL's client/server protocol 4.1 as bytes: packets, greetings and logins, answers. Both legs keep one fixed set of
//! capabilities, so that answers pass from a backend to a client byte for byte.

pub mod answer;
pub mod auth;
pub mod handshake;
pub mod packet;
pub mod read;

pub use answer::{Answer, Done, Refusal};
pub use packet::{FrameError, HEADER_BYTES};
pub use read::Reader;

/// Capability flags (`include/mysql_com.h`).
pub mod caps {
    /// Also: "I am not a MariaDB client", so that MariaDB's extended flags are not read.
    pub const LONG_PASSWORD: u32 = 1;
    /// Affected rows count the rows found.
    pub const FOUND_ROWS: u32 = 1 << 1;
    /// Long column flags.
    pub const LONG_FLAG: u32 = 1 << 2;
    /// The login names a database.
    pub const CONNECT_WITH_DB: u32 = 1 << 3;
    /// ODBC; no meaning to servers.
    pub const ODBC: u32 = 1 << 6;
    /// LOAD DATA LOCAL.
    pub const LOCAL_FILES: u32 = 1 << 7;
    /// `sql_mode` IGNORE_SPACE.
    pub const IGNORE_SPACE: u32 = 1 << 8;
    /// Protocol 4.1.
    pub const PROTOCOL_41: u32 = 1 << 9;
    /// `interactive_timeout` instead of `wait_timeout`.
    pub const INTERACTIVE: u32 = 1 << 10;
    /// TLS.
    pub const SSL: u32 = 1 << 11;
    /// Status flags are sent.
    pub const TRANSACTIONS: u32 = 1 << 13;
    /// 20-byte scrambles.
    pub const SECURE_CONNECTION: u32 = 1 << 15;
    /// Several statements in one text.
    pub const MULTI_STATEMENTS: u32 = 1 << 16;
    /// Several answers to one text.
    pub const MULTI_RESULTS: u32 = 1 << 17;
    /// Several answers to one EXECUTE.
    pub const PS_MULTI_RESULTS: u32 = 1 << 18;
    /// The login names its authentication plugin.
    pub const PLUGIN_AUTH: u32 = 1 << 19;
    /// The login carries attributes.
    pub const CONNECT_ATTRS: u32 = 1 << 20;
    /// The authentication data's length is length-encoded.
    pub const PLUGIN_AUTH_LENENC: u32 = 1 << 21;

    /// What clients are offered, TLS aside. Nothing that changes the shape of an answer: no DEPRECATE_EOF, no session
    /// tracking, no compression, no query attributes, none of MariaDB's own.
    pub const OFFERED: u32 = LONG_PASSWORD
        | FOUND_ROWS
        | LONG_FLAG
        | CONNECT_WITH_DB
        | ODBC
        | LOCAL_FILES
        | IGNORE_SPACE
        | PROTOCOL_41
        | INTERACTIVE
        | TRANSACTIONS
        | SECURE_CONNECTION
        | MULTI_STATEMENTS
        | MULTI_RESULTS
        | PS_MULTI_RESULTS
        | PLUGIN_AUTH
        | CONNECT_ATTRS
        | PLUGIN_AUTH_LENENC;

    /// What every backend connection asks for.
    pub const BACKEND: u32 = LONG_PASSWORD
        | LONG_FLAG
        | CONNECT_WITH_DB
        | PROTOCOL_41
        | TRANSACTIONS
        | SECURE_CONNECTION
        | MULTI_STATEMENTS
        | MULTI_RESULTS
        | PS_MULTI_RESULTS
        | PLUGIN_AUTH
        | PLUGIN_AUTH_LENENC;

    /// The client's choices that change what a statement does; a backend connection is opened with the same ones.
    pub const SEMANTIC: u32 = FOUND_ROWS | IGNORE_SPACE | LOCAL_FILES;
}

/// Status flags of OK and EOF.
pub mod status {
    /// A transaction is open.
    pub const IN_TRANS: u16 = 1;
    /// `autocommit` is on.
    pub const AUTOCOMMIT: u16 = 2;
    /// Another answer follows.
    pub const MORE_RESULTS: u16 = 8;
    /// A cursor was opened for this EXECUTE.
    pub const CURSOR_EXISTS: u16 = 0x40;
    /// The cursor is at its end.
    pub const LAST_ROW_SENT: u16 = 0x80;
    /// `sql_mode` has NO_BACKSLASH_ESCAPES.
    pub const NO_BACKSLASH_ESCAPES: u16 = 0x200;
    /// The result holds a procedure's OUT parameters. Only the EOF before its row says so, and that more follows.
    pub const PS_OUT_PARAMS: u16 = 0x1000;
    /// The open transaction is READ ONLY.
    pub const IN_TRANS_READONLY: u16 = 0x2000;
}

/// Command bytes.
pub mod com {
    /// The client leaves.
    pub const QUIT: u8 = 0x01;
    /// Changes the database.
    pub const INIT_DB: u8 = 0x02;
    /// A text.
    pub const QUERY: u8 = 0x03;
    /// The columns of a table.
    pub const FIELD_LIST: u8 = 0x04;
    /// FLUSH, by one byte of flags.
    pub const REFRESH: u8 = 0x07;
    /// One line about the server.
    pub const STATISTICS: u8 = 0x09;
    /// SHOW PROCESSLIST.
    pub const PROCESS_INFO: u8 = 0x0a;
    /// KILL.
    pub const PROCESS_KILL: u8 = 0x0c;
    /// Dumps to the server's own diagnostics.
    pub const DEBUG: u8 = 0x0d;
    /// Are you there?
    pub const PING: u8 = 0x0e;
    /// Another login on this connection.
    pub const CHANGE_USER: u8 = 0x11;
    /// Prepares a statement.
    pub const STMT_PREPARE: u8 = 0x16;
    /// Executes it.
    pub const STMT_EXECUTE: u8 = 0x17;
    /// A piece of a parameter; not answered.
    pub const STMT_SEND_LONG_DATA: u8 = 0x18;
    /// Forgets a statement; not answered.
    pub const STMT_CLOSE: u8 = 0x19;
    /// Forgets pieces and closes the cursor.
    pub const STMT_RESET: u8 = 0x1a;
    /// MULTI_STATEMENTS on (0) or off (1); answered by EOF.
    pub const SET_OPTION: u8 = 0x1b;
    /// Rows of a cursor.
    pub const STMT_FETCH: u8 = 0x1c;
    /// The session as new.
    pub const RESET_CONNECTION: u8 = 0x1f;
}
