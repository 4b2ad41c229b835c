//! Placeholder.
#![allow(missing_docs, unused_variables, reason = "placeholder")]
pub fn pool(backend: &str, used: usize, idle: usize, waiting: usize) {}
pub fn in_doubt(count: usize) {}
pub fn transaction_ended(outcome: &'static str, phases: u8, took: std::time::Duration) {}
pub fn decided(took: std::time::Duration) {}
pub fn prepared(took: std::time::Duration) {}
pub fn settled(took: std::time::Duration) {}
pub fn swept(backend: &str, committed: usize, rolled_back: usize, left: usize) {}
pub fn heuristic(backend: &str) {}
