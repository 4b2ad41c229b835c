//! Simple queries and function calls.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::control::{in_failed_transaction, mends};
use super::oops::Oops;
use super::place::{Placed, edited};
use super::running::Cancel;
use super::{Exit, Session, slots};
use crate::backend::VerbError;
use crate::base::{BackendId, Dialect};
use crate::relay::pg::{Pass, Until, answer};
use crate::route::Edit;
use crate::session::transaction::Mode;
use crate::session::watch::one;
use crate::sql::{Characteristics, Kind, Statement};
use crate::wire::pg::client as message;
use crate::wire::pg::server::{put_complete, put_empty, tag};

impl Session {
    pub(super) async fn on_query(&mut self, body: Bytes) -> Result<(), Exit> {
        if self.pipeline.skipping {
            return Ok(());
        }
        if !self.join_pipeline().await? {
            return Ok(());
        }
        // Of one that its client has left in the middle.
        self.watch.take();
        let mut ran = match message::text(&body) {
            Ok(text) => self.run_text(&body.slice_ref(text)).await,
            Err(error) => Err(Oops::from(&error)),
        };
        if ran.is_ok() && self.txn.mode == Mode::Implicit {
            ran = self.end_by_commit().await;
        }
        self.client.origin = None;
        if let Err(oops) = ran {
            self.watch_refused(&oops);
            self.tell(oops).await?;
        }
        self.watch.end(&self.services, Dialect::Postgres);
        self.restore_startup().await?;
        // The unnamed statement and portal do not outlive a simple query.
        self.names.forget_unnamed();
        self.pipeline.forget_marks();
        self.ready();
        Ok(())
    }

    /// What was executed before without a Sync is of one transaction with a query behind it. False: it has failed, and
    /// everything up to the Sync is dropped.
    async fn join_pipeline(&mut self) -> Result<bool, Exit> {
        if self.pipeline.is_idle() {
            return Ok(true);
        }
        let mut joined = self.drain(false).await;
        let executed = self.pipeline.current.filter(|_| self.pipeline.executed);
        if let (Ok(()), Mode::Autocommit, Some(backend)) = (&joined, self.txn.mode, executed) {
            joined = self.make_explicit(backend, Mode::Implicit).await;
        }
        if joined.is_ok() {
            joined = self.settle_all().await;
        }
        if let Err(oops) = joined {
            self.tell(oops).await?;
            self.pipeline.skipping = true;
            return Ok(false);
        }
        Ok(true)
    }

    async fn run_text(&mut self, text: &Bytes) -> Result<(), Oops> {
        let analysis = self.read(text)?;
        self.watch.begin(&self.services, &analysis, text, true);
        let mended =
            analysis.statements.first().is_none_or(|first| mends(&first.kind) || self.ends_one_of_several(&first.kind));
        if let Some(backend) = self.failed_backend().filter(|_| !mended) {
            // The server refuses it in its own words, a syntax error before all else.
            self.conn(backend)?.queue_query(text);
            self.ask(backend).await?;
            // PREPARE TRANSACTION has ended it, as ROLLBACK does.
            return self.reconcile(backend, true);
        }
        match analysis.statements.as_slice() {
            // A comment that does not end is the server's to refuse.
            [] if text.windows(2).any(|two| two == b"/*") && self.txn.mode != Mode::Failed => {
                let backend = self.anywhere();
                self.native(backend, text, text, &[]).await
            }
            [] => {
                put_empty(&mut self.client.out, tag::EMPTY_QUERY);
                Ok(())
            }
            // As it came: what tools show of it has its semicolon and its comments.
            [one] => self.run_statement(text, one, 0..text.len()).await,
            several => {
                if let Some((backend, edits)) = self.as_one(text, several)? {
                    let sql = edited(text, 0..text.len(), &edits);
                    self.remember_origin(text, 0, edits);
                    return self.native(backend, &sql, text, several).await;
                }
                self.check_syntax(text).await?;
                self.run_each(text, several).await
            }
        }
    }

