//! Layer 1: what operators see. Metrics in `metrics`, diagnostics in `logs`, who is connected in `clients`,
//! which statements were run in `statements`, spans in `traces`, this process in `process`. (The durable record of decisions is the
//! journal; "log" means diagnostics only.)

pub mod activity;
pub mod clients;
pub mod logs;
pub mod metrics;
pub mod process;
pub mod statements;
pub mod traces;
