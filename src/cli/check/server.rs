//! What one backend says of itself.

use super::Looked;
use super::finding::{Finding, Problem, Section};
use super::journal::JournalLook;
use crate::backend::control::{ControlError, Unfit};
use crate::backend::knock::OtherServer;
use crate::backend::probe::{Inventory, Prepared, TableKind};
use crate::base::{Dialect, clock};
use crate::config::{Backend, Config};

/// A clock may differ by this without a word: nothing of ours compares them.
const CLOCK_AHEAD_MAX_MS: u64 = 2_000;
/// Branches of another node that are older than this are not just being committed.
const BRANCH_AGE_MAX_MS: u64 = 60_000;

pub(super) fn section(config: &Config, one: &Looked<'_>, all: &[Looked<'_>], journal: &JournalLook) -> Section {
    let backend = one.backend;
    let inventory = match &one.said {
        Ok(inventory) => inventory,
        Err(error) => {
            let mut section = Section::new(&backend.name, backend.address.to_string(), "");
            let (what, fix) = unreached(backend, error);
            section.findings.push(Finding::error(Problem::BackendDown, what, fix));
            return section;
        }
    };
    let facts = &inventory.facts;
    let head = facts.title();
    let tls = if inventory.encrypted { ", TLS" } else { "" };
    let note = format!("{}, answered in {} ms{tls}", backend.address, inventory.took.as_millis());
    let mut section = Section::new(&backend.name, head, note);
    let findings = &mut section.findings;
    findings.extend(facts.unfit.iter().map(|unfit| of_unfit(config, backend, unfit)));
    findings.extend(limits(config, one, all, inventory));
    findings.extend(
        inventory.missing.iter().map(|p| Finding::error(Problem::PrivilegeMissing, p.what.as_str(), p.fix.as_str())),
    );
    if inventory.galera {
        findings.push(Finding::error(
            Problem::Galera,
            "wsrep_on = ON: Galera does not replicate XA, so that a two-phase commit is not atomic here",
            "use a MariaDB server without Galera for this backend",
        ));
    }
    findings.extend(tables(config, inventory));
    let listed_before = |other: &Looked<'_>| other.id < one.id && shares_list(other.backend, backend);
    if !all.iter().any(listed_before) {
        findings.extend(inventory.prepared.iter().filter_map(|branch| of_branch(config, backend, journal, branch)));
    }
    findings.extend(clock_offset(inventory));
    section
}

/// One MySQL server lists the branches of all its databases.
fn shares_list(one: &Backend, other: &Backend) -> bool {
    one.dialect == Dialect::Mysql && other.dialect == Dialect::Mysql && one.address == other.address
}

/// Why a database could not be asked, and what to do about it.
pub(in crate::cli) fn unreached(backend: &Backend, error: &ControlError) -> (String, String) {
    let code = what_failed(&error.source);
    let what = if let sqlx::Error::Io(why) = &error.source {
        format!("cannot connect: {why}")
    } else if let sqlx::Error::Database(answer) = &error.source {
        format!("it answered: {} [{code}]", answer.message())
    } else {
        error.to_string()
    };
    let other = if let sqlx::Error::Io(why) = &error.source { OtherServer::of(why) } else { None };
    let fix = match other {
        Some(OtherServer { there, .. }) => {
            let scheme = match there {
                Dialect::Postgres => "postgres",
                Dialect::Mysql => "mysql",
            };
            format!("write {scheme}:// in its url, or correct the port")
        }
        None => reach(backend, &code),
    };
    (what, fix)
}

/// The code that a server answered, if it answered.
fn what_failed(error: &sqlx::Error) -> String {
    let mysql = |error: &dyn sqlx::error::DatabaseError| {
        error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(|error| error.number().to_string())
    };
    error.as_database_error().and_then(|e| mysql(e).or_else(|| e.code().map(Into::into))).unwrap_or_default()
}

