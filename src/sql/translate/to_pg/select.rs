//! SELECT.

use sqlparser::ast::{
    Distinct, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, GroupByWithModifier, OrderByExpr,
    Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SelectModifiers, WildcardAdditionalOptions,
};

use super::alias::{self, Prefer, has_aggregate, ordinal};
use super::from::From;
use super::scope::{Scope, ScopeColumn};
use super::source::{find, parts, unknown_column};
use super::{Selected, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Part, Sql};

/// One column of a result.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) named: alias::Named,
    pub(super) name: String,
    pub(super) typed: Typed,
    pub(super) origin: Option<ScopeColumn>,
}

/// A SELECT with what its query needs to know of it.
pub(super) struct Core {
    pub(super) selected: Selected,
    /// Without outer joins' optional sides: the aliases of base tables, for FOR UPDATE.
    pub(super) lockable: Result<Vec<String>, &'static str>,
}

impl Walk<'_> {
    /// A SELECT, with its query's ORDER BY.
    pub(super) fn select(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        outer: Option<&Scope<'_>>,
    ) -> Result<Core, Fault> {
        self.plain_select(select)?;
        let mut from = self.from(&select.from, outer)?;
        let scope = Scope { outer, sources: std::mem::take(&mut from.sources) };
        let texts = self.item_texts_of(select);
        let mut items = self.items(&select.projection, &texts, &from, &scope)?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err(self.refused("DISTINCT ON")),
        };
        let named: Vec<_> = items.iter().map(|i| i.named.clone()).collect();
        let (group, rolled) = self.group_by(&select.group_by, &items, &named, &scope)?;
        let mut filter = select.selection.as_ref().map(|e| self.condition(e, &scope)).transpose()?;
        let mut having = None;
        let aggregated = items.iter().any(|i| i.typed.aggregate) || group.is_some();
        if let Some(expr) = &select.having {
            let expr = alias::replaced(expr, &named, &scope, Prefer::Alias);
            let sql = self.condition(&expr, &scope)?;
            if aggregated || has_aggregate(&expr) {
                having = Some(sql);
            } else {
                // MySQL's second WHERE, which knows aliases.
                filter = Some(match filter {
                    None => sql,
                    Some(first) => Sql::joined([first.wrapped("(", ")"), sql.wrapped("(", ")")], " AND "),
                });
            }
        }
        let windows = self.windows(&select.named_window, &scope)?;
        let rollup = rolled.is_some();
        let order = self.order(order, &mut items, &named, &scope, distinct)?.or(rolled.filter(|_| !distinct));
        let mut sql = Sql::text(if distinct { "SELECT DISTINCT " } else { "SELECT " });
        sql.append(Sql::joined(items.iter().map(|i| i.typed.sql.clone()), ", "));
        let mut clause = |word: &str, piece: Option<Sql>| {
            if let Some(piece) = piece {
                sql.push(word).append(piece);
            }
        };
        clause(" FROM ", (!scope.sources.is_empty()).then(|| from.sql.clone()));
        clause(" WHERE ", filter);
        clause(" GROUP BY ", group);
        clause(" HAVING ", having.clone());
        clause(" WINDOW ", windows);
        clause(" ORDER BY ", order);
        let grouped = aggregated || distinct || having.is_some();
        let lockable =
            if grouped { Err("FOR UPDATE with DISTINCT, GROUP BY or aggregates") } else { lockable(&from, &scope) };
        let columns = items.into_iter().map(|item| result(item, rollup)).collect();
        Ok(Core { selected: Selected { sql, columns }, lockable })
    }

    /// Refuses what is not MySQL's, or has no translation.
    fn plain_select(&self, select: &Select) -> Result<(), Fault> {
        let Select {
            select_token: _,
            // Hints to MySQL's optimizer.
            optimizer_hints: _,
            distinct: _,
            select_modifiers,
            top: None,
            top_before_distinct: false,
            projection: _,
            exclude: None,
            into,
            from: _,
            lateral_views,
            prewhere: None,
            selection: _,
            connect_by,
            group_by: _,
            cluster_by,
            distribute_by,
            sort_by,
            having: _,
            named_window: _,
            qualify: None,
            window_before_qualify: _,
            value_table_mode: None,
            flavor: SelectFlavor::Standard,
        } = select
        else {
            return Err(self.refused("this form of SELECT"));
        };
        if into.is_some() {
            return Err(self.refused("SELECT … INTO"));
        }
        if !(lateral_views.is_empty()
            && connect_by.is_empty()
            && cluster_by.is_empty()
            && distribute_by.is_empty()
            && sort_by.is_empty())
        {
            return Err(self.refused("this form of SELECT"));
        }
        if let Some(SelectModifiers {
            high_priority: _,
            straight_join: _,
            sql_small_result: _,
            sql_big_result: _,
            sql_buffer_result: _,
            sql_no_cache: _,
            sql_calc_found_rows: true,
        }) = select_modifiers
        {
            return Err(self.refused("SQL_CALC_FOUND_ROWS").hint("Ask for COUNT(*) in a second statement."));
        }
        Ok(())
    }

    /// The items' texts, if a name will be made of one.
    fn item_texts_of(&self, select: &Select) -> Vec<String> {
        let asks = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(expr) => super::names::column_words(expr).is_none(),
            _ => false,
        };
        if !select.projection.iter().any(asks) {
            return Vec::new();
        }
        let Ok(text) = std::str::from_utf8(self.request.text) else { return Vec::new() };
        let texts = super::names::item_texts(text, select.select_token.0.span.start);
        if texts.len() == select.projection.len() { texts } else { Vec::new() }
    }

    pub(super) fn items(
        &mut self,
        projection: &[SelectItem],
        texts: &[String],
        from: &From,
        scope: &Scope<'_>,
    ) -> Result<Vec<Item>, Fault> {
        let mut out = Vec::with_capacity(projection.len());
        for (at, item) in projection.iter().enumerate() {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = self.item_name(expr, texts.get(at));
                    let alias = super::names::column_words(expr).is_some().then(|| name.clone());
                    out.push(self.item(expr, name, alias, scope)?);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    out.push(self.item(expr, alias.value.clone(), Some(alias.value.clone()), scope)?);
                }
                SelectItem::Wildcard(options) => {
                    self.bare(options)?;
                    if scope.sources.is_empty() {
                        return Err(Fault::new(FaultKind::Syntax, "No tables used"));
                    }
                    out.extend(from.star.iter().map(|(s, c)| self.star(&scope.sources[*s].columns[*c])));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(object), options) => {
                    self.bare(options)?;
                    let words = parts(object).unwrap_or_default();
                    let source = scope.sources.iter().find(|source| match words.as_slice() {
                        [table] => source.alias == table.value,
                        [schema, table] => {
                            source.alias == table.value && source.schema.as_deref() == Some(schema.value.as_str())
                        }
                        _ => false,
                    });
                    let Some(source) = source else {
                        return Err(Fault::new(FaultKind::UndefinedTable, format!("Unknown table '{object}'")));
                    };
                    out.extend(source.columns.iter().map(|c| self.star(c)));
                }
                other => return Err(self.refused(format_args!("{other} in a select list"))),
            }
        }
        Ok(out)
    }

    fn bare(&self, options: &WildcardAdditionalOptions) -> Result<(), Fault> {
        match options {
            WildcardAdditionalOptions {
                wildcard_token: _,
                opt_ilike: None,
                opt_exclude: None,
                opt_except: None,
                opt_replace: None,
                opt_rename: None,
                opt_alias: None,
            } => Ok(()),
            _ => Err(self.refused("words behind *")),
        }
    }

    fn item(&mut self, expr: &Expr, name: String, alias: Option<String>, scope: &Scope<'_>) -> Result<Item, Fault> {
        let typed = self.expr(expr, scope)?;
        let typed = self.settle(typed)?;
        let origin = super::names::column_words(expr).and_then(|words| find(scope, &words).cloned());
        Ok(Item { named: alias::Named { alias, expr: Some(expr.clone()) }, name, typed, origin })
    }

    fn star(&self, column: &ScopeColumn) -> Item {
        Item {
            named: alias::Named { alias: None, expr: None },
            name: column.name.clone(),
            typed: self.column(column),
            origin: Some(column.clone()),
        }
    }

    /// What GROUP BY prints; WITH ROLLUP also the order that MySQL's rows come in, each total behind what it sums up.
    fn group_by(
        &mut self,
        group: &GroupByExpr,
        items: &[Item],
        named: &[alias::Named],
        scope: &Scope<'_>,
    ) -> Result<(Option<Sql>, Option<Sql>), Fault> {
        let GroupByExpr::Expressions(exprs, modifiers) = group else { return Err(self.refused("GROUP BY ALL")) };
        let rollup = match modifiers.as_slice() {
            [] => false,
            [GroupByWithModifier::Rollup] => true,
            _ => return Err(self.refused("this form of GROUP BY")),
        };
        let inside = rolled_up(exprs);
        let (exprs, rollup) = (inside.as_deref().unwrap_or(exprs), rollup || inside.is_some());
        let mut out = Vec::with_capacity(exprs.len());
        for expr in exprs {
            out.push(self.group_item(expr, items, named, scope)?);
        }
        if out.is_empty() {
            return Ok((None, None));
        }
        let list = Sql::joined(out.clone(), ", ");
        if !rollup {
            return Ok((Some(list), None));
        }
        let order = out.iter().map(|one| self.rolled_order(one, items));
        Ok((Some(list.wrapped("ROLLUP (", ")")), Some(Sql::joined(order, ", "))))
    }

    fn rolled_order(&self, group: &Sql, items: &[Item]) -> Sql {
        let place = match group.parts() {
            [Part::Text(digits)] => digits.parse::<usize>().ok(),
            _ => None,
        };
        let item = match place {
            Some(place) => items.get(place - 1),
            None => items.iter().find(|item| item.typed.sql == *group),
        };
        let (own, ordered) = match item {
            Some(item) => (item.typed.sql.clone(), self.comparable(&item.typed)),
            None => (group.clone(), group.clone()),
        };
        let mut sql = own.wrapped("GROUPING(", "), ");
        sql.append(ordered).push(" NULLS FIRST");
        sql
    }

    fn group_item(
        &mut self,
        expr: &Expr,
        items: &[Item],
        named: &[alias::Named],
        scope: &Scope<'_>,
    ) -> Result<Sql, Fault> {
        if let Some(place) = ordinal(expr) {
            let fits = (1..=items.len()).contains(&place);
            return if fits {
                Ok(Sql::text(place.to_string()))
            } else {
                Err(unknown_column(&place.to_string(), "group statement"))
            };
        }
        if let Expr::Identifier(ident) = expr
            && find(scope, std::slice::from_ref(ident)).is_none()
        {
            match alias::item(named, ident) {
                Ok(Some(at)) if items[at].typed.aggregate => {
                    let what = format!("Can't group on '{}'", ident.value);
                    return Err(Fault::new(FaultKind::Grouping, what));
                }
                Ok(Some(at)) => return Ok(Sql::text((at + 1).to_string())),
                Ok(None) => {}
                Err(()) => return Err(ambiguous(&ident.value, "group statement")),
            }
        }
        let typed = self.expr(&alias::replaced(expr, named, scope, Prefer::Column), scope)?;
        if typed.open.is_some() || typed.number.is_some() {
            return Err(self.refused("GROUP BY with a constant"));
        }
        Ok(typed.sql)
    }
}

