//! From the first byte to the greeting: versions, parameters, passwords, and those who never finish.

use std::io::{Read, Write};
use std::time::Duration;

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::Handfast;
use postgres_protocol::authentication::sasl::ChannelBinding;

use crate::bed::{Stand, binary, on};
use crate::raw_pg::{Frame, Raw, SSL_REQUEST, column, field, startup, states, tcp};

const V3_0: i32 = 0x0003_0000;
const V3_2: i32 = 0x0003_0002;
const ME: [(&str, &str); 2] = [("user", "app"), ("database", "shop")];

/// What a first packet is answered, all of it that comes.
fn answer(port: u16, packet: &[u8]) -> Vec<Frame> {
    let mut raw = Raw::over(tcp(port));
    raw.wire.write_all(packet).unwrap();
    raw.until(b"RE")
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<u8> {
    startup(V3_0, &[&ME, more].concat())
}

#[test]
fn versions_and_options_that_we_do_not_know_are_negotiated() {
    on(Engine::Postgres, "versions_are_negotiated", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Postgres);
        for version in [V3_0, 0x0003_0001, V3_2] {
            assert_eq!(answer(port, &startup(version, &ME))[0].0, b'R', "{version:x} needs no negotiation");
        }
        let asked = answer(port, &startup(0x0003_270F, &ME));
        assert_eq!(asked[0], (b'v', vec![0, 3, 0, 2, 0, 0, 0, 0]), "the newest that we speak");
        let options = answer(port, &startup(V3_0, &[&ME[..], &[("_pq_.x", "1"), ("_pq_.y", "2")]].concat()));
        assert_eq!(options[0], (b'v', [&[0, 3, 0, 0, 0, 0, 0, 2][..], b"_pq_.x\0_pq_.y\0"].concat()));
        let too_new = answer(port, &startup(0x0004_0000, &ME));
        let text = "unsupported frontend protocol 4.0: server supports 3.0 to 3.2";
        assert_eq!(field(&too_new[0].1, b'M').as_deref(), Some(text));
        // Before protocol 3 an error was a text.
        let mut old = tcp(port);
        old.write_all(&startup(0x0002_0000, &ME)).unwrap();
        let mut said = String::new();
        old.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("EFATAL:  unsupported frontend protocol 2.0"), "{said}");
    });
}

#[test]
fn a_cancel_needs_the_whole_key_whatever_its_length() {
    on(Engine::Postgres, "a_cancel_needs_the_whole_key", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Postgres);
        for (version, key_bytes) in [(V3_0, 4), (0x0003_0001, 4), (V3_2, 32)] {
            let mut raw = Raw::connect_with(port, version, &ME).unwrap();
            let key = raw.greeting.iter().find(|(tag, _)| *tag == b'K').unwrap().1.clone();
            assert_eq!(key.len(), 4 + key_bytes);
            raw.send(b'Q', b"select pg_sleep(20)\0").unwrap();
            // Somebody else's key, a short one and a long one do nothing; the right one is repeated until it is heard,
            // since it may come before the statement.
            let mut wrong = key.clone();
            *wrong.last_mut().unwrap() ^= 1;
            for secret in [&wrong[..], &key[..key.len() - 1], &[&key[..], &[0]].concat(), &[0; 4 + 256]] {
                send_cancel(port, secret);
            }
            let begun = clock::now();
            let heard = std::thread::spawn(move || raw.until(b"Z"));
            while !heard.is_finished() {
                assert!(begun.elapsed() < Duration::from_secs(15), "the cancel was not heard");
                send_cancel(port, &key);
                std::thread::sleep(Duration::from_millis(50));
            }
            assert_eq!(states(&heard.join().unwrap()), ["57014"]);
        }
    });
}

fn send_cancel(port: u16, key: &[u8]) {
    let mut packet = Vec::new();
    packet.extend_from_slice(&i32::try_from(8 + key.len()).unwrap().to_be_bytes());
    packet.extend_from_slice(&80_877_102_i32.to_be_bytes());
    packet.extend_from_slice(key);
    let mut stream = tcp(port);
    stream.write_all(&packet).unwrap();
    // It is never told what came of it.
    let mut said = Vec::new();
    assert!(stream.read_to_end(&mut said).is_err() || said.is_empty());
}

