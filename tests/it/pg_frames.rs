//! PostgreSQL's wire frame by frame: what is special about it, asked directly and through us.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use handfast::base::{Dialect, Engine};
use handfast::wire::pg::frame::put;

use crate::bed::{Stand, on};
use crate::raw_pg::{Frame, Raw, column, field, states};

/// One step: messages sent at once, and the tags of which one ends the answer.
type Step<'a> = (Vec<(u8, Vec<u8>)>, &'a [u8]);

fn query(text: &[u8]) -> (u8, Vec<u8>) {
    (b'Q', [text, &[0]].concat())
}

fn parse(name: &str, text: &[u8]) -> (u8, Vec<u8>) {
    (b'P', [name.as_bytes(), &[0], text, &[0, 0, 0]].concat())
}

fn bind(portal: &str, name: &str) -> (u8, Vec<u8>) {
    (b'B', [portal.as_bytes(), &[0], name.as_bytes(), &[0; 7]].concat())
}

fn execute(portal: &str, rows_max: i32) -> (u8, Vec<u8>) {
    (b'E', [portal.as_bytes(), &[0], &rows_max.to_be_bytes()].concat())
}

fn named(tag: u8, what: u8, name: &str) -> (u8, Vec<u8>) {
    (tag, [&[what], name.as_bytes(), &[0]].concat())
}

const SYNC: (u8, Vec<u8>) = (b'S', Vec::new());
const FLUSH: (u8, Vec<u8>) = (b'H', Vec::new());
const COPY_DONE: (u8, Vec<u8>) = (b'c', Vec::new());

fn data(text: &str) -> (u8, Vec<u8>) {
    (b'd', text.as_bytes().to_vec())
}

/// int4pl(2, 3) by its oid 177, in binary.
fn call(oid: u32) -> (u8, Vec<u8>) {
    let arguments = b"\0\x01\0\x01\0\x02\0\0\0\x04\0\0\0\x02\0\0\0\x04\0\0\0\x03\0\x01";
    (b'F', [&oid.to_be_bytes()[..], arguments].concat())
}

/// The frames as a client could tell them apart, but for what may differ: where in the server's source an error was made,
/// our own DETAIL and HINT on an error that is ours, who notifies, and when before ReadyForQuery news is told.
fn comparable(frames: Vec<Frame>) -> Vec<(u8, String)> {
    let show = |(tag, body): Frame| match tag {
        b'E' | b'N' => {
            let parts: Vec<String> = b"SVCMP"
                .iter()
                .filter_map(|kind| field(&body, *kind).map(|text| format!("{}{text}", char::from(*kind))))
                .collect();
            (tag, parts.join("|"))
        }
        b'A' => (tag, String::from_utf8_lossy(&body[4..]).into_owned()),
        _ => (tag, body.escape_ascii().to_string()),
    };
    let (news, mut shown): (Vec<_>, Vec<_>) = frames.into_iter().map(show).partition(|(tag, _)| b"SA".contains(tag));
    let at = shown.len().saturating_sub(1);
    shown.splice(at..at, news);
    shown
}

