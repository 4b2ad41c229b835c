//! COM_QUERY: a text is cut into statements, each is routed and either answered here or run by its backend.

use std::borrow::Cow;

use super::leavings::{Leavings, leavings, locks_by_flush};
use super::run::Run;
use super::text::{asked_for_autocommit, edited, has_inner_semicolon, holds, into_variable, user_variables, words};
use super::{Named, Ran, Session, Step, Stop};
use crate::backend::mysql::Open;
use crate::base::ids::NAME_PREFIX;
use crate::base::{BackendId, Dialect, Engine, Fault, FaultKind};
use crate::relay::mysql::foreign::Form;
use crate::route::Plan;
use crate::session::outcome;
use crate::sql::{Access, Analysis, Control, Kind, Reading, Statement, names_temporary, refused_over_several};
use crate::telemetry::statements::Route;

/// User variables set from tables that one session may have.
const VARIABLES_MAX: usize = 500;

/// One statement of a client's text, on its way.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    /// The whole text that was analysed.
    pub(super) text: &'a [u8],
    /// The statement.
    pub(super) statement: &'a Statement,
    /// It is the only one: the text goes on as it is.
    pub(super) alone: bool,
    /// Others of the same text follow.
    pub(super) more: bool,
}

impl<'a> Said<'a> {
    pub(super) fn own(&self) -> &'a [u8] {
        self.text.get(self.statement.span.clone()).unwrap_or(self.text)
    }
}

impl Session {
    /// Answers a text.
    pub(super) async fn query(&mut self, text: &[u8]) -> Step {
        if self.renew_reading(text).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        let analysis = self.services.analyses.analyze(self.reading, text);
        self.watch.begin(&self.services, &analysis, text, true);
        let mut few = words(text, 2);
        if few.first().is_some_and(|w| w == "KILL") {
            return self.kill_text(text).await;
        }
        if !self.warnings.is_empty() {
            if few.len() == 2 && few.remove(0) == "SHOW" && few.remove(0) == "WARNINGS" {
                return Ok(self.show_warnings());
            }
            self.warnings.clear();
        }
        match analysis.statements.as_slice() {
            [] => self.run_plain(self.home, text, None).await,
            [statement] => self.statement(Said { text, statement, alone: true, more: false }).await,
            _ if !self.multi => self.run_plain(self.home, text, None).await,
            [..] => self.several(text, &analysis).await,
        }
    }

    /// Several statements: as one text if their backend can have it so, else one by one until one fails.
    async fn several(&mut self, text: &[u8], analysis: &Analysis) -> Step {
        if let Some(backend) = self.all_for_one(text, analysis) {
            let enlist = self.enlists();
            if enlist {
                self.begin_implicitly();
            }
            let run = Run { backend, text, statement: None, enlist, one: false, more: false };
            return self.run(run).await.map(Ran::of);
        }
        let last = analysis.statements.len() - 1;
        for (at, statement) in analysis.statements.iter().enumerate() {
            let said = Said { text, statement, alone: false, more: at < last };
            if self.statement(said).await? == Ran::Failed {
                return Ok(Ran::Failed);
            }
            // The server reads the rest of a text only now, and perhaps otherwise than before.
            if self.reading_stale
                && let Some(next) = analysis.statements.get(at + 1)
            {
                return Box::pin(self.query(text.get(next.span.start..).unwrap_or_default())).await;
            }
        }
        Ok(Ran::Fine)
    }

    /// The one backend of all these statements, if none of them needs anything of us.
    fn all_for_one(&self, text: &[u8], analysis: &Analysis) -> Option<BackendId> {
        let mut owner = None;
        for statement in &analysis.statements {
            let plain = matches!(statement.kind, Kind::Query | Kind::Write) && statement.parsed;
            match self.plan(text, statement) {
                Plan::One { backend, edits } if plain && edits.is_empty() && owner.is_none_or(|o| o == backend) => {
                    owner = Some(backend);
                }
                Plan::One { .. } | Plan::Anywhere | Plan::Foreign { .. } | Plan::Refuse(_) => return None,
            }
        }
        owner
    }

    /// Whether a statement now is part of a transaction of ours.
    pub(super) fn enlists(&self) -> bool {
        !self.native && (self.txn.is_open() || !self.autocommit)
    }

