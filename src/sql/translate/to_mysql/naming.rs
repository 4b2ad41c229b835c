//! PostgreSQL's names for result columns without an alias (`FigureColname`).

use sqlparser::ast::{DataType, Expr, Function, SelectItem, SetExpr, TimezoneInfo, TrimWhereField, Value};

use super::scope::fold;

/// What PostgreSQL calls a column that has no name.
const NAMELESS: &str = "?column?";

/// PostgreSQL's name for a result column without an alias.
pub(in crate::sql::translate) fn column_name(expr: &Expr) -> String {
    name(expr).0.unwrap_or_else(|| NAMELESS.to_owned())
}

/// The name, and how much it counts: 2 a column's or function's, 1 a type's.
fn name(expr: &Expr) -> (Option<String>, u8) {
    let word = |text: &str| (Some(text.to_owned()), 2);
    match expr {
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => name(inner),
        Expr::Identifier(ident) => (Some(fold(ident)), 2),
        Expr::CompoundIdentifier(path) => (path.last().map(fold), 2),
        Expr::Function(function) => (Some(function_name(function)), 2),
        Expr::Cast { expr, data_type, .. } => typed(name(expr), data_type),
        Expr::TypedString(text) => typed((None, 0), &text.data_type),
        Expr::Interval(_) => (Some("interval".to_owned()), 1),
        Expr::Value(value) => match &value.value {
            Value::Boolean(_) => (Some("bool".to_owned()), 1),
            _ => (None, 0),
        },
        Expr::Case { else_result, .. } => match else_result.as_deref().map(name) {
            Some((found, 2)) => (found, 2),
            _ => (Some("case".to_owned()), 1),
        },
        Expr::Exists { negated: false, .. } => word("exists"),
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.as_slice() {
                [SelectItem::ExprWithAlias { alias, .. }] => (Some(fold(alias)), 2),
                [SelectItem::UnnamedExpr(expr)] => name(expr),
                _ => (None, 0),
            },
            _ => (None, 0),
        },
        Expr::Extract { .. } => word("extract"),
        Expr::Position { .. } => word("position"),
        Expr::Substring { shorthand: true, .. } => word("substr"),
        Expr::Substring { .. } => word("substring"),
        Expr::Overlay { .. } => word("overlay"),
        Expr::Ceil { .. } => word("ceil"),
        Expr::Floor { .. } => word("floor"),
        Expr::AtTimeZone { .. } => word("timezone"),
        Expr::Array(_) => word("array"),
        Expr::Tuple(_) => word("row"),
        Expr::Trim { trim_where, .. } => word(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            Some(TrimWhereField::Both) | None => "btrim",
        }),
        _ => (None, 0),
    }
}

fn function_name(function: &Function) -> String {
    let last = function.name.0.last().and_then(|part| part.as_ident());
    last.map_or_else(|| NAMELESS.to_owned(), fold)
}

fn typed((found, weight): (Option<String>, u8), ty: &DataType) -> (Option<String>, u8) {
    if weight == 2 {
        return (found, weight);
    }
    (Some(type_name(ty)), 1)
}

/// A type's name in PostgreSQL's catalog.
fn type_name(ty: &DataType) -> String {
    match ty {
        DataType::Bool | DataType::Boolean => "bool",
        DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4",
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric",
        DataType::Real | DataType::Float4 => "float4",
        DataType::Float(_) | DataType::DoublePrecision | DataType::Float8 => "float8",
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => "varchar",
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => "timestamp",
        DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => "timestamptz",
        DataType::Time(..) => "time",
        DataType::Interval { .. } => "interval",
        DataType::Custom(name, _) => {
            return name.0.last().and_then(|part| part.as_ident()).map_or_else(|| NAMELESS.to_owned(), fold);
        }
        other => return other.to_string().to_ascii_lowercase(),
    }
    .to_owned()
}
