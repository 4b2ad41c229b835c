use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::frame::{self, WireError};
use super::{client, error, header, server, startup};
use crate::base::{Fault, FaultKind};

fn frames_of(mut bytes: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, WireError> {
    let mut found = Vec::new();
    while let Some((head, body)) = frame::whole(bytes)? {
        found.push((head.tag, body.to_vec()));
        bytes = &bytes[head.total_bytes..];
    }
    Ok(found)
}

proptest! {
    #[test]
    fn however_the_stream_is_cut_the_frames_are_the_same(
        bodies in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..12),
        cuts in prop::collection::vec(1usize..30, 1..40),
    ) {
        let mut stream = BytesMut::new();
        for (tag, body) in &bodies {
            frame::put(&mut stream, *tag, |b| b.extend_from_slice(body));
        }
        let (mut pending, mut found, mut at) = (BytesMut::new(), Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            if at == stream.len() { break; }
            let end = (at + cut).min(stream.len());
            pending.extend_from_slice(&stream[at..end]);
            at = end;
            while let Some((head, body)) = frame::whole(&pending).unwrap() {
                found.push((head.tag, body.to_vec()));
                let total = head.total_bytes;
                drop(pending.split_to(total));
            }
        }
        prop_assert!(pending.is_empty());
        prop_assert_eq!(found, bodies);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop((frames_of(&bytes), client::text(&bytes), client::parse(&bytes), client::bind(&bytes)));
        drop((client::target(&bytes), client::execute(&bytes), client::sasl_initial(&bytes)));
        drop((server::ready(&bytes), server::complete(&bytes), server::parameter(&bytes), server::key_data(&bytes)));
        drop((server::first_column(&bytes), server::authentication(&bytes), error::field(&bytes, b'C')));
        drop((startup::length(&bytes), startup::read(&bytes)));
    }
}

#[test]
fn lengths_that_no_message_has_are_refused() {
    for length in [-1, 0, 3, i32::MIN, 0x3FFF_FFFF, i32::MAX] {
        let mut bytes = vec![b'Q'];
        bytes.extend_from_slice(&length.to_be_bytes());
        assert_eq!(header(&bytes), Err(WireError::BadLength { tag: b'Q', length }), "{length}");
    }
    assert_eq!(header(b"Q\0\0\0"), Ok(None));
}

#[test]
fn a_frame_is_never_read_as_two_messages() {
    let mut second = BytesMut::new();
    client::put_query(&mut second, b"drop x;");
    let mut body = b"select 1\0".to_vec();
    body.extend_from_slice(&second);
    assert!(matches!(client::text(&body), Err(WireError::Trailing { .. })));
}

#[test]
fn a_body_cut_anywhere_is_refused() {
    let mut out = BytesMut::new();
    client::put_parse_typed(&mut out, b"s", b"select $1", &[0, 1, 0, 0, 0, 23]);
    for end in 5..out.len() {
        assert!(client::parse(&out[5..end]).is_err(), "{end}");
    }
    assert_eq!(client::parse(&out[5..]).unwrap().text, b"select $1");
}

#[test]
fn a_text_in_any_encoding_passes_unchanged() {
    let latin1 = b"select '\xe9'";
    let mut out = BytesMut::new();
    client::put_query(&mut out, latin1);
    assert_eq!(client::text(&out[5..]).unwrap(), latin1);
}

#[test]
fn a_fault_becomes_an_error_with_our_code_in_its_detail() {
    let fault = Fault::new(FaultKind::TooLarge, "too large").hint("Send less.");
    let mut out = BytesMut::new();
    error::put_fault(&mut out, error::Severity::Error, &fault);
    let body = &out[5..];
    assert_eq!(error::field(body, b'C').unwrap().unwrap(), b"54000");
    assert!(error::field(body, b'D').unwrap().unwrap().starts_with(b"HF0506"));
    assert_eq!(error::field(body, b'H').unwrap().unwrap(), b"Send less.");
}

#[test]
fn a_detail_is_added_to_a_servers_error_only_if_it_has_none() {
    let mut out = BytesMut::new();
    error::put_server_error(&mut out, b"C23505\0Mdup\0\0", Some("more"));
    assert_eq!(error::field(&out[5..], b'D').unwrap().unwrap(), b"more");
    let mut out = BytesMut::new();
    error::put_server_error(&mut out, b"C23505\0Down\0\0", Some("more"));
    assert_eq!(error::field(&out[5..], b'D').unwrap().unwrap(), b"own");
}

#[test]
fn a_startup_packet_reads_back_and_a_too_long_one_is_refused() {
    let mut out = BytesMut::new();
    startup::put_session(&mut out, &[("user", "shop"), ("database", "shop")]);
    assert_eq!(startup::length(&out), Ok(Some(out.len())));
    let read = startup::read(&out).unwrap();
    let expected = vec![(b"user".to_vec(), b"shop".to_vec()), (b"database".to_vec(), b"shop".to_vec())];
    assert_eq!(read, startup::Startup::Session { version: startup::PROTOCOL_3_0, parameters: expected });
    assert!(startup::length(&20_000i32.to_be_bytes()).is_err());
    assert!(startup::length(&7i32.to_be_bytes()).is_err());
}

#[test]
fn a_position_is_moved_to_the_clients_own_text() {
    let text: Bytes = Bytes::from_static("SELECT 'é'; SELECT nix FROM delivery.agents WHERE nix2".as_bytes());
    let start = text.windows(6).rposition(|w| w == b"SELECT").unwrap();
    let name = text.windows(15).position(|w| w == b"delivery.agents").unwrap();
    let edits = vec![(name..name + 15, String::from("agents"))];
    let origin = error::Origin { text, start, edits, utf8: true };
    let at = |word: &str| {
        let sent = "SELECT nix FROM agents WHERE nix2".find(word).unwrap() + 1;
        let mut frame = BytesMut::new();
        frame::put(&mut frame, b'E', |b| {
            b.extend_from_slice(format!("SERROR\0P{sent}\0Rx\0\0").as_bytes());
        });
        let mut moved = BytesMut::new();
        origin.put_moved(&mut moved, &frame);
        let body = moved[5..].to_vec();
        assert_eq!(error::field(&body, b'R'), Ok(Some(&b"x"[..])));
        String::from_utf8(error::field(&body, b'P').unwrap().unwrap().to_vec()).unwrap()
    };
    assert_eq!((at("nix"), at("agents"), at("nix2")), ("20".into(), "29".into(), "51".into()));
}
