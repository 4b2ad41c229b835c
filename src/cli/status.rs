//! `handfast status` and `handfast drain`: the running one at a glance, and its graceful end.

use super::args::Output;
use super::running::{AskError, Running};
use super::{Exit, complain, print};
use crate::config::Config;
use crate::ops::model::{Backends, HouseState, Status};

fn told(error: &AskError) -> Exit {
    complain(error.told());
    Exit::Problem
}

/// 0: it takes clients and nothing is in doubt; 1: else.
pub(super) fn status(config: &Config, quiet: bool, output: Output) -> Exit {
    let asked = Running::of(config).and_then(|r| Ok((r.get::<Status>("status")?, r.get::<Backends>("backends")?)));
    let (status, backends) = match asked {
        Ok(both) => both,
        Err(error) => return told(&error),
    };
    match (quiet, output) {
        (true, _) => {}
        (false, Output::Json) => print(&super::json(&status)),
        (false, Output::Table) => print(&text(&status, &backends)),
    }
    // Quiet is for health checks: what is in doubt is no reason to restart anything.
    let well = status.state == HouseState::Ready && (quiet || status.in_doubt == 0);
    if well { Exit::Ok } else { Exit::Problem }
}

fn text(status: &Status, backends: &Backends) -> String {
    let p99 = status.p99_commit_ms.map_or_else(|| String::from("-"), |ms| format!("{ms:.1} ms"));
    let mut out = format!(
        "{}\n\nnode       {} of {}, start {}, version {}, up {} s\nclients    {} PostgreSQL, {} MySQL\n\
         ended      {} committed ({} in two phases), {} rolled back, {} unknown; p99 of COMMIT {p99}\n",
        status.sentence,
        status.node,
        status.cluster,
        status.epoch,
        status.version,
        status.uptime_s,
        status.clients.postgres,
        status.clients.mysql,
        status.committed_total,
        status.two_phase_total,
        status.rolled_back_total,
        status.unknown_total,
    );
    for b in &backends.backends {
        let state = match (b.up, &b.last_error) {
            (true, _) => String::from("up"),
            (false, Some(error)) => format!("DOWN: {error}"),
            (false, None) => String::from("not asked yet"),
        };
        let engine = b.engine.clone().unwrap_or_else(|| b.dialect.clone());
        let version = b.version.clone().unwrap_or_default();
        let doubt = if b.in_doubt > 0 { format!(", {} in doubt", b.in_doubt) } else { String::new() };
        let strangers = if b.strangers > 0 { format!(", {} strangers", b.strangers) } else { String::new() };
        out.push_str(&format!(
            "backend    {} ({engine} {version} at {}): {state}, {} of {} connections in use{doubt}{strangers}\n",
            b.name, b.address, b.pool.active, b.pool.size
        ));
    }
    out
}

/// Asks it to stop; with `wait`, returns when it has.
pub(super) fn drain(config: &Config, wait: bool) -> Exit {
    let running = match Running::of(config) {
        Ok(running) => running,
        Err(error) => return told(&error),
    };
    if let Err(error) = running.post::<Status>("drain", &serde_json::Map::new()) {
        return told(&error);
    }
    complain("draining: open transactions may end, then Handfast stops");
    // It keeps to limits.drain_timeout for sessions, and once more for what is in doubt.
    let polls = config.limits.drain_timeout.as_millis() * 2 / 200 + 50;
    for _ in 0..polls {
        match running.get::<Status>("status") {
            Err(AskError::NotRunning { .. }) => return Exit::Ok,
            Err(_) | Ok(_) if !wait => return Exit::Ok,
            Err(_) | Ok(_) => std::thread::sleep(std::time::Duration::from_millis(200)),
        }
    }
    complain("error: it still runs");
    Exit::Problem
}
