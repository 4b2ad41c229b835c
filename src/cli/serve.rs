//! `handfast serve`: diagnostics on, failpoint read, then the house.

use super::{Exit, complain};
use crate::app;
use crate::base::Failpoints;
use crate::config::Config;
use crate::telemetry::logs;

/// Set by tests: where this process dies.
const FAILPOINT_VARIABLE: &str = "HANDFAST_FAILPOINT";

pub(super) fn run(config: Config) -> Exit {
    if let Err(error) = logs::init(&config.telemetry) {
        complain(format!("error: {error}"));
        return Exit::Usage;
    }
    let failpoints = match std::env::var(FAILPOINT_VARIABLE) {
        Ok(text) => match Failpoints::parse(&text) {
            Ok(failpoints) => failpoints,
            Err(why) => {
                complain(format!("error: {FAILPOINT_VARIABLE}: {why}"));
                return Exit::Usage;
            }
        },
        Err(_) => Failpoints::default(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("handfast").build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format!("error: the runtime cannot start: {error}"));
            return Exit::Problem;
        }
    };
    match runtime.block_on(app::serve(config, failpoints)) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            complain(format!("error: {error}"));
            Exit::Problem
        }
    }
}
