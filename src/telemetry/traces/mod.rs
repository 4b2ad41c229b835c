//! Traces for OpenTelemetry: spans are made when they have ended, and handed to a bounded queue; whoever runs a session never
//! waits for them. `export` sends them.

mod collector;
mod context;
mod export;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanLinks};
use tokio::sync::mpsc;

use crate::base::swap::Swap;
use crate::base::{BackendId, Dialect, Engine, clock};
use crate::config::Config;
use crate::telemetry::metrics;

pub use context::TraceContext;
pub use export::{Exporter, TracesError};

/// Spans that wait to be sent, at most: what comes when it is full is dropped and counted.
const QUEUE_MAX: usize = 8192;

/// How far the calendar may go from the clock that spans are measured by, until it is read anew.
const CALENDAR_OFF_MAX: Duration = Duration::from_millis(10);

/// Two clocks that are read with more than this between them say nothing of each other.
const READING_MAX: Duration = Duration::from_millis(1);

/// Who does what a span tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doer {
    /// Handfast, for a client.
    Server,
    /// A backend, for Handfast.
    Client,
    /// Handfast by itself.
    Internal,
}

/// A span that has ended.
#[derive(Debug)]
pub struct Span<'a> {
    /// Itself.
    pub own: TraceContext,
    /// Its parent's span in the same trace.
    pub parent: Option<u64>,
    /// The parent is somebody else's.
    pub remote: bool,
    /// What is done.
    pub name: String,
    /// By whom.
    pub doer: Doer,
    /// When it began.
    pub from: Instant,
    /// When it ended.
    pub to: Instant,
    /// Where.
    pub backend: Option<BackendId>,
    /// Facts; names are those of the semantic conventions where these have one.
    pub facts: Vec<(&'static str, String)>,
    /// The SQLSTATE of its error.
    pub sqlstate: Option<&'a str>,
    /// What went wrong.
    pub error: Option<String>,
    /// What it goes back to in another trace.
    pub link: Option<TraceContext>,
}

impl Span<'_> {
    /// Of this name, without further facts.
    pub fn new(own: TraceContext, parent: Option<u64>, name: String, doer: Doer, from: Instant, to: Instant) -> Self {
        let (backend, facts, sqlstate, error, link) = (None, Vec::new(), None, None, None);
        Self { own, parent, remote: false, name, doer, from, to, backend, facts, sqlstate, error, link }
    }
}

/// A backend, as spans tell of it.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    system: &'static str,
    namespace: String,
    host: String,
    port: i64,
}

/// Takes spans. Shared by all sessions.
#[derive(Debug)]
pub struct Tracer {
    queue: mpsc::Sender<SpanData>,
    /// Of a million traces that begin here, how many are recorded.
    sampled_ppm: AtomicU32,
    places: Swap<Vec<Place>>,
    /// One moment by both clocks. All spans are told by the same one: read for each of their ends, a thread that is held up in
    /// between would end a span before it begins.
    calendar: Swap<(Instant, SystemTime)>,
    scope: InstrumentationScope,
}

fn system(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "postgresql",
        Dialect::Mysql => "mysql",
    }
}

impl Tracer {
    /// A tracer, and what it gives to the exporter.
    fn new(config: &Config) -> (Self, mpsc::Receiver<SpanData>) {
        let (queue, spans) = mpsc::channel(QUEUE_MAX);
        let scope = InstrumentationScope::builder("handfast").with_version(env!("CARGO_PKG_VERSION")).build();
        let calendar = Swap::new(Arc::new((clock::now(), clock::wall())));
        let places = Swap::new(Default::default());
        let tracer = Self { queue, sampled_ppm: AtomicU32::new(0), places, calendar, scope };
        tracer.renew(config);
        (tracer, spans)
    }

    /// Under another configuration.
    pub fn renew(&self, config: &Config) {
        let ratio = config.telemetry.traces.sample_ratio.clamp(0.0, 1.0);
        self.sampled_ppm.store((ratio * 1_000_000.0).round() as u32, Ordering::Relaxed);
        let known = self.places.get();
        let place = |(index, backend): (usize, &crate::config::Backend)| Place {
            name: backend.name.clone(),
            system: known.get(index).map_or(system(backend.dialect), |place| place.system),
            namespace: backend.database.clone(),
            host: backend.address.host.clone(),
            port: i64::from(backend.address.port),
        };
        let places = config.backends.iter().enumerate().map(place).collect();
        self.places.set(Arc::new(places));
    }

    /// A backend has said what it is.
    pub fn engine(&self, backend: BackendId, engine: Engine) {
        let mut places = Vec::clone(&self.places.get());
        if let Some(place) = places.get_mut(usize::from(backend.0)) {
            place.system = match engine {
                Engine::Postgres => "postgresql",
                Engine::Mariadb => "mariadb",
                Engine::Mysql => "mysql",
            };
        }
        self.places.set(Arc::new(places));
    }

