//! Layer 2, pure: both wires as frames.

pub mod certificate;
pub mod foreign_error;
pub mod mysql;
pub mod pg;
pub mod value;
