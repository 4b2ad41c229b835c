//! COPY … FROM STDIN: the client's data to the backend, with an ear for the backend's error before the end.

use std::future::poll_fn;
use std::task::Poll;

use super::{Client, RelayError};
use crate::backend::pg::PgConn;
use crate::base::limits::RELAY_BUFFER_BYTES;
use crate::wire::pg::client::tag;
use crate::wire::pg::error::{Severity, put_error};
use crate::wire::pg::server;
use crate::wire::pg::{WireError, header};

/// How far the client's data has come.
enum Data {
    /// More is to come.
    Flows,
    /// CopyDone or CopyFail is sent.
    Ended,
}

/// Passes on CopyData until CopyDone or CopyFail, or until the backend answers before that. Both directions move at
/// once; memory is bounded by the relay buffers.
pub(super) async fn copy_in(conn: &mut PgConn, client: &mut Client) -> Result<(), RelayError> {
    // Bytes of a CopyData whose beginning the backend has already.
    let mut part_bytes = 0;
    loop {
        if let Data::Ended = pass_on(conn, client, &mut part_bytes)? {
            return Ok(());
        }
        // A frame begun must be ended before anything else can be sent, so an early answer waits for that.
        if part_bytes == 0 && has_answered(conn, client)? {
            return Ok(());
        }
        let waited = poll_fn(|cx| {
            let blocked = match conn.poll_fill(cx) {
                Poll::Ready(read) => return Poll::Ready(read.map_err(RelayError::Backend)),
                Poll::Pending => conn.queued_bytes() >= RELAY_BUFFER_BYTES,
            };
            if let Poll::Ready(Err(error)) = client.poll_flush(cx) {
                return Poll::Ready(Err(RelayError::Client(error)));
            }
            if blocked {
                return Poll::Pending;
            }
            client.poll_fill(cx).map_err(RelayError::Client)
        })
        .await;
        if let Err(error) = waited {
            if part_bytes > 0 {
                conn.set_broken();
            }
            return Err(error);
        }
    }
}

/// Moves what is buffered of the client's data.
fn pass_on(conn: &mut PgConn, client: &mut Client, part_bytes: &mut usize) -> Result<Data, RelayError> {
    loop {
        if *part_bytes > 0 {
            let now = (*part_bytes).min(client.buffered().len());
            conn.queue(&client.buffered()[..now]);
            client.consume(now);
            *part_bytes -= now;
        }
        if *part_bytes > 0 || conn.queued_bytes() >= RELAY_BUFFER_BYTES {
            return Ok(Data::Flows);
        }
        let head = match client.header() {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(Data::Flows),
            Err(error) => return Err(RelayError::Client(crate::backend::pg::surprise(&error))),
        };
        match head.tag {
            tag::COPY_DATA => *part_bytes = head.total_bytes,
            tag::COPY_DONE | tag::COPY_FAIL => {
                if client.buffered().len() < head.total_bytes {
                    return if head.total_bytes > RELAY_BUFFER_BYTES { Err(too_long()) } else { Ok(Data::Flows) };
                }
                conn.queue(&client.buffered()[..head.total_bytes]);
                client.consume(head.total_bytes);
                return Ok(Data::Ended);
            }
            // The server ignores these during COPY, so that drivers may send them early.
            tag::FLUSH | tag::SYNC => client.discard(head.total_bytes),
            other => {
                let error = format!("unexpected message type 0x{other:02X} during COPY from stdin");
                let fatal = "terminating connection because protocol synchronization was lost";
                for (severity, text) in [(Severity::Error, error.as_str()), (Severity::Fatal, fatal)] {
                    put_error(&mut client.out, severity, "08P01", text, None, None);
                }
                // The server does the same; its own connection ends with the COPY half-way.
                conn.set_broken();
                return Err(RelayError::Client(std::io::Error::new(std::io::ErrorKind::InvalidData, error)));
            }
        }
    }
}

fn too_long() -> RelayError {
    let error = WireError::Invalid { during: "CopyFail", what: String::from("a text that is too long") };
    RelayError::Client(crate::backend::pg::surprise(&error))
}

/// Whether the backend has ended the COPY by itself; asides before that are passed on.
fn has_answered(conn: &mut PgConn, client: &mut Client) -> Result<bool, RelayError> {
    loop {
        let head = match header(conn.buffered()) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(false),
            Err(error) => return Err(RelayError::Backend(conn.lost(&error))),
        };
        match head.tag {
            server::tag::NOTICE | server::tag::NOTIFICATION => {
                if conn.buffered().len() < head.total_bytes {
                    return Ok(false);
                }
                client.out.extend_from_slice(&conn.buffered()[..head.total_bytes]);
                conn.consume(head.total_bytes);
            }
            _ => return Ok(true),
        }
    }
}
