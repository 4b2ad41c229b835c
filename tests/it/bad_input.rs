//! Bad input: from clients and from backends, by chance and on purpose. It ends one conversation, never the process, and
//! no other session notices.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::Ordering;

use bytes::{BufMut, BytesMut};
use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::Handfast;
use handfast::wire::pg::client as message;
use handfast::wire::pg::frame::put;

use crate::bed::{SETTLE_MAX, Stand, binary, on};
use crate::fake_pg::{FakePg, Reply, described, done, row};
use crate::load::{peak_bytes, resident_bytes};
use crate::raw_pg::{Raw, column, field, startup, states, tcp};

const ME: [(&str, &str); 2] = [("user", "app"), ("database", "shop")];

/// Chance that repeats (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `most`, which is not zero.
    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(most).unwrap()).unwrap()
    }
}

/// What a client says after its login, a bit of everything.
fn conversation() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut say = |fill: &dyn Fn(&mut BytesMut)| {
        let mut out = BytesMut::new();
        fill(&mut out);
        frames.push(out.to_vec());
    };
    say(&|b| message::put_query(b, b"select 1; select 'two'"));
    say(&|b| message::put_parse_typed(b, b"s", b"select $1::int, $2::text", &[0, 2, 0, 0, 0, 23, 0, 0, 0, 25]));
    say(&|b| message::put_close(b, message::Target::Portal, b"p"));
    say(&|b| {
        put(b, b'B', |b| {
            b.put_slice(b"p\0s\0\0\x01\0\0\0\x02\0\0\0\x011\0\0\0\x03abc\0\x01\0\0");
        });
    });
    say(&|b| put(b, b'D', |b| b.put_slice(b"Pp\0")));
    say(&|b| message::put_execute(b, b"p"));
    say(&|b| message::put_empty(b, b'H'));
    say(&|b| message::put_empty(b, b'S'));
    say(&|b| message::put_query(b, b"begin"));
    say(&|b| message::put_query(b, b"update counters set n = n + 1 where id = 1"));
    say(&|b| message::put_query(b, b"update tallies set n = n + 1 where id = 1"));
    say(&|b| message::put_query(b, b"rollback"));
    say(&|b| message::put_query(b, b"copy counters from stdin"));
    say(&|b| put(b, b'd', |b| b.put_slice(b"100\t1\n")));
    say(&|b| message::put_copy_fail(b, "no"));
    say(&|b| {
        put(b, b'F', |b| b.put_slice(b"\0\0\0\xb1\0\x01\0\x01\0\x02\0\0\0\x04\0\0\0\x02\0\0\0\x04\0\0\0\x03\0\x01"))
    });
    say(&|b| message::put_query(b, b"savepoint x; listen y; set work_mem = '4MB'; select repeat('z', 20000)"));
    say(&|b| message::put_empty(b, b'X'));
    frames
}

/// One to three things that can go wrong on a wire.
fn mutated(frames: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut frames = frames.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(frames.len());
        let byte = dice.next().to_le_bytes()[0];
        let length = frames[at].len();
        match dice.below(9) {
            0 => frames[at].truncate(dice.below(length)),
            1 => frames.swap(at, 0),
            2 => frames.insert(at, frames[at].clone()),
            3 => drop(frames.remove(at)),
            4 => frames[at].extend(std::iter::repeat_n(byte, dice.below(300))),
            // Lengths: negative, tiny, 1 GiB, 4 GiB, random.
            5 if length >= 5 => {
                let lengths = [-1, 0, 3, 0x3FFF_FFFE, i32::MAX, i32::MIN, i32::from(byte), 5];
                frames[at][1..5].copy_from_slice(&lengths[dice.below(lengths.len())].to_be_bytes());
            }
            6 => frames[at].insert(0, byte),
            _ if length > 0 => frames[at][dice.below(length)] ^= 1 << (byte % 8),
            _ => {}
        }
        if frames.is_empty() {
            return vec![byte];
        }
    }
    frames.concat()
}

