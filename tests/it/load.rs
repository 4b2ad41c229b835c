//! Load: thousands of idle sessions, and streams larger than any memory that we would take.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::Handfast;
use handfast::wire::pg::frame::put;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::bed::{Stand, binary, on, skip};
use crate::mysql_is_the_same::client::{Choices, Client};
use crate::raw_pg::{Raw, column, states};

const IDLE: usize = 5_000;

/// For both ends of every session, and the rest of the tests.
const DESCRIPTORS: u64 = 6_500;

const IDLE_BYTES_MAX: u64 = 200 << 20;

/// How much is streamed; the full bar is 2048.
fn stream_mib() -> usize {
    std::env::var("HANDFAST_STREAM_MIB").ok().and_then(|text| text.parse().ok()).unwrap_or(256)
}

fn status(handfast: &Handfast, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", handfast.pid().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// What it holds now.
pub fn resident_bytes(handfast: &Handfast) -> u64 {
    status(handfast, "VmRSS:")
}

/// The most that it ever held.
pub fn peak_bytes(handfast: &Handfast) -> u64 {
    status(handfast, "VmHWM:")
}

/// Whether this process may have as many descriptors as the test needs.
fn enough_descriptors(name: &str) -> bool {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if most < DESCRIPTORS {
        skip(&format!("{name}: no more than {most} descriptors are allowed here"));
        return false;
    }
    let wanted = limit.current.map_or(most, |now| now.max(DESCRIPTORS).min(most));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).unwrap();
    true
}

/// A Handfast for so many; its own limit of descriptors is the usual one, which it has to raise itself.
async fn roomy(engine: Engine) -> (Stand, Handfast) {
    let stand = Stand::cold(engine).await;
    let text = stand.shop.config_with(&format!("\n[limits]\nclients = {}\n", IDLE + 10));
    let before = getrlimit(Resource::Nofile);
    // A child begins with our limit: for a moment, the common one.
    setrlimit(Resource::Nofile, Rlimit { current: Some(1024), maximum: before.maximum }).unwrap();
    let handfast = Handfast::with_config(binary(), &stand.shop, &text).unwrap();
    let launched = handfast.launch(None);
    setrlimit(Resource::Nofile, before).unwrap();
    launched.unwrap();
    handfast.wait_ready(Duration::from_secs(30)).unwrap();
    (stand, handfast)
}

#[test]
fn five_thousand_idle_postgres_sessions_stay_below_200_mib() {
    let name = "five_thousand_idle_postgres_sessions";
    on(Engine::Postgres, name, |engine| async move {
        if !enough_descriptors(name) {
            return;
        }
        let (_stand, handfast) = roomy(engine).await;
        let port = handfast.port(Dialect::Postgres);
        let mut sessions: Vec<Raw> = (0..IDLE).map(|_| Raw::connect(port, "shop").unwrap()).collect();
        let fresh = resident_bytes(&handfast);
        // Idle is not unused: each has been given an answer larger than a buffer, and gives the memory back. What a
        // statement needs of the pool comes and goes with the sessions that use it, so these are answered by Handfast alone.
        let long = format!("savepoint \"{}\"", "x".repeat(100_000));
        for session in &mut sessions {
            assert_eq!(states(&session.query(long.as_bytes())), ["25P01"]);
        }
        let used = resident_bytes(&handfast);
        println!("{IDLE} idle PostgreSQL sessions: {} KiB, after a long message each {} KiB", fresh >> 10, used >> 10);
        assert!(used < IDLE_BYTES_MAX, "{} KiB", used >> 10);
        let last = sessions.last_mut().unwrap();
        assert_eq!(column(&last.query(b"select 1 from counters where id = 1")), ["1"]);
    });
}

