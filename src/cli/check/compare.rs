//! What differs between backends and would make one application see two worlds.

use std::collections::BTreeSet;

use super::Looked;
use super::finding::{Finding, Problem, Section};
use crate::backend::probe::Inventory;
use crate::base::Dialect;
use crate::config::Backend;

/// Modes that change what a statement means or whether it is accepted.
const MODES: &[&str] = &[
    "ANSI_QUOTES",
    "PIPES_AS_CONCAT",
    "NO_BACKSLASH_ESCAPES",
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "ONLY_FULL_GROUP_BY",
    "NO_UNSIGNED_SUBTRACTION",
    "HIGH_NOT_PRECEDENCE",
    "NO_ZERO_DATE",
    "NO_ZERO_IN_DATE",
    "ALLOW_INVALID_DATES",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "NO_AUTO_VALUE_ON_ZERO",
    "PAD_CHAR_TO_FULL_LENGTH",
];

type Pair<'a> = (&'a Backend, &'a Inventory);

pub(super) fn section(looked: &[Looked<'_>]) -> Section {
    let all: Vec<Pair<'_>> = looked.iter().filter_map(|one| Some((one.backend, one.inventory()?))).collect();
    let mut section = Section::new("settings", "alike everywhere", "");
    // Everyone is compared with the first, so that n backends give n - 1 findings at most.
    if let Some((first, rest)) = all.split_first() {
        section.findings.extend(rest.iter().filter_map(|other| time_zones(*first, *other)));
    }
    section.findings.extend(charsets(&all));
    for dialect in [Dialect::Postgres, Dialect::Mysql] {
        let of_dialect: Vec<Pair<'_>> = all.iter().copied().filter(|(backend, _)| backend.dialect == dialect).collect();
        let Some((first, rest)) = of_dialect.split_first() else { continue };
        for other in rest {
            section.findings.extend(collations(*first, *other));
            section.findings.extend(isolations(*first, *other));
            section.findings.extend(modes(*first, *other));
        }
    }
    section
}

fn time_zones((one, first): Pair<'_>, (other, second): Pair<'_>) -> Option<Finding> {
    let same = match (first.offsets_s, second.offsets_s) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => first.time_zone == second.time_zone,
    };
    (!same).then(|| {
        let what = format!(
            "sessions begin with time zone {} on {} and {} on {}: one transaction writes two times of day",
            first.time_zone, one.name, second.time_zone, other.name
        );
        // Whoever keeps UTC is right.
        let (odd, right) = if second.offsets_s == Some((0, 0)) { (one, second) } else { (other, first) };
        let fix = match odd.dialect {
            Dialect::Postgres => format!("ALTER DATABASE \"{}\" SET timezone = '{}';", odd.database, named(right)),
            Dialect::Mysql => {
                format!("SET GLOBAL time_zone = '{}';  and in the server's file: default-time-zone", offset(right))
            }
        };
        Finding::warning(Problem::TimeZone, what, format!("on {}: {fix}", odd.name))
    })
}

/// The zone as PostgreSQL takes it. In its words an offset has the other sign (POSIX), so it gets a name, too.
fn named(inventory: &Inventory) -> String {
    match inventory.offsets_s {
        Some((0, 0)) => String::from("UTC"),
        Some((january, july)) if january == july => {
            let shown = offset(inventory);
            let other_sign = if january < 0 { shown.replace('-', "+") } else { shown.replace('+', "-") };
            format!("<{shown}>{other_sign}")
        }
        Some(_) | None => inventory.time_zone.clone(),
    }
}

