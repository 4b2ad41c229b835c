//! A part of a decided transaction is ended otherwise than it was decided, by its server or by somebody's hand. Nothing can mend
//! that; it is never hidden, not by a settler that finds the branch gone, nor by a restart, nor by a person's word.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use handfast::base::Engine;
use handfast::testbed::{Handfast, Order, Shop};
use serde_json::json;

use crate::bed::{SETTLE_MAX, Stand, bed, binary, on, own_servers, unique_name, until};
use crate::{hands, http};

#[test]
fn mariadb_that_ends_a_branch_against_the_decision_raises_an_alarm_that_stays() {
    on(Engine::Mariadb, "contrary::mariadb", alarm_stays);
}

#[test]
fn mysql_that_ends_a_branch_against_the_decision_raises_an_alarm_that_stays() {
    on(Engine::Mysql, "contrary::mysql", alarm_stays);
}

#[test]
fn a_branch_that_somebody_ends_by_hand_before_its_commit_is_sent_raises_an_alarm_on_postgresql() {
    on(Engine::Postgres, "contrary::postgres_by_hand", by_hand);
}

#[test]
fn a_branch_that_somebody_ends_by_hand_before_its_commit_is_sent_raises_an_alarm_on_mysql() {
    on(Engine::Mysql, "contrary::mysql_by_hand", by_hand);
}

/// Between vote and COMMIT, a clean-up script finds the prepared branch.
async fn by_hand(engine: Engine) {
    let (store, delivery) = own_servers(engine, "contrary-by-hand");
    let stand = Stand::over(&store, &delivery).await;
    let halted = stand.shop.folder().join("halted");
    stand.start_to_die(&format!("after-decision@{}", halted.display()));
    let order = Order::numbered(7);
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&order.statements()).await.unwrap();
    let committing = async { client.run("COMMIT").await.expect("it is decided") };
    let script = async {
        until("it is decided", SETTLE_MAX, || async { halted.exists() }).await;
        let mut root = stand.shop.delivery.direct().await.unwrap();
        let branches = root.branches().await.unwrap();
        let [name] = branches.as_slice() else { panic!("{branches:?}") };
        root.close().await;
        let (gtrid, qualifier) = name.rsplit_once('/').unwrap();
        hands::roll_back(&stand.shop.delivery, engine.dialect(), gtrid, qualifier).await;
        std::fs::remove_file(&halted).unwrap();
    };
    tokio::join!(committing, script);
    if engine == Engine::Mysql {
        let warnings = client.run("SHOW WARNINGS").await.unwrap().rows;
        assert!(format!("{warnings:?}").contains("because somebody has ended it by hand"), "{warnings:?}");
    }
    assert_eq!(stand.sides(order.id).await, (1, 0), "somebody has made half of it");
    let told = http::read_json(stand.handfast.admin_port(), "/api/v1/transactions?state=in_doubt");
    let why = told["transactions"][0]["why"].as_str().unwrap_or_else(|| panic!("it is told at once: {told:#}"));
    assert!(why.contains("delivery was ended by somebody else: somebody's hand has committed it or rolled"), "{why}");
    stays(&stand).await;
}

/// Stands before a MySQL server and passes everything on, until it meets the first XA COMMIT in two phases: that becomes an
/// XA ROLLBACK, and its OK the error that a server tells which has rolled back by itself.
struct Contrary {
    port: u16,
}

impl Contrary {
    fn before(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let done = Arc::new(AtomicBool::new(false));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, done) = (client.unwrap(), Arc::clone(&done));
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { continue };
                let lie = Arc::new(AtomicBool::new(false));
                let (mut from, mut to, told) = (client.try_clone().unwrap(), server.try_clone().unwrap(), lie.clone());
                std::thread::spawn(move || pass(&mut from, &mut to, |bytes| statement(bytes, &done, &told)));
                let (mut from, mut to) = (server, client);
                std::thread::spawn(move || {
                    pass(
                        &mut from,
                        &mut to,
                        |bytes| if lie.swap(false, Ordering::SeqCst) { rolled_back() } else { bytes },
                    )
                });
            }
        });
        Self { port }
    }
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let mut bytes = [0; 65536];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&change(bytes[..count].to_vec())).is_err() {
            break;
        }
    }
    // Whichever side has gone, the other is told.
    drop(to.shutdown(std::net::Shutdown::Both));
}