fn play(port: u16, database: &str, steps: &[Step<'_>]) -> Vec<Vec<(u8, String)>> {
    let mut raw = Raw::connect(port, database).unwrap();
    let mut seen = Vec::new();
    for (messages, end) in steps {
        for (tag, body) in messages {
            raw.send(*tag, body).unwrap_or_default();
        }
        seen.push(comparable(raw.until(end)));
    }
    seen
}

fn the_same(name: &'static str, steps: impl Fn() -> Vec<Step<'static>>) {
    let steps = Arc::new(steps());
    on(Engine::Postgres, name, |engine| async move {
        let stand = Stand::start(engine).await;
        let (direct, through) = (stand.shop.store.server.port(), stand.handfast.port(Dialect::Postgres));
        let expected = play(direct, &stand.shop.store.name, &steps);
        let seen = play(through, "shop", &steps);
        for (number, (expected, seen)) in expected.iter().zip(&seen).enumerate() {
            assert_eq!(expected, seen, "{name}, step {number}: directly (left), through us (right)");
        }
    });
}

#[test]
fn function_calls_are_the_same() {
    the_same("function_calls", || {
        vec![
            (vec![call(177)], b"Z"),
            (vec![call(999_999)], b"Z"),
            (vec![(b'F', b"\0\0\0\xb1\0\0\0\x02".to_vec())], b"Z"),
            (vec![query(b"begin")], b"Z"),
            (vec![call(177)], b"Z"),
            (vec![call(999_999)], b"Z"),
            (vec![call(177)], b"Z"),
            (vec![query(b"rollback")], b"Z"),
        ]
    });
}

#[test]
fn flush_errors_and_suspension_are_the_same() {
    the_same("flush_errors_and_suspension", || {
        vec![
            (vec![parse("s", b"select 1"), FLUSH], b"1"),
            (vec![named(b'D', b'S', "s"), FLUSH], b"T"),
            (vec![bind("", "s"), execute("", 0), FLUSH], b"C"),
            (vec![SYNC], b"Z"),
            (vec![parse("", b"selec"), bind("", ""), parse("a", b"select 1"), named(b'D', b'S', "x"), SYNC], b"Z"),
            (vec![bind("", "a"), SYNC], b"Z"),
            (
                vec![
                    parse("", b"select generate_series(1, 5)"),
                    bind("p", ""),
                    execute("p", 2),
                    execute("p", 2),
                    execute("p", 2),
                    execute("p", 2),
                    SYNC,
                ],
                b"Z",
            ),
            (vec![execute("p", 1), SYNC], b"Z"),
            (vec![query(b"begin")], b"Z"),
            (vec![parse("", b"select generate_series(1, 5)"), bind("p", ""), execute("p", 2), SYNC], b"Z"),
            (vec![query(b"select 'between'")], b"Z"),
            (vec![execute("p", 2), SYNC], b"Z"),
            (vec![execute("p", 0), named(b'C', b'P', "p"), execute("p", 0), SYNC], b"Z"),
            (vec![query(b"rollback")], b"Z"),
            (vec![parse("", b""), bind("", ""), named(b'D', b'P', ""), execute("", 0), SYNC], b"Z"),
            (vec![query(b"")], b"Z"),
            (vec![query(b" ; -- nothing\n ;")], b"Z"),
            (vec![query(b"/* nothing */")], b"Z"),
            (vec![query(b"/* no end")], b"Z"),
            (vec![parse("", b"select 1; select 2"), SYNC], b"Z"),
        ]
    });
}

#[test]
fn several_statements_with_errors_among_them_are_the_same() {
    the_same("several_statements_with_errors", || {
        [
            &b"insert into counters values (50, 1); select 1/0; select 2"[..],
            b"select count(*) from counters where id = 50",
            b"insert into counters values (51, 1); commit; select 1/0",
            b"delete from counters where id = 51; select count(*) from counters",
            b"begin; select 1; select 1/0; commit",
            b"commit",
            b"select 1; begin; select 2",
            b"rollback; select 3",
            b"select 1; selec 2",
            b"do $$begin raise notice 'one'; raise warning 'two'; end$$; select 1",
            b"listen c; notify c, 'x'",
            b"begin; notify c, '1'; notify c, '1'; notify c, '2'; commit",
        ]
        .into_iter()
        .map(|text| (vec![query(text)], &b"Z"[..]))
        .collect()
    });
}

#[test]
fn copy_is_the_same_whoever_ends_it() {
    the_same("copy_is_the_same", || {
        let copy = || query(b"copy counters from stdin");
        let fail = || (b'f', b"no\0".to_vec());
        let extended = |end| vec![parse("", b"copy counters from stdin"), bind("", ""), execute("", 0), end];
        vec![
            (vec![copy()], b"G"),
            (vec![data("60\t1\n6"), data("1\t2\n"), COPY_DONE], b"Z"),
            (vec![copy()], b"G"),
            (vec![data("62\t1\n"), fail()], b"Z"),
            (vec![copy()], b"G"),
            (vec![data("63\t1\n"), data("x\ty\n"), data("64\t1\n"), COPY_DONE], b"Z"),
            // The Sync comes with the Execute, before the data: it is ignored, and another ends the pipeline.
            (extended(SYNC), b"G"),
            (vec![data("65\t1\n"), COPY_DONE, SYNC], b"Z"),
            (extended(FLUSH), b"G"),
            (vec![data("x\t1\n"), COPY_DONE, parse("", b"select 1"), SYNC], b"Z"),
            (extended(FLUSH), b"G"),
            (vec![fail(), SYNC], b"Z"),
            (vec![query(b"select 1; copy counters from stdin; select 2")], b"G"),
            (vec![data("66\t1\n"), COPY_DONE], b"Z"),
            (vec![query(b"copy (select 1 / (3 - x) from generate_series(1, 5) x) to stdout")], b"Z"),
            (vec![parse("", b"copy (select 1) to stdout"), bind("", ""), execute("", 0), SYNC], b"Z"),
            // Data without a COPY is dropped.
            (
                vec![data("1\t1\n"), COPY_DONE, fail(), query(b"select id from counters where id > 50 order by id")],
                b"Z",
            ),
            (vec![query(b"delete from counters where id > 50")], b"Z"),
            // Another message in the middle is the end.
            (vec![copy()], b"G"),
            (vec![data("67\t1\n"), query(b"select 1")], b"E"),
        ]
    });
}

/// Full buffers on the way, and the client waits when it has said all.
#[test]
fn a_copy_whose_end_waits_behind_a_slow_server_ends() {
    on(Engine::Postgres, "a_copy_whose_end_waits_behind_a_slow_server_ends", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut raw = Raw::connect(stand.handfast.port(Dialect::Postgres), "shop").unwrap();
        let row = format!("{}\t1\n", "7".repeat(10));
        for round in 0..5 {
            // More than the sockets of any machine hold, in other parts each time.
            let frame = row.repeat(500 + 7 * round);
            raw.send(b'Q', b"copy counters from stdin where false\0").unwrap();
            assert_eq!(raw.until(b"GE!").last().map(|(tag, _)| *tag), Some(b'G'));
            let mut all = BytesMut::new();
            for _ in 0..1_000 {
                put(&mut all, b'd', |b| b.put_slice(frame.as_bytes()));
            }
            put(&mut all, b'c', |_| {});
            raw.wire.write_all(&all).unwrap();
            let answer = raw.until(b"Z!");
            assert_eq!(answer.last().map(|(tag, _)| *tag), Some(b'Z'), "round {round}: {answer:?}");
        }
    });
}

