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
    /// More is to come from the client.
    Flows,
    /// More is here, and has to wait until the backend has taken what is queued for it.
    Waits,
    /// CopyDone or CopyFail is sent.
    Ended,
}

/// Passes on CopyData until CopyDone or CopyFail, or until the backend answers before that. Both directions move at
/// once; memory is bounded by the relay buffers.
pub(super) async fn copy_in(conn: &mut PgConn, client: &mut Client) -> Result<(), RelayError> {
    // Bytes of a CopyData whose beginning the backend has already.
    let mut part_bytes = 0;
    loop {
        let waits = match pass_on(conn, client, &mut part_bytes)? {
            Data::Ended => return Ok(()),
            Data::Waits => true,
            Data::Flows => false,
        };
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
            // What is here may be the last of it: the client need not say another word.
            if waits {
                return Poll::Ready(Ok(()));
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
        if *part_bytes > 0 {
            return Ok(Data::Flows);
        }
        if conn.queued_bytes() >= RELAY_BUFFER_BYTES {
            return Ok(Data::Waits);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::{BufMut, BytesMut};
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::backend::pg::tests::to_a_listener;
    use crate::backend::stream::Stream;
    use crate::wire::pg::frame::put;

    /// The client has said all and waits, and the last of it is behind a buffer that was full: nobody else wakes the relay.
    #[tokio::test]
    async fn an_end_behind_a_full_buffer_is_passed_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (ours, _) = listener.accept().await.unwrap();
        let (mut conn, mut client) = (to_a_listener().await, Client::new(Stream::Plain(ours)));
        let mut said = BytesMut::new();
        for _ in 0..2 {
            put(&mut said, tag::COPY_DATA, |b| b.put_slice(&[b'7'; 1000]));
        }
        put(&mut said, tag::COPY_DONE, |_| {});
        theirs.write_all(&said).await.unwrap();
        poll_fn(|cx| client.poll_fill(cx)).await.unwrap();
        assert_eq!(client.buffered().len(), said.len(), "all of it is here");
        conn.queue(&vec![0; RELAY_BUFFER_BYTES - 500]);
        let ended = tokio::time::timeout(Duration::from_secs(20), copy_in(&mut conn, &mut client)).await;
        ended.expect("the relay waits for a client that has said all").unwrap();
        assert!(client.buffered().is_empty());
    }
}