#[test]
fn what_a_startup_packet_lacks_or_asks_too_much_is_told_by_its_code() {
    on(Engine::Postgres, "what_a_startup_packet_lacks", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Postgres);
        let refused = |packet: &[u8]| {
            let frames = answer(port, packet);
            let error = frames.iter().find(|(tag, _)| *tag == b'E').unwrap_or_else(|| panic!("{frames:?}"));
            assert_eq!(field(&error.1, b'S').as_deref(), Some("FATAL"));
            (field(&error.1, b'C').unwrap(), field(&error.1, b'H').unwrap_or_default())
        };
        assert_eq!(refused(&startup(V3_0, &[("database", "shop")])).0, "28000");
        assert_eq!(refused(&startup(V3_0, &[("user", ""), ("database", "shop")])).0, "28000");
        let resized = |packet: &[u8]| {
            let length = i32::try_from(packet.len()).unwrap().to_be_bytes();
            [&length, &packet[4..]].concat()
        };
        let whole = with(&[]);
        assert_eq!(refused(&resized(&whole[..whole.len() - 1])).0, "08P01", "no end");
        assert_eq!(refused(&resized(&[&whole[..], b"xx"].concat())).0, "08P01", "more than an end");
        for replication in ["true", "on", "1", "database", "yes", "TR"] {
            let (state, hint) = refused(&with(&[("replication", replication)]));
            assert_eq!((state.as_str(), hint.is_empty()), ("0A000", false), "{replication}");
        }
        assert_eq!(refused(&with(&[("replication", "maybe")])).0, "22023");
        for replication in ["false", "off", "0", "n"] {
            assert_eq!(answer(port, &with(&[("replication", replication)]))[0].0, b'R', "{replication}");
        }
        // Silence, as from the server, for what is no startup packet at all.
        for nothing in
            [&[0, 0, 0, 7, 1, 2, 3][..], &[0xff; 8], &[0, 0, 0x27, 0x11, 0, 3, 0, 0], b"GET / HTTP/1.1\r\n\r\n"]
        {
            assert_eq!(answer(port, nothing)[0].0, b'!');
        }
        // The longest that is one.
        let long = "x".repeat(9_900);
        assert_eq!(answer(port, &with(&[("application_name", &long)]))[0].0, b'R');
    });
}

#[test]
fn startup_parameters_are_the_servers_to_judge() {
    on(Engine::Postgres, "startup_parameters_are_the_servers_to_judge", |engine| async move {
        let stand = Stand::start(engine).await;
        let (through, direct) = (stand.handfast.port(Dialect::Postgres), stand.shop.store.server.port());
        let see = |more: &[(&str, &str)], sql: &str| {
            let ask = |port: u16, database: &str| {
                let me = [("user", "app"), ("database", database)];
                Raw::connect_with(port, V3_0, &[&me, more].concat())
                    .map(|mut raw| column(&raw.query(sql.as_bytes())))
                    .map_err(|error| error.to_string())
            };
            let (expected, seen) = (ask(direct, &stand.shop.store.name), ask(through, "shop"));
            assert_eq!(expected, seen, "{more:?}");
            seen
        };
        let work_mem = "select current_setting('work_mem') || current_setting('search_path')";
        assert!(see(&[("options", "-c work_mem=8MB --search-path=a,b")], work_mem).is_ok());
        assert!(see(&[("options", r"-csearch_path=a,\ b -c work_mem=9MB")], work_mem).is_ok());
        assert!(see(&[("work_mem", "7MB")], work_mem).is_ok());
        assert!(see(&[("client_encoding", "LATIN1")], "show client_encoding").is_ok());
        assert!(see(&[("client_encoding", "nonsense")], "select 1").is_err());
        assert!(see(&[("no_such_parameter", "1")], "select 1").is_err());
        assert!(see(&[("options", "-c no_such_parameter=1")], "select 1").is_err());
        for wrong in ["-c work_mem=lots", "-x", "-c", "-c foo", "--foo", "word", "-- word", "-", "-fx", "-c =1"] {
            assert!(see(&[("options", wrong)], "select 1").is_err(), "{wrong}");
        }
        assert!(see(&[("options", "-S 100 -e -fs --")], work_mem).is_ok());
        assert!(see(&[("options", "-S 100 -e -fs")], "show datestyle").is_ok());
        assert!(see(&[("options", "-c work-mem=5MB -fs")], "show enable_seqscan").is_ok());
        assert!(see(&[("DateStyle", "german"), ("TimeZone", "Asia/Tokyo")], "show datestyle").is_ok());
    });
}

