//! One command's answer from a MySQL backend to a MySQL client: packets passed on as they are, except for sequence
//! numbers, status flags and statement ids, which are patched in place. Rows are never looked into.

mod client;
pub mod foreign;
mod walk;

use std::io;

use bytes::BytesMut;

use crate::backend::ServerError;
use crate::backend::mysql::MysqlConn;
use crate::base::limits::{MYSQL_PACKET_BYTES_MAX, RELAY_BUFFER_BYTES};
use crate::wire::mysql::packet::{self, HEADER_BYTES};

pub use client::Client;
use walk::{Progress, Walk};

/// What the answer to a command looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// COM_QUERY, COM_STMT_EXECUTE and the commands that are answered OK, EOF or ERR.
    Results,
    /// COM_STMT_PREPARE; the client is told this id instead of the backend's.
    Prepared {
        /// The client's id of the statement.
        id: u32,
    },
    /// COM_STMT_FETCH: rows.
    Rows,
    /// COM_FIELD_LIST: column definitions.
    Fields,
    /// COM_STATISTICS: one line.
    Line,
}

/// How an answer is changed on its way.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    /// What it looks like.
    pub shape: Shape,
    /// That many OKs of statements of ours come first and are kept from the client.
    pub swallow: usize,
    /// Status flags that are ours to say …
    pub status_mask: u16,
    /// … and what they say.
    pub status: u16,
    /// Another answer to the same command will follow from elsewhere.
    pub more: bool,
}

/// What came by.
#[derive(Clone, Debug, Default)]
pub struct Relayed {
    /// A statement of ours failed: the client's was not run, and nothing was passed on.
    pub prefix_error: Option<ServerError>,
    /// How many of ours succeeded.
    pub swallowed: usize,
    /// The error that ended the answer; it was passed on.
    pub errno: Option<u16>,
    /// Its SQLSTATE.
    pub sqlstate: Option<String>,
    /// Rows changed, all OKs together.
    pub affected: u64,
    /// Rows changed, by the last OK.
    pub affected_last: u64,
    /// Rows of the last result.
    pub row_number: u64,
    /// Warnings that the last answer told of.
    pub warnings: u16,
    /// The last key that an OK told of; 0: none.
    pub insert_id: u64,
    /// An UPDATE said that it matched rows (and may have run triggers) although it changed none.
    pub matched: bool,
    /// Last status flags, as the backend said them.
    pub status: Option<u16>,
    /// Some statement answered with rows.
    pub rows: bool,
    /// The last one did.
    pub rows_last: bool,
    /// COM_STMT_PREPARE: the backend's id and the number of parameters.
    pub prepared: Option<(u32, u16)>,
}

/// Why an answer did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The client is gone (or was told to go); the backend still works on its statement.
    #[error("client gone while being answered: {0}")]
    Client(#[source] io::Error),
    /// The backend is gone, or what it sends is no answer.
    #[error("backend lost during an answer: {source}")]
    Backend {
        /// How.
        source: io::Error,
        /// The client holds half a packet: it can be told nothing more.
        torn: bool,
    },
}

/// Passes the answer to the command that was sent last. The client's buffer is not flushed at the end: the caller may
/// have something to do before the client hears it.
pub async fn relay(client: &mut Client, conn: &mut MysqlConn, how: Passing) -> Result<Relayed, RelayError> {
    let mut walk = Walk::new(how, conn.due());
    loop {
        let (out, seq) = client.out_and_seq();
        let progress = match walk.advance(conn.inbuf(), out, seq) {
            Ok(progress) => progress,
            Err(malformed) => {
                let source = io::Error::new(io::ErrorKind::InvalidData, malformed);
                return Err(RelayError::Backend { source: conn.lost(source), torn: walk.is_torn() });
            }
        };
        match progress {
            Progress::Done => {
                let relayed = walk.into_relayed();
                conn.answered(relayed.status);
                return Ok(relayed);
            }
            Progress::LocalFile { next_seq } => walk.resume(local_file(client, conn, next_seq).await?),
            Progress::Flush => client.flush().await.map_err(RelayError::Client)?,
            Progress::Need => {
                if client.queued() >= RELAY_BUFFER_BYTES {
                    client.flush().await.map_err(RelayError::Client)?;
                }
                tokio::select! {
                    biased;
                    filled = conn.fill() => {
                        filled.map_err(|source| RelayError::Backend { source, torn: walk.is_torn() })?;
                    }
                    gone = client.gone() => return Err(RelayError::Client(gone)),
                }
            }
        }
    }
}

/// LOAD DATA LOCAL: the client's file goes to the backend, packet by packet, up to the empty one. Gives the number
/// of the packet that is due then.
async fn local_file(client: &mut Client, conn: &mut MysqlConn, next_seq: u8) -> Result<u8, RelayError> {
    client.flush().await.map_err(RelayError::Client)?;
    let lost = |source| RelayError::Backend { source, torn: false };
    let mut seq = next_seq;
    loop {
        let packet: BytesMut = client.raw_packet(MYSQL_PACKET_BYTES_MAX).await.map_err(RelayError::Client)?;
        let end = packet.len() == HEADER_BYTES;
        conn.queue_raw(&[packet[0], packet[1], packet[2], seq]);
        seq = seq.wrapping_add(1);
        conn.queue_raw(&packet[HEADER_BYTES..]);
        if end || conn.queued() >= RELAY_BUFFER_BYTES {
            conn.flush().await.map_err(lost)?;
        }
        if end {
            return Ok(seq);
        }
    }
}

/// Length of the packet that starts a buffer, header included.
fn packet_len(buf: &[u8]) -> Option<usize> {
    packet::head(buf).map(|(len, _)| HEADER_BYTES + len)
}