    /// Whether a text of several statements can go to one backend as it is.
    fn as_one(&self, text: &[u8], statements: &[Statement]) -> Result<Option<(BackendId, Vec<Edit>)>, Oops> {
        if self.txn.mode == Mode::Failed {
            return Ok(None);
        }
        let mut all: Option<(BackendId, Vec<Edit>)> = None;
        for statement in statements {
            let fans_out = matches!(
                statement.kind,
                Kind::TwoPhase(_) | Kind::Execute(_) | Kind::Prepare(_) | Kind::Declare(_) | Kind::Cursor(Some(_))
            );
            if statement.kind.control().is_some() || fans_out {
                return Ok(None);
            }
            // A refusal must come in its turn, after the statements before it.
            let Ok(Placed::Native(backend, edits)) = self.place(text, statement) else { return Ok(None) };
            match &mut all {
                None => all = Some((backend, edits)),
                Some((at, list)) if *at == backend => list.extend(edits),
                Some(_) => return Ok(None),
            }
        }
        Ok(all)
    }

    /// One by one, in one implicit transaction, which BEGIN and COMMIT among them switch as on the server.
    async fn run_each(&mut self, text: &Bytes, statements: &[Statement]) -> Result<(), Oops> {
        for statement in statements {
            if self.txn.mode == Mode::Autocommit && !matches!(statement.kind, Kind::Begin(_)) {
                self.begin(Mode::Implicit, Characteristics::default());
            }
            self.run_statement(text, statement, statement.span.clone()).await?;
        }
        if self.txn.mode == Mode::Implicit {
            self.end_by_commit().await?;
        }
        Ok(())
    }

    /// One statement of `text`. `sent`: the part of the text that a server gets for it.
    async fn run_statement(&mut self, text: &Bytes, statement: &Statement, sent: Range<usize>) -> Result<(), Oops> {
        if self.txn.mode == Mode::Failed && !mends(&statement.kind) {
            return Err(in_failed_transaction().into());
        }
        let own = &text[statement.span.clone()];
        if statement.kind.control().is_some() {
            let tag = self.control(&statement.kind, own).await?;
            put_complete(&mut self.client.out, tag);
            return Ok(());
        }
        let (backend, edits) = match self.place(text, statement)? {
            Placed::Native(backend, edits) => (backend, edits),
            Placed::Here(here) => return self.do_here(&here, own, None).await,
            Placed::Foreign(target) => return self.query_foreign(&target, own, statement).await,
        };
        self.client.origin = None;
        if edits.is_empty() {
            if sent.start > 0 {
                self.remember_origin(text, sent.start, Vec::new());
            }
            return self.native(backend, &text[sent], text, std::slice::from_ref(statement)).await;
        }
        let sql = edited(text, sent.clone(), &edits);
        self.remember_origin(text, sent.start, edits);
        self.native(backend, &sql, text, std::slice::from_ref(statement)).await
    }

    /// Sends a text to one backend and passes its answer on. `statements` of `text` are what it holds.
    async fn native(
        &mut self,
        backend: BackendId,
        sql: &[u8],
        text: &[u8],
        statements: &[Statement],
    ) -> Result<(), Oops> {
        for statement in statements {
            let looked_up = self.executed_by(statement);
            self.admit(backend, looked_up.as_deref().and_then(super::names::Prepared::statement).unwrap_or(statement))?;
        }
        self.prepare_slot(backend).await?;
        for statement in statements {
            let looked_up = self.executed_by(statement);
            self.mark(backend, looked_up.as_deref().and_then(super::names::Prepared::statement).unwrap_or(statement));
            self.watch.went(one(Some(statement)), backend);
        }
        self.queue_named(backend, statements)?;
        self.conn(backend)?.queue_query(sql);
        self.ask(backend).await?;
        let own_two_phase = statements.iter().any(|statement| matches!(statement.kind, Kind::TwoPhase(_)));
        self.reconcile(backend, own_two_phase)?;
        for statement in statements {
            self.note_effects(backend, statement, &text[statement.span.clone()], true);
            self.note_sent(statement, sql);
        }
        Ok(())
    }

