//! Layer 6: listeners and the client side of both wires.

pub mod cores;
pub mod mysql;
pub mod pg;
mod strangers;
pub mod tls;
