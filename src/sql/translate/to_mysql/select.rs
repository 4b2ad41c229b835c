//! One SELECT: its list, FROM, WHERE, GROUP BY, HAVING, WINDOW, DISTINCT, and the ORDER BY of the query that it is.

use sqlparser::ast::{Distinct, Expr, GroupByExpr, LockClause, OrderByExpr, OrderByOptions, Select, SelectFlavor};

use super::grouping::{Groups, canonical};
use super::names::{dotted, output, output_shown, quoted};
use super::query::{Use, as_output};
use super::scope::{Scope, ScopeColumn, fold};
use super::types::is_text;
use super::{Selected, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// One column of a select list.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) typed: Typed,
    pub(super) nullable: bool,
    /// For comparison with others: names resolved.
    pub(super) canonical: Expr,
}

/// What ORDER BY sorts by.
pub(super) enum Key {
    /// A column of the select list.
    Item(usize),
    /// Something else.
    Other(Box<Typed>, Box<Expr>),
}

/// A SELECT on its way to be printed.
pub(super) struct Core {
    pub(super) items: Vec<Item>,
    /// From FROM on: ` FROM … WHERE … GROUP BY … HAVING … WINDOW …`.
    pub(super) tail: Sql,
    pub(super) distinct: bool,
    /// DISTINCT ON: what it is over.
    on: Vec<Sql>,
    keys: Vec<Key>,
    lock: Sql,
    /// HAVING that needs a query around this one.
    late: Option<Sql>,
}

impl Core {
    /// A list over a FROM, and nothing else.
    pub(super) fn of(items: Vec<Item>, tail: Sql) -> Self {
        let (on, keys, lock) = (Vec::new(), Vec::new(), Sql::new());
        Self { items, tail, distinct: false, on, keys, lock, late: None }
    }

    /// It can be printed as it is.
    pub(super) fn plain(&self) -> bool {
        self.on.is_empty() && self.late.is_none()
    }
}