fn statement(bytes: Vec<u8>, done: &AtomicBool, told: &AtomicBool) -> Vec<u8> {
    const VERB: &[u8] = b"\x03XA COMMIT ";
    let is_commit = bytes.get(4..).is_some_and(|text| text.starts_with(VERB)) && !bytes.ends_with(b"ONE PHASE");
    if !is_commit || done.swap(true, Ordering::SeqCst) {
        return bytes;
    }
    told.store(true, Ordering::SeqCst);
    let mut text = b"\x03XA ROLLBACK ".to_vec();
    text.extend(&bytes[4 + VERB.len()..]);
    packet(bytes[3], &text)
}

fn rolled_back() -> Vec<u8> {
    let mut text = vec![0xff];
    text.extend(1402_u16.to_le_bytes());
    text.extend(b"#XA100XA_RBROLLBACK: Transaction branch was rolled back");
    packet(1, &text)
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
    out[3] = sequence;
    out.extend(payload);
    out
}

async fn alarm_stays(engine: Engine) {
    let (store, delivery) = own_servers(engine, "contrary");
    let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let before = Contrary::before(delivery.port());
    // In the clear, or nothing could be changed on the way.
    let in_the_clear = format!("{}?tls=disable\"", shop.delivery.url());
    let text = shop.config().replace(&format!("{}\"", shop.delivery.url()), &in_the_clear);
    let text = text.replace(&format!(":{}/", delivery.port()), &format!(":{}/", before.port));
    let handfast = Handfast::with_config(binary(), &shop, &text).unwrap();
    let stand = Stand { shop: Arc::new(shop), handfast: Arc::new(handfast) };
    stand.handfast.start().unwrap();

    let order = Order::numbered(7);
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&order.statements()).await.unwrap();
    client.run("COMMIT").await.expect("it is decided");
    let warnings = client.run("SHOW WARNINGS").await.unwrap().rows;
    assert!(format!("{warnings:?}").contains("has ended its part otherwise"), "{warnings:?}");
    assert_eq!(stand.sides(order.id).await, (1, 0), "the server has made half of it");
    stays(&stand).await;
}

/// The alarm of the broken transaction, until a person has looked.
async fn stays(stand: &Stand) {
    let port = stand.handfast.admin_port();
    let broken = |port| {
        let all = http::read_json(port, "/api/v1/transactions?state=in_doubt");
        let found = all["transactions"].as_array().unwrap().iter().find(|t| {
            t["branches"].as_array().unwrap().iter().any(|b| b["backend"] == "delivery" && b["state"] == "heuristic")
        });
        found.map(|t| t["name"].as_str().unwrap().to_owned())
    };
    let name = broken(port).expect("it is told at once, before its client hears an end");
    // Waiting would mend nothing, so nobody has to: the rows are mended through us, too.
    goes_on(stand, Order::numbered(8)).await;
    let metric = "handfast_heuristic_outcomes_total{backend=\"delivery\"} 1";
    assert!(http::get(port, "/metrics").body.lines().any(|line| line == metric));
    // A sweep finds the branch gone, and does not take that for an end; nor does a start.
    until("a sweep has looked", SETTLE_MAX, || async {
        let backends = http::read_json(port, "/api/v1/backends");
        backends["backends"].as_array().unwrap().iter().all(|b| b["up"] == true && b["prepared_now"] == 0)
    })
    .await;
    assert!(
        http::post(port, &format!("/api/v1/transactions/{name}/resolve"), &json!({"outcome": "commit"})).status == 409
    );
    assert_eq!(broken(port).as_deref(), Some(name.as_str()));
    stand.handfast.kill9();
    stand.handfast.start().unwrap();
    assert_eq!(broken(port).as_deref(), Some(name.as_str()), "{}", stand.handfast.log_tail());
    goes_on(stand, Order::numbered(9)).await;
    let sentence = http::read_json(port, "/api/v1/status")["sentence"].as_str().unwrap().to_owned();
    assert!(sentence.contains("a person must look"), "{sentence}");

    // A person gives it up: the alarm ends, and nobody says that it is whole.
    let word = json!({"outcome": "rollback", "force": true, "who": "ann"});
    let told = http::post(port, &format!("/api/v1/transactions/{name}/resolve"), &word);
    assert_eq!(told.status, 200, "{}", told.body);
    for start in 0..2 {
        let told = http::read_json(port, &format!("/api/v1/transactions/{name}"));
        assert!(told["next"].as_str().unwrap().contains("NOT whole"), "start {start}: {told:#}");
        assert_eq!(http::read_json(port, "/api/v1/status")["in_doubt"], 0);
        stand.handfast.kill9();
        stand.handfast.start().unwrap();
    }
}

async fn goes_on(stand: &Stand, order: Order) {
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&order.statements()).await.unwrap();
    client.run("COMMIT").await.unwrap();
    assert_eq!(stand.sides(order.id).await, (1, 1));
}