#[test]
fn messages_with_wrong_insides_are_errors_and_no_end() {
    let steps: fn() -> Vec<Step<'static>> = || {
        vec![
            (vec![(b'P', b"abc".to_vec()), SYNC], b"Z"),
            (vec![(b'D', b"Z\0".to_vec()), SYNC], b"Z"),
            (vec![(b'E', b"\0".to_vec()), SYNC], b"Z"),
            (vec![(b'C', b"Zx\0".to_vec()), SYNC], b"Z"),
            (vec![(b'Q', b"select 1".to_vec())], b"Z"),
            (vec![(b'Q', b"select 1\0x".to_vec())], b"Z"),
            (vec![(b'S', b"x".to_vec())], b"Z"),
            (vec![query(b"select 1")], b"Z"),
            (vec![(b'!', b"abc".to_vec())], b"E"),
        ]
    };
    on(Engine::Postgres, "messages_with_wrong_insides", |engine| async move {
        let stand = Stand::start(engine).await;
        let ends = |port: u16, database: &str| -> Vec<(Vec<String>, Option<u8>)> {
            let mut raw = Raw::connect(port, database).unwrap();
            let mut seen = Vec::new();
            for (messages, end) in steps() {
                for (tag, body) in messages {
                    raw.send(tag, &body).unwrap();
                }
                let frames = raw.until(end);
                seen.push((states(&frames), frames.last().map(|(tag, _)| *tag)));
            }
            seen
        };
        let expected = ends(stand.shop.store.server.port(), &stand.shop.store.name);
        assert_eq!(expected, ends(stand.handfast.port(Dialect::Postgres), "shop"));
    });
}

