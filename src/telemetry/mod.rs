//! Layer 1: metrics and logs.

pub mod metrics;
