//! PostgreSQL frames: protocol 3.0 to 3.2. A frame is sliced first and its body decoded from the slice, which must be
//! consumed whole: a frame can never be read as two messages. Texts stay bytes, so that every `client_encoding` passes.

pub mod client;
pub mod cursor;
pub mod error;
pub mod frame;
pub mod server;
pub mod startup;

#[cfg(test)]
mod tests;

pub use cursor::Cursor;
pub use frame::{HEADER_BYTES, Header, WireError, header};
