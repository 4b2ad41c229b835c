//! Traces: what a collector gets is what has happened, beside the client's own spans; and a collector that is dead or hangs
//! changes nothing for clients.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::routing::post;
use handfast::base::{Dialect, Engine};
use handfast::testbed::{Handfast, Order, Shop};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;

use crate::bed::{SETTLE_MAX, Stand, bed, binary, on, on_every_engine, own_servers, servers, unique_name, until};
use crate::http;

on_every_engine! {
    a_commit_is_a_span_beside_the_clients_own_and_its_phases_are_its_children;
    what_recovery_does_later_is_linked_to_the_commit;
    a_collector_that_is_dead_or_hangs_changes_nothing_for_clients;
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Takes spans.
struct Collector {
    port: u16,
    spans: Arc<Mutex<Vec<Span>>>,
    /// Ends with it.
    _serving: tokio::task::JoinSet<()>,
}

/// Takes connections with TLS; who does not believe its certificate is not served.
struct Encrypted {
    listener: tokio::net::TcpListener,
    acceptor: tokio_rustls::TlsAcceptor,
}

impl axum::serve::Listener for Encrypted {
    type Io = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (tcp, address) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(tcp).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Collector {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::over(listener)
    }

    /// With the certificate of these files' name.
    async fn encrypted(certs: &std::path::Path, name: &str) -> Self {
        use rustls_pki_types::pem::PemObject;
        use rustls_pki_types::{CertificateDer, PrivateKeyDer};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = CertificateDer::from_pem_file(certs.join(format!("{name}.crt"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(certs.join(format!("{name}.key"))).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own], key)
            .unwrap();
        Self::over(Encrypted { listener, acceptor: Arc::new(config).into() })
    }

    fn over<L: axum::serve::Listener<Addr = std::net::SocketAddr>>(listener: L) -> Self {
        let port = listener.local_addr().unwrap().port();
        let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
        let kept = Arc::clone(&spans);
        let take = move |body: Bytes| {
            let told = ExportTraceServiceRequest::decode(body).unwrap();
            let resource = told.resource_spans.iter().flat_map(|all| all.resource.iter().flat_map(|r| &r.attributes));
            assert!(resource.into_iter().any(|fact| fact.key == "service.name"), "{told:?}");
            let scopes = told.resource_spans.into_iter().flat_map(|all| all.scope_spans);
            kept.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
            async { "" }
        };
        let app = axum::Router::new().route("/v1/traces", post(take));
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, spans, _serving: serving }
    }

    /// Spans of a trace.
    fn of(&self, trace: &str) -> Vec<Span> {
        self.spans.lock().unwrap().iter().filter(|span| hex(&span.trace_id) == trace).cloned().collect()
    }

    /// Waits for spans of these names in a trace.
    async fn wait(&self, trace: &str, names: &[&str]) -> Vec<Span> {
        let limit = handfast::base::clock::now() + SETTLE_MAX;
        loop {
            let spans = self.of(trace);
            if names.iter().all(|name| spans.iter().any(|span| span.name == *name)) {
                return spans;
            }
            let told: Vec<_> = self.spans.lock().unwrap().iter().map(|s| (s.name.clone(), hex(&s.trace_id))).collect();
            assert!(handfast::base::clock::now() < limit, "{names:?} are not among {told:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:?}"))
}

fn fact(span: &Span, key: &str) -> String {
    let value = span.attributes.iter().find(|fact| fact.key == key).and_then(|fact| fact.value.clone());
    match value.and_then(|value| value.value) {
        Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text)) => text,
        Some(opentelemetry_proto::tonic::common::v1::any_value::Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} of {span:?} is {other:?}"),
    }
}

/// A stand that sends its spans to a port.
async fn stand(engine: Engine, own: Option<&str>, port: u16) -> (Stand, Arc<handfast::testbed::Server>) {
    stand_of(engine, own, &format!("endpoint = \"http://127.0.0.1:{port}\"")).await
}

