//! Functions that the console knows: what people and clients ask of tables as small as its own.

use super::Environment;
use crate::base::{Dialect, Fault, FaultKind};
use crate::console::cell::{Cell, Kind};

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Version,
    Database,
    Schema,
    User,
    ConnectionId,
    Now,
    Coalesce,
    NullIf,
    Lower,
    Upper,
    Length,
    Concat,
    /// `||`, which is NULL if a side is.
    Join,
    Left,
    Round,
    Abs,
    Seconds,
    Setting,
    ReservedSetting,
    /// `format_type`: the types of the console's columns by oid.
    FormatType,
    /// One answer whatever is asked.
    True,
    False,
    Null,
    Zero,
}

/// A function by its name in lower case, without `pg_catalog.`; and its result's type (`None`: its first argument's).
pub(super) fn function(name: &str) -> Option<(Function, Option<Kind>)> {
    use Function as F;
    Some(match name {
        "version" => (F::Version, Some(Kind::Text)),
        "database" | "current_database" | "current_catalog" => (F::Database, Some(Kind::Text)),
        "schema" | "current_schema" => (F::Schema, Some(Kind::Text)),
        "user" | "current_user" | "session_user" | "system_user" | "pg_get_userbyid" | "current_role" => {
            (F::User, Some(Kind::Text))
        }
        "connection_id" | "pg_backend_pid" => (F::ConnectionId, Some(Kind::Int)),
        "now"
        | "current_timestamp"
        | "localtimestamp"
        | "transaction_timestamp"
        | "statement_timestamp"
        | "clock_timestamp"
        | "utc_timestamp"
        | "sysdate" => (F::Now, Some(Kind::Moment)),
        "coalesce" | "ifnull" => (F::Coalesce, None),
        "nullif" => (F::NullIf, None),
        "lower" | "lcase" => (F::Lower, Some(Kind::Text)),
        "upper" | "ucase" => (F::Upper, Some(Kind::Text)),
        "length" | "char_length" | "character_length" => (F::Length, Some(Kind::Int)),
        "concat" => (F::Concat, Some(Kind::Text)),
        "left" => (F::Left, Some(Kind::Text)),
        "round" => (F::Round, Some(Kind::Float)),
        "abs" => (F::Abs, None),
        "time_to_sec" | "unix_timestamp" => (F::Seconds, Some(Kind::Float)),
        "current_setting" => (F::Setting, Some(Kind::Text)),
        "set_config" => (F::ReservedSetting, Some(Kind::Text)),
        "format_type" => (F::FormatType, Some(Kind::Text)),
        "pg_table_is_visible"
        | "pg_type_is_visible"
        | "has_table_privilege"
        | "has_schema_privilege"
        | "has_database_privilege" => (F::True, Some(Kind::Bool)),
        "pg_is_in_recovery" | "pg_relation_is_publishable" => (F::False, Some(Kind::Bool)),
        "obj_description"
        | "col_description"
        | "pg_get_expr"
        | "pg_get_indexdef"
        | "pg_get_constraintdef"
        | "array_to_string"
        | "shobj_description"
        | "pg_get_viewdef"
        | "pg_tablespace_location" => (F::Null, Some(Kind::Text)),
        "pg_table_size"
        | "pg_total_relation_size"
        | "pg_relation_size"
        | "last_insert_id"
        | "row_count"
        | "found_rows"
        | "txid_current" => (F::Zero, Some(Kind::Int)),
        "pg_size_pretty" | "pg_encoding_to_char" => (F::Lower, Some(Kind::Text)),
        _ => return None,
    })
}

