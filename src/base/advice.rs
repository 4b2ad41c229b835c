//! What to do about a fault that says nothing of it itself.

use super::FaultKind;

/// A hint for every kind; `handfast help CODE` says more.
const HINTS: &[(FaultKind, &str)] = &[
    (
        FaultKind::CrossBackendStatement,
        "Send one statement to each database, inside one transaction: COMMIT is still atomic over both.",
    ),
    (FaultKind::NotSupported, "Leave it out, or connect to the database itself for it; the message says more."),
    (
        FaultKind::CannotPrepare,
        "Do the part that cannot be prepared in a transaction of its own, which touches one database.",
    ),
    (FaultKind::UnknownBackend, "Use a name that stands in the configuration as [backends.NAME]."),
    (FaultKind::ReservedName, "Choose a name that does not begin with hf1."),
    (FaultKind::InFailedTransaction, "Send ROLLBACK (or ROLLBACK TO a savepoint), then run the transaction again."),
    (
        FaultKind::NoSuchSavepoint,
        "Look at the name: a savepoint ends with its transaction, with RELEASE, and with ROLLBACK TO an older one.",
    ),
    (FaultKind::NoActiveTransaction, "Begin a transaction first; drivers do so when autocommit is off."),
    (FaultKind::ActiveTransaction, "Send COMMIT or ROLLBACK first."),
    (FaultKind::UnknownStatement, "Prepare it in this session; a new connection knows none of the old one's."),
    (FaultKind::DuplicateStatement, "DEALLOCATE the old one, or use another name."),
    (FaultKind::UnknownPortal, "Fetch all rows inside one transaction."),
    (
        FaultKind::NotTranslatable,
        "Ask `handfast explain` what becomes of it, write it plainer, compute it in the application, or use the other dialect's port.",
    ),
    (FaultKind::NotConvertible, "Give a value that the other database's type can hold; NULL is often what is meant."),
    (
        FaultKind::UndefinedTable,
        "Look at the spelling, then at [tables]; `handfast explain \"SQL\"` says which rule decides, `handfast check` which rules lead nowhere.",
    ),
    (FaultKind::UndefinedColumn, "Look at the spelling."),
    (FaultKind::AmbiguousColumn, "Qualify the column with its table's name or alias."),
    (FaultKind::TypeMismatch, "Write a cast."),
    (FaultKind::UndefinedFunction, "Use one that both dialects know, or compute it in the application."),
    (FaultKind::Grouping, "Add the column to GROUP BY, or aggregate it."),
    (FaultKind::InvalidText, "Give a text that the type can read."),
    (FaultKind::ValueCount, "Give one value for each column."),
    (FaultKind::SideColumns, "Select equally many columns on both sides."),
    (FaultKind::OneColumn, "Select one column in the subquery."),
    (FaultKind::DuplicateAlias, "Give each its own alias."),
    (FaultKind::DuplicateColumn, "Give one of the columns another alias."),
    (FaultKind::AssignedTwice, "Set each column once."),
    (FaultKind::InvalidMoment, "Write dates as 2026-01-31 and times as 12:34:56."),
    (FaultKind::MomentRange, "Give a date that exists."),
    (FaultKind::InvalidReference, "Refer to a column, or to a position that is there."),
    (FaultKind::Windowing, "Compute it in a subquery and filter outside of it."),
    (FaultKind::PortalDone, "Bind the statement again."),
    (FaultKind::Syntax, "Correct the text."),
    (FaultKind::RolledBack, "Nothing is half-done; the transaction can be retried."),
    (FaultKind::SerializationFailure, "Retry the transaction."),
    (
        FaultKind::OutcomeUnknown,
        "Look whether your data is there before you run it again; ask SHOW handfast.last_transaction, or handfast transactions show NAME.",
    ),
    (FaultKind::Unresolved, "Try again in a moment; handfast transactions list says what is waited for."),
    (FaultKind::InDoubtLimit, "A backend is probably down: see `handfast transactions list`."),
    (FaultKind::WouldHalve, "Wait, or bring the database back, and Handfast finishes it by itself."),
    (FaultKind::NoSuchTransaction, "Look at handfast transactions list."),
    (FaultKind::BackendDown, "Run handfast check: it tells for each backend what it answered, and how to repair it."),
    (
        FaultKind::PoolTimeout,
        "Raise pool.size (and the server's max_connections), set pool.mode = \"transaction\", or keep transactions shorter.",
    ),
    (FaultKind::BackendLost, "A transaction that was open is rolled back on all backends; it can be retried."),
    (FaultKind::TooManyClients, "Use fewer connections, or raise limits.clients."),
    (
        FaultKind::AuthFailed,
        "Log in as one of [[users]] of the configuration, with its password; the databases' own users are not asked.",
    ),
    (
        FaultKind::NoSuchDatabase,
        "Connect to listen.database, or open the home server's others by listen.other_databases = \"home\".",
    ),
    (FaultKind::ProtocolViolation, "Look whether the client speaks the protocol of this port."),
    (FaultKind::UnknownCommand, "Report it with the client's name and version."),
    (FaultKind::TooLarge, "Send less at once (COPY, several INSERTs), or raise limits.statement_size."),
    (FaultKind::StatementTimeout, "Make the statement faster, or allow it more time."),
    (
        FaultKind::IdleTimeout,
        "Commit before waiting for people or for other services, or raise transactions.idle_timeout.",
    ),
    (FaultKind::Cancelled, "Nothing is broken: run the statement again if you still want it."),
    (FaultKind::TlsRequired, "Connect with TLS."),
    (FaultKind::ShuttingDown, "Connect again when Handfast is back."),
    (
        FaultKind::CertificateRequired,
        "Give the client its certificate and key (sslcert, sslkey; ssl-cert, ssl-key), signed by listen.tls.client_ca.",
    ),
    (FaultKind::InvalidLogin, "Look at the client's connection string."),
    (FaultKind::InvalidParameter, "Correct the parameter that the message names."),
    (
        FaultKind::UnknownVariable,
        "Ask for handfast.last_transaction, handfast.transaction 'NAME', or set handfast.notice.",
    ),
    (FaultKind::BackendPaused, "An operator holds the backend back: RESUME on the console lets it go on."),
    (FaultKind::ConsoleRefused, "Add the user to admin.users, or connect to listen.database."),
    (FaultKind::TooManyOfUser, "Use fewer connections, or raise connections_max of this user in [[users]]."),
    (
        FaultKind::BackendNotAllowed,
        "Use another user, or add the backend to this user's backends in [[users]] and reload.",
    ),
    (FaultKind::UnknownClient, "SHOW CLIENTS on the console lists those who are connected."),
    (FaultKind::NotOperator, "Bring the token of admin.token_file, or log in as one of admin.users."),
    (FaultKind::BadRequest, "Look the request up in /openapi.json, and the command up in SHOW HELP."),
    (FaultKind::NotFound, "Look at the list of what there is; names are never used twice."),
    (FaultKind::Internal, "Please report it, with the diagnostics of that moment."),
];

