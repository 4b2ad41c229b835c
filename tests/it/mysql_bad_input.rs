//! Bad input on the MySQL wire, from clients and from backends: whoever sends it gets an error or is cut off, the process
//! lives within its memory, and no other session notices. `HANDFAST_FUZZ` sets the number of mutations, `HANDFAST_FUZZ_SEED`
//! repeats a run.

mod liar;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::Handfast;
use handfast::wire::mysql::auth::Plugin;
use handfast::wire::mysql::handshake::{Greeting, Login};
use handfast::wire::mysql::packet::put;
use handfast::wire::mysql::{answer, caps, com};

use crate::bed::{Stand, binary, on};
use crate::mysql_is_the_same::client::{Choices, Client, Shape};

/// Nothing here may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A generator whose runs can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).unwrap()
    }
}

fn number_from(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// MiB of memory that a process holds.
fn resident_mib(handfast: &Handfast) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", handfast.pid().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn packet(payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    put(&mut out, &mut 0, &[payload]);
    out.to_vec()
}

/// What a client with several kinds of work says after its login.
fn conversation() -> Vec<Vec<u8>> {
    let command = |code: u8, body: &[u8]| packet(&[&[code], body].concat());
    let id = 1_u32.to_le_bytes();
    let execute = [&id[..], &[0, 1, 0, 0, 0, 0, 1, 8, 0, 5, 0, 0, 0, 0, 0, 0, 0]].concat();
    let cursor = [&id[..], &[1, 1, 0, 0, 0, 0, 1, 8, 0, 5, 0, 0, 0, 0, 0, 0, 0]].concat();
    vec![
        command(com::QUERY, b"SET NAMES utf8mb4"),
        command(com::QUERY, b"BEGIN; UPDATE counters SET n = n + 1 WHERE id = 2; SELECT 'a;b' AS `x`, \"y\" /* c */"),
        command(com::QUERY, b"UPDATE tallies SET n = n + 1 WHERE id = 2"),
        command(com::QUERY, b"ROLLBACK"),
        command(com::STMT_PREPARE, b"SELECT id, n FROM counters WHERE id < ?"),
        command(com::STMT_SEND_LONG_DATA, &[&id[..], &[0, 0], b"long"].concat()),
        command(com::STMT_RESET, &id),
        command(com::STMT_EXECUTE, &execute),
        command(com::STMT_EXECUTE, &cursor),
        command(com::STMT_FETCH, &[id, 2_u32.to_le_bytes()].concat()),
        command(com::FIELD_LIST, b"tallies\0"),
        command(com::SET_OPTION, &[0, 0]),
        command(com::INIT_DB, b"shop"),
        command(com::STATISTICS, b""),
        command(com::STMT_CLOSE, &id),
        command(com::RESET_CONNECTION, b""),
        command(com::CHANGE_USER, b"app\0\0shop\0\x2d\0mysql_native_password\0"),
        command(com::PING, b""),
    ]
}

/// One fault, somewhere.
fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let at = dice.roll(bytes.len());
    match dice.roll(9) {
        0 => bytes[at] ^= 1 << dice.roll(8),
        1 => bytes[at] = dice.byte(),
        2 => bytes.truncate(at),
        3 => bytes.insert(at, dice.byte()),
        4 => drop(bytes.remove(at)),
        // A length that lies.
        5 => bytes[at] = [0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff][dice.roll(6)],
        6 => {
            let end = (at + 1 + dice.roll(40)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        7 => {
            let end = (at + 1 + dice.roll(40)).min(bytes.len());
            drop(bytes.splice(at..end, []));
        }
        _ => bytes.extend((0..dice.roll(60)).map(|n| u8::try_from(n * 7 % 256).unwrap())),
    }
}

/// A login's payload for a greeting.
fn login_for(greeting: &Greeting) -> Vec<u8> {
    let plugin = Plugin::named(greeting.plugin.as_bytes()).unwrap();
    let login = Login {
        capabilities: caps::BACKEND | caps::LOCAL_FILES,
        charset: 45,
        user: b"app".to_vec(),
        proof: plugin.proof(&greeting.scramble, b"app"),
        database: b"shop".to_vec(),
        plugin: plugin.name().into(),
    };
    login.write()
}

fn read_payload(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let mut payload = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16];
    stream.read_exact(&mut payload)?;
    Ok(payload)
}