    /// Keeps what a text to be sent was made of, so that errors say places in the client's own.
    fn remember_origin(&mut self, text: &Bytes, start: usize, edits: Vec<Edit>) {
        let edits = edits.into_iter().map(|edit| (edit.span, edit.text)).collect();
        self.client.origin = Some(Arc::new(self.origin(text, start, edits)));
    }

    /// A text that several servers or the session itself will run piece by piece is read by one of them as a whole first:
    /// with a syntax error anywhere in it, nothing of it may run. Not in an open transaction, which that would end.
    async fn check_syntax(&mut self, text: &[u8]) -> Result<(), Oops> {
        if self.txn.is_open() {
            return Ok(());
        }
        let backend = self.anywhere();
        self.prepare_slot(backend).await?;
        // The unnamed statement ends with every simple query anyway.
        let mut parse = BytesMut::new();
        message::put_parse(&mut parse, b"", text);
        let conn = self.conn(backend)?;
        conn.queue_extended(&parse);
        conn.queue_sync();
        self.swallow_prefix(backend).await?;
        match self.conn(backend)?.finish_run("reading a text").await {
            // Read to its end; several statements are more than a Parse may hold.
            Ok(()) => Ok(()),
            Err(VerbError::Refused { error, .. }) if error.is_from(b"exec_parse_message") => Ok(()),
            Err(VerbError::Lost { source, .. }) => Err(self.lost(backend, &source)),
            Err(error) => Err(error.into()),
        }
    }

    /// What SQL's EXECUTE stands for.
    pub(super) fn executed_by(&self, statement: &Statement) -> Option<std::sync::Arc<super::names::Prepared>> {
        let Kind::Execute(name) = &statement.kind else { return None };
        self.names.statements.get(name.as_bytes()).cloned()
    }

    /// Waits for the answer to what is queued, up to ReadyForQuery.
    async fn ask(&mut self, backend: BackendId) -> Result<(), Oops> {
        let begun = match self.conn(backend) {
            Ok(conn) => {
                let token = conn.cancel_token().clone();
                self.running.set(Some(Cancel::Pg(token)));
                self.swallow_prefix(backend).await
            }
            Err(oops) => Err(oops),
        };
        let Some(conn) = slots::conn(&mut self.slots, backend) else { return begun };
        // If BEGIN was refused, the statement behind it was refused for that: the first error is the one to tell.
        let pass = if begun.is_ok() { Pass::All } else { Pass::Silent };
        match answer(conn, &mut self.client, Until::Ready, pass).await {
            Ok(done) => {
                begun?;
                if done.failed {
                    self.watch.refused(done.sqlstate, Some(backend));
                    self.reconcile(backend, true)?;
                    return Err(Oops::Told);
                }
                Ok(())
            }
            Err(error) => Err(self.relay_failed(backend, error)),
        }
    }

    pub(super) async fn on_function_call(&mut self, frame: Bytes) -> Result<(), Exit> {
        if self.pipeline.skipping {
            return Ok(());
        }
        if !self.pipeline.is_idle() || self.txn.mode == Mode::Implicit {
            self.sync_silently().await?;
        }
        if let Err(oops) = self.call_function(&frame).await {
            self.tell(oops).await?;
        }
        self.ready();
        Ok(())
    }

    async fn call_function(&mut self, frame: &[u8]) -> Result<(), Oops> {
        if self.txn.mode == Mode::Failed {
            return Err(in_failed_transaction().into());
        }
        let backend = self.anywhere();
        self.prepare_slot(backend).await?;
        if let Some(participant) = self.txn.participant(backend) {
            participant.wrote = participant.wrote.max(crate::commit::Wrote::Maybe);
        }
        self.conn(backend)?.queue_call(frame);
        self.ask(backend).await?;
        self.reconcile(backend, false)
    }
}
