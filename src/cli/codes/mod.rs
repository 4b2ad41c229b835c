//! `handfast help HFnnnn`: every code of ours at length.

use clap::CommandFactory;

use super::{Args, Exit, complain, print};
use crate::base::FaultKind;
use crate::config::ConfigCode;

pub(super) fn run(code: Option<&str>) -> Exit {
    let Some(code) = code else {
        print(&Args::command().render_help().to_string());
        return Exit::Ok;
    };
    let code = code.trim().to_ascii_uppercase();
    if let Some(text) = explain(&code) {
        print(&text);
        return Exit::Ok;
    }
    let mut known: Vec<_> =
        ConfigCode::ALL.iter().map(|c| c.code()).chain(FaultKind::ALL.iter().map(|k| k.code())).collect();
    known.sort_unstable();
    complain(format!("error: no code is {code}; there are {}", known.join(" ")));
    Exit::Usage
}

/// An example of each code and what to do about it.
const PAGES: &str = include_str!("pages.txt");

/// What `pages.txt` says of a code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// What provokes it, indented.
    pub(super) example: &'static str,
    /// What to do.
    pub(super) remedy: &'static str,
}

/// Every page, with its code.
pub(super) fn pages() -> impl Iterator<Item = (&'static str, Page)> {
    PAGES.split("\n\n").filter_map(|text| {
        let (code, rest) = text.trim_matches('\n').split_once("\nexample:\n")?;
        let (example, remedy) = rest.rsplit_once("\ndo: ")?;
        Some((code, Page { example, remedy }))
    })
}

/// The text for a code: what it is, its cause, an example, what to do.
pub(super) fn explain(code: &str) -> Option<String> {
    let (_, Page { example, remedy }) = pages().find(|(of, _)| *of == code)?;
    let (what, cause) = match ConfigCode::ALL.iter().find(|c| c.code() == code) {
        Some(found) => (String::from("a fault of the configuration"), found.help()),
        None => {
            let (kind, cause) = FAULTS.iter().find(|(kind, _)| kind.code() == code)?;
            let (state, errno, own) = (kind.sqlstate(), kind.errno(), kind.mysql_state());
            (format!("PostgreSQL clients see SQLSTATE {state}, MySQL clients error {errno} ({own})"), *cause)
        }
    };
    Some(format!("{code}: {what}\n\n{cause}\n\nExample:\n{example}\n\nWhat to do:\n  {remedy}\n"))
}

