//! `handfast explain "SQL"`: what [`crate::ops::explain`] says, by the configuration of this command line.

use std::sync::Arc;

use super::{ClientKind, Exit, Output, block_on, complain, print};
use crate::backend::schema::Schemas;
use crate::config::Config;
use crate::ops::explain::{Asked, explain};

/// 0: every statement has somewhere to go; 1: one is refused; 2: there is no such user.
pub(super) fn run(config: Config, sql: &str, client: Option<ClientKind>, user: Option<&str>, output: Output) -> Exit {
    let config = Arc::new(config);
    let asked = Asked { client: client.map(ClientKind::dialect), user };
    block_on(async {
        let schemas = Schemas::new(Arc::clone(&config));
        let told = match explain(&config, &schemas, asked, sql).await {
            Ok(told) => told,
            Err(fault) => {
                complain(format!("error: {fault}"));
                fault.hint.iter().for_each(complain);
                return Exit::Usage;
            }
        };
        match output {
            Output::Table => print(&(told.plan.join("\n") + "\n")),
            Output::Json => print(&super::json(&told)),
        }
        if told.refused() { Exit::Problem } else { Exit::Ok }
    })
}
