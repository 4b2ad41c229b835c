//! What becomes of the statement that a session runs now: by which route, for how long, with which error. Told to the
//! statistics and metrics when its answer is whole.

use std::time::Instant;

use super::Services;
use crate::base::{BackendId, Dialect, clock};
use crate::sql::{Analysis, Fingerprint, Reading, Statement};
use crate::telemetry::metrics;
use crate::telemetry::statements::{Route, Run};

/// An error's code, as both wires have it.
pub type SqlState = [u8; 5];

/// A code out of a text; what is none becomes the general one.
pub fn sqlstate(text: &str) -> SqlState {
    text.as_bytes().try_into().unwrap_or(*b"HY000")
}

/// A statement on its way.
#[derive(Clone, Debug)]
pub struct Watched {
    /// None: nobody keeps statistics.
    fingerprint: Option<Fingerprint>,
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
    pub fn ended(mut self, services: &Services, protocol: Dialect, now: Instant) {
        // PostgreSQL's and MySQL's syntax error: with a quote too many, values look like words.
        if matches!(self.refused.as_ref().map(|(state, _)| state), Some(b"42601" | b"42000")) {
            self.fingerprint = self.fingerprint.map(|fingerprint| fingerprint.first_word());
        }
        if let Some((state, by)) = self.refused {
            let name = by.map(|id| services.config.backend(id).name.as_str());
            metrics::error(&state, name);
        } else if !self.runs {
            return;
        }
        let Some(fingerprint) = &self.fingerprint else { return services.statements.count(protocol, self.route) };
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

/// The route of a statement to one backend.
pub fn one(statement: Option<&Statement>) -> Route {
    match statement {
        Some(statement) if !statement.parsed => Route::Unparsed,
        Some(_) | None => Route::One,
    }
}

/// A session's statement of this moment, if there is one.
#[derive(Debug, Default)]
pub struct Watch {
    now: Option<Watched>,
}

impl Watch {
    /// A statement came; `runs`: it is run now, not only prepared. Goes on with the one that is watched already.
    pub fn begin(&mut self, services: &Services, analysis: &Analysis, reading: Reading, text: &[u8], runs: bool) {
        if self.now.is_some() || analysis.statements.is_empty() {
            return;
        }
        let fingerprint = services.statements.is_on().then(|| analysis.fingerprint(reading, text).clone());
        let since = clock::now();
        self.now = Some(Watched { fingerprint, since, runs, route: Route::Session, backend: None, refused: None });
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
            watched.ended(services, protocol, clock::now());
        }
    }
}
