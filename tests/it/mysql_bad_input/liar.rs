//! A backend that lies: it stands before a real server and passes everything on, but the answer to a text with `/*lie:N*/`
//! in it is replaced by something that is no answer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many kinds there are.
pub(super) const LIES: usize = 13;

/// It begins with an error.
pub(super) const AN_ERROR: usize = 11;

const NO_LIE: usize = usize::MAX;

pub(super) struct Liar {
    pub(super) port: u16,
    at_login: Arc<AtomicUsize>,
}

impl Liar {
    /// New connections are greeted with this lie, or truly.
    pub(super) fn lie_at_login(&self, lie: Option<usize>) {
        self.at_login.store(lie.unwrap_or(NO_LIE), Ordering::SeqCst);
    }
}

/// What is sent instead of an answer; whether the connection is closed behind it.
fn lie(number: usize) -> (Vec<u8>, bool) {
    let ok = [7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];
    match number {
        0 => ((0..200_u8).map(|byte| byte.wrapping_mul(37)).collect(), true),
        // Sixteen MiB are announced.
        1 => (vec![0xff, 0xff, 0xff, 1, 0, 0, 0], true),
        2 => (ok.iter().enumerate().map(|(at, byte)| if at == 3 { 9 } else { *byte }).collect(), false),
        // Columns, but their end instead of them, and then nothing.
        3 => (vec![1, 0, 0, 1, 5, 5, 0, 0, 2, 0xfe, 0, 0, 2, 0, 2, 0, 0, 3, 0, 0], true),
        4 => (Vec::new(), true),
        5 => (ok[..6].to_vec(), true),
        // An OK whose numbers are longer than it is.
        6 => (vec![4, 0, 0, 1, 0, 0xfe, 1, 2], false),
        7 => (vec![0, 0, 0, 1], false),
        8 => (vec![1, 0, 0, 1, 0xff], false),
        9 => (vec![9, 0, 0, 1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], true),
        // A whole control packet that is no such thing.
        10 => ([&[0, 0, 0x20, 1][..], &vec![0xff; 0x20_0000]].concat(), false),
        // Two answers to one question, the first an error.
        AN_ERROR => ([&[3, 0, 0, 1, 0xff, 1, 4][..], &[3, 0, 0, 2, 0xff, 1, 4], &ok].concat(), false),
        _ => (vec![0xff; 3], true),
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    // Either side's end is the end of both.
    let copied = std::io::copy(&mut from, &mut to);
    drop(copied.and_then(|_| to.shutdown(Shutdown::Both)));
}

/// The client's side: a text that asks for a lie is not passed on.
fn listen_for_lies(mut client: TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    let mut buf = vec![0; 1 << 16];
    loop {
        let count = client.read(&mut buf)?;
        if count == 0 {
            return server.shutdown(Shutdown::Both);
        }
        let said = &buf[..count];
        let marker = said.windows(6).position(|window| window == b"/*lie:");
        let Some(at) = marker else {
            server.write_all(said)?;
            continue;
        };
        let number: String = said[at + 6..].iter().take_while(|b| b.is_ascii_digit()).map(|b| char::from(*b)).collect();
        let (answer, closes) = lie(number.parse().unwrap_or(0));
        client.write_all(&answer)?;
        if closes {
            client.shutdown(Shutdown::Both)?;
            return server.shutdown(Shutdown::Both);
        }
    }
}

/// Before the server at this port.
pub(super) fn start(server: u16) -> Liar {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let at_login = Arc::new(AtomicUsize::new(NO_LIE));
    let told = at_login.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let number = told.load(Ordering::SeqCst);
            if number != NO_LIE {
                let mut client = client;
                let (answer, closes) = lie(number);
                let sent = client.write_all(&answer);
                // One that stays open says nothing more, until its peer gives up.
                if closes || sent.is_err() {
                    continue;
                }
                std::thread::spawn(move || {
                    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                    drop(client.read(&mut [0; 64]));
                });
                continue;
            }
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
            let (back, forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || pass_on(back, forth));
            std::thread::spawn(move || drop(listen_for_lies(client, server)));
        }
    });
    Liar { port, at_login }
}