fn reach(backend: &Backend, code: &str) -> String {
    let (user, database, address) = (&backend.user, &backend.database, &backend.address);
    match (code, backend.dialect) {
        ("28P01" | "28000", _) => {
            format!("correct user and password of its url, or on the server: ALTER ROLE {user} LOGIN PASSWORD '…';")
        }
        ("1045", _) => format!(
            "correct user and password of its url, or on the server: ALTER USER '{user}'@'HOST' IDENTIFIED BY '…';"
        ),
        ("3D000", _) => {
            format!("correct the database in the url, or on the server: CREATE DATABASE {database} OWNER {user};")
        }
        ("1049", _) => format!("correct the database in the url, or on the server: CREATE DATABASE {database};"),
        ("1044", _) => format!("GRANT ALL ON {database}.* TO '{user}'@'HOST';"),
        ("53300" | "1040", _) => String::from("the server has no connection left: raise its max_connections"),
        (_, Dialect::Postgres) => format!(
            "start the server, or correct the url; try: psql -h {} -p {} -U {user} {database}",
            address.host, address.port
        ),
        (_, Dialect::Mysql) => format!(
            "start the server, or correct the url; try: mariadb -h {} -P {} -u {user} -p {database}",
            address.host, address.port
        ),
    }
}

/// One participant needs no two-phase commit: what stands against it is then only a warning.
fn of_unfit(config: &Config, backend: &Backend, unfit: &Unfit) -> Finding {
    let problem = if unfit.durability {
        Problem::DurabilityOff
    } else if backend.dialect == Dialect::Postgres {
        Problem::PreparedOff
    } else {
        Problem::PrivilegeMissing
    };
    let accepted = unfit.durability && backend.allow_unsafe_durability;
    if accepted || config.participants() < 2 {
        return Finding::warning(problem, unfit.what.as_str(), unfit.fix.as_str());
    }
    Finding::error(problem, unfit.what.as_str(), unfit.fix.as_str())
}

/// Whether the server has room for what the pools of all its backends may open.
fn limits(config: &Config, one: &Looked<'_>, all: &[Looked<'_>], inventory: &Inventory) -> Vec<Finding> {
    let size = |backend: &Backend| backend.pool_size.unwrap_or(config.pool.size);
    let here = |other: &&Looked<'_>| {
        other.backend.address == one.backend.address && other.backend.dialect == one.backend.dialect
    };
    let wanted: usize = all.iter().filter(here).map(|other| size(other.backend)).sum();
    let wanted_max = u64::try_from(wanted).unwrap_or(u64::MAX);
    let mut found = Vec::new();
    if let Some(limit) = inventory.prepared_limit.filter(|limit| (1..wanted_max).contains(limit)) {
        found.push(Finding::warning(
            Problem::PreparedFew,
            format!("max_prepared_transactions = {limit}, and the pool may commit {wanted} transactions at once"),
            format!("ALTER SYSTEM SET max_prepared_transactions = {wanted};  then restart PostgreSQL;  or pool.size = {limit}"),
        ));
    }
    // Recovery and probes need two more.
    let needed = wanted_max.saturating_add(2);
    if inventory.connections_limit < needed {
        let limit = inventory.connections_limit;
        let raise = match one.backend.dialect {
            Dialect::Postgres => {
                format!("ALTER SYSTEM SET max_connections = {};  then restart PostgreSQL", needed.saturating_add(20))
            }
            Dialect::Mysql => format!("SET GLOBAL max_connections = {};", needed.saturating_add(20)),
        };
        found.push(Finding::warning(
            Problem::ConnectionsFew,
            format!("the server gives this login {limit} connections, and the pool may open {wanted} and recovery 2"),
            format!("{raise}  or pool = {{ size = {} }} for this backend", limit.saturating_sub(2).max(1)),
        ));
    }
    found
}

