//! Statements of simple queries for a backend of the other dialect.

use super::run::Call;
use super::{Here, Target};
use crate::base::{Dialect, Engine, Fault, FaultKind};
use crate::session::pg::Session;
use crate::session::pg::oops::Oops;
use crate::session::transaction::Mode;
use crate::sql::translate::refused;
use crate::sql::{Characteristics, Kind, Statement};
use crate::telemetry::statements::Route;
use crate::wire::pg::server::put_complete;
use crate::wire::value::pg::Format;

impl Session {
    /// Runs one statement, given by its own text, and answers it.
    pub(in crate::session::pg) async fn query_foreign(
        &mut self,
        target: &Target,
        text: &[u8],
        statement: &Statement,
    ) -> Result<(), Oops> {
        if let Kind::Declare(name) = &statement.kind {
            return self.declare_simply(target, name, text, statement).await;
        }
        self.check_foreign(target, &statement.kind).await?;
        let view = self.view().await?;
        let translation = self.translated(target, text, &[], &view).await?;
        if !translation.parameters.is_empty() {
            return Err(Fault::new(FaultKind::Syntax, "there is no parameter $1").into());
        }
        self.watch.went(Route::Translated, target.backend);
        self.admit(self.participant(target.backend), statement)?;
        let begins = self.txn.mode == Mode::Autocommit && translation.needs_transaction;
        if begins {
            self.begin(Mode::Implicit, Characteristics::default());
        }
        let formats = vec![Format::Text; translation.columns.len()];
        let call = Call {
            target,
            text,
            declared: &[],
            values: &[],
            view: &view,
            formats: &formats,
            describe: true,
            rows_max: u64::MAX,
        };
        let completed = self.run_foreign(&call, &translation).await?;
        if begins {
            self.end_by_commit().await?;
        }
        put_complete(&mut self.client.out, &completed.tag);
        Ok(())
    }

    /// Does what needs no backend, and answers it.
    pub(in crate::session::pg) async fn do_here(
        &mut self,
        here: &Here,
        text: &[u8],
        formats: Option<&[Format]>,
    ) -> Result<(), Oops> {
        match here {
            Here::Outcome(question) => self.tell_outcome(question, formats),
            Here::Cursor(name) => self.on_foreign_cursor(name, text, formats).await,
            Here::Deallocate(name) => {
                self.names.statements.remove(name.as_bytes());
                put_complete(&mut self.client.out, "DEALLOCATE");
                Ok(())
            }
        }
    }

    /// Refuses what sessions do with statements rather than backends, where it is not done for the other dialect.
    pub(super) async fn check_foreign(&mut self, target: &Target, kind: &Kind) -> Result<(), Oops> {
        let Some(what) = kind.untranslatable(Dialect::Postgres) else { return Ok(()) };
        let engine = self.services.schemas.engine(target.backend).await.unwrap_or(Engine::Mysql);
        Err(refused(what, engine).into())
    }
}