fn dial(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Says something wrong and leaves; everything that is answered must come to an end.
fn misbehave(port: u16, dice: &mut Dice) {
    let mut stream = dial(port);
    let Some(greeting) = read_payload(&mut stream).ok().and_then(|payload| Greeting::read(&payload)) else {
        panic!("no greeting");
    };
    let mut login = BytesMut::new();
    put(&mut login, &mut 1, &[&login_for(&greeting)]);
    let mut login = login.to_vec();
    let early = dice.roll(5) == 0;
    if early {
        mutate(dice, &mut login);
    }
    let mut said = conversation();
    let from = dice.roll(said.len());
    said.drain(..from);
    let one = dice.roll(said.len());
    if !early {
        mutate(dice, &mut said[one]);
    }
    // A server that has given up resets the connection.
    let sent = stream.write_all(&[login, said.concat()].concat()).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answers = Vec::new();
    match stream.read_to_end(&mut answers) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("still open after {PATIENCE:?}: {said:?} (sent: {sent:?})")
        }
        Ok(_) | Err(_) => {}
    }
}

#[test]
fn thousands_of_broken_conversations_harm_nobody_else() {
    on(Engine::Mariadb, "thousands_of_broken_conversations_harm_nobody_else", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Mysql);
        let (count, seed) = (number_from("HANDFAST_FUZZ", 2_400), number_from("HANDFAST_FUZZ_SEED", 4_711));
        println!("HANDFAST_FUZZ_SEED={seed}");
        let before = resident_mib(&stand.handfast);
        let mut witness = Client::connect(port, &Choices::usual("shop")).unwrap();
        let expected = witness.query(b"SELECT 1, 'witness'");
        witness.query(b"BEGIN");
        witness.query(b"UPDATE counters SET n = 40 WHERE id = 1");
        std::thread::scope(|scope| {
            let crowd: Vec<_> = (0..4)
                .map(|thread| {
                    scope.spawn(move || {
                        let mut dice = Dice(seed + thread + 1);
                        (0..count / 4).for_each(|_| misbehave(port, &mut dice));
                    })
                })
                .collect();
            while crowd.iter().any(|member| !member.is_finished()) {
                // Its transaction's status flag apart, as ever.
                let seen = witness.query(b"SELECT 1, 'witness'");
                assert_eq!((seen.len(), &seen[4]), (expected.len(), &expected[4]), "{seen:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
            for member in crowd {
                member.join().expect("a broken conversation came to an end");
            }
        });
        witness.query(b"UPDATE tallies SET n = 2 WHERE id = 1");
        let done = witness.query(b"COMMIT");
        assert!(done[0].starts_with("Done"), "{done:?}");
        let sums = (
            stand.store("SELECT SUM(n) FROM counters WHERE id < 3").await,
            stand.delivery("SELECT SUM(n) FROM tallies WHERE id < 3").await,
        );
        // Broken ones may have lost their ROLLBACK's letters, never half a transaction.
        assert!(sums.0 >= 40 && sums.1 >= 2, "{sums:?}");
        stand.settled().await;
        let grown = resident_mib(&stand.handfast).saturating_sub(before);
        assert!(grown < 100, "{grown} MiB more than before");
        let log = stand.handfast.log_text();
        assert!(!log.contains("panicked"), "{log}");
    });
}

/// With `more` among the limits.
async fn limited(engine: Engine, more: &str) -> (Stand, u16) {
    let stand = Stand::cold(engine).await;
    let config = stand.shop.config_with(more);
    let handfast = Handfast::with_config(binary(), &stand.shop, &config).unwrap();
    handfast.start().unwrap();
    let port = handfast.port(Dialect::Mysql);
    (Stand { shop: stand.shop, handfast: std::sync::Arc::new(handfast) }, port)
}

#[test]
fn a_payload_that_never_ends_is_passed_over_in_little_memory_and_the_session_goes_on() {
    on(Engine::Mariadb, "a_payload_that_never_ends", |engine| async move {
        let (stand, port) = limited(engine, "\n[limits]\nstatement_size = \"1MiB\"\n").await;
        let mut client = Client::connect(port, &Choices::usual("shop")).unwrap();
        client.query(b"BEGIN");
        client.query(b"UPDATE counters SET n = 6 WHERE id = 1");
        let before = resident_mib(&stand.handfast);
        // Twelve packets of 16 MiB and a short one.
        client.start(com::QUERY, &vec![b' '; 200 << 20]).unwrap();
        let seen = client.answer(Shape::Results);
        assert!(seen[0].contains("Got a packet bigger than") && seen[0].contains("statement_size"), "{seen:?}");
        let grown = resident_mib(&stand.handfast).saturating_sub(before);
        assert!(grown < 32, "{grown} MiB more than before");
        let done = client.query(b"COMMIT");
        assert!(done[0].starts_with("Done"), "{done:?}");
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 1").await, 6);
    });
}

