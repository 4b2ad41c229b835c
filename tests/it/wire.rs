//! The wires: what is not understood is refused, never swallowed; what is large is streamed; what is asked directly and
//! through Handfast looks the same.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use handfast::base::{Dialect, Engine};
use handfast::testbed::Direct;

use crate::bed::{Stand, on, on_every_engine};

on_every_engine! {
    the_same_script_sees_the_same_directly_and_through_us;
    a_big_result_is_streamed_in_bounded_memory;
    a_full_pool_is_told_with_its_limit_and_is_free_again;
    garbage_ends_one_session_and_nothing_else;
}

/// What a client asks, with errors in it. Server-made names and times are left out.
const SCRIPT: &[&str] = &[
    "SELECT 1 AS one, 'text' AS word, NULL AS nothing",
    "UPDATE counters SET n = n + 2 WHERE id < 3",
    "SELECT id, n FROM counters ORDER BY id",
    "INSERT INTO counters (id, n) VALUES (1, 1)",
    "SELECT no_such_column FROM counters",
    "SELECT * FROM no_such_table",
    "SELEC 1",
    "BEGIN",
    "DELETE FROM counters WHERE id > 5",
    "SELECT COUNT(*) FROM counters",
    "ROLLBACK",
    "SELECT COUNT(*) FROM counters",
    "SELECT CAST('é€😀' AS char(3))",
    "COMMIT",
    "",
    "SELECT 2",
];

async fn the_same_script_sees_the_same_directly_and_through_us(engine: Engine) {
    let stand = Stand::start(engine).await;
    // One after the other: both hold locks in between.
    let mut told = Vec::new();
    for url in [stand.shop.store.url(), stand.handfast.url(stand.shop.dialect())] {
        let mut client = Direct::connect(&url).await.unwrap();
        let mut answers = Vec::new();
        for sql in SCRIPT {
            answers.push(client.run(sql).await);
        }
        client.run("UPDATE counters SET n = 0").await.unwrap();
        client.close().await;
        told.push(answers);
    }
    for (sql, (expected, seen)) in SCRIPT.iter().zip(told[0].iter().zip(&told[1])) {
        assert_eq!(expected, seen, "{sql}: directly (left), through us (right)");
    }
}

async fn a_big_result_is_streamed_in_bounded_memory(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    let sql = match stand.shop.dialect() {
        Dialect::Postgres => "SELECT repeat('x', 1000000) FROM generate_series(1, 200)",
        Dialect::Mysql => {
            "SELECT repeat('x', 1000000) FROM counters a JOIN counters b JOIN counters c WHERE a.id < 5 AND b.id < 5"
        }
    };
    let before = resident_bytes(&stand);
    let answer = client.run(sql).await.unwrap();
    let bytes: usize = answer.rows.iter().map(|row| row[0].as_ref().map_or(0, String::len)).sum();
    assert_eq!((answer.rows.len(), bytes), (200, 200_000_000));
    let grown = resident_bytes(&stand).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more after a result of 200 MB");
}

/// The most that Handfast ever held.
fn resident_bytes(stand: &Stand) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stand.handfast.pid().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

async fn a_full_pool_is_told_with_its_limit_and_is_free_again(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let text = stand.shop.config_with("\n[pool]\nsize = 4\nacquire_timeout = \"500ms\"\n");
    let handfast = handfast::testbed::Handfast::with_config(crate::bed::binary(), &stand.shop, &text).unwrap();
    handfast.start().unwrap();
    let mut holders = Vec::new();
    for id in 0..4 {
        let mut client = stand.client().await;
        client.run("BEGIN").await.unwrap();
        client.run(&format!("UPDATE counters SET n = n + 1 WHERE id = {id}")).await.unwrap();
        holders.push(client);
    }
    // Whether the login or the first statement needs a connection is no promise.
    let url = stand.handfast.url(stand.shop.dialect());
    let sql = "UPDATE counters SET n = n + 1 WHERE id = 7";
    let late = || async { Direct::connect(&url).await?.run(sql).await };
    let error = crate::bed::refused(late().await, stand.shop.dialect(), "53300", 1040);
    assert!(error.message.contains("pool.size"), "the limit has a name: {error}");
    for mut holder in holders {
        holder.run("COMMIT").await.unwrap();
        holder.close().await;
    }
    crate::bed::until("a connection is free", crate::bed::SETTLE_MAX, || async { late().await.is_ok() }).await;
    assert_eq!(stand.store("SELECT SUM(n) FROM counters").await, 5);
}

