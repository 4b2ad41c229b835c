//! COM_STMT_SEND_LONG_DATA's pieces until their execution.

use bytes::Bytes;

/// Pieces of parameters that wait for their execution: the connection may be another by then.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    /// In their order.
    pub pieces: Vec<Bytes>,
    bytes: usize,
    /// More came than is kept; they are dropped.
    pub too_large: bool,
}

impl HeldBack {
    /// A piece: the parameter's number (2), bytes.
    pub(super) fn add(&mut self, piece: &[u8], bytes_max: usize) {
        self.bytes += piece.len();
        self.too_large |= self.bytes > bytes_max;
        if self.too_large {
            self.pieces.clear();
        } else {
            self.pieces.push(Bytes::copy_from_slice(piece));
        }
    }
}