fn tables(config: &Config, inventory: &Inventory) -> Vec<Finding> {
    let mut found = Vec::new();
    for table in inventory.tables.iter().filter(|table| !table.stand_in) {
        let name = &table.name;
        match &table.kind {
            TableKind::Sound | TableKind::View => {}
            TableKind::NotTransactional(engine) => {
                let what = format!(
                    "table {name} is {engine}: it cannot roll back, so a failed transaction stays half-done in it"
                );
                let fix = format!("ALTER TABLE `{}` ENGINE = InnoDB;", name.replace('`', "``"));
                found.push(match config.participants() {
                    0 | 1 => Finding::warning(Problem::NotTransactional, what, fix),
                    _ => Finding::error(Problem::NotTransactional, what, fix),
                });
            }
            TableKind::Unlogged => found.push(Finding::warning(
                Problem::Unlogged,
                format!("table {name} is unlogged: a crash of the server empties it, whatever was committed"),
                format!("ALTER TABLE \"{}\" SET LOGGED;", name.replace('"', "\"\"")),
            )),
            TableKind::Foreign => found.push(Finding::warning(
                Problem::ForeignTable,
                format!(
                    "table {name} is a foreign table: a transaction that writes it cannot be committed in two phases"
                ),
                "make the other server a backend of its own, with a rule for the table",
            )),
        }
    }
    found
}

fn of_branch(config: &Config, backend: &Backend, journal: &JournalLook, branch: &Prepared) -> Option<Finding> {
    let age_ms = branch.listed.prepared_wall_ms.map(|prepared| clock::wall_ms().saturating_sub(prepared));
    let age = age_ms.map_or_else(String::new, |ms| format!(", {} s old", ms / 1000));
    let name = branch.listed.name.as_str();
    let Some(ours) = &branch.listed.branch else {
        let what = format!(
            "prepared transaction \"{name}\"{age} is not Handfast's: it holds its locks until somebody ends it"
        );
        let fix = format!("ask whose it is; if nobody's: {}", branch.by_hand);
        return Some(Finding::warning(Problem::Stranger, what, fix));
    };
    if ours.txn.cluster != config.node.cluster {
        let what =
            format!("branch {name}{age} is of another Handfast cluster, {}: only that one ends it", ours.txn.cluster);
        return Some(Finding::note(Problem::Stranger, what, ""));
    }
    if !branch.ours_to_finish {
        let owner = branch.owner.as_deref().unwrap_or("another role");
        let what = format!("branch {name}{age} was prepared by {owner}: {} may not finish it", backend.user);
        let fix = format!(
            "put the user {owner} back into the url, or: GRANT … is not enough; only {owner} or a superuser may"
        );
        return Some(Finding::error(Problem::OtherRole, what, fix));
    }
    let known = journal.content.as_ref().is_ok_and(|content| content.epoch >= ours.txn.epoch);
    let of_this_node = journal.node(config).is_some_and(|node| node == ours.txn.node);
    if of_this_node && known {
        if journal.locked {
            return None;
        }
        return Some(Finding::note(
            Problem::Unfinished,
            format!("branch {name}{age} is finished by the next start"),
            "",
        ));
    }
    let young = age_ms.is_some_and(|age_ms| age_ms < BRANCH_AGE_MAX_MS);
    if young && !of_this_node {
        return None;
    }
    let what = format!(
        "branch {name}{age} is of node {} of this cluster, and this journal does not know it: either that node runs \
         elsewhere, or its journal is lost",
        ours.txn.node
    );
    let fix = format!(
        "let that node run, or restore its journal; if both are gone, look on every backend whether {} is committed, then end \
         it here: {}",
        ours.txn, branch.by_hand
    );
    Some(Finding::warning(Problem::LostJournal, what, fix))
}

fn clock_offset(inventory: &Inventory) -> Option<Finding> {
    let (ahead_ms, error_ms) = inventory.clock_ahead_ms;
    let certain_ms = ahead_ms.unsigned_abs().saturating_sub(error_ms);
    (certain_ms > CLOCK_AHEAD_MAX_MS).then(|| {
        let direction = if ahead_ms > 0 { "ahead of" } else { "behind" };
        let what = format!(
            "the server's clock is {:.1} s {direction} this machine's: now() differs between backends, ages are wrong",
            std::time::Duration::from_millis(certain_ms).as_secs_f64()
        );
        Finding::warning(Problem::Clock, what, "run NTP on both: timedatectl set-ntp true")
    })
}
