//! Layer 7: the only composition root. Opens, adopts, probes, lets clients in; on a stop drains: sessions, settlers, journal.

mod files;
mod listeners;
mod notify;
mod reload;
mod signals;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::admin;
use crate::backend::HomeInfo;
use crate::backend::control::ControlError;
use crate::backend::pool::Pools;
use crate::backend::probe::{self, UnfitError};
use crate::backend::schema::Schemas;
use crate::base::swap::Swap;
use crate::base::{BackendId, Dialect, Failpoints};
use crate::commit::Commits;
use crate::commit::registry::Registry;
use crate::config::Config;
use crate::front::cores::Cores;
use crate::front::tls::{ALPN_POSTGRES, Tls};
use crate::front::{self, Reception};
use crate::journal::Journal;
use crate::ops::reload::{Ask, Reloads};
use crate::ops::{House, Parts};
use crate::recovery::{OpenError, Recovery};
use crate::route::RouteTable;
use crate::session::Services;
use crate::session::annexes::Annexes;
use crate::session::translations::Translations;
use crate::sql::AnalysisCache;
use crate::telemetry::clients::Clients;
use crate::telemetry::metrics;
use crate::telemetry::statements::Statements;
use crate::telemetry::traces::{Exporter, Tracer, TracesError};

use listeners::Listeners;
pub use reload::Again;
use reload::reload_on_signal;
use signals::StopSignals;
use upkeep::{sweep_pools, take_samples, upkeep, watch_in_doubt};

/// How long the last spans may take at the end.
const TRACES_FLUSH_MAX: Duration = Duration::from_secs(4);

/// Why serving could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// What is unfinished cannot be told.
    #[error("{source}")]
    Recovery {
        /// How.
        #[source]
        source: OpenError,
    },
    /// A backend cannot take part in two-phase commits.
    #[error("{source}")]
    Unfit {
        /// Which and why.
        #[source]
        source: UnfitError,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// How.
        source: std::io::Error,
    },
    /// A socket from the service manager cannot be used.
    #[error("a socket that was handed over cannot be used: {why}")]
    Handed {
        /// Which and why.
        why: String,
    },
    /// Certificates cannot be read.
    #[error("TLS cannot be set up: {source}")]
    Tls {
        /// How.
        source: std::io::Error,
    },
    /// Metrics cannot be switched on.
    #[error("metrics cannot be switched on: {source}")]
    Metrics {
        /// How.
        source: BuildError,
    },
    /// Traces cannot be sent.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// The threads that serve clients cannot be started.
    #[error("the threads for clients cannot be started: {source}")]
    Threads {
        /// How.
        source: std::io::Error,
    },
    /// A settler panicked: what is in doubt on its backend would never be finished.
    #[error("recovery of a backend died; restart Handfast, it will finish what is decided")]
    SettlerDied,
    /// The journal could not write or sync: nothing more may be decided (INV-10).
    #[error("the journal failed and takes no more decisions; restart Handfast, it will finish what is decided")]
    JournalFailed,
}

/// Serves until SIGINT or SIGTERM, then drains. Errors: it could not start, or the journal failed.
pub async fn serve(config: Config, again: Again, failpoints: Failpoints) -> Result<(), ServeError> {
    let config = Arc::new(config);
    let (reloads, asks) = Reloads::new();
    let (app, exporter) = App::open(Arc::clone(&config), failpoints, reloads)?;
    let listeners = Listeners::open(&config).await?;
    app.run(listeners, again, asks, exporter).await
}

/// The parts that live as long as the process.
struct App {
    /// As it was at the start; what only a restart can change is read here.
    config: Arc<Config>,
    /// As it is now.
    running: Arc<Swap<Config>>,
    journal: Journal,
    registry: Arc<Registry>,
    pools: Arc<Swap<Pools>>,
    commits: Arc<Commits>,
    clients: Arc<Clients>,
    statements: Arc<Statements>,
    tracer: Option<Arc<Tracer>>,
    house: Arc<House>,
    recovery: Recovery,
    /// The house takes no new work.
    stopping: watch::Sender<bool>,
    /// The last session has ended.
    closing: watch::Sender<bool>,
    /// Clients are let in.
    ready: watch::Sender<bool>,
    /// What clients meet, once they are let in.
    reception: Swap<Option<watch::Sender<Reception>>>,
    reloads: Reloads,
}