impl Walk<'_> {
    /// A SELECT with the clauses of its query.
    #[allow(clippy::too_many_arguments)] // The clauses of one query; a struct would only name them again.
    pub(super) fn select(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        limit: Option<Sql>,
        locks: &[LockClause],
        scope: &Scope<'_>,
        usage: Use,
        wanted: &[Option<PgType>],
    ) -> Result<Selected, Fault> {
        let mut core = self.core(select, order, locks, scope)?;
        for (n, item) in core.items.iter_mut().enumerate() {
            self.settle_item(item, wanted.get(n).and_then(Option::as_ref))?;
        }
        let shown = core.items.iter().any(|i| i.typed.shown.is_some()) && usage == Use::Outermost;
        let apart = core.late.is_some() || !core.on.is_empty() || (core.distinct && (!order.is_empty() || shown));
        if apart {
            return self.select_apart(core, order, limit, usage);
        }
        let mut keys = Vec::new();
        for (key, item) in core.keys.iter().zip(order) {
            if let Some(key) = self.key(key, &core, item)? {
                keys.push(key);
            }
        }
        let columns = core_columns(&core);
        let lock = std::mem::take(&mut core.lock);
        let mut sql = self.print_core(&core, usage, &[])?;
        if !keys.is_empty() {
            sql.push(" ORDER BY ").append(Sql::joined(keys, ", "));
        }
        if let Some(limit) = limit {
            sql.append(limit);
        }
        sql.append(lock);
        Ok(Selected { sql, columns })
    }

    /// A SELECT within another one that sorts, picks or filters its rows.
    fn select_apart(
        &mut self,
        core: Core,
        order: &[OrderByExpr],
        limit: Option<Sql>,
        usage: Use,
    ) -> Result<Selected, Fault> {
        if !core.lock.parts().is_empty() {
            return Err(self.refused("FOR UPDATE with HAVING"));
        }
        let alias = self.alias("hf");
        let columns = core_columns(&core);
        let mut extra = Vec::new();
        let mut inner_keys = Vec::new();
        let mut outer_keys = Vec::new();
        for (n, (key, item)) in core.keys.iter().zip(order).enumerate() {
            if let Some(key) = self.key(key, &core, item)? {
                inner_keys.push(key);
            }
            let typed = match key {
                Key::Item(at) => core.items.get(*at).map(|i| i.typed.clone()),
                Key::Other(typed, _) => Some(typed.as_ref().clone()),
            };
            let Some(typed) = typed.filter(|t| t.open.is_none()) else { continue };
            let name = format!("k{}", n + 1);
            let mut outer = Typed::new(dotted(&alias, &name), typed.ty.clone());
            outer.exact = true;
            if let (Key::Item(at), true) = (key, core.distinct) {
                outer.sql = dotted(&alias, &output(*at));
            } else {
                extra.push(as_output(self.comparable(&typed), &name));
            }
            outer_keys.push(self.order_item(&outer, item.options)?);
        }
        let mut filters = Vec::new();
        if !core.on.is_empty() {
            let mut rank = Sql::joined(core.on.clone(), ", ").wrapped("ROW_NUMBER() OVER (PARTITION BY ", "");
            if !inner_keys.is_empty() {
                rank.push(" ORDER BY ").append(Sql::joined(inner_keys, ", "));
            }
            rank.push(")");
            extra.push(as_output(rank, "hf_row"));
            filters.push(dotted(&alias, "hf_row").wrapped("", " = 1"));
        }
        if let Some(late) = &core.late {
            extra.push(as_output(late.clone(), "hf_having"));
            filters.push(dotted(&alias, "hf_having"));
        }
        if core.late.is_some() && !core.on.is_empty() {
            return Err(self.refused("DISTINCT ON with HAVING"));
        }
        let inner = self.print_core(&core, Use::Source, &extra)?;
        let mut sql = self.outer_list(&alias, &columns, usage).wrapped("SELECT ", " FROM (");
        sql.append(inner).push(") AS ").append(quoted(&alias));
        if !filters.is_empty() {
            sql.push(" WHERE ").append(Sql::joined(filters, " AND "));
        }
        if !outer_keys.is_empty() {
            sql.push(" ORDER BY ").append(Sql::joined(outer_keys, ", "));
        }
        if let Some(limit) = limit {
            sql.append(limit);
        }
        Ok(Selected { sql, columns })
    }

    /// An item whose type is decided.
    pub(super) fn settle_item(&mut self, item: &mut Item, wanted: Option<&PgType>) -> Result<(), Fault> {
        if item.typed.open.is_some() {
            let typed = item.typed.clone();
            item.typed = match wanted {
                Some(ty) => self.coerce(typed, ty)?,
                None => self.settle(typed)?,
            };
        }
        Ok(())
    }

    /// The SELECT as text, without ORDER BY.
    pub(super) fn print_core(&mut self, core: &Core, usage: Use, extra: &[Sql]) -> Result<Sql, Fault> {
        let mut list = Vec::new();
        for (n, item) in core.items.iter().enumerate() {
            let plain = if core.distinct {
                self.groupable(&item.typed.ty)?;
                self.comparable(&item.typed)
            } else {
                item.typed.sql.clone()
            };
            let first = if usage == Use::Outermost { item.typed.shown.clone().unwrap_or(plain) } else { plain };
            list.push(as_output(first, &output(n)));
            if let (Use::Source, Some(shown)) = (usage, &item.typed.shown) {
                list.push(as_output(shown.clone(), &output_shown(n)));
            }
        }
        list.extend(extra.iter().cloned());
        if list.is_empty() {
            list.push(Sql::text("1"));
        }
        let word = if core.distinct { "SELECT DISTINCT " } else { "SELECT " };
        let mut sql = Sql::joined(list, ", ").wrapped(word, "");
        sql.append(core.tail.clone());
        Ok(sql)
    }

    fn key(&mut self, key: &Key, core: &Core, item: &OrderByExpr) -> Result<Option<Sql>, Fault> {
        let (typed, nullable) = match key {
            Key::Item(at) => match core.items.get(*at) {
                Some(found) => (&found.typed, found.nullable),
                None => return Ok(None),
            },
            Key::Other(typed, _) => (typed.as_ref(), true),
        };
        if typed.open.is_some() {
            return Ok(None);
        }
        self.sorted(typed, item.options, nullable).map(Some)
    }

    /// An item of ORDER BY; without NULLs there is no place for them to say.
    pub(super) fn sorted(&mut self, typed: &Typed, options: OrderByOptions, nullable: bool) -> Result<Sql, Fault> {
        if nullable {
            return self.order_item(typed, options);
        }
        // The place that MySQL gives them by itself is printed without a key of its own.
        let ascending = options.asc.unwrap_or(true);
        self.order_item(typed, OrderByOptions { asc: options.asc, nulls_first: Some(ascending) })
    }

    /// Everything but how it is printed.
    pub(super) fn core(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        locks: &[LockClause],
        around: &Scope<'_>,
    ) -> Result<Core, Fault> {
        self.allowed(select)?;
        let written_out;
        let select = if select.named_window.is_empty() {
            select
        } else {
            written_out = self.windows_written_out(select)?;
            &written_out
        };
        let outer_aggregates = std::mem::take(&mut self.aggregates);
        let tree = self.from(&select.from, around)?;
        let mut scope = Scope { outer: Some(around), ..Scope::default() };
        let mut tail = Sql::new();
        if let Some(tree) = tree {
            tail.push(" FROM ").append(tree.sql);
            scope.sources = tree.sources;
            scope.star = Some(tree.star);
        }
        if let Some(condition) = &select.selection {
            let condition = self.condition(condition, &scope)?;
            if self.aggregates > 0 {
                return Err(Fault::new(FaultKind::Grouping, "aggregate functions are not allowed in WHERE"));
            }
            if scope.sources.is_empty() {
                tail.push(" FROM DUAL");
            }
            tail.push(" WHERE ").append(condition);
        }
        let items = self.items(&select.projection, &scope)?;
        let (distinct, on) = self.distinct_clause(select.distinct.as_ref(), &scope)?;
        let keys = self.keys(order, &items, &scope)?;
        if distinct && keys.iter().any(|k| matches!(k, Key::Other(..))) {
            let what = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
            return Err(Fault::new(FaultKind::InvalidReference, what));
        }
        let having = match &select.having {
            Some(having) => Some(self.condition(having, &scope)?),
            None => None,
        };
        let aggregated = self.aggregates > 0;
        let groups = self.groups(select, &items, &scope)?;
        let late = self.grouped(select, &items, &keys, groups, having, aggregated, &scope, &mut tail)?;
        if !locks.is_empty() && (distinct || !on.is_empty() || aggregated || late.is_some() || has_groups(select)) {
            let what = "FOR UPDATE is not allowed with GROUP BY, DISTINCT, HAVING or aggregate functions";
            return Err(Fault::new(FaultKind::NotSupported, what));
        }
        let lock = self.lock(locks, &scope)?;
        self.aggregates = outer_aggregates;
        Ok(Core { items, tail, distinct, on, keys, lock, late })
    }

    /// Refuses every clause that is not PostgreSQL's.
    fn allowed(&self, select: &Select) -> Result<(), Fault> {
        let Select {
            select_token: _,
            optimizer_hints: _,
            distinct: _,
            select_modifiers: None,
            top: None,
            top_before_distinct: false,
            projection: _,
            exclude: None,
            into: None,
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
            return Err(self.refused("a clause of this SELECT (INTO, QUALIFY, TOP …)"));
        };
        let others = lateral_views.is_empty()
            && connect_by.is_empty()
            && cluster_by.is_empty()
            && distribute_by.is_empty()
            && sort_by.is_empty();
        if others { Ok(()) } else { Err(self.refused("a clause of this SELECT")) }
    }

    /// The same SELECT with each named window where it is used.
    fn windows_written_out(&self, select: &Select) -> Result<Select, Fault> {
        use sqlparser::ast::{NamedWindowDefinition, NamedWindowExpr, WindowSpec, WindowType, visit_expressions_mut};
        let mut known: Vec<(String, WindowSpec)> = Vec::new();
        for NamedWindowDefinition(name, window) in &select.named_window {
            let spec = match window {
                NamedWindowExpr::WindowSpec(spec) if spec.window_name.is_none() => spec.clone(),
                _ => return Err(self.refused("a WINDOW over another one")),
            };
            known.push((fold(name), spec));
        }
        let mut out = select.clone();
        out.named_window.clear();
        let walked = visit_expressions_mut(&mut out, |expr| {
            let Expr::Function(function) = expr else { return std::ops::ControlFlow::Continue(()) };
            let name = match &function.over {
                Some(WindowType::NamedWindow(name)) => fold(name),
                Some(WindowType::WindowSpec(WindowSpec { window_name: Some(name), .. })) => fold(name),
                Some(WindowType::WindowSpec(_)) | None => return std::ops::ControlFlow::Continue(()),
            };
            let Some((_, base)) = known.iter().find(|(n, _)| *n == name) else {
                return std::ops::ControlFlow::Break(name);
            };
            let mut spec = base.clone();
            if let Some(WindowType::WindowSpec(own)) = &function.over {
                if !own.order_by.is_empty() {
                    spec.order_by.clone_from(&own.order_by);
                }
                spec.window_frame.clone_from(&own.window_frame);
            }
            function.over = Some(WindowType::WindowSpec(spec));
            std::ops::ControlFlow::Continue(())
        });
        match walked {
            std::ops::ControlFlow::Continue(()) => Ok(out),
            std::ops::ControlFlow::Break(name) => {
                Err(Fault::new(FaultKind::UndefinedColumn, format!("window \"{name}\" does not exist")))
            }
        }
    }

    fn distinct_clause(&mut self, distinct: Option<&Distinct>, scope: &Scope<'_>) -> Result<(bool, Vec<Sql>), Fault> {
        match distinct {
            None | Some(Distinct::All) => Ok((false, Vec::new())),
            Some(Distinct::Distinct) => Ok((true, Vec::new())),
            Some(Distinct::On(over)) => {
                let mut on = Vec::new();
                for expr in over {
                    if matches!(expr, Expr::Value(_)) {
                        return Err(self.refused("DISTINCT ON by position"));
                    }
                    let typed = self.expr(expr, scope)?;
                    self.groupable(&typed.ty)?;
                    on.push(self.comparable(&typed));
                }
                Ok((false, on))
            }
        }
    }

    /// GROUP BY and HAVING, checked and printed. Gives a HAVING that must be a filter around.
    #[allow(clippy::too_many_arguments)] // The clauses of one SELECT.
    fn grouped(
        &mut self,
        select: &Select,
        items: &[Item],
        keys: &[Key],
        groups: Groups,
        having: Option<Sql>,
        aggregated: bool,
        scope: &Scope<'_>,
        tail: &mut Sql,
    ) -> Result<Option<Sql>, Fault> {
        if groups.is_empty() && !aggregated {
            return match having {
                None => Ok(None),
                Some(_) => Err(self.refused("HAVING without GROUP BY and aggregates")),
            };
        }
        for item in items {
            self.check_grouped(&item.canonical, scope, &groups)?;
        }
        for key in keys {
            if let Key::Other(_, key) = key {
                self.check_grouped(key, scope, &groups)?;
            }
        }
        if !groups.is_empty() {
            tail.push(" GROUP BY ").append(Sql::joined(groups.printed.clone(), ", "));
        }
        let (Some(having), Some(written)) = (having, &select.having) else { return Ok(None) };
        let written = canonical(written, scope);
        self.check_grouped(&written, scope, &groups)?;
        if super::grouping::bare_columns(&written) {
            // MySQL's HAVING sees columns of the select list and plain ones of GROUP BY only.
            return Ok(Some(having));
        }
        tail.push(" HAVING ").append(having);
        Ok(None)
    }

    /// Refuses types whose values do not compare alike, where rows are made distinct or grouped.
    pub(super) fn groupable(&self, ty: &PgType) -> Result<(), Fault> {
        match ty {
            PgType::Json => {
                let what = "could not identify an equality operator for type json";
                Err(Fault::new(FaultKind::UndefinedFunction, what))
            }
            PgType::Jsonb | PgType::Array(_) | PgType::Interval | PgType::Other(..) | PgType::Void => {
                Err(self.refused("grouping by values of this type"))
            }
            _ => Ok(()),
        }
    }
}

fn has_groups(select: &Select) -> bool {
    !matches!(&select.group_by, GroupByExpr::Expressions(list, _) if list.is_empty())
}

/// The output as columns, each under its plain name.
pub(super) fn core_columns(core: &Core) -> Vec<ScopeColumn> {
    let columns = core.items.iter().enumerate().map(|(n, item)| ScopeColumn {
        name: item.name.clone(),
        ty: item.typed.ty.clone(),
        sql: quoted(&output(n)),
        exact: item.typed.exact || (core.distinct && is_text(&item.typed.ty)),
        unicode: true,
        shown: item.typed.shown.as_ref().map(|_| quoted(&output_shown(n))),
        nullable: item.nullable,
        hidden: false,
    });
    columns.collect()
}
