//! The only place that writes error text's envelope for clients: what went wrong, as SQLSTATE and as MySQL errno.

use std::fmt;

macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $sqlstate:literal, $errno:literal, $mystate:literal;)*) => {
        /// What kind of error a client is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultKind { $($(#[$doc])* $variant,)* }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &[FaultKind] = &[$(FaultKind::$variant,)*];
            /// Our own code (`HF0201`), which stands in the DETAIL of every error we make.
            pub fn code(self) -> &'static str { match self { $(Self::$variant => $code,)* } }
            /// PostgreSQL's SQLSTATE.
            pub fn sqlstate(self) -> &'static str { match self { $(Self::$variant => $sqlstate,)* } }
            /// MySQL's error number.
            pub fn errno(self) -> u16 { match self { $(Self::$variant => $errno,)* } }
            /// The SQLSTATE MySQL sends with [`Self::errno`].
            pub fn mysql_state(self) -> &'static str { match self { $(Self::$variant => $mystate,)* } }
        }
    };
}

fault_kinds! {
    /// One statement names tables of several backends.
    CrossBackendStatement = "HF0201", "0A000", 1235, "42000";
    /// Something we do not do (yet): says what and what to do instead.
    NotSupported = "HF0202", "0A000", 1235, "42000";
    /// This transaction did something that cannot be part of a two-phase commit.
    CannotPrepare = "HF0203", "0A000", 1235, "42000";
    /// The override comment or qualifier names no backend.
    UnknownBackend = "HF0204", "42704", 1049, "42000";
    /// A name with our prefix was used by a client.
    ReservedName = "HF0205", "42939", 1227, "42000";
    /// A statement in a failed transaction (PostgreSQL clients).
    InFailedTransaction = "HF0206", "25P02", 1105, "HY000";
    /// No such savepoint.
    NoSuchSavepoint = "HF0207", "3B001", 1305, "42000";
    /// SAVEPOINT and friends outside a transaction (PostgreSQL clients).
    NoActiveTransaction = "HF0208", "25P01", 1105, "HY000";
    /// A command inside a transaction that must not be there.
    ActiveTransaction = "HF0209", "25001", 1568, "25001";
    /// Unknown prepared statement.
    UnknownStatement = "HF0210", "26000", 1243, "HY000";
    /// A prepared statement's name is taken.
    DuplicateStatement = "HF0212", "42P05", 1105, "HY000";
    /// Unknown portal or cursor.
    UnknownPortal = "HF0213", "34000", 1243, "HY000";
    /// A statement for a backend of the other dialect that has no faithful translation.
    NotTranslatable = "HF0214", "0A000", 1235, "42000";
    /// A value that the other dialect's type cannot hold.
    NotConvertible = "HF0215", "22003", 1264, "22003";
    /// A table that does not exist, found while translating.
    UndefinedTable = "HF0216", "42P01", 1146, "42S02";
    /// A column that does not exist, found while translating.
    UndefinedColumn = "HF0217", "42703", 1054, "42S22";
    /// A column name that stands for several, found while translating.
    AmbiguousColumn = "HF0218", "42702", 1052, "23000";
    /// Types that do not fit together, found while translating.
    TypeMismatch = "HF0219", "42804", 1105, "HY000";
    /// A function or operator that does not exist for these types, found while translating.
    UndefinedFunction = "HF0220", "42883", 1305, "42000";
    /// A column outside of GROUP BY and aggregates, found while translating.
    Grouping = "HF0221", "42803", 1055, "42000";
    /// Text that is no value of the type that it is used as.
    InvalidText = "HF0222", "22P02", 1366, "22007";
    /// An INSERT whose rows have another number of values than it has columns.
    ValueCount = "HF0223", "42601", 1136, "21S01";
    /// Sides of a UNION with different numbers of columns.
    SideColumns = "HF0224", "42601", 1222, "21000";
    /// Several columns where one is wanted.
    OneColumn = "HF0225", "42601", 1241, "21000";
    /// One alias for two tables.
    DuplicateAlias = "HF0226", "42712", 1066, "42000";
    /// One name for two columns of a table.
    DuplicateColumn = "HF0227", "42701", 1060, "42S21";
    /// A column that is given two values.
    AssignedTwice = "HF0228", "42701", 1110, "42000";
    /// Text that is no date or time.
    InvalidMoment = "HF0229", "22007", 1292, "22007";
    /// A date or time whose fields are out of their range.
    MomentRange = "HF0230", "22008", 1292, "22007";
    /// A position, key or expression that refers to nothing there.
    InvalidReference = "HF0231", "42P10", 1054, "42S22";
    /// A window function where none may be.
    Windowing = "HF0232", "42P20", 3593, "HY000";
    /// A portal that was run to its end and gives no rows.
    PortalDone = "HF0233", "55000", 1105, "HY000";
    /// A session variable or parameter that does not exist, asked of the console.
    UnknownVariable = "HF0234", "42704", 1193, "HY000";
    /// Syntax error that we found (never guessed on behalf of a single backend).
    Syntax = "HF0211", "42601", 1064, "42000";
    /// The transaction was rolled back on all participants; retrying is safe.
    RolledBack = "HF0301", "40000", 1402, "XA100";
    /// Rolled back as a deadlock or serialization victim; retrying is safe.
    SerializationFailure = "HF0302", "40001", 1213, "40001";
    /// The outcome cannot be known here and now.
    OutcomeUnknown = "HF0303", "08007", 1105, "HY000";
    /// A participant's unfinished commit is being waited for, and the wait's bound is over.
    Unresolved = "HF0304", "55P03", 1205, "HY000";
    /// Too many transactions are in doubt.
    InDoubtLimit = "HF0305", "53400", 1040, "08004";
    /// What an operator asks for would leave a transaction half done.
    WouldHalve = "HF0306", "55000", 1105, "HY000";
    /// No such transaction.
    NoSuchTransaction = "HF0307", "42704", 1105, "HY000";
    /// A backend cannot be reached.
    BackendDown = "HF0401", "08006", 2013, "HY000";
    /// No connection of the pool became free in time.
    PoolTimeout = "HF0402", "53300", 1040, "08004";
    /// A backend's connection was lost in the middle of a transaction.
    BackendLost = "HF0403", "08006", 2013, "HY000";
    /// An operator named a client that is not there.
    UnknownClient = "HF0516", "42704", 1094, "HY000";
    /// A backend is paused by an operator, and the wait's bound is over.
    BackendPaused = "HF0404", "57P03", 1205, "HY000";
    /// Too many clients.
    TooManyClients = "HF0501", "53300", 1040, "08004";
    /// User or password is wrong.
    AuthFailed = "HF0502", "28P01", 1045, "28000";
    /// The client asked for a database that is not served here.
    NoSuchDatabase = "HF0503", "3D000", 1049, "42000";
    /// The client broke the wire protocol.
    ProtocolViolation = "HF0504", "08P01", 1835, "HY000";
    /// A command of the wire protocol that we do not know.
    UnknownCommand = "HF0505", "08P01", 1047, "08S01";
    /// A message or statement is larger than the configured limit.
    TooLarge = "HF0506", "54000", 1153, "08S01";
    /// A statement took longer than the configured limit.
    StatementTimeout = "HF0507", "57014", 3024, "HY000";
    /// The session was idle longer than the configured limit.
    IdleTimeout = "HF0508", "25P03", 4031, "HY000";
    /// Cancelled by the client.
    Cancelled = "HF0509", "57014", 1317, "70100";
    /// TLS is required.
    TlsRequired = "HF0510", "28000", 3159, "HY000";
    /// The proxy is stopping.
    ShuttingDown = "HF0511", "57P01", 1053, "08S01";
    /// A client certificate is required, or the one shown is not this user's.
    CertificateRequired = "HF0512", "28000", 1045, "28000";
    /// Who or what the client wants to be is not said, or not in a way that can be accepted.
    InvalidLogin = "HF0513", "28000", 1045, "28000";
    /// A startup parameter or option whose value has no meaning.
    InvalidParameter = "HF0514", "22023", 1231, "42000";
    /// The console is for the users that the configuration names.
    ConsoleRefused = "HF0515", "42501", 1044, "42000";
    /// The user has as many sessions as it may.
    TooManyOfUser = "HF0517", "53300", 1226, "42000";
    /// The statement is for a backend that its user may not use.
    BackendNotAllowed = "HF0518", "42501", 1142, "42000";
    /// An operator's request without the token, or from somebody else's page.
    NotOperator = "HF0601", "28000", 1045, "28000";
    /// An operator's request that cannot be understood.
    BadRequest = "HF0602", "22023", 1231, "42000";
    /// Something that an operator asks for does not exist.
    NotFound = "HF0603", "42704", 1105, "HY000";
    /// A fault of ours.
    Internal = "HF0999", "XX000", 1105, "HY000";
}

