//! What becomes of the statement that a session runs now: by which route, for how long, with which error. Told to the
//! statistics and metrics when its answer is whole.

use std::sync::Arc;
use std::time::Instant;

use super::Services;
use crate::base::{BackendId, Dialect, TxnId, clock};
use crate::commit::spans::Trace;
use crate::commit::{Ended, Why};
use crate::sql::{Analysis, Fingerprint, Kind, Statement, traceparent};
use crate::telemetry::metrics;
use crate::telemetry::statements::{Route, Run};
use crate::telemetry::traces::{Doer, Span, TraceContext};

/// An error's code, as both wires have it.
pub type SqlState = [u8; 5];

/// A code out of a text; what is none becomes the general one.
pub fn sqlstate(text: &str) -> SqlState {
    text.as_bytes().try_into().unwrap_or(*b"HY000")
}

/// A statement on its way. Small, because each message of a pipeline takes one along.
#[derive(Clone, Debug)]
pub struct Watched {
    analysis: Arc<Analysis>,
    /// Its span, and that span's parent.
    span: Option<Box<(TraceContext, TraceContext)>>,
    since: Instant,
    /// It is run; else it is only prepared, and counts if that fails.
    runs: bool,
    route: Route,
    backend: Option<BackendId>,
    /// The error that its client was told.
    refused: Option<(SqlState, Option<BackendId>)>,
}

impl Watched {
    /// It goes to a backend, by a route.
    pub fn went(&mut self, route: Route, backend: BackendId) {
        let several = self.backend.is_some_and(|earlier| earlier != backend);
        self.route = self.route.max(if several { Route::Many } else { route });
        self.backend = Some(backend);
    }

    /// Its client is told an error. `by`: whose it is; none: ours.
    pub fn refused(&mut self, sqlstate: SqlState, by: Option<BackendId>) {
        self.refused.get_or_insert((sqlstate, by));
    }

    /// Whether its end is of interest: it was run, or it failed.
    pub fn counts(&self) -> bool {
        self.runs || self.refused.is_some()
    }

    /// Whether it is run, not only prepared.
    pub fn runs(&self) -> bool {
        self.runs
    }

    /// Its time begins when the answer before it ended: until then it waited for its client's own.
    pub fn not_before(&mut self, at: Option<Instant>) {
        self.since = at.map_or(self.since, |at| self.since.max(at));
    }

    /// The backend that it went to last.
    pub fn backend(&self) -> Option<BackendId> {
        self.backend
    }

    /// Its answer is whole.
    pub fn ended(self, services: &Services, protocol: Dialect, now: Instant) {
        if let Some((state, by)) = self.refused {
            let name = by.map(|id| services.config.backend(id).name.as_str());
            metrics::error(&state, name);
        } else if !self.runs {
            return;
        }
        // PostgreSQL's and MySQL's syntax error: with a quote too many, values look like words.
        match self.refused.as_ref().map(|(state, _)| state) {
            Some(b"42601" | b"42000") => self.told(&self.analysis.fingerprint.first_word(), services, protocol, now),
            Some(_) | None => self.told(&self.analysis.fingerprint, services, protocol, now),
        }
    }

    fn told(&self, fingerprint: &Fingerprint, services: &Services, protocol: Dialect, now: Instant) {
        self.trace(fingerprint, services, protocol, now);
        services.statements.ran(&Run {
            text: &fingerprint.text,
            hash: fingerprint.hash,
            protocol,
            route: self.route,
            took: now.saturating_duration_since(self.since),
            failed: self.refused.is_some(),
        });
    }
}

impl Watched {
    fn trace(&self, fingerprint: &Fingerprint, services: &Services, protocol: Dialect, now: Instant) {
        let (Some(tracer), Some((own, parent))) = (&services.tracer, self.span.as_deref().copied()) else { return };
        let operation = fingerprint.text.split([' ', '(']).next().unwrap_or_default().to_uppercase();
        let mut span = Span::new(own, Some(parent.span), operation.clone(), Doer::Server, self.since, now);
        span.remote = true;
        span.facts.push(("db.operation.name", operation));
        span.facts.push(("db.query.text", fingerprint.text.to_string()));
        span.facts.push(("handfast.protocol", system(protocol).to_owned()));
        span.facts.push(("handfast.route", self.route.word().to_owned()));
        span.backend = self.backend;
        let state = self.refused.as_ref().map(|(state, _)| String::from_utf8_lossy(state).into_owned());
        span.sqlstate = state.as_deref();
        tracer.ended(span);
    }
}

/// A COMMIT on its way.
#[derive(Debug)]
pub struct Commit {
    named: Option<TraceContext>,
    span: Option<TraceContext>,
    since: Instant,
}

impl Commit {
    /// For its transaction's own spans.
    pub fn trace(&self) -> Trace {
        Trace { named: self.named, commit: self.span }
    }

