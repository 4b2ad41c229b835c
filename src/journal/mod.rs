//! stub
pub mod record;
use crate::base::TxnId;
pub use record::{DecidedBranch, Decision, Durable};
use std::sync::Arc;
#[derive(Clone, Debug)]
pub struct Journal;
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    #[error("r")]
    Refused {},
    #[error("u")]
    Unknown {},
}
pub struct Known {
    pub decision: Arc<Decision>,
    pub proof: Durable,
    pub settled: bool,
}
impl Journal {
    pub async fn decide(&self, d: Decision) -> Result<Durable, DecideError> {
        unimplemented!()
    }
    pub fn forget(&self, t: &TxnId) {}
    pub fn keep(&self, t: &TxnId) {}
    pub fn lookup(&self, t: &TxnId) -> Option<Known> {
        None
    }
    pub fn unsettled(&self) -> Vec<(Arc<Decision>, Durable)> {
        vec![]
    }
    pub fn next_txn(&self) -> TxnId {
        unimplemented!()
    }
    pub fn node(&self) -> crate::base::NodeName {
        unimplemented!()
    }
    pub fn cluster(&self) -> crate::base::ClusterName {
        unimplemented!()
    }
    pub fn epoch(&self) -> u64 {
        0
    }
    pub async fn failed(&self) {}
}
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("x")]
    X,
}
impl Journal {
    pub fn open(
        c: &crate::config::Journal,
        cluster: crate::base::ClusterName,
        node: Option<crate::base::NodeName>,
        f: crate::base::Failpoints,
    ) -> Result<Journal, JournalError> {
        unimplemented!()
    }
    pub async fn close(&self) {}
}