#[test]
fn nobody_learns_which_users_exist() {
    on(Engine::Postgres, "nobody_learns_which_users_exist", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Postgres);
        let refusal = |user: &str| {
            let mut raw = Raw::over(tcp(port));
            raw.wire.write_all(&startup(V3_0, &[("user", user), ("database", "no such")])).unwrap();
            let (tag, body) = raw.try_scram("SCRAM-SHA-256", ChannelBinding::unsupported(), "wrong").unwrap();
            assert_eq!(tag, b'E');
            (field(&body, b'C').unwrap(), field(&body, b'M').unwrap().replace(user, "…"), field(&body, b'D'))
        };
        let known = refusal("app");
        assert_eq!(known.0, "28P01");
        assert_eq!(known, refusal("mallory"));
        // The salt is the user's, whether there is one or not: it does not change from login to login.
        let salt = |user: &str| {
            let mut raw = Raw::over(tcp(port));
            raw.wire.write_all(&startup(V3_0, &[("user", user)])).unwrap();
            raw.frame().unwrap();
            raw.send(b'p', b"SCRAM-SHA-256\0\0\0\0\x0bn,,n=,r=abc").unwrap();
            let first = String::from_utf8_lossy(&raw.frame().unwrap().1[4..]).into_owned();
            first.split(',').nth(1).unwrap().to_owned()
        };
        assert_eq!(salt("mallory"), salt("mallory"));
        assert_ne!(salt("mallory"), salt("eve"));
    });
}

#[test]
fn who_does_not_log_in_is_dropped_and_keeps_nobody_out() {
    on(Engine::Postgres, "who_does_not_log_in_is_dropped", |engine| async move {
        let stand = Stand::cold(engine).await;
        let limited = |login_timeout: &str| {
            let limits = format!("\n[limits]\nlogin_timeout = \"{login_timeout}\"\nclients = 4\n");
            let handfast = Handfast::with_config(binary(), &stand.shop, &stand.shop.config_with(&limits)).unwrap();
            handfast.start().unwrap();
            handfast
        };
        // So long that nobody can have waited for it, however busy the machine is.
        let handfast = limited("60s");
        let port = handfast.port(Dialect::Postgres);
        // More than may be on their way in at a time, and faster than they can be sent away: the oldest go, and the one
        // that came last gets in at once.
        let packet = with(&[]);
        let arrive = |number: usize| {
            let mut stream = tcp(port);
            stream.write_all(&packet[..number % 20]).unwrap();
            stream
        };
        let mut clients = Vec::new();
        for _ in 0..4 {
            let _crowd: Vec<_> = (0..400).map(arrive).collect();
            let begun = clock::now();
            clients.push(Raw::connect(port, "shop").unwrap());
            assert!(begun.elapsed() < Duration::from_secs(30), "it waited for others' timeout");
        }
        for raw in &mut clients {
            assert_eq!(column(&raw.query(b"select 1")), ["1"]);
        }
        drop((clients, handfast));
        let handfast = limited("3s");
        let mut client = Raw::connect(handfast.port(Dialect::Postgres), "shop").unwrap();
        // A byte now and then is no login.
        let mut slow = tcp(port);
        let begun = clock::now();
        let mut bytes = packet.iter();
        slow.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        loop {
            let sent = bytes.next().map_or(Ok(()), |byte| slow.write_all(&[*byte]));
            match slow.read(&mut [0; 64]) {
                Ok(0) => break,
                Err(error) if !matches!(error.kind(), std::io::ErrorKind::WouldBlock) => break,
                Ok(_) => panic!("it was answered"),
                Err(_) if sent.is_err() => break,
                Err(_) => assert!(begun.elapsed() < Duration::from_secs(20), "it is still there"),
            }
        }
        assert!(begun.elapsed() > Duration::from_secs(2), "it has the time that is configured");
        assert_eq!(column(&client.query(b"select 1")), ["1"]);
    });
}

#[test]
fn what_is_asked_before_the_login_is_asked_once() {
    on(Engine::Postgres, "what_is_asked_before_the_login", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Postgres);
        let gss: &[u8] = &[0, 0, 0, 8, 4, 210, 22, 48];
        for (first, second) in [(&SSL_REQUEST[..], gss), (gss, &SSL_REQUEST[..])] {
            let mut raw = Raw::over(tcp(port));
            for packet in [first, second] {
                raw.wire.write_all(packet).unwrap();
                let mut said = [0];
                raw.wire.read_exact(&mut said).unwrap();
                assert_eq!(said, *b"N");
            }
            raw.wire.write_all(&with(&[])).unwrap();
            raw.log_in().unwrap();
        }
        for twice in [gss, &SSL_REQUEST[..]] {
            let mut raw = Raw::over(tcp(port));
            raw.wire.write_all(twice).unwrap();
            raw.wire.read_exact(&mut [0]).unwrap();
            raw.wire.write_all(twice).unwrap();
            assert_eq!(states(&raw.until(b"E")), ["0A000"]);
        }
    });
}
