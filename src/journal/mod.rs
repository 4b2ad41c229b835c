//! Layer 3: the durable journal of decisions. `record` (pure) is its format.

pub mod record;

pub use record::{DecidedBranch, Decision, Durable};