impl App {
    fn open(
        config: Arc<Config>,
        failpoints: Failpoints,
        reloads: Reloads,
    ) -> Result<(Self, Option<Exporter>), ServeError> {
        let (tracer, exporter) = Exporter::new(&config)?.unzip();
        let (recovery, unfinished) = Recovery::open(&config, failpoints.clone(), tracer.clone())
            .map_err(|source| ServeError::Recovery { source })?;
        let Recovery { latest: running, journal, registry, pools, .. } = recovery.clone();
        let exporter = exporter.map(|exporter| exporter.of(&config.node.cluster, journal.node()));
        let commits = Commits::new(Arc::clone(&config), journal.clone(), Arc::clone(&registry), failpoints);
        let commits = Arc::new(commits);
        let flag = || watch::Sender::new(false);
        let (stopping, closing, ready, clients) = (flag(), flag(), flag(), Arc::new(Clients::default()));
        let pools = Arc::new(Swap::new(pools));
        let statements = Arc::new(Statements::new(config.telemetry.statements_max));
        let house = Arc::new(House::new(Parts {
            config: Arc::clone(&running),
            journal: journal.clone(),
            registry: Arc::clone(&registry),
            pools: Arc::clone(&pools),
            board: Arc::clone(&recovery.board),
            commits: Arc::clone(&commits),
            clients: Arc::clone(&clients),
            statements: Arc::clone(&statements),
            found: unfinished,
            ready: ready.subscribe(),
            stopping: stopping.subscribe(),
            reloads: reloads.clone(),
        }));
        let reception = Swap::new(Arc::new(None));
        let app = Self {
            config,
            running,
            journal,
            registry,
            pools,
            commits,
            clients,
            statements,
            tracer,
            house,
            recovery,
            stopping,
            closing,
            ready,
            reception,
            reloads,
        };
        Ok((app, exporter))
    }

    async fn run(
        self,
        mut listeners: Listeners,
        again: Again,
        mut asks: mpsc::Receiver<Ask>,
        exporter: Option<Exporter>,
    ) -> Result<(), ServeError> {
        let (mut background, mut exporting, flush) = (JoinSet::new(), JoinSet::new(), watch::Sender::new(false));
        if let Some(exporter) = exporter {
            exporting.spawn(exporter.run(flush.subscribe()));
        }
        let mut figures = None;
        if let Some(listener) = listeners.admin.take() {
            let metrics = metrics::install().map_err(|source| ServeError::Metrics { source })?;
            metrics::started();
            figures = Some(metrics.clone());
            background.spawn(upkeep(metrics.clone(), self.journal.clone()));
            let token = self.config.admin.token.clone();
            background.spawn(admin::serve(listener, admin::Pages { metrics, house: Arc::clone(&self.house), token }));
        }
        // Before a service manager hears of us: what it then asks is never lost.
        let signals = StopSignals::listen();
        let manager = notify::Notify::from_environment().map(Arc::new);
        if let Some(manager) = manager.clone() {
            let (ready, stopping) = (self.ready.subscribe(), self.stopping.subscribe());
            background.spawn(notify::keep(manager, ready, stopping, Arc::clone(&self.registry)));
        }
        let mut settlers = JoinSet::new();
        for id in backend_ids(&self.config) {
            self.settle(id, &mut settlers);
        }
        background.spawn(take_samples(Arc::clone(&self.house)));
        background.spawn(sweep_pools(Arc::clone(&self.pools)));
        background.spawn(watch_in_doubt(Arc::clone(&self.registry), Arc::clone(&self.running)));
        background.spawn(reload_on_signal(self.reloads.clone(), self.ready.subscribe()));
        if let Some(seen) = again.watched.clone() {
            let (source, reloads, ready) = (again.source.clone(), self.reloads.clone(), self.ready.subscribe());
            background.spawn(files::reload_on_change(source, seen, reloads, ready));
        }
        let admit = self.admit(listeners, figures, signals);
        tokio::pin!(admit);
        let mut preparing = JoinSet::new();
        let ended = loop {
            tokio::select! {
                ended = &mut admit => break ended,
                () = journal_failed(&self.journal) => break Err(ServeError::JournalFailed),
                () = one_died(&mut settlers) => break Err(ServeError::SettlerDied),
                Some(Err(error)) = background.join_next() => tracing::error!(%error, "a part of the house has died; clients are served"),
                Some(ask) = asks.recv(), if preparing.is_empty() => {
                    preparing.spawn(self.prepare(&again.source, ask));
                }
                Some(prepared) = preparing.join_next() => match prepared {
                    Ok(prepared) => self.succeed(prepared, &again.filter, &mut settlers),
                    Err(error) => tracing::error!(%error, "reading the configuration again failed"),
                },
            }
        };
        if let Err(ServeError::JournalFailed) = &ended {
            return ended;
        }
        if let Some(manager) = manager {
            manager.stopping();
        }
        self.settle_before_exit(&mut settlers).await;
        background.shutdown().await;
        flush.send_replace(true);
        if tokio::time::timeout(TRACES_FLUSH_MAX, exporting.join_next()).await.is_err() {
            tracing::debug!("the last spans are not sent");
        }
        exporting.shutdown().await;
        self.journal.close().await;
        ended
    }