/// Sends the bytes, ends its side, and reads what comes to the end. Panics if there is none.
fn say_and_leave(mut raw: Raw, stream: &std::net::TcpStream, bytes: &[u8], what: &str) {
    let copy = stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mut said = vec![0; 65536];
        let begun = clock::now();
        loop {
            match raw.wire.read(&mut said) {
                Ok(1..) => assert!(begun.elapsed() < SETTLE_MAX),
                Ok(0) => return true,
                // A reset is an end, too.
                Err(error) => return !matches!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
    });
    // Handfast may have hung up already.
    let mut writer = copy;
    writer.write_all(bytes).unwrap_or_default();
    stream.shutdown(Shutdown::Write).unwrap_or_default();
    assert!(reader.join().unwrap(), "{what}: the session did not end");
}

#[test]
fn mutated_conversations_end_themselves_and_nothing_else() {
    on(Engine::Postgres, "mutated_conversations", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Postgres);
        let mut witness = Raw::connect(port, "shop").unwrap();
        witness.query(b"begin; update counters set n = 77 where id = 7");
        let (frames, before) = (conversation(), resident_bytes(&stand.handfast));
        let mut dice = Dice(0x1dea_cafe_f00d_beef);
        for number in 0..2_100_u32 {
            let stream = tcp(port);
            let mut raw = Raw::over(stream.try_clone().unwrap());
            let what = format!("mutation {number}");
            if number % 3 == 0 {
                // Before the login.
                let first = startup(0x0003_0000, &[&ME[..], &[("options", "-c work_mem=4MB")]].concat());
                let second = b"p\0\0\0\x25SCRAM-SHA-256\0\0\0\0\x0fn,,n=,r=abcdefg".to_vec();
                let bytes = mutated(&[first, second], &mut dice);
                say_and_leave(raw, &stream, &bytes, &what);
            } else {
                raw.wire.write_all(&startup(0x0003_0000, &ME)).unwrap();
                raw.log_in().unwrap_or_else(|error| panic!("{what}: {error}\n{}", stand.handfast.log_tail()));
                let bytes = mutated(&frames, &mut dice);
                say_and_leave(raw, &stream, &bytes, &what);
            }
            if number % 100 == 0 {
                assert_eq!(column(&witness.query(b"select n from counters where id = 7")), ["77"], "{what}");
            }
        }
        assert!(stand.handfast.is_running());
        assert!(!stand.handfast.log_text().contains("panicked"), "{}", stand.handfast.log_tail());
        let grown = peak_bytes(&stand.handfast).saturating_sub(before);
        assert!(grown < 96 << 20, "{} KiB more", grown >> 10);
        assert_eq!(states(&witness.query(b"commit")), [""; 0]);
        stand.settled().await;
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 7").await, 77);
        assert_eq!(stand.store("SELECT COUNT(*) FROM counters WHERE id = 100").await, 0);
    });
}

#[test]
fn a_length_is_never_believed_before_its_bytes_are_there() {
    on(Engine::Postgres, "a_length_is_never_believed", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Postgres);
        let before = resident_bytes(&stand.handfast);
        // What we refuse at once, and what we would have to wait for.
        let mut waiting = Vec::new();
        for length in [0x3FFF_FFFE_u32, 0x3FFF_FFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x8000_0000, 0, 3, 64 << 20] {
            for tag in [b'Q', b'P', b'B', b'd', b'!'] {
                let mut raw = Raw::connect(port, "shop").unwrap();
                raw.wire.write_all(&[&[tag][..], &length.to_be_bytes(), b"select"].concat()).unwrap();
                waiting.push(raw);
            }
        }
        // A whole frame in which a second one hides is one message, and wrong.
        let mut raw = Raw::connect(port, "shop").unwrap();
        raw.send(b'Q', b"select 1\0Q\0\0\0\x0eselect 2\0").unwrap();
        let answer = raw.until(b"Z");
        assert_eq!((states(&answer), column(&answer)), (vec![String::from("08P01")], Vec::new()));
        let grown = peak_bytes(&stand.handfast).saturating_sub(before);
        assert!(grown < 32 << 20, "{} KiB more for promises of bytes", grown >> 10);
        drop(waiting);
    });
}