#[test]
fn a_login_that_drips_is_cut_off_and_keeps_nobody_out() {
    on(Engine::Mariadb, "a_login_that_drips", |engine| async move {
        let (_stand, port) = limited(engine, "\n[limits]\nlogin_timeout = \"2s\"\n").await;
        let mut silent = dial(port);
        let mut slow = dial(port);
        let greeting = Greeting::read(&read_payload(&mut slow).unwrap()).unwrap();
        let mut login = BytesMut::new();
        put(&mut login, &mut 1, &[&login_for(&greeting)]);
        // At this pace the whole would take twenty seconds.
        let pace = Duration::from_secs(20) / u32::try_from(login.len()).unwrap();
        let cut = login.iter().any(|byte| {
            Client::connect(port, &Choices::usual("shop")).unwrap();
            std::thread::sleep(pace);
            slow.write_all(&[*byte]).is_err()
        });
        assert!(cut, "it may drip to its end");
        let mut rest = Vec::new();
        // The greeting, and the end.
        silent.read_to_end(&mut rest).unwrap();
        assert!(Greeting::read(&rest[4..]).is_some());
    });
}

#[test]
fn a_crowd_that_says_nothing_keeps_nobody_out() {
    on(Engine::Mariadb, "a_crowd_that_says_nothing", |engine| async move {
        let (_stand, port) = limited(engine, "\n[limits]\nclients = 4\nlogin_timeout = \"60s\"\n").await;
        // More than may be on their way in at a time, and faster than they can be sent away: the oldest go, and the one
        // that came last gets in at once.
        for _ in 0..5 {
            let crowd: Vec<_> = (0..400).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
            let started = clock::now();
            Client::connect(port, &Choices::usual("shop")).unwrap();
            assert!(started.elapsed() < PATIENCE, "it waited for others' timeout: {:?}", started.elapsed());
            drop(crowd);
        }
    });
}

#[test]
fn who_exists_is_told_neither_by_words_nor_by_steps() {
    on(Engine::Mariadb, "who_exists_is_told_neither", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Mysql);
        for plugin in ["mysql_native_password", "caching_sha2_password", "client_ed25519", "sha256_password"] {
            let mut told = Vec::new();
            for user in ["app", "ghost"] {
                let mut stream = dial(port);
                let greeting = Greeting::read(&read_payload(&mut stream).unwrap()).unwrap();
                let mut login = Login {
                    capabilities: caps::BACKEND,
                    charset: 45,
                    user: user.into(),
                    proof: vec![9; 20],
                    database: Vec::new(),
                    plugin: plugin.into(),
                };
                if let Some(known) = Plugin::named(plugin.as_bytes()) {
                    login.proof = known.proof(&greeting.scramble, b"wrong");
                }
                let (mut out, mut seq) = (BytesMut::new(), 1);
                put(&mut out, &mut seq, &[&login.write()]);
                stream.write_all(&out).unwrap();
                let mut steps = Vec::new();
                let mut last = read_payload(&mut stream).unwrap();
                if last[0] == 0xfe {
                    let name = last[1..].split(|b| *b == 0).next().unwrap().to_vec();
                    steps.push(String::from_utf8(name).unwrap());
                    let (mut out, mut seq) = (BytesMut::new(), 3);
                    put(&mut out, &mut seq, &[&[7; 20]]);
                    stream.write_all(&out).unwrap();
                    last = read_payload(&mut stream).unwrap();
                }
                let refusal = answer::read_err(&last).unwrap();
                assert_eq!((refusal.errno, refusal.sqlstate.as_str()), (1045, "28000"));
                steps.push(refusal.message.replace(user, "USER"));
                told.push(steps);
            }
            assert_eq!(told[0], told[1]);
            assert!(told[0].last().unwrap().contains("Access denied for user 'USER'@'127.0.0.1'"), "{told:?}");
            // What we do not speak is exchanged for what we do, as servers exchange it for the account's.
            assert_eq!(told[0].len() > 1, Plugin::named(plugin.as_bytes()).is_none(), "{told:?}");
        }
    });
}