/// A stand that sends its spans as these keys say.
async fn stand_of(engine: Engine, own: Option<&str>, keys: &str) -> (Stand, Arc<handfast::testbed::Server>) {
    let (store, delivery) = own.map_or_else(|| servers(engine), |name| own_servers(engine, name));
    let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let more = format!("\n[telemetry.traces]\n{keys}\nsample_ratio = 0\n");
    let handfast = Handfast::with_config(binary(), &shop, &shop.config_with(&more)).unwrap();
    (Stand { shop: Arc::new(shop), handfast: Arc::new(handfast) }, delivery)
}

async fn a_commit_is_a_span_beside_the_clients_own_and_its_phases_are_its_children(engine: Engine) {
    let collector = Collector::start().await;
    let (stand, _) = stand(engine, None, collector.port).await;
    stand.handfast.start().unwrap();
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    let said =
        format!("UPDATE counters SET n = 4711 WHERE id = 1 /*route='%2Fpay',traceparent='00-{TRACE}-{PARENT}-01'*/");
    client.run(&said).await.unwrap();
    client.run("COMMIT").await.unwrap();
    let all = ["COMMIT", "prepare store", "prepare delivery", "decide", "finish store", "finish delivery", "UPDATE"];
    let spans = collector.wait(TRACE, &all).await;
    assert_eq!(spans.len(), all.len(), "{spans:?}");
    let commit = named(&spans, "COMMIT");
    let system = if engine == Engine::Postgres { "postgresql" } else { "mysql" };
    assert_eq!((hex(&commit.parent_span_id).as_str(), commit.kind), (PARENT, 2), "{commit:?}");
    assert_eq!((fact(commit, "db.system.name").as_str(), fact(commit, "handfast.backends").as_str()), (system, "2"));
    for name in &all[1..6] {
        let child = named(&spans, name);
        assert_eq!(child.parent_span_id, commit.span_id, "{name}");
        assert!(child.start_time_unix_nano <= child.end_time_unix_nano, "{name}");
        assert_eq!(fact(child, "handfast.transaction"), fact(commit, "handfast.transaction"));
        if *name == "decide" {
            assert_eq!(child.kind, 1);
            continue;
        }
        assert_eq!((child.kind, fact(child, "server.address").as_str()), (3, "127.0.0.1"));
        let is = match engine {
            Engine::Postgres => "postgresql",
            Engine::Mariadb => "mariadb",
            Engine::Mysql => "mysql",
        };
        let (backend, _) = (name.split(' ').nth(1).unwrap(), assert_eq!(fact(child, "db.system.name"), is));
        assert_eq!(fact(child, "handfast.backend"), backend);
        let database = if backend == "store" { &stand.shop.store.name } else { &stand.shop.delivery.name };
        assert_eq!(fact(child, "db.namespace"), *database);
    }
    let decide = named(&spans, "decide");
    for backend in ["store", "delivery"] {
        assert!(named(&spans, &format!("prepare {backend}")).end_time_unix_nano <= decide.end_time_unix_nano);
        assert!(named(&spans, &format!("finish {backend}")).start_time_unix_nano >= decide.start_time_unix_nano);
    }
    let update = named(&spans, "UPDATE");
    assert_eq!((hex(&update.parent_span_id).as_str(), update.kind), (PARENT, 2));
    assert_eq!(fact(update, "db.query.text"), "UPDATE counters SET n = ? WHERE id = ?");
    let shown = http::read_json(stand.handfast.admin_port(), "/api/v1/transactions");
    assert_eq!(shown["transactions"][0]["traceparent"], json!(format!("00-{TRACE}-{PARENT}-01")), "{shown:#}");
    by_setting(&stand, &collector, engine).await;
}

