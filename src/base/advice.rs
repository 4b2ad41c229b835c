//! What to do about a fault that says nothing of it itself.

use super::FaultKind;

/// Hints by kind. A kind that is not here is explained by the command line.
const HINTS: &[(FaultKind, &str)] = &[
    (FaultKind::RolledBack, "Nothing is half-done; the transaction can be retried."),
    (FaultKind::SerializationFailure, "Retry the transaction."),
    (FaultKind::BackendLost, "A transaction that was open is rolled back on all backends; it can be retried."),
    (FaultKind::InDoubtLimit, "A backend is probably down: see `handfast transactions list`."),
    (FaultKind::TooManyClients, "Use fewer connections, or raise limits.clients."),
    (
        FaultKind::NoSuchDatabase,
        "Connect to listen.database, or open the home server's others by listen.other_databases = \"home\".",
    ),
    (FaultKind::TlsRequired, "Connect with TLS."),
    (FaultKind::ShuttingDown, "Connect again when Handfast is back."),
    (FaultKind::Internal, "Please report it, with the diagnostics of that moment."),
];

/// Kinds without a hint, and why.
const WITHOUT: &[(FaultKind, &str)] =
    &[(FaultKind::AuthFailed, "would help who guesses"), (FaultKind::Cancelled, "the client asked for it")];

impl FaultKind {
    /// What to do about it, if nothing better is known.
    pub fn advice(self) -> Option<String> {
        if WITHOUT.iter().any(|(kind, _)| *kind == self) {
            return None;
        }
        let own = HINTS.iter().find(|(kind, _)| *kind == self).map(|(_, hint)| (*hint).to_owned());
        own.or_else(|| Some(format!("`handfast help {}` explains it.", self.code())))
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