#[test]
fn deep_and_long_texts_take_no_stack_and_little_time() {
    on(Engine::Mariadb, "deep_and_long_texts", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut client = Client::connect(stand.handfast.port(Dialect::Mysql), &Choices::usual("shop")).unwrap();
        let terms = format!("SELECT n FROM counters WHERE id = 1{}", " OR id = 2".repeat(5_000));
        let deep = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
        let nested = format!("SELECT {}1{}", "(SELECT ".repeat(20_000), ")".repeat(20_000));
        let many = "SELECT 1;".repeat(3_000);
        for (text, fine) in [(terms, true), (deep, false), (nested, false), (many, true)] {
            let started = clock::now();
            let seen = client.query(text.as_bytes());
            assert!(started.elapsed() < PATIENCE, "{:?}: {:.40}", started.elapsed(), text);
            // The server's own answer, whatever it is.
            assert_eq!(!seen[0].starts_with("\\xff"), fine, "{:.40}: {seen:?}", text);
            assert!(client.query(b"SELECT 1")[0] == "\\x01");
        }
    });
}

#[test]
fn what_a_lying_backend_sends_is_one_clients_error_and_is_not_used_again() {
    on(Engine::Mariadb, "what_a_lying_backend_sends", |engine| async move {
        let stand = Stand::cold(engine).await;
        let liar = liar::start(stand.shop.delivery.server.port());
        let real = format!(":{}/", stand.shop.delivery.server.port());
        let (before, rest) = {
            let config = stand.shop.config();
            let (before, rest) = config.split_once("[backends.delivery]").unwrap();
            (before.to_owned(), rest.to_owned())
        };
        let config = format!("{before}[backends.delivery]{}", rest.replacen(&real, &format!(":{}/", liar.port), 1));
        let handfast = Handfast::with_config(binary(), &stand.shop, &config).unwrap();
        handfast.start().unwrap();
        let port = handfast.port(Dialect::Mysql);
        let memory = resident_mib(&handfast);
        for lie in 0..liar::LIES {
            for (before, after) in [("", ""), ("BEGIN", "COMMIT")] {
                let mut client = Client::connect(port, &Choices::usual("shop")).unwrap();
                client.query(b"UPDATE counters SET n = 0");
                if !before.is_empty() {
                    client.query(before.as_bytes());
                    client.query(b"UPDATE counters SET n = 1");
                }
                let started = clock::now();
                let seen = client.query(format!("UPDATE tallies SET n = 5 /*lie:{lie}*/").as_bytes());
                let last = seen.last().unwrap();
                let told = last.starts_with("\\xff") || last.starts_with("gone: closed");
                assert!(told && started.elapsed() < PATIENCE, "lie {lie}, {before:?}: {seen:?}");
                if !after.is_empty() {
                    // Nothing of the transaction holds.
                    client.query(after.as_bytes());
                    // A well-formed error is the statement's, and the transaction goes on without it.
                    let held = i64::from(lie == liar::AN_ERROR);
                    assert_eq!(stand.store("SELECT MAX(n) FROM counters").await, held, "lie {lie}");
                }
                let mut next = Client::connect(port, &Choices::usual("shop")).unwrap();
                for number in 0..3 {
                    let seen = next.query(format!("SELECT {number} + COUNT(*) * 0 FROM tallies").as_bytes());
                    assert!(seen.iter().any(|packet| *packet == format!("\\x01{number}")), "lie {lie}: {seen:?}");
                }
            }
        }
        for lie in 0..liar::LIES {
            liar.lie_at_login(Some(lie));
            // An idle connection is lost by a lie (and whoever asked is told so); the next one needs a new one.
            for _ in 0..4 {
                let mut client = Client::connect(port, &Choices::usual("shop")).unwrap();
                let started = clock::now();
                let seen = client.query(b"SELECT COUNT(*) FROM tallies /*lie:4*/");
                assert!(seen[0].starts_with("\\xff") && started.elapsed() < PATIENCE, "lie {lie} at login: {seen:?}");
                assert_eq!(client.query(b"SELECT 1")[0], "\\x01", "lie {lie} at login");
            }
            liar.lie_at_login(None);
        }
        let mut client = Client::connect(port, &Choices::usual("shop")).unwrap();
        let seen = client.query(b"SELECT COUNT(*) FROM tallies");
        assert_eq!(seen[0], "\\x01", "{seen:?}");
        let grown = resident_mib(&handfast).saturating_sub(memory);
        assert!(grown < 100, "{grown} MiB more than before");
        assert!(!handfast.log_text().contains("panicked"), "{}", handfast.log_tail());
        stand.settled().await;
    });
}
