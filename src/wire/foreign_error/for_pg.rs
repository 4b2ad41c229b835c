//! MySQL's and MariaDB's errors for PostgreSQL clients.

use super::{PgError, between};

/// By number; what is not here is `XX000`.
const STATES: &[(&str, &[u16])] = &[
    ("23505", &[1062, 1169, 1557, 1586, 1859]),
    ("23503", &[1216, 1217, 1451, 1452]),
    ("23502", &[1048, 1263, 1364]),
    ("23514", &[3819, 4025]),
    ("44000", &[1369]),
    ("22001", &[1406]),
    ("22003", &[1264, 1690, 1916]),
    ("22P02", &[1265, 1366, 3140, 3141, 3142, 3143, 3156, 3157, 4037, 4038]),
    ("22007", &[1292, 1411, 1525]),
    ("22008", &[1441]),
    ("22012", &[1365]),
    ("42P20", &[3593, 4015]),
    ("22021", &[1300, 3988]),
    ("21000", &[1242]),
    ("40P01", &[1213, 1614]),
    // MariaDB with innodb_snapshot_isolation: the row changed since the snapshot.
    ("40001", &[1020]),
    ("40000", &[1402, 1613]),
    ("55P03", &[1205, 3572]),
    ("57014", &[1317, 1969, 3024]),
    ("57P01", &[1053, 1077, 1079, 1927]),
    ("42501", &[1044, 1142, 1143, 1227, 1370]),
    ("28P01", &[1045, 1698]),
    ("53300", &[1040, 1203, 1226]),
    ("53100", &[1021, 1114]),
    ("53200", &[1037, 1038, 1041]),
    ("54000", &[1071, 1118, 1153]),
    ("25006", &[1290, 1792, 1836]),
    ("25001", &[1568]),
    ("3D000", &[1049]),
    ("42P01", &[1051, 1109, 1146, 1824]),
    ("42703", &[1054, 1072]),
    ("42702", &[1052]),
    ("42701", &[1060, 1110]),
    ("42712", &[1066]),
    ("42P07", &[1050, 1061]),
    ("42704", &[1091, 1115, 1273]),
    ("42P22", &[1267, 1270, 1271]),
    ("42P16", &[1068]),
    ("42830", &[1005, 1215, 1822]),
    ("2BP01", &[3730]),
    ("42883", &[1305, 1630]),
    ("42803", &[1055, 1056, 1111, 1140]),
    ("428C9", &[1906, 3105]),
    ("42601", &[1064, 1136, 1149, 1222, 1241]),
    ("0A000", &[1170, 1235, 1295, 1845, 1846]),
    ("P0001", &[1644]),
    ("08006", &[2006, 2013]),
];

/// MySQL's or MariaDB's error for a PostgreSQL client. `backend`: its name, for the detail.
pub fn for_pg(errno: u16, sqlstate: &str, message: &str, backend: &str) -> PgError {
    let known = STATES.iter().find(|(_, numbers)| numbers.contains(&errno)).map(|(state, _)| *state);
    let state = match (errno, known) {
        (1305, _) if message.starts_with("SAVEPOINT") => "3B001",
        // `drop table` of a referenced one; a row's error names the constraint.
        (1451 | 1217, _) if message.ends_with("constraint fails") => "2BP01",
        // What translations raise on purpose: a divisor of zero, and text that is no value of its type.
        (1690, _) if raised(message, "sign(") => "22012",
        (1690, _) if raised(message, "bit_length(") => "22023",
        (1690, _) if raised(message, "year(") => "22008",
        (1690, _) if raised(message, "char_length(") => "22P02",
        // "Truncated incorrect DOUBLE value" and the like are about numbers, not dates.
        (1292, _) if !message.starts_with("Incorrect") => "22P02",
        (_, Some(state)) => state,
        (_, None) => "XX000",
    };
    let mut error = PgError {
        sqlstate: state.to_owned(),
        message: message.to_owned(),
        detail: Some(format!("MySQL error {errno} ({sqlstate}) on backend {backend}: {message}")),
        ..PgError::default()
    };
    match state {
        "23505" => unique(&mut error, message),
        "23503" => foreign_key(&mut error, message),
        "23502" => not_null(&mut error, message),
        "23514" => check(&mut error, message),
        "22001" => {
            error.column = between(message, "column '", "'").map(str::to_owned);
            error.message = "value too long".to_owned();
        }
        "22003" => {
            error.column = between(message, "column '", "'").map(str::to_owned);
            error.message = match (&error.column, message.split_once(" value is out of range")) {
                (Some(column), _) => format!("value out of range for column \"{column}\""),
                (None, Some((ty, _))) => format!("{} out of range", ty.to_lowercase()),
                (None, None) => message.to_owned(),
            };
        }
        "22P02" | "22007" => invalid_text(&mut error, message),
        "22012" => error.message = "division by zero".to_owned(),
        "21000" => error.message = "more than one row returned by a subquery used as an expression".to_owned(),
        "40P01" => error.message = "deadlock detected".to_owned(),
        "40001" => error.message = "could not serialize access due to concurrent update".to_owned(),
        "55P03" => error.message = "canceling statement due to lock timeout".to_owned(),
        "57014" if errno == 1317 => error.message = "canceling statement due to user request".to_owned(),
        "57014" => error.message = "canceling statement due to statement timeout".to_owned(),
        "42P01" => {
            if let Some(table) = between(message, " '", "'") {
                error.message = format!("relation \"{table}\" does not exist");
            }
        }
        "42703" => {
            if let Some(column) = between(message, "column '", "'") {
                error.message = format!("column \"{column}\" does not exist");
            }
        }
        "42702" => {
            if let Some(column) = between(message, "Column '", "'") {
                error.message = format!("column reference \"{column}\" is ambiguous");
            }
        }
        "42P07" => {
            if let Some(table) = between(message, " '", "'") {
                error.message = format!("relation \"{table}\" already exists");
            }
        }
        _ => {}
    }
    error
}