    /// A backend's configured name.
    pub fn name(&self, backend: BackendId) -> String {
        self.places.get().get(usize::from(backend.0)).map(|place| place.name.clone()).unwrap_or_default()
    }

    /// The first span of a trace that begins here, if it is to be recorded.
    pub fn begin(&self) -> Option<TraceContext> {
        let ppm = self.sampled_ppm.load(Ordering::Relaxed);
        (ppm > 0 && rand::random_range(0..1_000_000) < ppm).then(|| TraceContext::root(true))
    }

    /// Takes a span. Never waits.
    pub fn ended(&self, span: Span<'_>) {
        self.follow_calendar(clock::now(), clock::wall(), clock::now());
        if self.queue.try_send(self.data(span)).is_err() {
            metrics::spans("dropped", 1);
        }
    }

    /// When that was by the calendar.
    fn wall(&self, at: Instant) -> SystemTime {
        let (moment, wall) = *self.calendar.get();
        let told = match at.checked_duration_since(moment) {
            Some(later) => wall.checked_add(later),
            None => wall.checked_sub(moment.duration_since(at)),
        };
        told.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The calendar may be set, or go at another pace.
    fn follow_calendar(&self, before: Instant, wall: SystemTime, after: Instant) {
        if after.duration_since(before) > READING_MAX {
            return;
        }
        let told = self.wall(after);
        let off = told.duration_since(wall).unwrap_or_else(|earlier| earlier.duration());
        if off > CALENDAR_OFF_MAX {
            self.calendar.set(Arc::new((after, wall)));
        }
    }

    fn data(&self, span: Span<'_>) -> SpanData {
        let mut attributes: Vec<KeyValue> =
            span.facts.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
        let places = self.places.get();
        if let Some(place) = span.backend.and_then(|id| places.get(usize::from(id.0))) {
            attributes.push(KeyValue::new("db.system.name", place.system));
            attributes.push(KeyValue::new("db.namespace", place.namespace.clone()));
            attributes.push(KeyValue::new("server.address", place.host.clone()));
            attributes.push(KeyValue::new("server.port", place.port));
            attributes.push(KeyValue::new("handfast.backend", place.name.clone()));
        }
        if let Some(sqlstate) = span.sqlstate {
            attributes.push(KeyValue::new("db.response.status_code", sqlstate.to_owned()));
            attributes.push(KeyValue::new("error.type", sqlstate.to_owned()));
        }
        SpanData {
            span_context: told(span.own, false),
            parent_span_id: span.parent.map_or(SpanId::INVALID, |id| SpanId::from_bytes(id.to_be_bytes())),
            parent_span_is_remote: span.remote,
            span_kind: match span.doer {
                Doer::Server => SpanKind::Server,
                Doer::Client => SpanKind::Client,
                Doer::Internal => SpanKind::Internal,
            },
            name: span.name.into(),
            start_time: self.wall(span.from),
            end_time: self.wall(span.to),
            attributes,
            dropped_attributes_count: 0,
            events: Default::default(),
            links: {
                let mut links = SpanLinks::default();
                links.links.extend(span.link.map(|link| Link::new(told(link, true), Vec::new(), 0)));
                links
            },
            status: match (span.error, span.sqlstate) {
                (Some(error), _) => Status::error(error),
                (None, Some(sqlstate)) => Status::error(sqlstate.to_owned()),
                (None, None) => Status::Unset,
            },
            instrumentation_scope: self.scope.clone(),
        }
    }
}

fn told(context: TraceContext, remote: bool) -> SpanContext {
    let flags = if context.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, span) =
        (TraceId::from_bytes(context.trace.to_be_bytes()), SpanId::from_bytes(context.span.to_be_bytes()));
    SpanContext::new(trace, span, flags, remote, TraceState::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracer() -> Tracer {
        let calendar = Swap::new(Arc::new((clock::now(), clock::wall())));
        let (queue, _) = mpsc::channel(1);
        let (scope, places) = (InstrumentationScope::builder("test").build(), Swap::new(Default::default()));
        Tracer { queue, sampled_ppm: AtomicU32::new(0), places, calendar, scope }
    }

    #[test]
    fn all_spans_are_told_by_one_calendar_that_follows_when_it_is_set() {
        let tracer = tracer();
        let (now, wall) = *tracer.calendar.get();
        let millis = Duration::from_millis;
        assert_eq!((tracer.wall(now + millis(7)), tracer.wall(now)), (wall + millis(7), wall));
        // Whoever was held up between two readings knows nothing.
        tracer.follow_calendar(now, wall + millis(500), now + millis(400));
        assert_eq!(tracer.wall(now), wall);
        // A few milliseconds are no reason to let spans jump.
        tracer.follow_calendar(now, wall + millis(9), now);
        assert_eq!(tracer.wall(now), wall);
        tracer.follow_calendar(now, wall - millis(3_600_000), now);
        assert_eq!(tracer.wall(now + millis(1)), wall - millis(3_599_999));
    }
}