/// What each error of ours means and what to do; a test keeps it complete.
pub(super) const FAULTS: &[(FaultKind, &str)] = &[
    (
        FaultKind::CrossBackendStatement,
        "One statement names tables of several backends. Queries over several databases are not built yet: split the statement, one for each backend, inside one transaction.",
    ),
    (
        FaultKind::NotSupported,
        "Handfast does not do this (yet). The message says what and the hint what to do instead.",
    ),
    (
        FaultKind::DuplicateStatement,
        "A prepared statement of that name exists in this session. Close or DEALLOCATE it first, or use another name.",
    ),
    (
        FaultKind::UnknownPortal,
        "No portal of that name is open: it was never bound, or the transaction it belonged to has ended.",
    ),
    (
        FaultKind::NotTranslatable,
        "The table lives on a backend of the other dialect, and this construct has no translation that is sure to mean the same there. Nothing was sent. Write it in a plainer form (the message names the construct), compute it in the application, or connect to the other dialect's port for it. `handfast explain` shows what a statement becomes.",
    ),
    (
        FaultKind::NotConvertible,
        "A value cannot be kept by the other dialect's type: infinity or NaN, a zero date, a year out of range, too many digits. It is refused rather than changed.",
    ),
    (
        FaultKind::UndefinedTable,
        "The table does not exist on the backend that its rule leads to. Look at [tables] and at its spelling.",
    ),
    (FaultKind::UndefinedColumn, "The table on the other dialect's backend has no such column."),
    (FaultKind::AmbiguousColumn, "Several tables of the statement have a column of this name: qualify it."),
    (FaultKind::TypeMismatch, "These types do not go together in the client's dialect. Write a cast."),
    (
        FaultKind::UndefinedFunction,
        "The client's dialect has no such function or operator for these types, or Handfast does not know it for tables of the other dialect.",
    ),
    (
        FaultKind::Grouping,
        "A column stands outside of GROUP BY and outside of aggregates. Group by it, or aggregate it.",
    ),
    (FaultKind::InvalidText, "A text is no value of the type that it is used as."),
    (FaultKind::ValueCount, "A row of an INSERT has another number of values than there are columns to fill."),
    (FaultKind::SideColumns, "The sides of a UNION, EXCEPT or INTERSECT must have equally many columns."),
    (FaultKind::OneColumn, "A subquery gives several columns where one is wanted."),
    (FaultKind::DuplicateAlias, "Two tables of the statement go by one name: give one of them an alias."),
    (FaultKind::DuplicateColumn, "Two columns of a derived table have one name: give one of them an alias."),
    (FaultKind::AssignedTwice, "A column is given two values by one statement."),
    (FaultKind::PortalDone, "The portal has been executed to its end. Bind its statement again."),
    (FaultKind::InvalidMoment, "A text is no date or time."),
    (FaultKind::MomentRange, "A date or time has a field out of its range."),
    (FaultKind::InvalidReference, "A position, key or expression refers to nothing at that place."),
    (FaultKind::Windowing, "A window function stands where none may be."),
    (
        FaultKind::CannotPrepare,
        "The transaction did something that its server cannot commit in two phases (temporary tables, LISTEN/NOTIFY, WITH HOLD cursors, exported snapshots). Do it in a transaction that touches one backend only.",
    ),
    (FaultKind::UnknownBackend, "/* handfast: backend=NAME */ or a qualifier names no backend of the configuration."),
    (
        FaultKind::ReservedName,
        "Names that begin with hf1. are Handfast's own: it could mistake such a branch for its own.",
    ),
    (
        FaultKind::InFailedTransaction,
        "A statement of this transaction failed. As on PostgreSQL, only ROLLBACK (or ROLLBACK TO a savepoint) is accepted now.",
    ),
    (FaultKind::NoSuchSavepoint, "There is no savepoint of this name in the transaction."),
    (FaultKind::NoActiveTransaction, "The statement needs a transaction: BEGIN first."),
    (FaultKind::ActiveTransaction, "The statement cannot run inside a transaction: COMMIT or ROLLBACK first."),
    (FaultKind::UnknownStatement, "No prepared statement of this name or number exists in the session."),
    (FaultKind::Syntax, "The text cannot be read. Handfast only says so where no backend could be asked."),
    (
        FaultKind::RolledBack,
        "COMMIT became a rollback on every participant, because one of them could not prepare, was lost or did not vote in time. Nothing is half-done; running the transaction again is safe.",
    ),
    (
        FaultKind::SerializationFailure,
        "The transaction was the victim of a deadlock or of a serialization conflict and was rolled back on every participant. Run it again.",
    ),
    (
        FaultKind::OutcomeUnknown,
        "Nobody can say here and now whether the transaction committed: the connection was lost during a one-phase commit, or the journal could not say whether the decision is durable. It is never half-done for long: recovery finishes it one way. Look at the data before running it again.",
    ),
    (
        FaultKind::Unresolved,
        "A committed transaction is not yet applied on this backend, and reading now could show half of it. The wait for it (transactions.commit_wait) is over. Try again; `handfast transactions list` shows what is prepared.",
    ),
    (
        FaultKind::InDoubtLimit,
        "transactions.in_doubt_max transactions are unfinished. A backend is probably down; new commits over several backends are refused until it is back.",
    ),
    (
        FaultKind::WouldHalve,
        "What was asked for would leave a transaction half done: a decided COMMIT is committed on every backend, a transaction without a decision is rolled back on every backend, and nothing else is ever done. Look at `handfast transactions show NAME`. What somebody else has ended against the decision can be concluded with --force-heuristic, after a person has mended the rows; a backend that never comes back is given up by its name, with --give-up.",
    ),
    (
        FaultKind::NoSuchTransaction,
        "No transaction of that name is ending, in doubt, or among the last that ended (limits.transactions_kept). Finished ones are forgotten; `handfast journal dump` shows what the journal still keeps.",
    ),
    (
        FaultKind::NotOperator,
        "The operator's port wants the token of admin.token_file as `Authorization: Bearer TOKEN`, and takes requests that change something only from its own pages (Origin) or from programs.",
    ),
    (
        FaultKind::BadRequest,
        "A request to the operator's port cannot be understood. /openapi.json describes what it takes.",
    ),
    (FaultKind::NotFound, "What was named to the operator's port does not exist."),
    (
        FaultKind::BackendDown,
        "The backend cannot be reached or refuses the login. `handfast check` asks every backend.",
    ),
    (
        FaultKind::PoolTimeout,
        "Every connection of the backend's pool is in use, and none became free within pool.acquire_timeout (or pool.queue sessions wait already). A session keeps its connections until it ends: raise pool.size or use fewer sessions.",
    ),
    (
        FaultKind::BackendLost,
        "The connection to a backend broke in the middle of a transaction. The transaction is rolled back everywhere.",
    ),
    (FaultKind::TooManyClients, "limits.clients sessions are open."),
    (
        FaultKind::AuthFailed,
        "User or password is wrong. Clients log in as one of [[users]], not as a user of a backend.",
    ),
    (
        FaultKind::NoSuchDatabase,
        "Clients see one database, listen.database. With listen.other_databases = \"home\" they may log in to other databases of \
         the home server, too, which are then served alone.",
    ),
    (
        FaultKind::ProtocolViolation,
        "The client sent bytes that the protocol does not allow at this point. The session ends.",
    ),
    (FaultKind::UnknownCommand, "A command of the wire protocol that Handfast does not know."),
    (FaultKind::TooLarge, "A message is larger than limits.statement_size."),
    (FaultKind::StatementTimeout, "A statement took longer than it may."),
    (
        FaultKind::IdleTimeout,
        "The session was idle inside a transaction for longer than transactions.idle_timeout; it was rolled back.",
    ),
    (FaultKind::Cancelled, "The client asked to cancel the statement."),
    (
        FaultKind::CertificateRequired,
        "listen.tls.client_cert demands a certificate that listen.tls.client_ca has signed (and with \"verify-full\" one whose common name is the login name), and the client has shown none or another's.",
    ),
    (
        FaultKind::InvalidLogin,
        "The login lacks the user's name, or its SCRAM exchange was not bound to this TLS connection although both sides could: either a faulty driver, or somebody in the middle.",
    ),
    (
        FaultKind::InvalidParameter,
        "A parameter of the startup packet has a value that it cannot have; the message says which.",
    ),
    (
        FaultKind::UnknownVariable,
        "A session variable or parameter that the console does not have. It knows those that drivers ask for on connect.",
    ),
    (
        FaultKind::ConsoleRefused,
        "The database `handfast` is the operators' console. The configuration names who may open it: admin.users.",
    ),
    (
        FaultKind::TooManyOfUser,
        "The user has users.connections_max sessions already, those of both protocols together. The message is the one that the \
         client's own server has for such a limit.",
    ),
    (
        FaultKind::BackendNotAllowed,
        "users.backends of the configuration limits this user to some backends, and the statement is for another one; at a login, \
         the protocol's default backend is not among them.",
    ),
    (
        FaultKind::UnknownClient,
        "KILL in the console named a client that is not connected (any more): SHOW CLIENTS lists them.",
    ),
    (
        FaultKind::BackendPaused,
        "An operator has paused this backend, and its statements have waited as long as for a connection \
         (pool.acquire_timeout). RESUME in the console, or POST /api/v1/backends/NAME/resume, lets them go on.",
    ),
    (FaultKind::TlsRequired, "listen.tls.mode is \"require\" and the client did not ask for TLS."),
    (
        FaultKind::ShuttingDown,
        "Handfast is stopping. Open transactions may finish within limits.drain_timeout; new ones are refused.",
    ),
    (FaultKind::Internal, "A fault of Handfast itself. The diagnostics at that moment say more; please report it."),
];
