//! Layer 7: the command line.
pub mod demo;