/// An error as a client is told it, in either dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind; decides SQLSTATE and errno.
    pub kind: FaultKind,
    /// One factual line without a final stop.
    pub message: String,
    /// More facts, if any.
    pub detail: Option<String>,
    /// What to do about it: a full sentence.
    pub hint: Option<String>,
    /// The server itself says the same at this point, so that nothing of ours is added.
    pub verbatim: bool,
}

impl Fault {
    /// A fault with a message only.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, hint: None, verbatim: false }
    }

    /// What the client's server would say itself, in its words: without a code of ours.
    pub fn verbatim(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { verbatim: true, ..Self::new(kind, message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds more facts.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// DETAIL for PostgreSQL clients: our code, then the facts.
    pub fn pg_detail(&self) -> Option<String> {
        if self.verbatim {
            return self.detail.clone();
        }
        let detail = self.detail.as_deref().unwrap_or("reported by Handfast");
        Some(format!("{}: {detail}", self.kind.code()))
    }

    /// What to do about it: its own hint, else its kind's.
    pub fn advice(&self) -> Option<String> {
        if self.verbatim { self.hint.clone() } else { self.hint.clone().or_else(|| self.kind.advice()) }
    }

    /// MySQL has one text: message, detail and hint in it.
    pub fn mysql_message(&self) -> String {
        let mut text = self.message.clone();
        if let Some(detail) = &self.detail {
            text.push_str("; ");
            text.push_str(detail);
        }
        if let Some(hint) = self.advice() {
            text.push_str(" (hint: ");
            text.push_str(&hint);
            text.push(')');
        }
        if !self.verbatim {
            text.push_str(" [");
            text.push_str(self.kind.code());
            text.push(']');
        }
        text
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mysql_message())
    }
}

impl std::error::Error for Fault {}
