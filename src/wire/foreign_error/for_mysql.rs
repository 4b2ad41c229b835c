//! PostgreSQL's errors for MySQL clients.

use super::{MyError, between};
use crate::wire::pg::error::field;

/// The fields of an ErrorResponse that are used here.
struct Fields<'a> {
    message: String,
    detail: String,
    schema: String,
    table: String,
    column: String,
    constraint: String,
    backend: &'a str,
    mariadb: bool,
}

/// PostgreSQL's error (body of the ErrorResponse) for a MySQL client. `mariadb`: numbers and words as MariaDB's.
pub fn for_mysql(error: &[u8], mariadb: bool, backend: &str) -> MyError {
    let text = |kind: u8| {
        let value = field(error, kind).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    let state = text(b'C');
    let fields = Fields {
        message: text(b'M'),
        detail: text(b'D'),
        schema: text(b's'),
        table: text(b't'),
        column: text(b'c'),
        constraint: text(b'n'),
        backend,
        mariadb,
    };
    let told = match state.get(..2) {
        Some("23") => integrity(&state, &fields),
        Some("22") => data(&state, &fields),
        Some("42" | "3F" | "3D") => statement(&state, &fields),
        _ => running(&state, &fields),
    };
    let (errno, sqlstate, message) = told.unwrap_or_else(|| {
        let detail = if fields.detail.is_empty() { String::new() } else { format!("; {}", fields.detail) };
        (1105, "HY000", format!("{}{detail} [SQLSTATE {state} from backend {backend}]", fields.message))
    });
    MyError { errno, sqlstate: sqlstate.to_owned(), message }
}

type Told = Option<(u16, &'static str, String)>;

/// Class 23.
fn integrity(state: &str, f: &Fields<'_>) -> Told {
    Some(match state {
        "23505" => (1062, "23000", duplicate(f)),
        "23503" => {
            let referenced = f.detail.contains("is still referenced");
            let (errno, what) =
                if referenced { (1451, "delete or update a parent") } else { (1452, "add or update a child") };
            (
                errno,
                "23000",
                format!("Cannot {what} row: a foreign key constraint fails ({})", reference(f, referenced)),
            )
        }
        "23502" => (1048, "23000", format!("Column '{}' cannot be null", f.column)),
        "23514" if f.mariadb => {
            (4025, "23000", format!("CONSTRAINT `{}` failed for `{}`.`{}`", f.constraint, f.schema, f.table))
        }
        "23514" => (3819, "HY000", format!("Check constraint '{}' is violated.", f.constraint)),
        _ => return None,
    })
}

/// From `Key (a, b)=(1, x) already exists.`; MySQL joins the values by hyphens and calls the primary key PRIMARY.
fn duplicate(f: &Fields<'_>) -> String {
    let columns = between(&f.detail, "(", ")=(").unwrap_or("");
    let values = f.detail.split_once(")=(").and_then(|(_, rest)| rest.rsplit_once(") already exists"));
    let values = values.map_or("", |(values, _)| values);
    let split: Vec<&str> = values.split(", ").collect();
    // A value with a comma in it cannot be told from two.
    let entry = if split.len() == columns.split(", ").count() { split.join("-") } else { values.to_owned() };
    let key = if f.constraint.ends_with("_pkey") { "PRIMARY" } else { &f.constraint };
    let key = if f.mariadb || f.table.is_empty() { key.to_owned() } else { format!("{}.{key}", f.table) };
    format!("Duplicate entry '{entry}' for key '{key}'")
}

/// ``(`schema`.`child`, CONSTRAINT `name` FOREIGN KEY (`c`) REFERENCES `parent`)``; PostgreSQL says the child's columns only
/// where the child is at fault.
fn reference(f: &Fields<'_>, referenced: bool) -> String {
    let columns = between(&f.detail, "(", ")=(").unwrap_or("").replace(", ", "`, `");
    let child = format!("`{}`.`{}`, CONSTRAINT `{}`", f.schema, f.table, f.constraint);
    if referenced {
        let parent = between(&f.message, "on table \"", "\"").unwrap_or("");
        return format!("{child} REFERENCES `{parent}` (`{columns}`)");
    }
    let parent = between(&f.detail, "in table \"", "\"").unwrap_or("");
    format!("{child} FOREIGN KEY (`{columns}`) REFERENCES `{parent}`")
}

/// Class 22.
fn data(state: &str, f: &Fields<'_>) -> Told {
    let column = || if f.column.is_empty() { String::new() } else { format!(" for column '{}'", f.column) };
    Some(match state {
        "22001" => (1406, "22001", format!("Data too long{}: {}", column(), f.message)),
        "22003" => match f.message.strip_suffix(" out of range").filter(|ty| *ty == "bigint") {
            Some(_) => (1690, "22003", format!("BIGINT value is out of range: {}", f.message)),
            None => (1264, "22003", format!("Out of range value{}: {}", column(), f.message)),
        },
        "22012" => (1365, "22012", "Division by 0".to_owned()),
        "22P02" | "22007" | "22008" => {
            let (ty, text) = invalid_text(&f.message);
            let dated = matches!(ty, "date" | "time" | "datetime" | "timestamp") || state != "22P02";
            let message = format!("Incorrect {ty} value: '{text}'{} ({})", column(), f.message);
            match (dated, f.mariadb) {
                (true, _) => (1292, "22007", message),
                (false, true) => (1366, "22007", message),
                (false, false) => (1366, "HY000", message),
            }
        }
        "22021" | "22P05" => {
            (1366, if f.mariadb { "22007" } else { "HY000" }, format!("Incorrect string value: {}", f.message))
        }
        "22004" => (1048, "23000", f.message.clone()),
        _ => return None,
    })
}

/// From `invalid input syntax for type smallint: "x"`, `date/time field value out of range: "2020-13-45"`.
fn invalid_text(message: &str) -> (&'static str, &str) {
    let text = message.split_once(": \"").and_then(|(_, rest)| rest.strip_suffix('"')).unwrap_or("");
    let ty =
        between(message, "for type ", ":").unwrap_or(if message.starts_with("date/time") { "timestamp" } else { "" });
    let ty = match ty {
        "smallint" | "integer" | "bigint" | "boolean" => "integer",
        "numeric" => "decimal",
        "real" | "double precision" => "double",
        "date" => "date",
        "time" => "time",
        timestamp if timestamp.starts_with("timestamp") => "datetime",
        "uuid" => "uuid",
        "json" | "jsonb" => "json",
        _ => "string",
    };
    (ty, text)
}

/// Classes 42, 3D and 3F.
fn statement(state: &str, f: &Fields<'_>) -> Told {
    let name = between(&f.message, "\"", "\"").unwrap_or("");
    // `relation "s.t"`, `column t.c`, `column "c" of relation "t"`.
    let bare = between(&f.message, "column ", " ").map_or("", |c| c.trim_matches('"'));
    let (list, at) = if f.mariadb { ("'SELECT'", "SELECT") } else { ("'field list'", "field list") };
    Some(match state {
        "42P01" => (1146, "42S02", format!("Table '{name}' doesn't exist")),
        "42703" => (1054, "42S22", format!("Unknown column '{bare}' in {list}")),
        "42702" => (1052, "23000", format!("Column '{name}' in {at} is ambiguous")),
        "42P07" => (1050, "42S01", format!("Table '{name}' already exists")),
        "42701" => (1060, "42S21", format!("Duplicate column name '{name}'")),
        "42712" => (1066, "42000", format!("Not unique table/alias: '{name}'")),
        "42601" => {
            (1064, "42000", format!("You have an error in your SQL syntax; {} (backend {})", f.message, f.backend))
        }
        "42883" => (1305, "42000", format!("FUNCTION does not exist: {}", f.message)),
        "42803" if f.message.starts_with("aggregate function") => {
            (1111, "HY000", format!("Invalid use of group function: {}", f.message))
        }
        "42803" => (1055, "42000", f.message.clone()),
        "42704" => (1091, "42000", format!("Can't find '{name}': {}", f.message)),
        "42501" => (1142, "42000", format!("Command denied on backend {}: {}", f.backend, f.message)),
        "42830" => (1215, "HY000", format!("Cannot add foreign key constraint: {}", f.message)),
        "428C9" if f.mariadb => (1906, "HY000", f.message.clone()),
        "428C9" => (3105, "HY000", f.message.clone()),
        "3D000" | "3F000" => (1049, "42000", format!("Unknown database '{name}'")),
        _ => return None,
    })
}

/// Everything that has to do with running: transactions, locks, limits.
fn running(state: &str, f: &Fields<'_>) -> Told {
    Some(match state {
        "40P01" | "40001" => {
            (1213, "40001", "Deadlock found when trying to get lock; try restarting transaction".to_owned())
        }
        // NOWAIT.
        "55P03" if f.message.starts_with("could not obtain lock") && !f.mariadb => (
            3572,
            "HY000",
            "Statement aborted because lock(s) could not be acquired immediately and NOWAIT is set.".to_owned(),
        ),
        "55P03" => (1205, "HY000", "Lock wait timeout exceeded; try restarting transaction".to_owned()),
        "57014" if f.message.contains("statement timeout") => {
            let (errno, state) = if f.mariadb { (1969, "70100") } else { (3024, "HY000") };
            (errno, state, "Query execution was interrupted, maximum statement execution time exceeded".to_owned())
        }
        "57014" => (1317, "70100", "Query execution was interrupted".to_owned()),
        "25006" => (1792, "25006", "Cannot execute statement in a READ ONLY transaction.".to_owned()),
        "28000" | "28P01" => (1045, "28000", format!("Access denied on backend {}: {}", f.backend, f.message)),
        "53300" => (1040, "08004", "Too many connections".to_owned()),
        "53100" => (1021, "HY000", format!("Disk full: {}", f.message)),
        "53200" => (1041, "HY000", format!("Out of memory: {}", f.message)),
        "57P01" | "57P02" | "57P03" => (1053, "08S01", "Server shutdown in progress".to_owned()),
        "0A000" => (1235, "42000", format!("{} (backend {})", f.message, f.backend)),
        "21000" => (1242, "21000", format!("Subquery returns more than 1 row: {}", f.message)),
        "2BP01" if f.mariadb => (1451, "23000", format!("Cannot delete or update a parent row: {}", f.message)),
        "2BP01" => (3730, "HY000", format!("{}; {}", f.message, f.detail)),
        "3B001" => (1305, "42000", format!("SAVEPOINT does not exist: {}", f.message)),
        "44000" => (1369, "44000", f.message.clone()),
        "P0001" => (1644, "45000", f.message.clone()),
        _ => return None,
    })
}
