//! `handfast serve`: diagnostics on, failpoint read, then the house.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Exit, complain};
use crate::app::{self, Again};
use crate::base::Failpoints;
use crate::config::{Config, Seen, Source};
use crate::telemetry::logs;

/// Set by tests: where this process dies.
const FAILPOINT_VARIABLE: &str = "HANDFAST_FAILPOINT";

pub(super) fn run(config: Config, source: Source, watched: Option<Seen>) -> Exit {
    let filter = match logs::init(&config.telemetry) {
        Ok(filter) => filter,
        Err(error) => {
            complain(format!("error: {error}"));
            return Exit::Usage;
        }
    };
    raise_descriptors();
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
    match runtime.block_on(app::serve(config, Again { source, filter, watched }, failpoints)) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            complain(format!("error: {error}"));
            Exit::Problem
        }
    }
}

/// A session is a descriptor, and many systems give a process 1,024 unless it asks for more.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => tracing::debug!(from = limit.current, to = limit.maximum, "more descriptors"),
        Err(error) => tracing::warn!(%error, limit.current, "the limit of open descriptors could not be raised"),
    }
}
