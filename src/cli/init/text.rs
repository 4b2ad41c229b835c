//! The configuration's text.

use std::path::{Path, PathBuf};

use super::super::out::one_line;
use super::files::Files;
use super::plan::{self, Plan, Rule};
use super::{InitArgs, Source};
use crate::base::Dialect;
use crate::config;

/// Where comments begin.
const COLUMN: usize = 41;

pub(super) fn configuration(args: &InitArgs, files: &Files, sources: &[Source], plan: &Plan) -> String {
    let mut out = format!(
        "# Written by `handfast init` from {}. No secret stands in it.\n\
         # Everything else has a default; config/handfast.toml shows every key. `handfast check` tells what is wrong.\n\n",
        plan::count(sources.len(), "database")
    );
    out.push_str("[node]\n");
    line(&mut out, "cluster = \"handfast\"", "another Handfast on the same databases needs another name");
    out.push_str("\n# ---- where clients connect ----\n[listen]\n");
    if plan.listens(Dialect::Postgres) {
        line(&mut out, &format!("postgres = \"{}\"", args.postgres), "PostgreSQL clients");
    }
    if plan.listens(Dialect::Mysql) {
        line(&mut out, &format!("mysql = \"{}\"", args.mysql), "MySQL and MariaDB clients");
    }
    let database = format!("database = {}", literal(&sources[0].given.backend.database));
    line(&mut out, &database, "the one database name that clients see");
    out.push_str(
        "# Clients elsewhere than on this machine: set [listen.tls], or passwords and rows travel in the clear.\n",
    );
    out.push_str("\n# ---- who may log in; the databases' own users are not asked ----\n[[users]]\n");
    out.push_str(&format!("name = {}\n{}", literal(&args.user), files.client_line()));
    out.push_str("\n# ---- where the data lives ----\n");
    for (number, source) in sources.iter().enumerate() {
        backend(&mut out, number, source, files, plan);
    }
    tables(&mut out, sources, plan);
    out.push_str("\n# ---- decisions ----\n[journal]\n");
    let path = journal(args).display().to_string();
    line(&mut out, &format!("path = {}", literal(&path)), "on a local disk that survives a power cut");
    out.push_str("\n# ---- operators: /healthz, /readyz, /metrics ----\n[admin]\n");
    line(&mut out, &format!("listen = \"{}\"", args.admin), "this machine only");
    out
}

/// Beside the configuration, unless said otherwise. A path that does not depend on where `serve` is started.
fn journal(args: &InitArgs) -> PathBuf {
    let beside = || args.output.parent().unwrap_or(Path::new("")).join("handfast-journal");
    let path = args.journal.clone().unwrap_or_else(beside);
    std::path::absolute(&path).unwrap_or(path)
}

fn backend(out: &mut String, number: usize, source: &Source, files: &Files, plan: &Plan) {
    let (backend, facts) = (&source.given.backend, &source.inventory.facts);
    let tables = plan::count(source.inventory.tables.iter().filter(|table| !table.stand_in).count(), "table");
    let about = format!("{}, {tables}", facts.title());
    line(out, &format!("[backends.{}]", backend.name), &about);
    // A dollar sign would be a variable.
    out.push_str(&format!("url = {}\n", literal(&config::to_url(backend))));
    out.push_str(&files.backend_line(number));
    if let Some(dialect) = plan.home_of(number) {
        let more = format!("home of {dialect} clients: tables without a rule, catalogs, SELECT 1");
        line(out, "default = true", &more);
    }
    out.push('\n');
}

fn tables(out: &mut String, sources: &[Source], plan: &Plan) {
    let name = |number: usize| sources[number].given.backend.name.as_str();
    out.push_str(
        "# ---- which table lives where; an exact name wins over a pattern, a tie is an error ----\n[tables]\n",
    );
    for (number, rules) in plan.rules.iter().enumerate() {
        if rules.is_empty() {
            if plan.home_of(number).is_some() {
                out.push_str(&format!("# {}: needs no rule, what none names goes there\n", name(number)));
            }
            continue;
        }
        out.push_str(&format!("# {}\n", name(number)));
        for Rule { pattern, comment } in rules {
            let rule = format!("{} = \"{}\"", quoted(pattern), name(number));
            match comment {
                Some(comment) => line(out, &rule, comment),
                None => {
                    out.push_str(&format!("{rule}\n"));
                }
            }
        }
    }
    for (number, table) in &plan.unnameable {
        out.push_str(&format!("# {} has a table {table:?}, whose name no rule can hold: use /* handfast: backend={} */ in its statements\n",
            name(*number),
            name(*number)));
    }
    for (table, owners) in &plan.undecided {
        let table = &one_line(table);
        let all: Vec<&str> = owners.iter().map(|number| name(*number)).collect();
        let homes: Vec<String> =
            plan.homes.iter().map(|(dialect, home)| format!("{} ({dialect} clients)", name(*home))).collect();
        out.push_str(&format!("# DECIDE: table {table} is in {}. Without a rule it is the one in {}. Keep one of these lines, or rename one\n\
             # for clients: \"other_name\" = {{ backend = \"…\", table = {} }}\n",
            all.join(" and in "),
            homes.join(" and "),
            quoted(table)));
        for owner in all {
            out.push_str(&format!("# {} = \"{owner}\"\n", quoted(table)));
        }
    }
}

/// A line with a comment.
fn line(out: &mut String, text: &str, comment: &str) {
    // A version is what a server says: it must not end the comment and go on as configuration.
    let comment = one_line(comment);
    out.push_str(&format!("{text:<COLUMN$} # {comment}\n"));
}

/// A text as TOML writes it, where `$` means a variable.
fn literal(text: &str) -> String {
    quoted(&text.replace('$', "$$"))
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                out.push_str(&format!("\\u{:04X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_stays_in_its_comment() {
        let mut out = String::new();
        line(&mut out, "a = 1", "PostgreSQL 15\n[admin]\u{85}b = 2");
        assert_eq!(out.trim_end(), format!("{:<COLUMN$} # PostgreSQL 15\\n[admin]\\u{{85}}b = 2", "a = 1"));
    }

    #[test]
    fn texts_are_written_as_toml_reads_them() {
        for text in ["plain", "quo\"te", "back\\slash", "new\nline", "käse"] {
            let read: toml::Table = toml::from_str(&format!("x = {}", quoted(text))).unwrap();
            assert_eq!(read["x"].as_str(), Some(text));
        }
        assert_eq!(literal("a$b"), "\"a$$b\"");
    }
}
