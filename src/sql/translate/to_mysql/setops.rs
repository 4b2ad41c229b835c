//! UNION, INTERSECT, EXCEPT and VALUES: several queries whose columns share one type.

use sqlparser::ast::{
    Expr, Ident, LimitClause, ObjectName, ObjectNamePart, OrderByExpr, Query, SetExpr, SetOperator, SetQuantifier,
    Table, Values,
};

use super::names::{output, output_shown, quoted};
use super::query::{Use, as_output};
use super::scope::{Scope, ScopeColumn, Source};
use super::select::{Core, Item};
use super::types::{called, common, is_numeric, is_text};
use super::{Selected, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// One query of a set operation.
enum Leaf {
    /// A SELECT whose columns can still be given a type.
    Core(Box<Core>),
    /// Rows of VALUES.
    Rows(Vec<Vec<Typed>>),
    /// A query with clauses of its own.
    Done(Selected, String),
}

/// The operations over the leaves, by their numbers.
enum Shape {
    Leaf(usize),
    Pair(Box<Shape>, &'static str, bool, Box<Shape>),
}

/// The columns that all leaves agree on.
struct Common {
    columns: Vec<ScopeColumn>,
    /// Columns that are printed a second time, as they are shown.
    shown: Vec<bool>,
}

impl Walk<'_> {
    /// A query that is more than a SELECT.
    pub(super) fn set_query(
        &mut self,
        body: &SetExpr,
        order: &[OrderByExpr],
        limit: Option<Sql>,
        scope: &Scope<'_>,
        usage: Use,
        wanted: &[Option<PgType>],
    ) -> Result<Selected, Fault> {
        let mut leaves = Vec::new();
        let shape = self.shape(body, scope, &mut leaves)?;
        let common = self.common(&mut leaves, wanted)?;
        self.deduplicated(&shape, &common)?;
        let printed = self.print_leaves(leaves, &common, has_pairs(&shape))?;
        let sql = print_shape(&shape, &printed, true);
        let columns = common.columns;
        let shown = usage == Use::Outermost && common.shown.contains(&true);
        if order.is_empty() && limit.is_none() && !shown {
            return Ok(Selected { sql, columns });
        }
        let alias = self.alias("hf");
        let source = self.through(&alias, &columns)?;
        let mut keys = Vec::new();
        for item in order {
            let OrderByExpr { expr, options, with_fill: None } = item else {
                return Err(self.refused("WITH FILL"));
            };
            let at = self.named_output(expr, &source)?;
            let Some(column) = source.columns.get(at) else { continue };
            let typed = self.of_column(column);
            let nullable = column.nullable;
            keys.push(self.sorted(&typed, *options, nullable)?);
        }
        let mut out = self.outer_list(&alias, &columns, usage).wrapped("SELECT ", " FROM (");
        out.append(sql).push(") AS ").append(quoted(&alias));
        if !keys.is_empty() {
            out.push(" ORDER BY ").append(Sql::joined(keys, ", "));
        }
        if let Some(limit) = limit {
            out.append(limit);
        }
        Ok(Selected { sql: out, columns })
    }

    /// ORDER BY of a set operation knows output columns only.
    fn named_output(&self, expr: &Expr, source: &Source) -> Result<usize, Fault> {
        let plain: Vec<Item> = source
            .columns
            .iter()
            .map(|column| Item {
                name: column.name.clone(),
                typed: self.of_column(column),
                nullable: column.nullable,
                canonical: super::grouping::column_key(column),
            })
            .collect();
        match self.output_column(expr, &plain)? {
            Some(at) => Ok(at),
            None => Err(Fault::new(FaultKind::NotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                .hint("Only result column names can be used, not expressions or functions.")),
        }
    }

    fn shape(&mut self, body: &SetExpr, scope: &Scope<'_>, leaves: &mut Vec<Leaf>) -> Result<Shape, Fault> {
        match body {
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let all = match set_quantifier {
                    SetQuantifier::All => true,
                    SetQuantifier::None | SetQuantifier::Distinct => false,
                    SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                        return Err(self.refused("a set operation BY NAME"));
                    }
                };
                let word = match (op, all) {
                    (SetOperator::Union, true) => " UNION ALL ",
                    (SetOperator::Union, false) => " UNION ",
                    (SetOperator::Intersect, true) => " INTERSECT ALL ",
                    (SetOperator::Intersect, false) => " INTERSECT ",
                    (SetOperator::Except, true) => " EXCEPT ALL ",
                    (SetOperator::Except, false) => " EXCEPT ",
                    (SetOperator::Minus, _) => return Err(self.refused("MINUS")),
                };
                let left = self.shape(left, scope, leaves)?;
                let right = self.shape(right, scope, leaves)?;
                let keeps_all = word == " UNION ALL ";
                Ok(Shape::Pair(Box::new(left), word, keeps_all, Box::new(right)))
            }
            SetExpr::Query(inner) if bare(inner) => self.shape(&inner.body, scope, leaves),
            SetExpr::Select(select) => {
                let core = self.core(select, &[], &[], scope)?;
                leaves.push(if core.plain() {
                    Leaf::Core(Box::new(core))
                } else {
                    let selected = self.select(select, &[], None, &[], scope, Use::Source, &[])?;
                    Leaf::Done(selected, self.alias("hf"))
                });
                Ok(Shape::Leaf(leaves.len() - 1))
            }
            SetExpr::Values(values) => {
                let rows = self.value_rows(values, scope)?;
                leaves.push(Leaf::Rows(rows));
                Ok(Shape::Leaf(leaves.len() - 1))
            }
            SetExpr::Query(inner) => {
                let selected = self.query_for(inner, Some(scope), Use::Source, &[])?;
                leaves.push(Leaf::Done(selected, self.alias("hf")));
                Ok(Shape::Leaf(leaves.len() - 1))
            }
            SetExpr::Table(table) => {
                let select = self.table_command(table, scope)?;
                leaves.push(Leaf::Core(Box::new(select)));
                Ok(Shape::Leaf(leaves.len() - 1))
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(self.refused("a statement that changes data within a query"))
            }
        }
    }

    /// `TABLE t`
    fn table_command(&mut self, table: &Table, scope: &Scope<'_>) -> Result<Core, Fault> {
        let Table { table_name: Some(name), schema_name } = table else { return Err(self.refused("TABLE")) };
        let parts = schema_name.iter().chain([name]).map(|n| ObjectNamePart::Identifier(Ident::with_quote('"', n)));
        let mut tree = self.table_of(&ObjectName(parts.collect()), scope)?;
        let tail = std::mem::take(&mut tree.sql).wrapped(" FROM ", "");
        let inner = tree.scope(scope);
        let star = sqlparser::ast::SelectItem::Wildcard(sqlparser::ast::WildcardAdditionalOptions::default());
        let items = self.items(std::slice::from_ref(&star), &inner)?;
        Ok(Core::of(items, tail))
    }

    pub(super) fn value_rows(&mut self, values: &Values, scope: &Scope<'_>) -> Result<Vec<Vec<Typed>>, Fault> {
        let Values { explicit_row: false, value_keyword: false, rows } = values else {
            return Err(self.refused("this form of VALUES"));
        };
        let mut out = Vec::new();
        for row in rows {
            let mut cells = Vec::new();
            for cell in &row.content {
                cells.push(self.expr(cell, scope)?);
            }
            out.push(cells);
        }
        let width = out.first().map_or(0, Vec::len);
        if out.iter().any(|row| row.len() != width) {
            return Err(Fault::new(FaultKind::Syntax, "VALUES lists must all be the same length"));
        }
        Ok(out)
    }

    /// One type for each column, and every leaf of these types.
    fn common(&mut self, leaves: &mut [Leaf], wanted: &[Option<PgType>]) -> Result<Common, Fault> {
        let width = leaves.first().map_or(0, Leaf::width);
        if leaves.iter().any(|leaf| leaf.width() != width) {
            let what = "each UNION/INTERSECT/EXCEPT query must have the same number of columns";
            return Err(Fault::new(FaultKind::Syntax, what));
        }
        let mut out = Common { columns: Vec::new(), shown: Vec::new() };
        for n in 0..width {
            let types: Vec<PgType> = leaves.iter().flat_map(|leaf| leaf.types(n)).collect();
            let known: Vec<&PgType> = types.iter().filter(|ty| **ty != PgType::Unknown).collect();
            let ty = match (known.is_empty(), wanted.get(n).and_then(Option::as_ref)) {
                (true, Some(ty)) => ty.clone(),
                (true, None) => PgType::Text,
                (false, _) => common(known.iter().copied()).ok_or_else(|| {
                    let names: Vec<String> = known.iter().map(|t| called(t)).collect();
                    let what = format!("UNION types {} cannot be matched", names.join(" and "));
                    Fault::new(FaultKind::TypeMismatch, what)
                })?,
            };
            let mut shown = false;
            for leaf in leaves.iter_mut() {
                shown |= self.give_type(leaf, n, &ty)?;
            }
            // MySQL would print every number with the scale of the longest one.
            let scales = is_numeric(&ty) && (ty == PgType::Numeric(None)) && types.len() > 1;
            out.shown.push(shown || scales);
            let name = leaves.first().map_or_else(String::new, |leaf| leaf.name(n));
            let nullable = leaves.iter().any(|leaf| leaf.nullable(n));
            out.columns.push(ScopeColumn {
                name,
                exact: is_text(&ty),
                ty,
                sql: quoted(&output(n)),
                unicode: true,
                shown: (shown || scales).then(|| quoted(&output_shown(n))),
                nullable,
                hidden: false,
            });
        }
        Ok(out)
    }

    /// Gives one column of a leaf its type; tells whether it is shown otherwise than computed with.
    fn give_type(&mut self, leaf: &mut Leaf, n: usize, ty: &PgType) -> Result<bool, Fault> {
        match leaf {
            Leaf::Core(core) => {
                let Some(item) = core.items.get_mut(n) else { return Ok(false) };
                item.typed = self.typed_as(item.typed.clone(), ty)?;
                Ok(item.typed.shown.is_some())
            }
            Leaf::Rows(rows) => {
                let mut shown = false;
                for cell in rows.iter_mut().filter_map(|row| row.get_mut(n)) {
                    *cell = self.typed_as(cell.clone(), ty)?;
                    shown |= cell.shown.is_some();
                }
                Ok(shown)
            }
            Leaf::Done(selected, _) => Ok(selected.columns.get(n).is_some_and(|c| c.shown.is_some())),
        }
    }

    fn typed_as(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        if typed.open.is_none() && typed.ty == *ty {
            return Ok(typed);
        }
        let mut out = if typed.open.is_some() { self.coerce(typed, ty)? } else { self.widen_to(typed, ty)? };
        out.ty = ty.clone();
        Ok(out)
    }

    /// A typed piece as one of a type that holds all its values.
    fn widen_to(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        let shown = typed.shown.clone();
        let numbers = super::types::is_number(&typed.ty) && super::types::is_number(ty);
        if numbers && (is_numeric(ty) || super::types::is_int(ty)) {
            // MySQL's UNION widens them by itself; what is shown keeps its own scale.
            return Ok(Typed { ty: ty.clone(), shown, ..typed });
        }
        self.coerce(typed, ty)
    }

    /// Numbers of several scales are equal where their texts are not.
    fn deduplicated(&self, shape: &Shape, common: &Common) -> Result<(), Fault> {
        if keeps_all(shape) {
            return Ok(());
        }
        for (column, shown) in common.columns.iter().zip(&common.shown) {
            self.groupable(&column.ty)?;
            if *shown && is_numeric(&column.ty) {
                return Err(self
                    .refused("UNION, INTERSECT or EXCEPT of numbers without a declared scale")
                    .hint("Cast both to the same numeric(p, s), or use UNION ALL."));
            }
        }
        Ok(())
    }

    fn print_leaves(&mut self, leaves: Vec<Leaf>, common: &Common, pairs: bool) -> Result<Vec<Sql>, Fault> {
        let mut out = Vec::new();
        for leaf in leaves {
            out.push(match leaf {
                Leaf::Core(mut core) => {
                    for ((item, shown), column) in core.items.iter_mut().zip(&common.shown).zip(&common.columns) {
                        item.typed = self.uniform(item.typed.clone(), *shown, &column.ty);
                    }
                    self.print_core(&core, Use::Source, &[])?
                }
                Leaf::Rows(rows) => {
                    let rows = rows.into_iter().map(|row| self.print_row(row, common));
                    let rows = Sql::joined(rows, " UNION ALL ");
                    if pairs && rows_need_parens(&rows) { rows.wrapped("(", ")") } else { rows }
                }
                Leaf::Done(selected, alias) => self.print_done(selected, &alias, common)?,
            });
        }
        Ok(out)
    }

    fn uniform(&self, mut typed: Typed, shown: bool, ty: &PgType) -> Typed {
        if is_text(ty) {
            typed.sql = self.comparable(&typed);
            typed.exact = true;
        }
        if shown && typed.shown.is_none() {
            typed.shown = Some(typed.sql.clone().wrapped("CAST(", " AS CHAR)"));
        }
        typed
    }

    fn print_row(&self, row: Vec<Typed>, common: &Common) -> Sql {
        let mut list = Vec::new();
        for (n, ((cell, shown), column)) in row.into_iter().zip(&common.shown).zip(&common.columns).enumerate() {
            let cell = self.uniform(cell, *shown, &column.ty);
            list.push(as_output(cell.sql.clone(), &output(n)));
            if let Some(shown) = cell.shown {
                list.push(as_output(shown, &output_shown(n)));
            }
        }
        Sql::joined(list, ", ").wrapped("SELECT ", "")
    }

    fn print_done(&mut self, selected: Selected, alias: &str, common: &Common) -> Result<Sql, Fault> {
        let source = self.through(alias, &selected.columns)?;
        let mut list = Vec::new();
        for (n, (column, shown)) in source.columns.iter().zip(&common.shown).enumerate() {
            let Some(meant) = common.columns.get(n) else { continue };
            let typed = self.typed_as(self.of_column(column), &meant.ty)?;
            let typed = self.uniform(typed, *shown, &meant.ty);
            list.push(as_output(typed.sql.clone(), &output(n)));
            if let Some(shown) = typed.shown.filter(|_| *shown) {
                list.push(as_output(shown, &output_shown(n)));
            }
        }
        let mut sql = Sql::joined(list, ", ").wrapped("SELECT ", " FROM (");
        sql.append(selected.sql).push(") AS ").append(quoted(alias));
        Ok(sql)
    }
}