#[test]
fn deep_and_long_statements_are_answered_as_by_the_server() {
    on(Engine::Postgres, "deep_and_long_statements", |engine| async move {
        let stand = Stand::start(engine).await;
        let deep = |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
        let terms = vec!["n"; 5_000].join(" + ");
        let long_list = (0..5_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        let cases = [
            format!("select {} from counters where id = 1", terms),
            format!("select count(*) from counters where id in ({long_list})"),
            format!("select {} or n = 2 from counters where id = 1", vec!["n = 1"; 5_000].join(" or ")),
            format!("select {}", deep("(", ")", 100_000)),
            format!("select {}", deep("(select ", ")", 20_000)),
            format!("select {} from counters", deep("abs(", ")", 50_000)),
            format!("select {}", deep("case when true then ", " end", 20_000)),
            // The server itself takes a minute for a hundred thousand of these.
            format!("/*{} */ select 1", "/*".repeat(3_000)),
            format!("{}select 1", ";".repeat(200_000)),
            format!("select {}1", "- ".repeat(100_000)),
            "(".repeat(300_000),
            "select $a$".repeat(30_000),
        ];
        let ask = |port: u16, database: &str, sql: &str| {
            let mut raw = Raw::connect(port, database).unwrap();
            let begun = clock::now();
            let frames = raw.query(sql.as_bytes());
            (states(&frames), column(&frames), begun.elapsed())
        };
        for sql in &cases {
            let expected = ask(stand.shop.store.server.port(), &stand.shop.store.name, sql);
            let seen = ask(stand.handfast.port(Dialect::Postgres), "shop", sql);
            let start = &sql[..sql.len().min(40)];
            assert_eq!((&expected.0, &expected.1), (&seen.0, &seen.1), "{start}");
            // Generous, for a busy machine: what is not linear takes minutes.
            assert!(seen.2 < expected.2 + SETTLE_MAX, "{start}: {:?} through us, {:?} directly", seen.2, expected.2);
        }
        assert!(stand.handfast.is_running());
    });
}

/// How the fake answers `select 'CASE' from agents`.
fn badly(sql: &str, connection: usize) -> Reply {
    let framed = |tag: u8, body: &[u8]| {
        let mut out = BytesMut::new();
        put(&mut out, tag, |b| b.put_slice(body));
        out.to_vec()
    };
    let case = sql.split('\'').nth(1).unwrap_or_default().to_owned();
    let answer = [described(), row(&format!("connection {connection}")), done()].concat();
    match case.as_str() {
        "good" => Reply::Bytes(answer),
        "garbage" => Reply::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        "too long" => Reply::Bytes([described(), vec![b'D', 0x7f, 0xff, 0xff, 0xff, 0, 0]].concat()),
        "negative" => Reply::Bytes(vec![b'T', 0xff, 0xff, 0xff, 0xff]),
        "zero" => Reply::Bytes(vec![b'C', 0, 0, 0, 0]),
        "long error" => Reply::Bytes(vec![b'E', 0x10, 0, 0, 0, b'S']),
        "broken error" => Reply::Bytes([framed(b'E', b"SERROR\0Mno end"), done()].concat()),
        "no status" => Reply::Bytes(framed(b'Z', b"")),
        "wrong status" => Reply::Bytes(framed(b'Z', b"X")),
        "copy both" => Reply::Bytes(framed(b'W', &[0, 0, 0])),
        "fatal" => Reply::End(framed(b'E', b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0")),
        "silent end" => Reply::End(Vec::new()),
        "end in a header" => Reply::End(vec![b'T', 0, 0]),
        "end between frames" => Reply::End([described(), row("x")].concat()),
        "end in a row" => Reply::End([described(), framed(b'D', &[0; 300])[..100].to_vec()].concat()),
        "ready twice" => Reply::Bytes([answer, framed(b'Z', b"I")].concat()),
        "more than asked" => Reply::Bytes([answer, described(), row("x"), done()].concat()),
        _ => Reply::End(Vec::new()),
    }
}

#[test]
fn a_backend_that_speaks_nonsense_fails_a_statement_and_is_hung_up_on() {
    on(Engine::Postgres, "a_backend_that_speaks_nonsense", |engine| async move {
        let stand = Stand::cold(engine).await;
        let fake = FakePg::start(badly);
        let (config, real) = (stand.shop.config(), stand.shop.delivery.url());
        let text = config.replace(&real, &format!("postgres://app:app@127.0.0.1:{}/x?sslmode=disable", fake.port));
        let text = text + "\n[transactions]\ncommit_wait = \"500ms\"\n";
        let handfast = Handfast::with_config(binary(), &stand.shop, &text).unwrap();
        handfast.start().unwrap();
        let port = handfast.port(Dialect::Postgres);
        let mut witness = Raw::connect(port, "shop").unwrap();
        let ask = |raw: &mut Raw, case: &str| raw.query(format!("select '{case}' from agents").as_bytes());
        let told = [
            "garbage",
            "too long",
            "negative",
            "zero",
            "long error",
            "broken error",
            "no status",
            "wrong status",
            "copy both",
            "fatal",
            "silent end",
            "end in a header",
            "end between frames",
        ];
        for case in told {
            let mut raw = Raw::connect(port, "shop").unwrap();
            let before = fake.used.load(Ordering::SeqCst);
            let frames = ask(&mut raw, case);
            assert_eq!(states(&frames), ["08006"], "{case}: {frames:?}");
            let error = frames.iter().find(|(tag, _)| *tag == b'E').unwrap();
            assert!(field(&error.1, b'M').unwrap().contains("\"delivery\""), "{case}: it names the backend");
            // The session goes on, on another connection.
            assert_eq!(column(&ask(&mut raw, "good")), [format!("connection {}", before + 2)], "{case}");
            assert_eq!(column(&raw.query(b"select 1 from counters where id = 1")), ["1"], "{case}");
            // In a transaction, nothing of it is kept.
            let mut raw = Raw::connect(port, "shop").unwrap();
            raw.query(b"begin; update counters set n = 5 where id = 1");
            assert_eq!(states(&ask(&mut raw, case)), ["08006"], "{case}");
            assert_eq!(states(&raw.query(b"select 1")), ["25P02"], "{case}");
            let ended = raw.query(b"commit");
            assert!(ended.contains(&(b'C', b"ROLLBACK\0".to_vec())), "{case}: {ended:?}");
            assert_eq!(column(&witness.query(b"select n from counters where id = 1")), ["0"], "{case}");
        }
        // A row begun cannot be ended by us: the client is cut off, as by a server that dies.
        let mut raw = Raw::connect(port, "shop").unwrap();
        assert_eq!(ask(&mut raw, "end in a row").last().map(|(tag, _)| *tag), Some(b'!'));
        // What comes unasked is nobody's answer: the connection is not used again.
        for case in ["ready twice", "more than asked"] {
            let mut raw = Raw::connect(port, "shop").unwrap();
            let first = column(&ask(&mut raw, case));
            let mut next = ask(&mut raw, "good");
            if states(&next) == ["08006"] {
                next = ask(&mut raw, "good");
            }
            assert_eq!(column(&next).len(), 1, "{case}: {next:?}");
            assert_ne!(column(&next), first, "{case}");
        }
        assert_eq!(column(&witness.query(b"select 1")), ["1"]);
        assert!(handfast.is_running());
        assert!(!handfast.log_text().contains("panicked"), "{}", handfast.log_tail());
    });
}
