//! Select lists: `*` expanded, names, and what ORDER BY means by them.

use sqlparser::ast::{
    Expr, OrderByExpr, SelectItem, SelectItemQualifiedWildcardKind, Value, WildcardAdditionalOptions,
};

use super::Walk;
use super::grouping::{canonical, column_key};
use super::naming::column_name;
use super::scope::{Scope, ScopeColumn, fold};
use super::select::{Item, Key};
use crate::base::{Fault, FaultKind};

impl Walk<'_> {
    /// The select list, `*` expanded.
    pub(super) fn items(&mut self, list: &[SelectItem], scope: &Scope<'_>) -> Result<Vec<Item>, Fault> {
        let mut out = Vec::new();
        for item in list {
            match item {
                SelectItem::UnnamedExpr(expr) => out.push(self.item(expr, column_name(expr), scope)?),
                SelectItem::ExprWithAlias { expr, alias } => out.push(self.item(expr, fold(alias), scope)?),
                SelectItem::Wildcard(options) => {
                    self.plain_wildcard(options)?;
                    if scope.sources.is_empty() {
                        let what = "SELECT * with no tables specified is not valid";
                        return Err(Fault::new(FaultKind::Syntax, what));
                    }
                    out.extend(scope.all_columns().into_iter().map(|c| self.star_item(c)));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    self.plain_wildcard(options)?;
                    let (schema, table) = self.parts(name)?;
                    let (schema, table) = (schema.map(fold), fold(table));
                    let Some(source) = scope.source(schema.as_ref(), &table) else {
                        let what = format!("missing FROM-clause entry for table \"{table}\"");
                        return Err(Fault::new(FaultKind::UndefinedTable, what));
                    };
                    out.extend(source.columns.iter().map(|c| self.star_item(c)));
                }
                other => return Err(self.refused(format!("{other} in a select list"))),
            }
        }
        Ok(out)
    }

    fn star_item(&self, column: &ScopeColumn) -> Item {
        Item {
            name: column.name.clone(),
            typed: self.of_column(column),
            nullable: column.nullable,
            canonical: column_key(column),
        }
    }

    fn item(&mut self, expr: &Expr, name: String, scope: &Scope<'_>) -> Result<Item, Fault> {
        let typed = self.expr(expr, scope)?;
        let nullable = self.plain_column(expr, scope).is_none_or(|c| c.nullable);
        Ok(Item { name, typed, nullable, canonical: canonical(expr, scope) })
    }

    fn plain_wildcard(&self, options: &WildcardAdditionalOptions) -> Result<(), Fault> {
        let WildcardAdditionalOptions {
            wildcard_token: _,
            opt_ilike: None,
            opt_exclude: None,
            opt_except: None,
            opt_replace: None,
            opt_rename: None,
            opt_alias: None,
        } = options
        else {
            return Err(self.refused("a modified *"));
        };
        Ok(())
    }

    /// What ORDER BY names: an output column by its number or name, else an expression over FROM.
    pub(super) fn keys(&mut self, order: &[OrderByExpr], items: &[Item], scope: &Scope<'_>) -> Result<Vec<Key>, Fault> {
        let mut out = Vec::new();
        for OrderByExpr { expr, options: _, with_fill } in order {
            if with_fill.is_some() {
                return Err(self.refused("WITH FILL"));
            }
            if let Some(at) = self.output_column(expr, items)? {
                out.push(Key::Item(at));
                continue;
            }
            let key = canonical(expr, scope);
            if let Some(at) = items.iter().position(|i| i.canonical == key) {
                out.push(Key::Item(at));
                continue;
            }
            let typed = self.expr(expr, scope)?;
            out.push(Key::Other(Box::new(typed), Box::new(key)));
        }
        Ok(out)
    }

    /// The output column that an item of ORDER BY is.
    pub(super) fn output_column(&self, expr: &Expr, items: &[Item]) -> Result<Option<usize>, Fault> {
        match expr {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) => match digits.parse::<usize>() {
                    Ok(n) if n >= 1 && n <= items.len() => Ok(Some(n - 1)),
                    _ => {
                        let what = format!("ORDER BY position {digits} is not in select list");
                        Err(Fault::new(FaultKind::InvalidReference, what))
                    }
                },
                _ => Ok(None),
            },
            Expr::Identifier(name) => {
                let name = fold(name);
                let mut named = items.iter().enumerate().filter(|(_, i)| i.name == name);
                let Some((at, first)) = named.next() else { return Ok(None) };
                if named.any(|(_, other)| other.canonical != first.canonical) {
                    let what = format!("ORDER BY \"{name}\" is ambiguous");
                    return Err(Fault::new(FaultKind::AmbiguousColumn, what));
                }
                Ok(Some(at))
            }
            _ => Ok(None),
        }
    }
}