impl Leaf {
    fn width(&self) -> usize {
        match self {
            Self::Core(core) => core.items.len(),
            Self::Rows(rows) => rows.first().map_or(0, Vec::len),
            Self::Done(selected, _) => selected.columns.len(),
        }
    }

    fn types(&self, n: usize) -> Vec<PgType> {
        let open = |typed: &Typed| if typed.open.is_some() { PgType::Unknown } else { typed.ty.clone() };
        match self {
            Self::Core(core) => core.items.get(n).map(|i| open(&i.typed)).into_iter().collect(),
            Self::Rows(rows) => rows.iter().filter_map(|row| row.get(n)).map(open).collect(),
            Self::Done(selected, _) => selected.columns.get(n).map(|c| c.ty.clone()).into_iter().collect(),
        }
    }

    fn name(&self, n: usize) -> String {
        let name = match self {
            Self::Core(core) => core.items.get(n).map(|i| i.name.clone()),
            Self::Rows(_) => Some(format!("column{}", n + 1)),
            Self::Done(selected, _) => selected.columns.get(n).map(|c| c.name.clone()),
        };
        name.unwrap_or_default()
    }

    fn nullable(&self, n: usize) -> bool {
        match self {
            Self::Core(core) => core.items.get(n).is_none_or(|i| i.nullable),
            Self::Rows(_) => true,
            Self::Done(selected, _) => selected.columns.get(n).is_none_or(|c| c.nullable),
        }
    }
}