    /// Where a statement goes, and as which text.
    pub(super) fn target<'a>(&self, said: Said<'a>) -> Result<(BackendId, Cow<'a, [u8]>), Fault> {
        let whole = 0..said.text.len();
        let span = if said.alone { &whole } else { &said.statement.span };
        let (backend, text) = match self.plan(said.text, said.statement) {
            Plan::One { backend, edits } => (backend, edited(said.text, span, &edits)),
            Plan::Anywhere => (self.anywhere(said), edited(said.text, span, &[])),
            Plan::Foreign { backend, .. } => return Err(self.services.routes.untranslated(backend)),
            Plan::Refuse(fault) => return Err(fault),
        };
        self.variables_are_there(said, backend)?;
        Ok((backend, text))
    }

    /// A variable that another backend has set from its tables would be NULL, or old, on this one, and nobody would be
    /// told.
    fn variables_are_there(&self, said: Said<'_>, backend: BackendId) -> Result<(), Fault> {
        if self.variables.is_empty() {
            return Ok(());
        }
        for name in user_variables(said.own()) {
            let Some(there) = self.variables.get(&name) else { continue };
            let gets_it_now = sets_user_variable(said);
            if !gets_it_now && self.participant(*there) != self.participant(backend) {
                let config = &self.services.config;
                let (there, here) = (&config.backend(*there).name, &config.backend(backend).name);
                let text = format!("user variable @{name} was set by backend \"{there}\"; \"{here}\" does not know it");
                let hint = "Read it into the application and give it as a value.";
                return Err(Fault::new(FaultKind::NotSupported, text).hint(hint));
            }
        }
        Ok(())
    }

    /// Whether a text has a variable whose value one backend alone knows.
    pub(super) fn uses_placed_variable(&self, said: Said<'_>) -> bool {
        !self.variables.is_empty() && user_variables(said.own()).iter().any(|name| self.variables.contains_key(name))
    }

    /// Who answers a statement without a table: whoever ran the statement that it asks about, the transaction's only
    /// participant, else home.
    fn anywhere(&self, said: Said<'_>) -> BackendId {
        let text = said.own();
        let asks = |word: &str| holds(text, word.as_bytes());
        let of_last = ["last_insert_id", "row_count", "found_rows", "show warnings", "show errors", "show count("];
        let of_last_too = ["@@warning_count", "@@error_count", "get diagnostics"];
        if let Some(last) = self.last
            && last != self.home
            && (of_last.into_iter().chain(of_last_too).any(asks) || text.len() < 64 && asks("@@identity"))
        {
            return last;
        }
        if !self.variables.is_empty()
            && let Some(backend) = user_variables(text).iter().find_map(|name| self.variables.get(name))
        {
            return *backend;
        }
        if let Kind::Execute(name) | Kind::Deallocate(Some(name)) = &said.statement.kind
            && let Some(named) = self.named.get(name)
        {
            return named.backend;
        }
        match self.txn.participants.as_slice() {
            [only] if self.services.config.backend(only.backend).dialect == Dialect::Mysql => only.backend,
            [] | [..] => self.home,
        }
    }

    /// Runs a text on a backend outside of any transaction of ours.
    pub(super) async fn run_plain(&mut self, backend: BackendId, text: &[u8], statement: Option<&Statement>) -> Step {
        self.run(Run { backend, text, statement, enlist: false, one: true, more: false }).await.map(Ran::of)
    }

    /// Routes and runs a statement, inside the transaction if it could matter there.
    pub(super) async fn route(&mut self, said: Said<'_>, enlist: bool) -> Step {
        if !self.native {
            if let Plan::Foreign { backend, tables } = self.plan(said.text, said.statement) {
                self.watch.went(Route::Translated, backend);
                return self.foreign(said, backend, &tables, enlist).await;
            }
            if let Some(ran) = self.asked_after(said).await? {
                return Ok(ran);
            }
        }
        let (backend, text) = match self.target(said) {
            Ok(target) => target,
            Err(fault) => return Ok(self.fault(&fault)),
        };
        let matters = said.statement.access != Access::Read || !said.statement.tables.is_empty();
        let enlist = enlist && matters && self.enlists();
        if enlist {
            self.begin_implicitly();
        }
        let diagnoses = words(said.own(), 2).iter().any(|w| w == "DIAGNOSTICS");
        let set = matches!(said.statement.kind, Kind::Set { .. });
        if !self.native && (sets_user_variable(said) || diagnoses || set && self.uses_placed_variable(said)) {
            if self.variables.len() >= VARIABLES_MAX {
                let text = format!("more than {VARIABLES_MAX} user variables set from tables in one session");
                return Ok(self.fault(&Fault::new(FaultKind::TooLarge, text)));
            }
            self.variables.extend(user_variables(said.own()).into_iter().map(|name| (name, backend)));
        }
        if matters && self.hand_on_next(backend).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        let run = Run { backend, text: &text, statement: Some(said.statement), enlist, one: true, more: said.more };
        let ran = self.run(run).await.map(Ran::of)?;
        let ended = matches!(&said.statement.kind, Kind::Commit(how) | Kind::Rollback(how) if how.release);
        if ended && ran == Ran::Fine { Err(Stop::Close) } else { Ok(ran) }
    }

    /// One statement.
    pub(super) async fn statement(&mut self, said: Said<'_>) -> Step {
        if let Some(ran) = self.asked_of_before(said).await? {
            return Ok(ran);
        }
        let kind = &said.statement.kind;
        if *kind == Kind::Show
            && let Some(question) = outcome::asked(said.own())
        {
            return Ok(self.tell_outcome(&question, Form::Text, said.more));
        }
        if matches!(kind, Kind::Set { .. })
            && let Some(value) = super::outcome::notice_setting(said.own())
        {
            return Ok(self.set_notice(value, said.more));
        }
        if matches!(kind, Kind::Set { .. })
            && let Some(value) = super::outcome::trace_setting(said.own())
        {
            return Ok(self.set_trace(value, said.more));
        }
        if let Kind::Use(database) = kind {
            return self.use_database(database.as_bytes(), said.more).await;
        }
        if let Kind::TwoPhase(name) = kind {
            return self.two_phase(said, name.as_deref()).await;
        }
        if matches!(kind, Kind::Set { .. } | Kind::SetSessionCharacteristics(_)) {
            return self.set(said).await;
        }
        if let Kind::Prepare(name) = kind
            && let Ok((backend, text)) = self.target(said)
        {
            let named = named(&text, backend, self.reading);
            self.pooling.stays |= named.text.is_none();
            self.named.insert(name.clone(), named);
        }
        self.locked |= matches!(kind, Kind::LockTables);
        self.flush_locked |= locks_by_flush(said.own(), said.statement);
        if self.native && matches!(kind, Kind::UnlockTables | Kind::Begin(_)) {
            self.locked = false;
            self.flush_locked &= *kind != Kind::UnlockTables;
        }
        if self.native { self.route(said, false).await } else { self.distributed(said).await }
    }

    /// One statement where transactions are ours.
    async fn distributed(&mut self, said: Said<'_>) -> Step {
        let statement = said.statement;
        if (statement.leaves_state || statement.kind == Kind::Ddl) && names_temporary(self.reading, said.own()) {
            self.allow_temporary(said).await?;
            return self.route(said, true).await;
        }
        if !self.autocommit
            && let Some(name) = asked_for_autocommit(said.own())
        {
            return self.tell_autocommit_off(said, name).await;
        }
        if let Some(control) = statement.kind.control() {
            return self.control(control, said.more).await;
        }
        match &statement.kind {
            Kind::Ddl | Kind::LockTables | Kind::OutsideTransaction => {
                if self.end_before(said.more).await? == Ran::Failed {
                    return Ok(Ran::Failed);
                }
                self.route(said, false).await
            }
            Kind::UnlockTables => self.unlock(said).await,
            Kind::Show => self.route(said, false).await,
            Kind::Query
            | Kind::Write
            | Kind::LoadLocal
            | Kind::CopyIn
            | Kind::CopyOut
            | Kind::Execute(_)
            | Kind::Deallocate(_)
            | Kind::Declare(_)
            | Kind::Cursor(_)
            | Kind::Notify
            | Kind::Discard(_)
            | Kind::Prepare(_)
            | Kind::Use(_)
            | Kind::Set { .. }
            | Kind::SetSessionCharacteristics(_)
            | Kind::TwoPhase(_)
            | Kind::Begin(_)
            | Kind::Commit(_)
            | Kind::Rollback(_)
            | Kind::Savepoint(_)
            | Kind::RollbackTo(_)
            | Kind::Release(_)
            | Kind::SetTransaction(_)
            | Kind::SetAutocommit(_)
            | Kind::Other => self.route(said, true).await,
        }
    }

    async fn control(&mut self, control: Control<'_>, more: bool) -> Step {
        match control {
            Control::Begin(with) => self.begin(with, more).await,
            Control::Commit(options) => self.commit(options, more).await,
            Control::Rollback(options) => self.rollback(options, more).await,
            Control::Savepoint(name) => self.savepoint(name, more).await,
            Control::RollbackTo(name) => self.rollback_to(name, more).await,
            Control::Release(name) => self.release(name, more).await,
            Control::SetTransaction(with) => Ok(self.set_transaction(with, more)),
            Control::SetAutocommit(on) => self.set_autocommit(on, more).await,
        }
    }

    /// Under XA the backends' own autocommit stays on: theirs would be the wrong answer.
    async fn tell_autocommit_off(&mut self, said: Said<'_>, name: &str) -> Step {
        let text = format!("SELECT 0 AS `{name}`");
        let (backend, statement) = (self.home, Some(said.statement));
        let run = Run { backend, text: text.as_bytes(), statement, enlist: false, one: true, more: said.more };
        self.run(run).await.map(Ran::of)
    }

    /// MySQL lets a branch detach at PREPARE, and then refuses temporary tables in it (FACTS 7): the connection that gets
    /// one keeps its branches. Without the privilege to say so the server's own error follows.
    async fn allow_temporary(&mut self, said: Said<'_>) -> Result<(), Stop> {
        let Ok((backend, _)) = self.target(said) else { return Ok(()) };
        let Some(at) = self.ready(backend).await? else { return Ok(()) };
        let conn = &self.attached[at].conn;
        if conn.engine() == Engine::Mysql && conn.open() == Open::None {
            self.tell(at, b"SET SESSION xa_detach_on_prepare=OFF").await?;
        }
        Ok(())
    }

    /// The client's own XA: only where there is one participant, and never with our names.
    async fn two_phase(&mut self, said: Said<'_>, name: Option<&str>) -> Step {
        let own = said.own();
        if name.is_some_and(|n| n.contains(NAME_PREFIX)) || holds(own, NAME_PREFIX.as_bytes()) {
            let text = format!("names with \"{NAME_PREFIX}\" belong to Handfast");
            return Ok(self.fault(&Fault::new(FaultKind::ReservedName, text)));
        }
        match refused_over_several(&said.statement.kind, own, Dialect::Mysql) {
            Some(fault) if !self.native => Ok(self.fault(&fault)),
            Some(_) | None => self.route(said, false).await,
        }
    }
}

/// What SQL-level PREPARE makes.
fn named(own: &[u8], backend: BackendId, reading: Reading) -> Named {
    // `PREPARE name FROM 'text'`; from a variable, its text is only known to the server.
    let literal = words(own, 4).pop().is_some_and(|w| w.starts_with(['\'', '"']));
    let inner = own.iter().position(|b| matches!(b, b'\'' | b'"')).and_then(|at| own.get(at + 1..)).unwrap_or_default();
    let inside = crate::sql::analyze(reading, inner);
    let left = leavings(inner, inside.statements.first(), reading, false);
    let stays = !literal || left != Leavings { key: left.key, ..Leavings::default() };
    Named { backend, text: literal.then(|| own.to_vec()), stays }
}

/// Whether a statement gives a user variable a value out of tables: then only the backend that ran it knows the value.
fn sets_user_variable(said: Said<'_>) -> bool {
    let text = said.own();
    let set = matches!(said.statement.kind, Kind::Set { .. });
    !said.statement.tables.is_empty() && text.contains(&b'@') && (set || into_variable(text) || holds(text, b":="))
}

/// Whether a text must be kept from being read as several statements.
pub(super) fn needs_single(text: &[u8]) -> bool {
    has_inner_semicolon(text)
}