/// The zone as every MySQL server takes it, also without the tables of names.
fn offset(inventory: &Inventory) -> String {
    match inventory.offsets_s {
        Some((january, july)) if january == july => {
            let (sign, minutes) = (if january < 0 { '-' } else { '+' }, january.unsigned_abs() / 60);
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        Some(_) | None => inventory.time_zone.clone(),
    }
}

fn is_unicode(inventory: &Inventory) -> bool {
    matches!(inventory.charset.to_ascii_lowercase().as_str(), "utf8" | "utf8mb4")
}

/// Texts that fit one and not another; where all are alike nothing is lost.
fn charsets(all: &[Pair<'_>]) -> Vec<Finding> {
    let Some((unicode, _)) = all.iter().find(|(_, inventory)| is_unicode(inventory)) else { return Vec::new() };
    let narrow = |(backend, inventory): &Pair<'_>| {
        let full = is_unicode(inventory) && (backend.dialect == Dialect::Postgres || inventory.charset == "utf8mb4");
        (!full).then(|| {
            let what = format!(
                "database {} of {} is {}: texts that {} takes are refused or changed there",
                backend.database, backend.name, inventory.charset, unicode.name
            );
            let fix = match backend.dialect {
                Dialect::Postgres => format!(
                    "dump it and load it again into: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0;  ({} cannot be changed in place)",
                    backend.database
                ),
                Dialect::Mysql => format!(
                    "ALTER DATABASE `{}` CHARACTER SET utf8mb4;  and each table: ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4;",
                    backend.database
                ),
            };
            Finding::warning(Problem::Charset, what, fix)
        })
    };
    all.iter().filter_map(narrow).collect()
}

fn collations((one, first): Pair<'_>, (other, second): Pair<'_>) -> Option<Finding> {
    // Other character sets have other collations anyway, and are told of.
    let same = first.collation == second.collation || first.charset != second.charset;
    // Each server's own default under one character set is nobody's choice.
    let defaults = first.facts.engine != second.facts.engine;
    (!same && !defaults).then(|| {
        let what = format!(
            "collation {} on {} and {} on {}: they sort and compare texts differently",
            first.collation, one.name, second.collation, other.name
        );
        let fix = match other.dialect {
            Dialect::Postgres => format!("create database {} anew with LC_COLLATE '{}'", other.database, first.collation),
            Dialect::Mysql => format!(
                "ALTER DATABASE `{}` COLLATE {};  and each table: ALTER TABLE … CONVERT TO CHARACTER SET {} COLLATE {};",
                other.database, first.collation, first.charset, first.collation
            ),
        };
        Finding::warning(Problem::Collation, what, fix)
    })
}

fn isolations((one, first): Pair<'_>, (other, second): Pair<'_>) -> Option<Finding> {
    (first.isolation != second.isolation).then(|| {
        let what = format!(
            "transactions begin at {} on {} and at {} on {}",
            first.isolation, one.name, second.isolation, other.name
        );
        let level = first.isolation.to_lowercase();
        let fix = match other.dialect {
            Dialect::Postgres => {
                format!("ALTER DATABASE \"{}\" SET default_transaction_isolation = '{level}';", other.database)
            }
            Dialect::Mysql => format!(
                "SET GLOBAL TRANSACTION ISOLATION LEVEL {};  and in the server's file: transaction-isolation",
                first.isolation
            ),
        };
        Finding::warning(Problem::Isolation, what, format!("on {}: {fix}", other.name))
    })
}

fn modes((one, first): Pair<'_>, (other, second): Pair<'_>) -> Option<Finding> {
    let of = |inventory: &Inventory| -> BTreeSet<String> {
        inventory.sql_mode.iter().filter(|mode| MODES.contains(&mode.as_str())).cloned().collect()
    };
    let (left, right) = (of(first), of(second));
    (left != right).then(|| {
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>, name: &str| {
            let modes: Vec<&str> = a.difference(b).map(String::as_str).collect();
            (!modes.is_empty()).then(|| format!("only {name} has {}", modes.join(", ")))
        };
        let told: Vec<String> =
            [only(&left, &right, &one.name), only(&right, &left, &other.name)].into_iter().flatten().collect();
        let what = format!("sql_mode differs: {}", told.join("; "));
        let modes = first.sql_mode.join(",");
        let fix = format!("on {}: SET GLOBAL sql_mode = '{modes}';  and in the server's file: sql_mode", other.name);
        Finding::warning(Problem::SqlMode, what, fix)
    })
}