#[test]
fn five_thousand_idle_mysql_sessions_stay_below_200_mib() {
    let name = "five_thousand_idle_mysql_sessions";
    on(Engine::Mariadb, name, |engine| async move {
        if !enough_descriptors(name) {
            return;
        }
        let (_stand, handfast) = roomy(engine).await;
        let port = handfast.port(Dialect::Mysql);
        let sessions: Vec<Client> =
            (0..IDLE).map(|_| Client::connect(port, &Choices::usual("shop")).unwrap()).collect();
        let used = resident_bytes(&handfast);
        println!("{IDLE} idle MySQL sessions: {} KiB", used >> 10);
        assert!(used < IDLE_BYTES_MAX, "{} KiB", used >> 10);
        drop(sessions);
    });
}

#[test]
fn streams_of_any_size_pass_in_bounded_memory() {
    on(Engine::Postgres, "streams_of_any_size", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut raw = Raw::connect(stand.handfast.port(Dialect::Postgres), "shop").unwrap();
        let before = peak_bytes(&stand.handfast);
        let rows = stream_mib();
        let begun = clock::now();
        let receive = |raw: &mut Raw, sql: String, tag: u8| {
            raw.send(b'Q', &[sql.as_bytes(), &[0]].concat()).unwrap();
            let mut bytes = 0;
            loop {
                match raw.frame().unwrap() {
                    (found, body) if found == tag => bytes += body.len(),
                    (b'Z', _) => return bytes,
                    (b'E', body) => panic!("{}", String::from_utf8_lossy(&body)),
                    _ => {}
                }
            }
        };
        let rows_sql = format!("select repeat('x', 1048576) from generate_series(1, {rows})");
        assert!(receive(&mut raw, rows_sql.clone(), b'D') >= rows << 20);
        let result = begun.elapsed();
        assert!(receive(&mut raw, format!("copy ({rows_sql}) to stdout"), b'd') >= rows << 20);
        let out = begun.elapsed();
        // Read and checked by the server, and kept by nobody.
        raw.send(b'Q', b"copy counters from stdin where id < 0\0").unwrap();
        raw.until(b"G");
        let mut data = BytesMut::new();
        let lines = b"12345678901234\t1234567890123456789\n".repeat((1 << 20) / 35);
        put(&mut data, b'd', |b| b.put_slice(&lines));
        for _ in 0..rows {
            raw.wire.write_all(&data).unwrap();
        }
        raw.send(b'c', b"").unwrap();
        let end = raw.until(b"Z");
        assert_eq!(states(&end), [""; 0]);
        let grown = peak_bytes(&stand.handfast).saturating_sub(before);
        println!(
            "{rows} MiB as a result in {result:?}, as COPY TO in {:?}, as COPY FROM in {:?}; at most {} KiB more",
            out - result,
            begun.elapsed() - out,
            grown >> 10
        );
        assert!(grown < 32 << 20, "{} KiB more", grown >> 10);
    });
}

#[test]
fn a_result_that_nobody_asked_to_be_sent_waits_at_the_server() {
    on(Engine::Postgres, "a_result_that_nobody_asked_for", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut raw = Raw::connect(stand.handfast.port(Dialect::Postgres), "shop").unwrap();
        let before = peak_bytes(&stand.handfast);
        // Parse, Bind, Execute and no Sync: the server starts to answer when its buffer is full.
        raw.send(b'P', b"\0select repeat('x', 1048576) from generate_series(1, 400)\0\0\0").unwrap();
        raw.send(b'B', b"\0\0\0\0\0\0\0\0").unwrap();
        raw.send(b'E', b"\0\0\0\0\0").unwrap();
        let mut other = Raw::connect(stand.handfast.port(Dialect::Postgres), "shop").unwrap();
        let waiting = b"select count(*) from pg_stat_activity where wait_event = 'ClientWrite' and usename = 'app'";
        let begun = clock::now();
        while column(&other.query(waiting)) != ["1"] {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server never waited for us");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let grown = peak_bytes(&stand.handfast).saturating_sub(before);
        assert!(grown < 16 << 20, "{} KiB more", grown >> 10);
        raw.send(b'S', b"").unwrap();
        let rows = raw.until(b"Z").iter().filter(|(tag, _)| *tag == b'D').count();
        assert_eq!(rows, 400);
    });
}