/// What stands in the parentheses of ROLLUP, the form in which WITH ROLLUP is read.
fn rolled_up(exprs: &[Expr]) -> Option<Vec<Expr>> {
    let [Expr::Function(function)] = exprs else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let arg = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let known = function.name.to_string().eq_ignore_ascii_case("rollup");
    if known { list.args.iter().map(arg).collect() } else { None }
}

/// Where names for several things are refused.
pub(super) fn ambiguous(column: &str, place: &str) -> Fault {
    Fault::new(FaultKind::AmbiguousColumn, format!("Column '{column}' in {place} is ambiguous"))
}

fn lockable(from: &From, scope: &Scope<'_>) -> Result<Vec<String>, &'static str> {
    let mut out = Vec::new();
    for (source, place) in scope.sources.iter().zip(&from.places) {
        match (&place.table, place.optional) {
            (Some(_), false) => out.push(source.alias.clone()),
            (Some(_), true) => return Err("FOR UPDATE on the side of an outer join that may have no row"),
            (None, _) => {}
        }
    }
    Ok(out)
}

pub(super) fn result(item: Item, rollup: bool) -> ScopeColumn {
    let Item { named: _, name, typed, origin } = item;
    let unicode = origin.as_ref().is_none_or(|o| o.unicode);
    ScopeColumn {
        name,
        ty: typed.ty,
        pg: typed.pg,
        sql: typed.sql,
        exact: typed.exact,
        unicode,
        nullable: typed.nullable || rollup,
        hidden: false,
        origin: origin.and_then(|o| o.origin),
    }
}