/// Kinds whose hint a client is not told, and why.
const WITHOUT: &[(FaultKind, &str)] =
    &[(FaultKind::AuthFailed, "would help who guesses"), (FaultKind::Cancelled, "the client asked for it")];

impl FaultKind {
    /// What to do about it, if nothing better is known.
    pub fn advice(self) -> Option<String> {
        if WITHOUT.iter().any(|(kind, _)| *kind == self) {
            return None;
        }
        self.hint().map(str::to_owned)
    }

    /// What to do about it; there for every kind (a test proves it).
    pub fn hint(self) -> Option<&'static str> {
        HINTS.iter().find(|(kind, _)| *kind == self).map(|(_, hint)| *hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Fault;

    #[test]
    fn every_fault_of_ours_says_its_code_and_what_to_do_on_both_wires() {
        for &kind in FaultKind::ALL {
            let (state, own) = (kind.sqlstate(), kind.mysql_state());
            assert!(state.len() == 5 && own.len() == 5 && kind.errno() > 0, "{kind:?}");
            let fault = Fault::new(kind, "what");
            assert!(fault.pg_detail().is_some_and(|detail| detail.starts_with(kind.code())), "{kind:?}");
            let text = fault.mysql_message();
            assert!(text.ends_with(&format!("[{}]", kind.code())), "{text}");
            assert!(kind.hint().is_some_and(|hint| hint.len() > 10 && hint.ends_with('.')), "{kind:?}");
            let reason = WITHOUT.iter().find(|(without, _)| *without == kind);
            assert_eq!(fault.advice().is_none(), reason.is_some(), "{kind:?}");
            assert_eq!(text.contains("(hint: "), reason.is_none(), "{text}");
        }
    }

    #[test]
    fn what_the_server_says_itself_has_nothing_of_ours() {
        let fault = Fault::verbatim(FaultKind::NoSuchSavepoint, "savepoint \"a\" does not exist");
        assert_eq!((fault.pg_detail(), fault.advice()), (None, None));
        assert_eq!(fault.mysql_message(), "savepoint \"a\" does not exist");
    }
}
