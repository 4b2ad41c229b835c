//! `handfast check`: first the file alone, then what each backend says about two-phase commit, each with its fix.

use std::fmt::Write as _;
use std::path::Path;

use super::{Exit, block_on, print};
use crate::backend::probe;
use crate::base::{Dialect, clock};
use crate::config::{Backend, Config, TlsMode};

/// Findings of one run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Findings {
    errors: usize,
    warnings: usize,
}

pub(super) fn run(path: &Path, config: &Config, offline: bool) -> Exit {
    let mut findings = Findings::default();
    print(&of_file(path, config, &mut findings));
    if !offline {
        block_on(async {
            for backend in &config.backends {
                print(&of_backend(config, backend, &mut findings).await);
            }
            Exit::Ok
        });
    }
    let Findings { errors, warnings } = findings;
    print(&format!("{errors} {}, {warnings} {}\n", plural("error", errors), plural("warning", warnings)));
    if errors == 0 { Exit::Ok } else { Exit::Problem }
}

fn plural(word: &str, count: usize) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// One finding's line: what, verdict, more.
fn line(out: &mut String, what: &str, verdict: &str, more: &str) {
    // Writing to a String cannot fail.
    writeln!(out, "{}", format!("{what:<34}{verdict:<6}{more}").trim_end()).expect("a String takes any text");
}

fn of_file(path: &Path, config: &Config, findings: &mut Findings) -> String {
    let mut out = String::new();
    let (backends, rules) = (config.backends.len(), config.tables.len());
    let counts = format!("{backends} {}, {rules} table {}", plural("backend", backends), plural("rule", rules));
    line(&mut out, &path.display().to_string(), "ok", &counts);
    for (dialect, address) in [(Dialect::Postgres, config.listen.postgres), (Dialect::Mysql, config.listen.mysql)] {
        let Some(address) = address else { continue };
        let home = config.home(dialect).map_or("", |id| config.backend(id).name.as_str());
        line(&mut out, &format!("  {dialect} clients"), "ok", &format!("{address}, home backend {home}"));
        if config.listen.tls.mode == TlsMode::Off && !address.ip().is_loopback() {
            findings.warnings += 1;
            line(&mut out, "", "WARN", "passwords and data of clients travel unencrypted: set [listen.tls]");
        }
    }
    for backend in &config.backends {
        if listener(config, backend.dialect) {
            continue;
        }
        findings.warnings += 1;
        let more = format!(
            "no client reaches it: clients of the other protocol cannot use it yet, and no {} listener is set",
            backend.dialect
        );
        line(&mut out, &format!("  backend {}", backend.name), "WARN", &more);
    }
    if config.participants() < 2 {
        line(&mut out, "  one participant", "ok", "nothing needs two phases");
    }
    out
}

fn listener(config: &Config, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgres => config.listen.postgres.is_some(),
        Dialect::Mysql => config.listen.mysql.is_some(),
    }
}

async fn of_backend(config: &Config, backend: &Backend, findings: &mut Findings) -> String {
    let mut out = String::new();
    let begun = clock::now();
    let facts = match probe::facts(backend).await {
        Ok(facts) => facts,
        Err(error) => {
            findings.errors += 1;
            line(&mut out, &backend.name, "ERROR", &error.to_string());
            return out;
        }
    };
    let who = format!("{:<10}{:?} {}", backend.name, facts.engine, facts.version);
    let took_ms = begun.elapsed().as_millis();
    line(&mut out, &who, "ok", &format!("{}, answered in {took_ms} ms", backend.address));
    for unfit in facts.unfit {
        let accepted = unfit.durability && backend.allow_unsafe_durability;
        // One participant needs no two-phase commit: what stands against it is then no error.
        let verdict = if accepted || config.participants() < 2 { "WARN" } else { "ERROR" };
        if verdict == "WARN" {
            findings.warnings += 1;
        } else {
            findings.errors += 1;
        }
        line(&mut out, "", verdict, &unfit.what);
        line(&mut out, "", "", &format!("fix: {}", unfit.fix));
    }
    out
}