/// `Duplicate entry '1-1' for key 't.two'`; MariaDB does not name the table.
fn unique(error: &mut PgError, message: &str) {
    let Some((entry, key)) = message.rsplit_once(" for key ") else { return };
    let key = key.trim_matches('\'');
    let (table, key) = key.split_once('.').map_or((None, key), |(table, key)| (Some(table), key));
    // PostgreSQL's own name for it, which applications compare with.
    let constraint = match table {
        Some(table) if key == "PRIMARY" => format!("{table}_pkey"),
        _ => key.to_owned(),
    };
    error.message = format!("duplicate key value violates unique constraint \"{constraint}\"");
    if let Some(entry) = entry.strip_prefix("Duplicate entry ") {
        error.detail = Some(format!("Key {entry} already exists. {}", error.detail.take().unwrap_or_default()));
    }
    error.table = table.map(str::to_owned);
    error.constraint = Some(constraint);
}

/// ``… a foreign key constraint fails (`db`.`child`, CONSTRAINT `name` FOREIGN KEY (`c`) REFERENCES `parent` (`id`))``
fn foreign_key(error: &mut PgError, message: &str) {
    let inner = message.split_once("constraint fails (").map_or("", |(_, inner)| inner);
    let child = inner.split_once(", CONSTRAINT").and_then(|(table, _)| table.rsplit('`').nth(1));
    let name = between(inner, "CONSTRAINT `", "`");
    let parent = between(inner, "REFERENCES `", "`");
    error.table = child.map(str::to_owned);
    error.constraint = name.map(str::to_owned);
    let (child, name) = (child.unwrap_or("?"), name.unwrap_or("?"));
    error.message = if message.starts_with("Cannot add") {
        format!("insert or update on table \"{child}\" violates foreign key constraint \"{name}\"")
    } else {
        let parent = parent.unwrap_or("?");
        format!(
            "update or delete on table \"{parent}\" violates foreign key constraint \"{name}\" on table \"{child}\""
        )
    };
}

/// `Column 'n' cannot be null`, `Field 'n' doesn't have a default value`
fn not_null(error: &mut PgError, message: &str) {
    let Some(column) = between(message, "'", "'") else { return };
    error.message = format!("null value in column \"{column}\" violates not-null constraint");
    error.column = Some(column.to_owned());
}

/// MySQL: `Check constraint 'c' is violated.`; MariaDB: ``CONSTRAINT `c` failed for `db`.`t` ``
fn check(error: &mut PgError, message: &str) {
    let name = between(message, "constraint '", "'").or_else(|| between(message, "CONSTRAINT `", "`"));
    let table = message.split_once(" failed for ").and_then(|(_, table)| table.rsplit('`').nth(1));
    let relation = table.map_or_else(String::new, |table| format!(" for relation \"{table}\""));
    error.message = format!("new row{relation} violates check constraint \"{}\"", name.unwrap_or("?"));
    error.constraint = name.map(str::to_owned);
    error.table = table.map(str::to_owned);
}

/// ``Incorrect integer value: 'x' for column `db`.`t`.`c` at row 1``; MySQL: `for column 'c'`.
fn invalid_text(error: &mut PgError, message: &str) {
    let Some((what, rest)) = message.split_once(" value: ") else { return };
    let ty = what.rsplit(' ').next().unwrap_or(what).to_lowercase();
    let (text, place) = rest.rsplit_once(" for column ").unwrap_or((rest, ""));
    let text = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(text);
    error.message = format!("invalid input syntax for type {ty}: \"{text}\"");
    let place = place.split(" at row").next().unwrap_or("");
    error.column = place.rsplit(['`', '\'']).nth(1).filter(|c| !c.is_empty()).map(str::to_owned);
}

/// A BIGINT that a translation takes over its end on purpose, from a number that tells why.
fn raised(message: &str, seed: &str) -> bool {
    message.contains("9223372036854775807") && message.to_ascii_lowercase().contains(seed)
}