/// A query that is nothing but its body.
pub(super) fn bare(query: &Query) -> bool {
    let plain_limit = match &query.limit_clause {
        None => true,
        Some(LimitClause::LimitOffset { limit: None, offset: None, limit_by }) => limit_by.is_empty(),
        Some(_) => false,
    };
    query.with.is_none()
        && query.order_by.is_none()
        && plain_limit
        && query.fetch.is_none()
        && query.locks.is_empty()
        && query.for_clause.is_none()
        && query.settings.is_none()
        && query.format_clause.is_none()
        && query.pipe_operators.is_empty()
}

fn has_pairs(shape: &Shape) -> bool {
    matches!(shape, Shape::Pair(..))
}

fn keeps_all(shape: &Shape) -> bool {
    match shape {
        Shape::Leaf(_) => true,
        Shape::Pair(left, _, all, right) => *all && keeps_all(left) && keeps_all(right),
    }
}

fn rows_need_parens(rows: &Sql) -> bool {
    rows.parts().iter().any(|p| matches!(p, crate::sql::translate::Part::Text(t) if t.contains(" UNION ALL ")))
}

fn print_shape(shape: &Shape, leaves: &[Sql], top: bool) -> Sql {
    match shape {
        Shape::Leaf(n) => leaves.get(*n).cloned().unwrap_or_default(),
        Shape::Pair(left, word, _, right) => {
            let mut out = print_shape(left, leaves, false);
            out.push(word).append(print_shape(right, leaves, false));
            if top { out } else { out.wrapped("(", ")") }
        }
    }
}