#[test]
fn the_code_of_a_refused_vote_is_in_its_span_and_none_of_the_servers_words() {
    on(Engine::Postgres, "the_code_of_a_refused_vote_is_in_its_span", async |engine| {
        let collector = Collector::start().await;
        let (stand, _) = stand(engine, None, collector.port).await;
        stand
            .on_delivery(
                "CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''hunter2''; END'; \
                 CREATE CONSTRAINT TRIGGER never AFTER INSERT ON assignments DEFERRABLE INITIALLY DEFERRED \
                 FOR EACH ROW EXECUTE FUNCTION never()",
            )
            .await;
        stand.handfast.start().unwrap();
        let mut client = stand.client().await;
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(1).statements()).await.unwrap();
        client.run(&format!("COMMIT /*traceparent='00-{TRACE}-{PARENT}-01'*/")).await.unwrap_err();
        let spans = collector.wait(TRACE, &["COMMIT", "prepare store", "prepare delivery", "rollback store"]).await;
        assert_eq!(fact(named(&spans, "prepare delivery"), "db.response.status_code"), "P0001");
        assert_eq!(named(&spans, "prepare delivery").status.as_ref().unwrap().code, 2);
        assert!(!format!("{spans:?}").contains("hunter2"), "{spans:?}");
    });
}

/// SET names a trace until it is reset; an error's code is in its span; without the flag nothing is recorded.
async fn by_setting(stand: &Stand, collector: &Collector, engine: Engine) {
    let (second, third) = ("1af7651916cd43dd8448eb211c80319c", "2af7651916cd43dd8448eb211c80319c");
    let mut client = stand.client().await;
    client.run(&format!("SET handfast.traceparent = '00-{second}-{PARENT}-01'")).await.unwrap();
    client.run("SELECT nothing_there FROM stock").await.unwrap_err();
    client.run("UPDATE counters SET n = 1 WHERE id = 2").await.unwrap();
    client.run("SET handfast.traceparent = DEFAULT").await.unwrap();
    client.run("UPDATE counters SET n = 1 WHERE id = 3").await.unwrap();
    client.run(&format!("SELECT 1 /*traceparent='00-{third}-{PARENT}-00'*/")).await.unwrap();
    client.run(&format!("DELETE FROM counters WHERE id = 77 /*traceparent=00-{second}-{PARENT}-01*/")).await.unwrap();
    let spans = collector.wait(second, &["SELECT", "UPDATE", "DELETE"]).await;
    assert_eq!(spans.iter().filter(|span| span.name == "UPDATE").count(), 1, "{spans:?}");
    let code = if engine == Engine::Postgres { "42703" } else { "42S22" };
    assert_eq!(fact(named(&spans, "SELECT"), "db.response.status_code"), code);
    assert!(collector.of(third).is_empty());
    let told = http::get(stand.handfast.admin_port(), "/metrics").body;
    assert!(told.contains("handfast_trace_spans_total{outcome=\"exported\"}"), "{told}");
}

async fn what_recovery_does_later_is_linked_to_the_commit(engine: Engine) {
    let collector = Collector::start().await;
    let (stand, delivery) = stand(engine, Some("traces"), collector.port).await;
    let halted = stand.shop.folder().join("halted");
    stand.start_to_die(&format!("after-decision@{}", halted.display()));
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(7).statements()).await.unwrap();
    let text = format!("COMMIT /*traceparent='00-{TRACE}-{PARENT}-01'*/");
    let committing = async { client.run(&text).await.expect("it is decided, so it is success") };
    let killing = async {
        until("Handfast is halted", SETTLE_MAX, || async { halted.exists() }).await;
        delivery.kill9();
        std::fs::remove_file(&halted).unwrap();
    };
    tokio::join!(committing, killing);
    let spans = collector.wait(TRACE, &["COMMIT", "finish store", "finish delivery"]).await;
    let status = |name: &str| named(&spans, name).status.as_ref().map_or(0, |status| status.code);
    assert_eq!((status("finish store"), status("finish delivery")), (0, 2), "{spans:?}");
    assert_eq!(fact(named(&spans, "finish delivery"), "db.response.status_code"), "08006");
    delivery.restart().unwrap();
    let commit = named(&spans, "COMMIT").span_id.clone();
    let later = || -> Vec<Span> {
        let all = collector.spans.lock().unwrap();
        all.iter().filter(|span| span.name == "recover delivery").cloned().collect()
    };
    until("recovery has finished it", SETTLE_MAX, || async {
        later().iter().any(|span| span.status.as_ref().map_or(0, |status| status.code) == 0)
    })
    .await;
    for span in later() {
        assert!(hex(&span.trace_id) != TRACE && span.parent_span_id.is_empty(), "{span:?}");
        let link = &span.links[0];
        assert_eq!((hex(&link.trace_id).as_str(), &link.span_id), (TRACE, &commit));
    }
    stand.settled().await;
}

