//! Placeholder: the verbs every connection has.
#![allow(clippy::unused_async, unused_variables, missing_docs, reason = "placeholder")]
use super::VerbError;
use crate::base::{BackendId, BranchName, Engine};
#[derive(Debug)]
pub struct PgConn;
impl PgConn {
    pub async fn connect(
        backend: &crate::config::Backend,
        id: BackendId,
        timeout: std::time::Duration,
    ) -> Result<Self, super::ConnectError> {
        unimplemented!()
    }
    pub fn backend(&self) -> BackendId {
        unimplemented!()
    }
    pub fn engine(&self) -> Engine {
        unimplemented!()
    }
    pub fn session(&self) -> u64 {
        unimplemented!()
    }
    pub async fn send_prepare(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        unimplemented!()
    }
    pub async fn finish_prepare(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        unimplemented!()
    }
    pub async fn commit_prepared(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        unimplemented!()
    }
    pub async fn rollback_prepared(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        unimplemented!()
    }
    pub async fn send_commit(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        unimplemented!()
    }
    pub async fn finish_commit(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        unimplemented!()
    }
    pub async fn rollback(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        unimplemented!()
    }
    pub async fn wrote(&mut self) -> Result<bool, VerbError> {
        unimplemented!()
    }
    pub async fn reset(&mut self) -> Result<(), VerbError> {
        unimplemented!()
    }
    pub fn is_quiet(&mut self) -> bool {
        unimplemented!()
    }
    pub fn set_lease(&mut self, lease: super::pool::Lease) {
        unimplemented!()
    }
    pub fn take_lease(&mut self) -> Option<super::pool::Lease> {
        unimplemented!()
    }
    pub fn is_idle(&self) -> bool {
        unimplemented!()
    }
}
