//! How the client's texts are read: by the settings that the server has reported last, whatever made them so, a SET, its
//! ROLLBACK or a function.

use std::sync::Arc;

use super::Session;
use super::oops::Oops;
use super::pipeline::Pending;
use crate::base::{Fault, FaultKind};
use crate::sql::{Analysis, Encoding, Kind, Statement};

impl Session {
    /// What a text says. Errors: a name in it would have to be compared or sent again by us, and we cannot read it.
    pub(super) fn read(&mut self, text: &[u8]) -> Result<Arc<Analysis>, Oops> {
        self.reading.backslash_escapes = self.client.told(b"standard_conforming_strings") == Some(b"off");
        self.reading.encoding = self.client.told(b"client_encoding").map_or(Encoding::Utf8, Encoding::of_postgres);
        let analysis = self.services.analyses.analyze(self.reading, text);
        if self.reading.encoding != Encoding::Utf8 && !text.is_ascii() {
            analysis.statements.iter().try_for_each(|statement| self.check_names(statement))?;
        }
        Ok(analysis)
    }

    /// In other encodings than UTF-8 we know where names are, not what they are. Most need only be passed on.
    fn check_names(&self, statement: &Statement) -> Result<(), Fault> {
        let encoding = String::from_utf8_lossy(self.client.told(b"client_encoding").unwrap_or_default());
        let refused = |what: &str| {
            let text = format!("the name of {what} has characters beyond ASCII, which are not read in {encoding}");
            Err(Fault::new(FaultKind::NotSupported, text).hint("Use client_encoding UTF8, or another name."))
        };
        let kind = &statement.kind;
        let named = if let Kind::Savepoint(name) | Kind::RollbackTo(name) | Kind::Release(name) = kind {
            Some(("a savepoint", name))
        } else if let Kind::Prepare(name) | Kind::Execute(name) | Kind::Deallocate(Some(name)) = kind {
            Some(("a prepared statement", name))
        } else if let Kind::Declare(name) | Kind::Cursor(Some(name)) = kind {
            Some(("a cursor", name))
        } else {
            None
        };
        if let Some((what, _)) = named.filter(|(_, name)| !name.is_ascii()) {
            return refused(what);
        }
        // A rule of plain ASCII matches a name whose other characters are unknown as it would match the name itself.
        let rules = &self.services.config.tables;
        let ascii = |rule: &crate::config::TableRule| {
            rule.pattern.is_ascii() && rule.rename.as_ref().is_none_or(|rename| rename.is_ascii())
        };
        let known = |schema: &Option<String>| schema.as_ref().is_none_or(|name| name.is_ascii());
        let unknown = statement.tables.iter().any(|table| !table.name.is_ascii() || !known(&table.schema));
        if unknown && !rules.iter().all(ascii) { refused("a table") } else { Ok(()) }
    }

    /// Waits for the answers to SETs of the pipeline: the server reads what comes behind them by what they made.
    pub(super) async fn hear_settings(&mut self) -> Result<(), Oops> {
        let sets = |pending: &Pending| match pending {
            Pending::Backend { executed: Some((prepared, _)), .. } => {
                prepared.statement().is_some_and(|statement| matches!(statement.kind, Kind::Set { .. }))
            }
            Pending::Backend { .. }
            | Pending::Again { .. }
            | Pending::Description { .. }
            | Pending::Own(_)
            | Pending::OwnDescription(_)
            | Pending::OwnFrames(_) => false,
        };
        if self.pipeline.pending.iter().any(sets) { self.drain(false).await } else { Ok(()) }
    }
}
