//! Names of result columns that have no alias.

use sqlparser::ast::{Expr, Value as Written};

use super::Walk;

impl Walk<'_> {
    /// The name as far as the tree tells: a column's own, a text's content; anything else is named by its text in the
    /// statement, which the tree has not.
    pub(super) fn column_name(expr: &Expr) -> String {
        match expr {
            Expr::Identifier(ident) => ident.value.clone(),
            Expr::CompoundIdentifier(parts) => parts.last().map_or_else(String::new, |p| p.value.clone()),
            Expr::Value(value) => match &value.value {
                Written::SingleQuotedString(text) | Written::DoubleQuotedString(text) => text.clone(),
                other => other.to_string(),
            },
            other => other.to_string(),
        }
    }
}
