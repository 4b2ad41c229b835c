//! Sends spans by OTLP over HTTP, in batches, from a task of its own. A collector that is gone or slow costs spans, which are
//! counted, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::sync::{mpsc, watch};

use super::Tracer;
use super::collector::Collector;
use crate::base::{ClusterName, NodeName};
use crate::config::Config;
use crate::telemetry::metrics;

/// Spans sent at once, at most.
const BATCH_MAX: usize = 512;

/// How long the first span of a batch waits for others.
const BATCH_WAIT: Duration = Duration::from_millis(500);

/// How long a collector may take for one batch.
const SEND_MAX: Duration = Duration::from_secs(5);

/// How long what is left may take when the house closes.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// In the library's words.
    #[error("telemetry.traces.endpoint {endpoint:?} cannot be used: {source}")]
    Endpoint {
        /// As configured.
        endpoint: String,
        /// Why.
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// Nobody's certificate could be believed.
    #[error("telemetry.traces.endpoint {endpoint:?} cannot be used: {source}")]
    Trust {
        /// As configured.
        endpoint: String,
        /// Why.
        source: std::io::Error,
    },
}

/// The task that sends.
#[derive(Debug)]
pub struct Exporter {
    spans: mpsc::Receiver<SpanData>,
    to: opentelemetry_otlp::SpanExporter,
    endpoint: String,
    /// The last batch was taken.
    works: bool,
}

impl Exporter {
    /// A tracer and its exporter, who must still be told whose spans they are; none if traces are off.
    ///
    /// # Errors
    /// The library refuses the endpoint, or the certificates to believe cannot be read.
    pub fn new(config: &Config) -> Result<Option<(Arc<Tracer>, Self)>, TracesError> {
        let Some(endpoint) = config.telemetry.traces.endpoint.clone() else { return Ok(None) };
        let collector = Collector::new(&endpoint, config.telemetry.traces.ca_file.as_deref())
            .map_err(|source| TracesError::Trust { endpoint: endpoint.clone(), source })?;
        let built = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(SEND_MAX)
            .build();
        let to = built.map_err(|source| TracesError::Endpoint { endpoint: endpoint.clone(), source })?;
        let (tracer, spans) = Tracer::new(config);
        Ok(Some((Arc::new(tracer), Self { spans, to, endpoint, works: true })))
    }

    /// Tells whose the spans are: the journal knows this node's name.
    pub fn of(mut self, cluster: &ClusterName, node: &NodeName) -> Self {
        let facts = [
            ("service.name", String::from("handfast")),
            ("service.version", String::from(env!("CARGO_PKG_VERSION"))),
            ("service.namespace", cluster.to_string()),
            ("service.instance.id", node.to_string()),
        ];
        let facts = facts.map(|(key, value)| opentelemetry::KeyValue::new(key, value));
        self.to.set_resource(&Resource::builder_empty().with_attributes(facts).build());
        self
    }

    /// Sends until the house closes; then what is left, within a bound.
    pub async fn run(mut self, mut closing: watch::Receiver<bool>) {
        loop {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => break,
                count = self.spans.recv_many(&mut batch, BATCH_MAX) => {
                    if count == 0 {
                        return;
                    }
                }
            }
            if batch.len() < BATCH_MAX {
                tokio::select! {
                    _ = closing.wait_for(|closing| *closing) => {}
                    () = tokio::time::sleep(BATCH_WAIT) => {}
                }
                while batch.len() < BATCH_MAX
                    && let Ok(span) = self.spans.try_recv()
                {
                    batch.push(span);
                }
            }
            self.send(batch).await;
        }
        self.spans.close();
        let flush = async {
            loop {
                let mut batch = Vec::with_capacity(BATCH_MAX);
                if self.spans.recv_many(&mut batch, BATCH_MAX).await == 0 {
                    return;
                }
                self.send(batch).await;
            }
        };
        if tokio::time::timeout(FLUSH_MAX, flush).await.is_err() {
            tracing::warn!(bound = ?FLUSH_MAX, "the last spans could not be sent");
        }
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        let sent = match tokio::time::timeout(SEND_MAX, self.to.export(batch)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {SEND_MAX:?}")),
        };
        metrics::spans(if sent.is_ok() { "exported" } else { "failed" }, count);
        match (&sent, self.works) {
            (Err(error), true) => {
                tracing::warn!(
                    endpoint = self.endpoint,
                    error,
                    "spans cannot be sent; they are dropped until they can be"
                );
            }
            (Ok(()), false) => tracing::info!(endpoint = self.endpoint, "spans are sent again"),
            (Ok(()), true) | (Err(_), false) => {}
        }
        self.works = sent.is_ok();
    }
}
