//! Layer 0: the words everything else is written in. Imports nothing of ours.

mod advice;
pub mod clock;
pub mod dialect;
pub mod failpoint;
pub mod fault;
pub mod ids;
pub mod limits;
pub mod shown;
pub mod swap;
pub mod trust;

pub use dialect::{Dialect, Engine};
pub use failpoint::{Failpoint, Failpoints};
pub use fault::{Fault, FaultKind};
pub use ids::{BackendId, BranchName, ClusterName, NodeName, Place, TxnId};