    /// Probes, lets clients in, and returns when the process was told to stop and the sessions have ended.
    async fn admit(
        &self,
        listeners: Listeners,
        figures: Option<PrometheusHandle>,
        signals: StopSignals,
    ) -> Result<(), ServeError> {
        let stop = self.told_to_stop(signals);
        tokio::pin!(stop);
        let services = tokio::select! {
            services = self.services(figures) => Arc::new(services?),
            () = &mut stop => return Ok(()),
        };
        let open = reception(services, doors(&self.config).map_err(|source| ServeError::Tls { source })?);
        open.services.latest.set(&open.services);
        let receptions = watch::Sender::new(open);
        let cores = Arc::new(Cores::start(Cores::wanted()).map_err(|source| ServeError::Threads { source })?);
        let mut fronts = JoinSet::new();
        if let Some(listener) = listeners.postgres {
            announce("PostgreSQL", &listener);
            fronts.spawn(front::pg::serve(
                listener,
                receptions.subscribe(),
                Arc::clone(&cores),
                self.stopping.subscribe(),
            ));
        }
        if let Some(listener) = listeners.mysql {
            announce("MySQL", &listener);
            fronts.spawn(front::mysql::serve(
                listener,
                receptions.subscribe(),
                Arc::clone(&cores),
                self.stopping.subscribe(),
            ));
        }
        self.reception.set(Arc::new(Some(receptions)));
        self.ready.send_replace(true);
        stop.await;
        self.ready.send_replace(false);
        tracing::info!(bound = ?self.running.get().limits.drain_timeout, "stopping: open transactions may end");
        self.stopping.send_replace(true);
        // The fronts keep to limits.drain_timeout themselves, and let who is committing finish.
        while fronts.join_next().await.is_some() {}
        Ok(())
    }

    /// By a signal, or by an operator.
    async fn told_to_stop(&self, signals: StopSignals) {
        tokio::select! {
            () = signals.first() => {}
            () = self.house.drain_asked() => {}
        }
    }