    /// It is over. `joined`: how many backends had a part in it.
    pub fn ended(self, services: &Services, protocol: Dialect, txn: &TxnId, joined: u16, ended: &Ended) {
        let (Some(tracer), Some(own)) = (&services.tracer, self.span) else { return };
        let parent = self.named.map(|named| named.span);
        let mut span = Span::new(own, parent, String::from("COMMIT"), Doer::Server, self.since, clock::now());
        span.remote = parent.is_some();
        span.facts.push(("db.operation.name", String::from("COMMIT")));
        span.facts.push(("db.system.name", system(protocol).to_owned()));
        span.facts.push(("db.namespace", services.config.listen.database.clone()));
        span.facts.push(("handfast.transaction", txn.to_string()));
        span.facts.push(("handfast.backends", joined.to_string()));
        span.sqlstate = match ended {
            Ended::Committed { .. } => None,
            Ended::RolledBack(Why::Refused { error, .. }) => Some(error.sqlstate.as_str()),
            Ended::RolledBack(Why::Fault(fault)) => Some(fault.kind.sqlstate()),
            Ended::Unknown { .. } => Some("08007"),
        };
        tracer.ended(span);
    }
}

fn system(protocol: Dialect) -> &'static str {
    match protocol {
        Dialect::Postgres => "postgresql",
        Dialect::Mysql => "mysql",
    }
}

/// The route of a statement to one backend.
pub fn one(statement: Option<&Statement>) -> Route {
    match statement {
        Some(statement) if !statement.parsed => Route::Unparsed,
        Some(_) | None => Route::One,
    }
}

/// A session's statement of this moment, if there is one.
#[derive(Debug)]
pub struct Watch {
    now: Option<Watched>,
    /// When its client was heard last, or was answered, whichever is later: there the next statement's time begins.
    heard: Instant,
    /// The trace that SET handfast.traceparent has named.
    named: Option<TraceContext>,
    /// The one that a comment has named last, in this transaction.
    last: Option<TraceContext>,
}

impl Default for Watch {
    fn default() -> Self {
        Self { now: None, heard: clock::now(), named: None, last: None }
    }
}

impl Watch {
    /// Bytes of the client have come, now.
    pub fn hears(&mut self, now: Instant) {
        self.heard = now;
    }

    /// When its client was heard last, or was answered.
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// A statement came; `runs`: it is run now, not only prepared. Goes on with the one that is watched already.
    pub fn begin(&mut self, services: &Services, analysis: &Arc<Analysis>, text: &[u8], runs: bool) {
        let Some(first) = analysis.statements.first().filter(|_| self.now.is_none()) else { return };
        let said = traceparent(text).and_then(TraceContext::parse);
        if said.is_some() || matches!(first.kind, Kind::Begin(_)) {
            self.last = said;
        }
        // A COMMIT has a span of its own kind.
        let own = runs && services.tracer.is_some() && !matches!(first.kind, Kind::Commit(_));
        let parent = said.or(self.named).filter(|parent| own && parent.sampled);
        let span = parent.map(|parent| Box::new((parent.child(), parent)));
        let (analysis, since, route) = (Arc::clone(analysis), self.heard, Route::Session);
        self.now = Some(Watched { analysis, span, since, runs, route, backend: None, refused: None });
    }

    /// SET handfast.traceparent; none: it was reset.
    pub fn name(&mut self, context: Option<TraceContext>) {
        self.named = context;
    }

    /// A transaction begins to be committed.
    pub fn commit(&mut self, services: &Services) -> Commit {
        let named = self.last.take().or(self.named);
        let span = match (&services.tracer, named) {
            (None, _) => None,
            (Some(_), Some(named)) => named.sampled.then(|| named.child()),
            (Some(tracer), None) => tracer.begin(),
        };
        Commit { named, span, since: clock::now() }
    }

    /// It goes to a backend, by a route.
    pub fn went(&mut self, route: Route, backend: BackendId) {
        if let Some(now) = &mut self.now {
            now.went(route, backend);
        }
    }

    /// The backend that it went to last.
    pub fn backend(&self) -> Option<BackendId> {
        self.now.as_ref().and_then(Watched::backend)
    }

    /// Its client is told an error. `by`: whose it is; none: ours.
    pub fn refused(&mut self, sqlstate: SqlState, by: Option<BackendId>) {
        if let Some(now) = &mut self.now {
            now.refused(sqlstate, by);
        }
    }

    /// Takes it: its answer comes later, or it is of no interest any more.
    pub fn take(&mut self) -> Option<Watched> {
        self.now.take()
    }

    /// Its answer is whole.
    pub fn end(&mut self, services: &Services, protocol: Dialect) {
        if let Some(watched) = self.now.take() {
            self.heard = clock::now();
            watched.ended(services, protocol, self.heard);
        }
    }
}