/// SJIS 表 is 95 5C, GB18030 and GBK have 81 5C, BIG5 A5 5C: the second byte looks like a backslash.
#[test]
fn texts_are_read_in_the_clients_encoding() {
    the_same("texts_are_read_in_the_clients_encoding", || {
        [
            &b"set client_encoding = 'SJIS'"[..],
            b"select E'\x95\x5c', 1; select '\x95\x5c\x95\x5c' as \"\x95\x5c\"; select 2",
            b"begin; set client_encoding = 'LATIN1'",
            b"select '\xe9', E'\x95\\\\'; select 1",
            b"rollback",
            b"select E'\x95\x5c'; select 1",
            b"set client_encoding = 'GB18030'",
            b"select E'\x81\x5c'; select '\x81\x30\x81\x30'",
            b"select '\x81\x20'; select 1",
            b"set client_encoding = 'BIG5'",
            b"select E'\xa5\x5c'; select 1",
            b"set client_encoding = 'UHC'; select 1",
            b"set client_encoding = 'nonsense'",
            b"set client_encoding = 'EUC_JP'",
            b"select E'\xa5\xa5\\\\'; select 1",
            b"reset client_encoding",
            b"select E'\xc3\xa9\\\\'; select 1",
            b"begin; set standard_conforming_strings = off; set escape_string_warning = off",
            b"select 'a\\'b'; select 1",
            b"rollback",
            b"select 'a\\'; select 1",
        ]
        .into_iter()
        .map(|text| (vec![query(text)], &b"Z"[..]))
        .collect()
    });
    // In a pipeline the server reads each text by what the one before has set.
    the_same("a_pipeline_sets_the_encoding", || {
        let set = parse("", b"set client_encoding = 'BIG5'");
        let then = parse("", b"select E'\xa5\x5c'");
        vec![(vec![set, bind("", ""), execute("", 0), then, bind("", ""), execute("", 0), SYNC], b"Z")]
    });
}

#[test]
fn a_text_for_two_backends_is_split_in_its_encoding() {
    on(Engine::Postgres, "a_text_for_two_backends", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut raw = Raw::connect(stand.handfast.port(Dialect::Postgres), "shop").unwrap();
        raw.query(b"set client_encoding = 'SJIS'");
        // Read byte by byte, the first string would go on to the second's end, and with it the first statement.
        let both = b"update agents set name = E'\x95\x5c' where name = 'a0' and name <> E'; '; \
                     update counters set n = 9 where id = 3 and E'\x95\x5c' <> E'; --'";
        let frames = raw.query(both);
        assert_eq!(states(&frames), [""; 0], "{frames:?}");
        assert_eq!(stand.delivery("SELECT COUNT(*) FROM agents WHERE name = '表'").await, 1);
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 3").await, 9);
        assert_eq!(column(&raw.query(b"select name from agents where name > 'z'")), ["\u{fffd}\\"]);
        // Names that we would have to compare or say again are refused by name; others only pass.
        assert_eq!(states(&raw.query(b"begin; savepoint \"\x95\x5c\"")), ["0A000"]);
        raw.query(b"rollback");
        assert_eq!(states(&raw.query(b"create temp table \"\x95\x5c\" (x int)")), [""; 0]);
        assert_eq!(states(&raw.query(b"select x from \"\x95\x5c\"")), [""; 0]);
    });
}

#[test]
fn an_idle_client_hears_notifications_and_a_distributed_one_is_refused_by_rule() {
    on(Engine::Postgres, "an_idle_client_hears", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Postgres);
        let mut listener = Raw::connect(port, "shop").unwrap();
        listener.query(b"listen news");
        let mut speaker = Raw::connect(port, "shop").unwrap();
        speaker.query(b"notify news, 'to an idle one'");
        // Nothing is asked: it comes by itself.
        let heard = listener.frame().unwrap();
        assert_eq!((heard.0, &heard.1[4..]), (b'A', &b"news\0to an idle one\0"[..]));
        // In a transaction of two writers it is refused where the second writes, and all is rolled back.
        speaker.query(b"begin; update counters set n = 1 where id = 1; notify news, 'half'");
        assert_eq!(states(&speaker.query(b"update tallies set n = 1 where id = 1")), ["0A000"]);
        speaker.query(b"commit");
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 1").await, 0);
        // Alone, or beside one that only reads, it is delivered by the commit.
        speaker.query(b"begin; select n from tallies where id = 1; notify news, 'whole'");
        assert_eq!(states(&speaker.query(b"commit")), [""; 0]);
        let heard = listener.frame().unwrap();
        assert_eq!(&heard.1[4..], b"news\0whole\0");
    });
}
