//! Layer 1: metrics and logs.
