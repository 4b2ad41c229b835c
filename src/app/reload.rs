//! The configuration is read again while the house runs: read, expand, check, connect to new backends, then replace. Any
//! fault keeps everything as it was.
//!
//! What runs is replaced as a whole: a new [`Services`] over the same pools, journal and registry. Backends keep their ids,
//! because all of these are indexed by them; new ones come last. Sessions look for later services between their
//! transactions, settlers before each sweep, listeners at each client.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::files::when_ready;
use super::{App, reception};
use crate::backend::control::ServerFacts;
use crate::backend::probe;
use crate::backend::schema::Schemas;
use crate::base::BackendId;
use crate::config::change::{self, Applies, Change, Succession};
use crate::config::{Backend, Config, ConfigCode, ConfigErrors, Seen, Source};
use crate::ops::reload::{Ask, Reloads};
use crate::route::RouteTable;
use crate::session::Services;
use crate::session::translations::Translations;
use crate::sql::AnalysisCache;
use crate::telemetry::logs::Filter;
use crate::telemetry::metrics;

/// What is needed to read the configuration again.
#[derive(Debug)]
pub struct Again {
    /// Where it is.
    pub source: Source,
    /// Changes the log level.
    pub filter: Filter,
    /// The files that it was read from, if they are to be watched.
    pub watched: Option<Seen>,
}

/// A new configuration that was read, and who waits for it.
#[derive(Debug)]
pub(super) struct Prepared {
    ask: Ask,
    read: Result<Ready, ConfigErrors>,
}

#[derive(Debug)]
struct Ready {
    next: Succession,
    /// What new backends said of themselves.
    facts: Vec<(BackendId, ServerFacts)>,
}

impl App {
    /// Reads the configuration and asks new backends; touches nothing that runs.
    pub(super) fn prepare(&self, source: &Source, ask: Ask) -> impl Future<Output = Prepared> + use<> {
        let (source, old) = (source.clone(), self.running.get());
        async move {
            let loaded = tokio::task::spawn_blocking(move || source.load().map(|config| (config, source))).await;
            let read = match loaded {
                Ok(Ok((config, source))) => ready(&old, config, &source).await,
                Ok(Err(errors)) => Err(errors),
                Err(_) => Err(ConfigErrors::of_whole(
                    "handfast",
                    ConfigCode::NotNow,
                    "reading the configuration failed",
                    "ask again; the log says more",
                )),
            };
            Prepared { ask, read }
        }
    }

    /// Replaces what runs, or nothing, and answers.
    pub(super) fn succeed(&self, prepared: Prepared, filter: &Filter, settlers: &mut JoinSet<()>) {
        let done = prepared.read.and_then(|ready| self.replace(ready, filter, settlers));
        match &done {
            Ok(changes) if changes.is_empty() => {
                tracing::info!("the configuration was read again: nothing has changed")
            }
            Ok(changes) => {
                for change in changes {
                    tracing::info!(%change, "the configuration was read again");
                }
            }
            Err(errors) => tracing::error!("the configuration was not taken, the old one stays:\n{errors}"),
        }
        metrics::reloaded(done.is_ok());
        if prepared.ask.send(done).is_err() {
            tracing::debug!("who asked for the configuration to be read again has left");
        }
    }

