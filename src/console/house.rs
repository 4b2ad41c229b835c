//! The operations model as rows and commands.

use std::sync::Arc;

use super::cell::Kind;
use super::command::Command;
use super::query::{Columns, Row};
use crate::base::{Fault, FaultKind};
use crate::config::Config;

/// What the console asks of the house.
#[derive(Debug)]
pub struct House {
    /// The configuration.
    pub config: Arc<Config>,
}

impl House {
    /// The columns of a command's answer; none: it gives no rows.
    pub(super) fn outputs(_command: &Command) -> Columns {
        &[("plan", Kind::Text)]
    }

    /// A table's rows.
    pub(super) async fn rows(&self, _name: &str) -> Result<Vec<Row>, Fault> {
        std::future::ready(()).await;
        Ok(Vec::new())
    }

    /// Does what a command says, for `who`. Gives rows and how its end is told.
    pub(super) async fn act(&self, _command: &Command, _who: &str) -> Result<(Vec<Row>, String), Fault> {
        std::future::ready(()).await;
        Err(Fault::new(FaultKind::NotSupported, "not yet"))
    }
}