    /// Phase two is never abandoned while there is time: the settlers work on until the last session has ended, and then
    /// until nothing is left for them.
    async fn settle_before_exit(&self, settlers: &mut JoinSet<()>) {
        self.stopping.send_replace(true);
        self.closing.send_replace(true);
        let ended = async {
            while let Some(ended) = settlers.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a settler died");
                }
            }
        };
        if tokio::time::timeout(self.running.get().limits.drain_timeout, ended).await.is_err() {
            let (unfinished, backends) = (self.registry.in_doubt(), settlers.len());
            tracing::warn!(unfinished, backends, "recovery is not through; the next start goes on with it");
        }
        settlers.shutdown().await;
    }

    /// Starts a backend's settler.
    fn settle(&self, backend: BackendId, settlers: &mut JoinSet<()>) {
        settlers.spawn(self.recovery.settler(backend).run(self.closing.subscribe()));
    }

    async fn services(&self, metrics: Option<PrometheusHandle>) -> Result<Services, ServeError> {
        self.probe_all().await?;
        let bound = self.config.transactions.commit_wait;
        if tokio::time::timeout(bound, self.registry.all_looked(self.config.backends.len())).await.is_err() {
            tracing::warn!(?bound, "recovery is not done; clients are let in, and readers wait for what is unfinished");
        }
        Ok(Services {
            number: 0,
            latest: Arc::default(),
            config: Arc::clone(&self.config),
            routes: RouteTable::new(&self.config),
            analyses: AnalysisCache::new(self.config.limits.statement_cache),
            pools: self.pools.get(),
            schemas: Schemas::new(Arc::clone(&self.config)),
            translations: Translations::new(self.config.limits.statement_cache),
            commits: Arc::clone(&self.commits),
            clients: Arc::clone(&self.clients),
            statements: Arc::clone(&self.statements),
            tracer: self.tracer.clone(),
            house: Arc::clone(&self.house),
            metrics,
            postgres_home: self.home(Dialect::Postgres, self.config.listen.postgres.is_some()).await,
            mysql_home: self.home(Dialect::Mysql, self.config.listen.mysql.is_some()).await,
        })
    }

    /// Refuses to start on a backend that could never prepare; one that cannot be reached now is only told of.
    async fn probe_all(&self) -> Result<(), ServeError> {
        // At the same time: dead ones keep nobody waiting but once.
        let asked = join_all(self.config.backends.iter().map(probe::facts)).await;
        for ((id, backend), facts) in backend_ids(&self.config).zip(&self.config.backends).zip(asked) {
            match facts {
                Ok(facts) => {
                    let facts =
                        probe::judge(&self.config, backend, facts).map_err(|source| ServeError::Unfit { source })?;
                    tracing::info!(backend = backend.name, engine = ?facts.engine, version = facts.version, "backend");
                    facts.prepared_limit.iter().for_each(|limit| metrics::prepared_limit(&backend.name, *limit));
                    self.tracer.iter().for_each(|tracer| tracer.engine(id, facts.engine));
                    self.recovery.board.facts(id, facts);
                }
                Err(error @ ControlError { .. }) => {
                    tracing::warn!(%error, "a backend cannot be probed now; its statements will fail until it is back");
                }
            }
        }
        Ok(())
    }

    /// Greets the home backend of a dialect, trying for ever: clients cannot be greeted without its version.
    async fn home(&self, dialect: Dialect, wanted: bool) -> Option<HomeInfo> {
        let id = self.config.home(dialect).filter(|_| wanted)?;
        let backend = self.config.backend(id);
        let mut told = false;
        loop {
            match probe::home_info(backend, id, self.config.pool.connect_timeout).await {
                Ok(info) => return Some(info),
                Err(error) if !told => {
                    tracing::error!(%error, "clients are let in when their home backend answers; trying for ever");
                    told = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn backend_ids(config: &Config) -> impl Iterator<Item = BackendId> + use<> {
    (0..config.backends.len()).filter_map(|index| u16::try_from(index).ok().map(BackendId))
}

/// TLS towards clients of both wires. Errors: certificates cannot be read.
fn doors(config: &Config) -> std::io::Result<[Option<Tls>; 2]> {
    let tls = |alpn: Option<&[u8]>| Tls::new(&config.listen.tls, alpn);
    Ok([tls(Some(ALPN_POSTGRES))?, tls(None)?])
}

/// What clients meet under this configuration.
fn reception(services: Arc<Services>, [postgres_tls, mysql_tls]: [Option<Tls>; 2]) -> Reception {
    let annexes = Arc::new(Annexes::new(Arc::clone(&services)));
    Reception { services, annexes, postgres_tls, mysql_tls }
}

fn announce(wire: &str, listener: &TcpListener) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening for {wire} clients");
    }
}

/// Returns when the journal has failed and the sessions have had a moment to tell their clients "unknown".
async fn journal_failed(journal: &Journal) {
    let problem = journal.failed().await;
    tracing::error!(problem, "the journal failed: stopping");
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// Returns when a task of the set has panicked.
async fn one_died(tasks: &mut JoinSet<()>) {
    while let Some(joined) = tasks.join_next().await {
        if let Err(error) = joined {
            tracing::error!(%error, "a settler died");
            return;
        }
    }
    std::future::pending().await
}