    fn replace(&self, ready: Ready, filter: &Filter, settlers: &mut JoinSet<()>) -> Result<Vec<Change>, ConfigErrors> {
        let Ready { next: Succession { config, changes, left }, facts } = ready;
        let old = self.running.get();
        let refused = |code, title: String, help: &str| Err(ConfigErrors::of_whole("handfast", code, title, help));
        let door = self.reception.get();
        let Some(door) = door.as_ref() else {
            return refused(ConfigCode::NotNow, "Handfast is still starting".to_owned(), "ask again when it is ready");
        };
        for id in left {
            // Also what was never decided: nobody would roll it back, and its locks would stay.
            let undecided = self.registry.ledger().undecided_on(id).len();
            let unfinished = self.registry.unfinished_on(id).len() + undecided;
            if unfinished > 0 {
                let name = &old.backend(id).name;
                let title =
                    format!("backend \"{name}\" still has {unfinished} unfinished branches; they would be lost");
                let help = "put it back as it was until `handfast transactions list` is empty";
                return refused(ConfigCode::Unfinished, title, help);
            }
        }
        if changes.is_empty() {
            return Ok(changes);
        }
        let config = Arc::new(config);
        let tls = match super::doors(&config) {
            Ok(tls) => tls,
            Err(error) => {
                return refused(
                    ConfigCode::Tls,
                    format!("TLS cannot be set up: {error}"),
                    "repair the file and ask again",
                );
            }
        };
        // From here on nothing can fail: the pools take their new sizes as soon as there are new services.
        let now = door.borrow().clone();
        let open = reception(self.next_services(&now.services, &config), tls);
        filter.set(&config.telemetry);
        self.statements.limit(config.telemetry.statements_max);
        self.tracer.iter().for_each(|tracer| tracer.renew(&config));
        for (id, facts) in facts {
            self.tracer.iter().for_each(|tracer| tracer.engine(id, facts.engine));
            self.recovery.board.facts(id, facts);
        }
        // Pools first: who counts the backends by the configuration asks the pool of each.
        self.pools.set(Arc::clone(&open.services.pools));
        self.running.set(Arc::clone(&config));
        for id in super::backend_ids(&config).skip(old.backends.len()) {
            self.settle(id, settlers);
        }
        open.services.latest.set(&open.services);
        door.send_replace(open);
        Ok(changes)
    }

    /// Over the same pools, journal and registry.
    fn next_services(&self, now: &Services, config: &Arc<Config>) -> Arc<Services> {
        Arc::new(Services {
            number: now.number + 1,
            latest: Arc::clone(&now.latest),
            config: Arc::clone(config),
            routes: RouteTable::new(config),
            analyses: AnalysisCache::new(config.limits.statement_cache),
            pools: Arc::new(now.pools.renewed(Arc::clone(config))),
            schemas: Schemas::new(Arc::clone(config)),
            translations: Translations::new(config.limits.statement_cache),
            commits: Arc::new(now.commits.renewed(Arc::clone(config))),
            clients: Arc::clone(&self.clients),
            statements: Arc::clone(&self.statements),
            tracer: self.tracer.clone(),
            house: Arc::clone(&now.house),
            metrics: now.metrics.clone(),
            postgres_home: now.postgres_home.clone(),
            mysql_home: now.mysql_home.clone(),
        })
    }
}

/// Checks what a new configuration adds: each new backend must answer and be fit for two phases.
async fn ready(old: &Config, config: Config, source: &Source) -> Result<Ready, ConfigErrors> {
    let mut next = change::succeed(old, config);
    if is_native(old) != is_native(&next.config) {
        // Sessions of MySQL clients whose transactions were their server's own stay as they are.
        let routes = |key: &str| key.starts_with("tables.") || key.starts_with("backends.");
        let now = next.changes.iter_mut().filter(|c| c.applies == Applies::Now && routes(&c.key));
        now.for_each(|change| change.applies = Applies::NewConnections);
    }
    let mut facts = Vec::new();
    for id in super::backend_ids(&next.config).skip(old.backends.len()) {
        let backend = next.config.backend(id);
        let told = told(&next.config, backend).await;
        facts.push((
            id,
            told.map_err(|why| {
                let file = source.path.display().to_string();
                let title = format!("new backend \"{}\" cannot be used: {why}", backend.name);
                let help = "repair it, or take it out again; `handfast check` says more";
                ConfigErrors::of_whole(&file, ConfigCode::NewBackend, title, help)
            })?,
        ));
    }
    Ok(Ready { next, facts })
}

async fn told(config: &Config, backend: &Backend) -> Result<ServerFacts, String> {
    let facts = probe::facts(backend).await.map_err(|error| error.to_string())?;
    probe::judge(config, backend, facts).map_err(|error| error.to_string())
}

/// Whether a MySQL client's transactions are its server's own.
fn is_native(config: &Config) -> bool {
    config.listen.mysql.is_none() || config.participants() == 1
}

/// SIGHUP reads the configuration again; what came of it is in the log.
pub(super) async fn reload_on_signal(reloads: Reloads, mut ready: watch::Receiver<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => return tracing::error!(%error, "SIGHUP cannot be listened for"),
    };
    while hangups.recv().await.is_some() {
        if let Err(errors) = when_ready(&reloads, &mut ready).await {
            tracing::debug!(codes = ?errors.codes(), "SIGHUP changed nothing");
        }
    }
}
