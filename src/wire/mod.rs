//! Layer 2, pure: both wires as frames.

pub mod mysql;
pub mod pg;
