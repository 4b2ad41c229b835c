//! `handfast explain "SQL"`: what [`crate::ops::explain`] says, by the configuration of this command line.

use std::sync::Arc;

use super::{ClientKind, Exit, Output, block_on, print};
use crate::backend::schema::Schemas;
use crate::config::Config;
use crate::ops::explain::explain;

/// 0: every statement has somewhere to go; 1: one is refused.
pub(super) fn run(config: Config, sql: &str, client: Option<ClientKind>, output: Output) -> Exit {
    let config = Arc::new(config);
    block_on(async {
        let schemas = Schemas::new(Arc::clone(&config));
        let told = explain(&config, &schemas, client.map(ClientKind::dialect), sql).await;
        match output {
            Output::Table => print(&(told.plan.join("\n") + "\n")),
            Output::Json => print(&super::json(&told)),
        }
        if told.refused() { Exit::Problem } else { Exit::Ok }
    })
}
