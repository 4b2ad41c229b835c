//! A PostgreSQL backend's answer to a PostgreSQL client: whole runs of frames are copied unread; only status, errors,
//! parameters and COPY are looked into. A frame larger than the buffer passes in parts.

mod client;
mod copy;
mod description;
pub mod foreign;
mod news;

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use bytes::Bytes;

use crate::backend::pg::{PgConn, server_error};
use crate::base::limits::RELAY_BUFFER_BYTES;
use crate::wire::pg::server::tag;
use crate::wire::pg::{HEADER_BYTES, Header, WireError, error, header};

pub use client::Client;
pub use description::{Description, description};

/// Longest frame that is read whole, in bytes: errors, parameters, row descriptions.
const LOOKED_AT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A Flush.
const FLUSH: &[u8] = &[b'H', 0, 0, 0, 4];

/// Which frame ends the answer to one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// A simple query, a Sync, a function call: ReadyForQuery, which is not passed on.
    Ready,
    /// A Parse.
    Parsed,
    /// A Bind.
    Bound,
    /// A Close.
    Closed,
    /// A Describe.
    Described,
    /// An Execute.
    Executed,
}

impl Until {
    fn ended_by(self, tag: u8) -> bool {
        match self {
            Self::Ready => tag == tag::READY,
            Self::Parsed => tag == tag::PARSE_COMPLETE,
            Self::Bound => tag == tag::BIND_COMPLETE,
            Self::Closed => tag == tag::CLOSE_COMPLETE,
            Self::Described => matches!(tag, tag::ROW_DESCRIPTION | tag::NO_DATA),
            Self::Executed => matches!(tag, tag::COMPLETE | tag::SUSPENDED | tag::EMPTY_QUERY),
        }
    }

    /// Whether a frame must be read whole rather than passed on.
    fn looks_at(self, tag: u8) -> bool {
        self.ended_by(tag) || matches!(tag, tag::READY | tag::ERROR | tag::PARAMETER | tag::COPY_IN | tag::COPY_BOTH)
    }
}

/// What of the answer the client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// All of it.
    All,
    /// Nothing but notices, notifications, parameter changes and errors: the question was ours.
    Asides,
    /// As that, without errors: the client has been told a better one.
    Silent,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// An ErrorResponse came (and was passed on).
    pub failed: bool,
    /// Its SQLSTATE.
    pub sqlstate: [u8; 5],
}

