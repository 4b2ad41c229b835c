//! The first packet of a connection: it has no tag.

use bytes::{BufMut, BytesMut};

use super::frame::put_cstr;
use super::{Cursor, WireError};
use crate::base::limits::PG_STARTUP_BYTES_MAX;

/// Protocol 3.0.
pub const PROTOCOL_3_0: i32 = 0x0003_0000;
/// Protocol 3.2, the newest we speak.
pub const PROTOCOL_3_2: i32 = 0x0003_0002;
/// Longest key of a CancelRequest, in bytes (protocol 3.2).
pub const CANCEL_KEY_BYTES_MAX: usize = 256;
const CANCEL: i32 = 80_877_102;
/// The code of an SSLRequest.
pub const SSL: i32 = 80_877_103;
/// The code of a GSSENCRequest.
pub const GSSENC: i32 = 80_877_104;

/// Names and values of a StartupMessage, as sent.
pub type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

/// A first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Startup {
    /// SSLRequest.
    Ssl,
    /// GSSENCRequest.
    GssEnc,
    /// CancelRequest.
    Cancel {
        /// Process id, as given in BackendKeyData.
        pid: i32,
        /// Secret.
        secret: Vec<u8>,
    },
    /// A protocol that we do not speak: its version as sent.
    Unsupported(i32),
    /// A StartupMessage of protocol 3 whose parameters do not end where the packet does.
    Malformed,
    /// StartupMessage.
    Session {
        /// Protocol version asked for.
        version: i32,
        /// Names and values, as sent.
        parameters: Parameters,
    },
}

/// Bytes of the packet at the start of `buf`; `None` if its length is not there yet. Errors: too short or too long.
pub fn length(buf: &[u8]) -> Result<Option<usize>, WireError> {
    let Some((&head, _)) = buf.split_first_chunk::<4>() else { return Ok(None) };
    let length = i32::from_be_bytes(head);
    match usize::try_from(length) {
        Ok(bytes) if (8..=PG_STARTUP_BYTES_MAX).contains(&bytes) => Ok(Some(bytes)),
        Ok(_) | Err(_) => Err(WireError::BadLength { tag: 0, length }),
    }
}

/// Reads one whole packet (with its length).
pub fn read(packet: &[u8]) -> Result<Startup, WireError> {
    let mut cursor = Cursor::new(packet, "startup");
    cursor.i32()?;
    let code = cursor.i32()?;
    let read = match code {
        // As the server: what else the packet holds is not looked at.
        SSL => return Ok(Startup::Ssl),
        GSSENC => return Ok(Startup::GssEnc),
        CANCEL => {
            let pid = cursor.i32()?;
            let secret = cursor.rest();
            if secret.is_empty() || secret.len() > CANCEL_KEY_BYTES_MAX {
                return Err(WireError::Invalid { during: "CancelRequest", what: String::from("no usable key") });
            }
            Startup::Cancel { pid, secret: secret.to_vec() }
        }
        version if version >> 16 == 3 => {
            return Ok(match parameters(&mut cursor) {
                Ok(parameters) if cursor.is_empty() => Startup::Session { version, parameters },
                Ok(_) | Err(_) => Startup::Malformed,
            });
        }
        other => return Ok(Startup::Unsupported(other)),
    };
    cursor.finish()?;
    Ok(read)
}

fn parameters(cursor: &mut Cursor<'_>) -> Result<Parameters, WireError> {
    let mut list = Vec::new();
    loop {
        let name = cursor.cstr()?;
        if name.is_empty() {
            return Ok(list);
        }
        list.push((name.to_vec(), cursor.cstr()?.to_vec()));
    }
}

fn put(out: &mut BytesMut, code: i32, fill: impl FnOnce(&mut BytesMut)) {
    let at = out.len();
    out.put_i32(0);
    out.put_i32(code);
    fill(out);
    let length = i32::try_from(out.len() - at).unwrap_or(i32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// Writes an SSLRequest.
pub fn put_ssl(out: &mut BytesMut) {
    put(out, SSL, |_| {});
}

/// Writes a CancelRequest.
pub fn put_cancel(out: &mut BytesMut, pid: i32, secret: &[u8]) {
    put(out, CANCEL, |b| {
        b.put_i32(pid);
        b.put_slice(secret);
    });
}

/// Writes a StartupMessage of protocol 3.0.
pub fn put_session(out: &mut BytesMut, parameters: &[(&str, &str)]) {
    put(out, PROTOCOL_3_0, |b| {
        for (name, value) in parameters {
            put_cstr(b, name.as_bytes());
            put_cstr(b, value.as_bytes());
        }
        b.put_u8(0);
    });
}