async fn garbage_ends_one_session_and_nothing_else(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut good = stand.client().await;
    let port = stand.handfast.port(stand.shop.dialect());
    for garbage in
        [&[0xff_u8; 64][..], &[0; 64], b"GET / HTTP/1.1\r\n\r\n", &[0, 0, 0, 8, 4, 210, 22, 47, 0xff, 0xff], b""]
    {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        stream.write_all(garbage).unwrap();
        // Who was cut off already has no end to say.
        let ended = stream.shutdown(std::net::Shutdown::Write);
        assert!(ended.is_ok() || ended.is_err_and(|e| e.kind() == std::io::ErrorKind::NotConnected));
        let mut answer = Vec::new();
        // Whatever it says, it says it in bounded length.
        let read = stream.take(100_000).read_to_end(&mut answer);
        assert!(read.is_err() || answer.len() < 100_000);
    }
    assert_eq!(good.number("SELECT 1").await.unwrap(), 1);
    assert!(stand.handfast.is_running());
}

#[test]
fn plaintext_before_the_tls_handshake_is_refused() {
    on(Engine::Postgres, "plaintext_before_the_tls_handshake", |engine| async move {
        let stand = Stand::start(engine).await;
        // An SSLRequest with a startup packet in the same segment (the class of CVE-2021-23214): the bytes after the request
        // must never be read as the client's words under TLS. Without TLS here the answer is N, and the startup may follow.
        let mut stream = TcpStream::connect(("127.0.0.1", stand.handfast.port(Dialect::Postgres))).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut bytes = vec![0, 0, 0, 8, 4, 210, 22, 47];
        bytes.extend_from_slice(b"\0\0\0\x08garbage!");
        stream.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        assert!(end.is_err() || !answer.contains(&b'R'), "it asked for a login after injected bytes");
    });
}

async fn an_unknown_command_is_answered_by_an_error(engine: Engine) {
    let stand = Stand::start(engine).await;
    let (host, port) = ("127.0.0.1", stand.handfast.port(Dialect::Mysql));
    let script = format!(
        "import pymysql, sys\n\
         c = pymysql.connect(host={host:?}, port={port}, user='app', password='app', database='shop', read_timeout=20)\n\
         for command in (0x7f, 0x1d, 0x14):\n\
         \x20   c._execute_command(command, b'x')\n\
         \x20   try:\n\
         \x20       c._read_packet()\n\
         \x20       sys.exit('command %x was answered OK' % command)\n\
         \x20   except pymysql.err.MySQLError as e:\n\
         \x20       assert e.args[0] in (1047, 1235, 1835), e\n\
         q = c.cursor()\n\
         q.execute('SELECT 1')\n\
         assert q.fetchone() == (1,)\n"
    );
    let target = std::env::var_os("CARGO_TARGET_DIR").map(std::path::PathBuf::from);
    let target = target.unwrap_or_else(|| std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"));
    let python = target.join("clients/python/bin/python3");
    if !python.is_file() {
        return crate::bed::skip("an unknown command is answered by an error: PyMySQL is not installed");
    }
    let output = std::process::Command::new(python).args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_unknown_mysql_command_is_answered_by_an_error() {
    on(Engine::Mariadb, "an_unknown_mysql_command", an_unknown_command_is_answered_by_an_error);
}

#[test]
fn the_greeting_is_the_home_servers_own() {
    on(Engine::Mariadb, "the_greeting_is_the_home_servers_own", |engine| async move {
        let stand = Stand::start(engine).await;
        let version = |port: u16| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let mut bytes = [0_u8; 64];
            let read = stream.read(&mut bytes).unwrap();
            bytes[5..read].iter().take_while(|byte| **byte != 0).copied().collect::<Vec<u8>>()
        };
        assert_eq!(version(stand.handfast.port(Dialect::Mysql)), version(stand.shop.store.server.port()));
    });
    on(Engine::Postgres, "the_parameters_are_the_home_servers_own", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut direct = Direct::connect(&stand.shop.store.url()).await.unwrap();
        let mut through = stand.client().await;
        for sql in ["SHOW server_version", "SHOW server_encoding", "SELECT version()"] {
            assert_eq!(direct.run(sql).await.unwrap(), through.run(sql).await.unwrap(), "{sql}");
        }
    });
}