/// Why an answer could not be passed on.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The backend's connection is lost.
    #[error("the backend's connection is lost: {0}")]
    Backend(#[source] io::Error),
    /// The backend has ended the connection, and has said why.
    #[error("the backend has ended the connection: {source}")]
    Ended {
        /// The ErrorResponse, as it came.
        frame: Bytes,
        /// The same, for those to whom it is no more than a lost connection.
        source: io::Error,
    },
    /// The client is gone.
    #[error("the client is gone: {0}")]
    Client(#[source] io::Error),
}

/// What the walk over the buffered frames came to.
enum Found {
    /// The next header is not here.
    Nothing,
    /// A frame that passes in parts.
    Large(Header),
    /// A frame to look into.
    Look(Header),
}

/// Counts the bytes of whole frames at the front that pass unread, and says what comes behind them.
fn walk(buf: &[u8], until: Until) -> Result<(usize, Found), WireError> {
    let mut at = 0;
    loop {
        let Some(head) = header(&buf[at..])? else { return Ok((at, Found::Nothing)) };
        let notice = head.tag == tag::NOTICE && head.total_bytes <= LOOKED_AT_BYTES_MAX;
        if notice || until.looks_at(head.tag) {
            return Ok((at, Found::Look(head)));
        }
        if buf.len() - at < head.total_bytes {
            return Ok((at, Found::Large(head)));
        }
        at += head.total_bytes;
    }
}

/// Passes on the answer up to the frame that ends it, or, in the extended protocol, up to an error. Writes what is
/// queued for the backend meanwhile, and hears when the client goes.
pub async fn answer(conn: &mut PgConn, client: &mut Client, until: Until, pass: Pass) -> Result<Answer, RelayError> {
    let (mut ended, mut speaks) = (Answer { failed: false, sqlstate: *b"00000" }, false);
    loop {
        let (bytes, found) = match walk(conn.buffered(), until) {
            Ok(walked) => walked,
            Err(error) => return Err(RelayError::Backend(conn.lost(&error))),
        };
        if pass == Pass::All {
            client.out.extend_from_slice(&conn.buffered()[..bytes]);
        } else {
            pass_asides(&conn.buffered()[..bytes], client);
        }
        conn.consume(bytes);
        speaks |= bytes > 0;
        match found {
            Found::Nothing => wait_for(conn, client, speaks).await?,
            Found::Large(head) => in_parts(conn, client, head, pass).await?,
            Found::Look(head) => {
                if look(conn, client, head, until, pass, &mut ended).await? {
                    return Ok(ended);
                }
                speaks = true;
            }
        }
        if client.out.len() >= RELAY_BUFFER_BYTES {
            client.flush().await.map_err(RelayError::Client)?;
        }
    }
}

fn pass_asides(frames: &[u8], client: &mut Client) {
    let mut rest = frames;
    while let Ok(Some(head)) = header(rest) {
        let (frame, behind) = rest.split_at(head.total_bytes.min(rest.len()));
        if matches!(head.tag, tag::NOTICE | tag::NOTIFICATION) {
            client.out.extend_from_slice(frame);
        }
        rest = behind;
    }
}

/// Looks into one frame. True: the answer has ended.
async fn look(
    conn: &mut PgConn,
    client: &mut Client,
    head: Header,
    until: Until,
    pass: Pass,
    ended: &mut Answer,
) -> Result<bool, RelayError> {
    if head.total_bytes > LOOKED_AT_BYTES_MAX {
        let what = format!("a message {:?} of {} bytes", char::from(head.tag), head.total_bytes);
        let error = conn.lost(&WireError::Invalid { during: "backend's", what });
        return Err(RelayError::Backend(error));
    }
    while conn.buffered().len() < head.total_bytes {
        wait(conn, client).await?;
    }
    let (_, frame) = conn.frame(LOOKED_AT_BYTES_MAX).await.map_err(RelayError::Backend)?;
    let body = &frame[HEADER_BYTES..];
    match head.tag {
        tag::READY if until == Until::Ready => return Ok(true),
        tag::READY => {
            let what = String::from("ready before the answer");
            return Err(RelayError::Backend(conn.lost(&WireError::Invalid { during: "backend's", what })));
        }
        tag::ERROR => {
            let code = match error::field(body, b'C') {
                Ok(code) => code.and_then(|code| code.try_into().ok()),
                Err(error) => return Err(RelayError::Backend(conn.lost(&error))),
            };
            if matches!(error::field(body, b'V').or_else(|_| error::field(body, b'S')), Ok(Some(b"FATAL" | b"PANIC"))) {
                // Fatal for that connection; what it is for the client, the session knows.
                conn.set_broken();
                let error = server_error(body);
                let text = format!("{} {}", error.sqlstate, error.message);
                let source = io::Error::new(io::ErrorKind::ConnectionAborted, text);
                return Err(RelayError::Ended { frame, source });
            }
            *ended = Answer { failed: true, sqlstate: code.unwrap_or(*b"XX000") };
            if pass != Pass::Silent {
                client.put_told(&frame);
            }
            return Ok(until != Until::Ready);
        }
        tag::COPY_IN => {
            client.out.extend_from_slice(&frame);
            client.flush().await.map_err(RelayError::Client)?;
            copy::copy_in(conn, client).await?;
            if until != Until::Ready {
                // The server answers CopyDone when it is asked to: by the client's Sync, which may wait for that answer.
                conn.queue(FLUSH);
            }
            return Ok(false);
        }
        tag::COPY_BOTH => {
            let what = String::from("COPY BOTH, which only replication speaks");
            return Err(RelayError::Backend(conn.lost(&WireError::Invalid { during: "backend's", what })));
        }
        tag::NOTICE => client.put_told(&frame),
        tag::PARAMETER => client.news.changed(body),
        _ if pass == Pass::All => client.out.extend_from_slice(&frame),
        _ => {}
    }
    Ok(until.ended_by(head.tag))
}

/// Passes on one frame as its bytes come, without keeping it whole.
async fn in_parts(conn: &mut PgConn, client: &mut Client, head: Header, pass: Pass) -> Result<(), RelayError> {
    let mut left = head.total_bytes;
    while left > 0 {
        let now = left.min(conn.buffered().len());
        if pass == Pass::All {
            client.out.extend_from_slice(&conn.buffered()[..now]);
        }
        conn.consume(now);
        left -= now;
        let step = if client.out.len() >= RELAY_BUFFER_BYTES {
            client.flush().await.map_err(RelayError::Client)
        } else if left > 0 {
            wait(conn, client).await
        } else {
            Ok(())
        };
        if let Err(error) = step {
            // The rest of a frame can never be told from a header.
            conn.set_broken();
            let begun = pass == Pass::All && left < head.total_bytes;
            return Err(match error {
                // Nor can the client tell what we would say next from the rest of it: it is cut off, as by the server.
                RelayError::Backend(source) | RelayError::Ended { source, .. } if begun => RelayError::Client(source),
                RelayError::Backend(_) | RelayError::Ended { .. } | RelayError::Client(_) => error,
            });
        }
    }
    Ok(())
}

/// Waits for the backend. Meanwhile the client is given what is ready and is heard if it goes.
async fn wait(conn: &mut PgConn, client: &mut Client) -> Result<(), RelayError> {
    wait_for(conn, client, true).await
}

/// As [`wait`]. `speaks`: what is queued for the client is what the server has sent already, before the answer is whole;
/// else it is the answers before this one, which the server would still keep (drivers take the first result that they get
/// for the last).
async fn wait_for(conn: &mut PgConn, client: &mut Client, speaks: bool) -> Result<(), RelayError> {
    poll_fn(|cx| {
        if let Poll::Ready(read) = conn.poll_fill(cx) {
            return Poll::Ready(read.map_err(RelayError::Backend));
        }
        if speaks && let Poll::Ready(Err(error)) = client.poll_flush(cx) {
            return Poll::Ready(Err(RelayError::Client(error)));
        }
        client.poll_gone(cx).map(|error| Err(RelayError::Client(error)))
    })
    .await
}

/// Passes on what a backend says while nobody asks: notifications, notices, parameters. Errors: anything else, such as
/// that the server ends the session.
pub fn asides(conn: &mut PgConn, client: &mut Client) -> io::Result<()> {
    while let Some((head, bytes)) = whole(conn)? {
        match head.tag {
            tag::NOTICE | tag::NOTIFICATION => {
                client.out.extend_from_slice(&conn.buffered()[..bytes]);
                conn.consume(bytes);
            }
            tag::PARAMETER => {
                let body = conn.buffered()[HEADER_BYTES..bytes].to_vec();
                conn.note(head.tag, &body).map_err(|error| io::Error::other(error.to_string()))?;
                client.news.changed(&body);
                client.news.tell(&mut client.out);
                conn.consume(bytes);
            }
            other => {
                conn.set_broken();
                let text = format!("the server said {:?} unasked", char::from(other));
                return Err(io::Error::new(io::ErrorKind::ConnectionAborted, text));
            }
        }
    }
    Ok(())
}

fn whole(conn: &mut PgConn) -> io::Result<Option<(Header, usize)>> {
    match header(conn.buffered()) {
        Ok(Some(head)) if head.total_bytes > LOOKED_AT_BYTES_MAX => {
            conn.set_broken();
            Err(io::Error::other("an aside is too long"))
        }
        Ok(Some(head)) if conn.buffered().len() >= head.total_bytes => Ok(Some((head, head.total_bytes))),
        Ok(_) => Ok(None),
        Err(error) => Err(conn.lost(&error)),
    }
}