async fn a_collector_that_is_dead_or_hangs_changes_nothing_for_clients(engine: Engine) {
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Bound, so that no other test gets the port, and nobody listens.
    let dead = tokio::net::TcpSocket::new_v4().unwrap();
    dead.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    for port in [hanging.local_addr().unwrap().port(), dead.local_addr().unwrap().port()] {
        let (stand, _) = stand(engine, None, port).await;
        stand.handfast.start().unwrap();
        let mut client = stand.client().await;
        client.run(&format!("SET handfast.traceparent = '00-{TRACE}-{PARENT}-01'")).await.unwrap();
        for id in 1..=8 {
            client.run("BEGIN").await.unwrap();
            client.run(&format!("UPDATE counters SET n = n + 1 WHERE id = {}", id % 8)).await.unwrap();
            client.run(&format!("UPDATE tallies SET n = n + 1 WHERE id = {}", id % 8)).await.unwrap();
            client.run("COMMIT").await.unwrap();
        }
        let integer = if engine.dialect() == Dialect::Postgres { "bigint" } else { "signed" };
        assert_eq!(stand.store(&format!("SELECT CAST(sum(n) AS {integer}) FROM counters")).await, 8);
        until("spans could not be sent, which is counted", SETTLE_MAX, || async {
            let told = http::get(stand.handfast.admin_port(), "/metrics").body;
            told.lines().any(|line| line.starts_with("handfast_trace_spans_total{outcome=\"failed\"}"))
        })
        .await;
        drop(client);
        let status = stand.handfast.stop(SETTLE_MAX).expect("it ends within its bounds");
        assert!(status.success(), "{status}");
    }
    drop((hanging, dead));
}

#[test]
fn a_collector_behind_tls_is_believed_by_its_ca_alone() {
    let name = "a_collector_behind_tls_is_believed_by_its_ca_alone";
    on(Engine::Mariadb, name, async |engine| {
        let Some(certs) = crate::certs::certs() else { return println!("{name}: no openssl") };
        let collector = Collector::encrypted(certs, "server").await;
        for (ca, believed) in [("self", false), ("ca", true)] {
            let (port, folder) = (collector.port, certs.display());
            let keys = format!("endpoint = \"https://127.0.0.1:{port}\"\nca_file = \"{folder}/{ca}.crt\"");
            let (stand, _) = stand_of(engine, None, &keys).await;
            stand.handfast.start().unwrap();
            let mut client = stand.client().await;
            client.run("BEGIN").await.unwrap();
            client.run_all(&Order::numbered(1).statements()).await.unwrap();
            client.run(&format!("COMMIT /*traceparent='00-{TRACE}-{PARENT}-01'*/")).await.unwrap();
            client.close().await;
            if believed {
                collector.wait(TRACE, &["COMMIT", "decide"]).await;
            } else {
                let failed = "handfast_trace_spans_total{outcome=\"failed\"}";
                until("spans fail", SETTLE_MAX, || async {
                    let told = http::get(stand.handfast.admin_port(), "/metrics").body;
                    told.lines().any(|line| line.starts_with(failed) && !line.ends_with(" 0"))
                })
                .await;
                assert!(collector.of(TRACE).is_empty());
            }
        }
    });
}
