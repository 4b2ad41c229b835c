//! Layer 4: answers back to the client, frames passed on unchanged.

pub mod mysql;
pub mod pg;