impl Function {
    /// Its value. A missing argument is NULL.
    pub(super) fn call(self, arguments: &[Cell], environment: &Environment<'_>) -> Result<Cell, Fault> {
        let first = || arguments.first().cloned().unwrap_or(Cell::Null);
        let second = || arguments.get(1).cloned().unwrap_or(Cell::Null);
        let text = |change: &dyn Fn(&str) -> Cell| match first() {
            Cell::Null => Cell::Null,
            cell => change(&cell.text()),
        };
        Ok(match self {
            Self::Version => Cell::from(environment.version),
            Self::Database => Cell::from(super::super::DATABASE),
            Self::Schema => Cell::from(match environment.dialect {
                Dialect::Postgres => "public",
                Dialect::Mysql => super::super::DATABASE,
            }),
            Self::User => Cell::from(environment.user),
            Self::ConnectionId => Cell::from(environment.connection),
            Self::Now => Cell::moment_ms(environment.now_ms),
            Self::Coalesce => arguments.iter().find(|cell| **cell != Cell::Null).cloned().unwrap_or(Cell::Null),
            Self::NullIf => {
                let same = first().compare(&second())? == Some(std::cmp::Ordering::Equal);
                if same { Cell::Null } else { first() }
            }
            Self::Lower => text(&|t| t.to_lowercase().into()),
            Self::Upper => text(&|t| t.to_uppercase().into()),
            Self::Length => text(&|t| t.chars().count().into()),
            Self::Concat => arguments.iter().map(Cell::text).collect::<String>().into(),
            Self::Join if arguments.contains(&Cell::Null) => Cell::Null,
            Self::Join => arguments.iter().map(Cell::text).collect::<String>().into(),
            Self::Left => {
                let count = match second().cast(Kind::Int)? {
                    Cell::Int(count) => usize::try_from(count).unwrap_or(0),
                    Cell::Null | Cell::Bool(_) | Cell::Float(_) | Cell::Text(_) | Cell::Span(_) | Cell::Moment(_) => 0,
                };
                text(&|t| t.chars().take(count).collect::<String>().into())
            }
            Self::Round => round(first().cast(Kind::Float)?, second().cast(Kind::Int)?),
            Self::Abs => match first() {
                Cell::Int(number) => Cell::Int(number.saturating_abs()),
                Cell::Float(number) => Cell::Float(number.abs()),
                Cell::Span(micros) => Cell::Span(micros.saturating_abs()),
                other @ (Cell::Null | Cell::Bool(_) | Cell::Text(_) | Cell::Moment(_)) => other,
            },
            Self::Seconds => first().cast(Kind::Float)?,
            Self::Setting => {
                let name = first().text();
                match environment.variables.pg(&name) {
                    Some(value) => Cell::from(value),
                    None if second().cast(Kind::Bool)? == Cell::Bool(true) => Cell::Null,
                    None => return Err(no_setting(&name)),
                }
            }
            // As if it were set: nothing here depends on it.
            Self::ReservedSetting => second(),
            Self::FormatType => match first().cast(Kind::Int)? {
                Cell::Int(oid) => Cell::from(crate::console::catalog::type_name(oid)),
                Cell::Null | Cell::Bool(_) | Cell::Float(_) | Cell::Text(_) | Cell::Span(_) | Cell::Moment(_) => {
                    Cell::Null
                }
            },
            Self::True => Cell::Bool(true),
            Self::False => Cell::Bool(false),
            Self::Null => Cell::Null,
            Self::Zero => Cell::Int(0),
        })
    }
}

/// What PostgreSQL says of a parameter that it does not have.
pub(in crate::console) fn no_setting(name: &str) -> Fault {
    Fault::verbatim(FaultKind::UnknownVariable, format!("unrecognized configuration parameter \"{name}\""))
}

fn round(number: Cell, digits: Cell) -> Cell {
    let Cell::Float(number) = number else { return Cell::Null };
    let digits = match digits {
        Cell::Int(digits) => i32::try_from(digits.clamp(-15, 15)).unwrap_or(0),
        Cell::Null | Cell::Bool(_) | Cell::Float(_) | Cell::Text(_) | Cell::Span(_) | Cell::Moment(_) => 0,
    };
    let scale = 10_f64.powi(digits);
    Cell::Float((number * scale).round() / scale)
}
