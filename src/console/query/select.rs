//! One SELECT: from its tree to its rows.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, OrderBy, OrderByKind, Query, Select as Tree, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Value,
};

use super::aggregate::Aggregate;
use super::compile::{Walk, refused};
use super::held::Held;
use super::node::{Around, Node};
use super::source::{Source, joined, parts, sources};
use super::{Catalog, Environment, Output, Row};
use crate::base::{Dialect, Fault, FaultKind};
use crate::console::cell::{Cell, Kind, row_key};
use crate::console::variables::Variables;

/// One key of ORDER BY.
#[derive(Clone, Debug)]
struct Key {
    node: Node,
    descending: bool,
    nulls_first: bool,
}

/// A SELECT, ready to be computed as often as wanted.
#[derive(Clone, Debug)]
pub(in crate::console) struct Select {
    /// Its result's columns.
    pub outputs: Vec<Output>,
    /// How many parameters it has.
    pub parameters: usize,
    sources: Vec<Source>,
    filter: Option<Node>,
    grouped: bool,
    group: Vec<Node>,
    aggregates: Vec<Aggregate>,
    having: Option<Node>,
    list: Vec<Node>,
    order: Vec<Key>,
    distinct: bool,
    limit: Option<Node>,
    offset: Option<Node>,
    /// Nothing can come of it: it joins a catalog without rows.
    empty: bool,
}

/// Compiles a query. Errors: what is not there, or beyond the console's SQL.
pub(in crate::console) fn compile(
    query: &Query,
    dialect: Dialect,
    catalog: &dyn Catalog,
    variables: &Variables,
) -> Result<Select, Fault> {
    let mut walk = Walk::new(dialect, catalog, variables);
    if walk.is_empty(query) {
        return Ok(empty(query));
    }
    if query.with.is_some() {
        return Err(refused("WITH"));
    }
    let select = match query.body.as_ref() {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { .. } => return Err(refused("UNION")),
        _ => return Err(refused("this statement")),
    };
    if select.into.is_some() || select.top.is_some() || select.qualify.is_some() || !select.named_window.is_empty() {
        return Err(refused("a clause of this SELECT"));
    }
    sources(&select.from, &mut walk)?;
    let filter = match &select.selection {
        Some(filter) => Some(walk.expression(filter)?.0),
        None => None,
    };
    if !walk.aggregates.is_empty() {
        return Err(Fault::new(FaultKind::Grouping, "aggregate functions are not allowed in WHERE").hint("Use HAVING."));
    }
    walk.bare.clear();
    let (outputs, list) = listed(select, &mut walk)?;
    let having = match &select.having {
        Some(having) => Some(walk.expression(having)?.0),
        None => None,
    };
    let order = order(query.order_by.as_ref(), &mut walk, &outputs, &list)?;
    let bare = std::mem::take(&mut walk.bare);
    let group = group(select, &mut walk, &outputs, &list)?;
    let grouped = !group.is_empty() || !walk.aggregates.is_empty() || having.is_some();
    if grouped {
        let stray = |at: usize| !group.iter().any(|node| matches!(node, Node::Column(column) if *column == at));
        if let Some((_, name)) = bare.iter().find(|(at, _)| stray(*at)) {
            let what =
                format!("column \"{name}\" must appear in the GROUP BY clause or be used in an aggregate function");
            return Err(Fault::new(FaultKind::Grouping, what));
        }
    }
    let (limit, offset) = limits(query, &mut walk)?;
    let distinct = match &select.distinct {
        None | Some(Distinct::All) => false,
        Some(Distinct::Distinct) => true,
        Some(Distinct::On(_)) => return Err(refused("DISTINCT ON")),
    };
    let Walk { sources, aggregates, parameters, .. } = walk;
    Ok(Select {
        outputs,
        parameters,
        sources,
        filter,
        grouped,
        group,
        aggregates,
        having,
        list,
        order,
        distinct,
        limit,
        offset,
        empty: false,
    })
}

/// The select list: columns of the result, and how each is computed.
fn listed(select: &Tree, walk: &mut Walk<'_>) -> Result<(Vec<Output>, Vec<Node>), Fault> {
    let dialect = walk.dialect;
    let (mut outputs, mut list) = (Vec::new(), Vec::new());
    for item in &select.projection {
        let (name, node, kind) = match item {
            SelectItem::UnnamedExpr(expr) => {
                let (node, kind) = walk.expression(expr)?;
                (shown(expr, dialect), node, kind)
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let (node, kind) = walk.expression(expr)?;
                (alias.value.clone(), node, kind)
            }
            SelectItem::Wildcard(_) => {
                star(walk, None, &mut outputs, &mut list)?;
                continue;
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let (_, table) = parts(name)?;
                star(walk, Some(&table), &mut outputs, &mut list)?;
                continue;
            }
            _ => return Err(refused("this item of the select list")),
        };
        outputs.push(Output { name, kind });
        list.push(node);
    }
    Ok((outputs, list))
}

/// A query over a catalog without rows: its columns' names are all that there is to say.
fn empty(query: &Query) -> Select {
    let mut body = query.body.as_ref();
    let items = loop {
        match body {
            SetExpr::Select(select) => break select.projection.as_slice(),
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) => body = inner.body.as_ref(),
            _ => break &[],
        }
    };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
        SelectItem::UnnamedExpr(expr) => shown(expr, Dialect::Postgres),
        _ => "?column?".to_owned(),
    };
    Select {
        outputs: items.iter().map(|item| Output { name: name(item), kind: Kind::Text }).collect(),
        parameters: 0,
        sources: Vec::new(),
        filter: None,
        grouped: false,
        group: Vec::new(),
        aggregates: Vec::new(),
        having: None,
        list: Vec::new(),
        order: Vec::new(),
        distinct: false,
        limit: None,
        offset: None,
        empty: true,
    }
}

/// A result column's name, as the client's own server would give it.
fn shown(expr: &Expr, dialect: Dialect) -> String {
    if dialect == Dialect::Mysql {
        return match expr {
            Expr::CompoundIdentifier(idents) if !idents[0].value.starts_with("@@") => {
                idents.last().map_or_else(String::new, |ident| ident.value.clone())
            }
            Expr::Identifier(ident) => ident.value.clone(),
            _ => expr.to_string(),
        };
    }
    match expr {
        Expr::Identifier(ident) => ident.value.to_lowercase(),
        Expr::CompoundIdentifier(idents) => idents.last().map_or_else(String::new, |ident| ident.value.to_lowercase()),
        Expr::Function(call) => parts(&call.name).map_or_else(|_| "?column?".to_owned(), |(_, name)| name),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => shown(expr, dialect),
        Expr::Case { .. } => "case".to_owned(),
        _ => "?column?".to_owned(),
    }
}

fn star(
    walk: &mut Walk<'_>,
    table: Option<&str>,
    outputs: &mut Vec<Output>,
    list: &mut Vec<Node>,
) -> Result<(), Fault> {
    let before = list.len();
    for source in walk.sources.iter().filter(|source| table.is_none_or(|table| table == source.alias)) {
        let Some((_, columns)) = source.table else { continue };
        for (at, (name, kind)) in columns.iter().enumerate() {
            outputs.push(Output { name: (*name).to_owned(), kind: *kind });
            list.push(Node::Column(source.at + at));
            walk.bare.push((source.at + at, (*name).to_owned()));
        }
    }
    if list.len() == before {
        return Err(Fault::new(FaultKind::UndefinedTable, "there is no table in FROM for *"));
    }
    Ok(())
}

/// A number in ORDER BY or GROUP BY is a place in the select list; a name can be one of its names.
fn of_list(expr: &Expr, outputs: &[Output], list: &[Node]) -> Result<Option<Node>, Fault> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => {
                let at = digits.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).and_then(|at| list.get(at));
                let what = || format!("position {digits} is not in the select list");
                at.cloned().map(Some).ok_or_else(|| Fault::new(FaultKind::InvalidReference, what()))
            }
            _ => Ok(None),
        },
        Expr::Identifier(ident) => {
            let at = outputs.iter().position(|output| output.name.eq_ignore_ascii_case(&ident.value));
            Ok(at.map(|at| list[at].clone()))
        }
        _ => Ok(None),
    }
}

fn order(order: Option<&OrderBy>, walk: &mut Walk<'_>, outputs: &[Output], list: &[Node]) -> Result<Vec<Key>, Fault> {
    let items = match order {
        None => return Ok(Vec::new()),
        Some(OrderBy { kind: OrderByKind::Expressions(items), .. }) => items,
        Some(OrderBy { kind: OrderByKind::All(_), .. }) => return Err(refused("ORDER BY ALL")),
    };
    let mut keys = Vec::new();
    for item in items {
        let node = match of_list(&item.expr, outputs, list)? {
            Some(node) => node,
            None => walk.expression(&item.expr)?.0,
        };
        let descending = item.options.asc == Some(false);
        // PostgreSQL's NULLs are the greatest, MySQL's the least.
        let first = item.options.nulls_first.unwrap_or(descending == (walk.dialect == Dialect::Postgres));
        keys.push(Key { node, descending, nulls_first: first });
    }
    Ok(keys)
}

fn group(select: &Tree, walk: &mut Walk<'_>, outputs: &[Output], list: &[Node]) -> Result<Vec<Node>, Fault> {
    let exprs = match &select.group_by {
        GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => exprs,
        GroupByExpr::Expressions(..) | GroupByExpr::All(_) => return Err(refused("this form of GROUP BY")),
    };
    let mut group = Vec::new();
    for expr in exprs {
        group.push(match of_list(expr, outputs, list)? {
            Some(node) => node,
            None => walk.expression(expr)?.0,
        });
    }
    Ok(group)
}

fn limits(query: &Query, walk: &mut Walk<'_>) -> Result<(Option<Node>, Option<Node>), Fault> {
    let fetch = query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref());
    let (limit, offset) = match &query.limit_clause {
        None => (fetch, None),
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            (limit.as_ref().or(fetch), offset.as_ref().map(|offset| &offset.value))
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
    };
    let mut node = |expr: Option<&Expr>| expr.map(|expr| walk.expression(expr).map(|(node, _)| node)).transpose();
    Ok((node(limit)?, node(offset)?))
}

impl Select {
    /// The tables whose rows it needs.
    pub(in crate::console) fn tables(&self) -> impl Iterator<Item = &'static str> {
        self.sources.iter().filter_map(|source| source.table.map(|(name, _)| name))
    }

    /// Its rows. `rows` gives a table's.
    pub(in crate::console) fn run<'r>(
        &self,
        environment: &Environment<'_>,
        rows: &dyn Fn(&str) -> &'r [Row],
    ) -> Result<Vec<Row>, Fault> {
        if self.empty {
            return Ok(Vec::new());
        }
        let mut held = Held::default();
        let found = joined(&self.sources, self.filter.as_ref(), environment, rows, &mut held)?;
        // Keys for the order stand beside each row.
        let mut made: Vec<(Row, Row)> = Vec::new();
        let mut seen = HashSet::new();
        let groups = self.groups(found, environment)?;
        if self.grouped {
            held = Held::default();
            groups.iter().try_for_each(|(row, _)| held.take(row))?;
        }
        for (row, aggregates) in groups {
            let around = Around { row: &row, aggregates: &aggregates, environment };
            if let Some(having) = &self.having
                && !having.holds(around)?
            {
                continue;
            }
            let output: Result<Row, Fault> = self
                .list
                .iter()
                .zip(&self.outputs)
                .map(|(node, output)| node.eval(around)?.cast(output.kind))
                .collect();
            let keys: Result<Row, Fault> = self.order.iter().map(|key| key.node.eval(around)).collect();
            let (output, keys) = (output?, keys?);
            held.drop(&row);
            if !self.distinct || seen.insert(row_key(&output)) {
                held.take(&output)?;
                held.take(&keys)?;
                if self.distinct {
                    held.take(&output)?;
                }
                made.push((output, keys));
            }
        }
        made.sort_by(|(_, a), (_, b)| self.compare(a, b));
        let count = |node: &Option<Node>, none: usize| -> Result<usize, Fault> {
            let Some(node) = node else { return Ok(none) };
            match node.eval(Around { row: &[], aggregates: &[], environment })?.cast(Kind::Int)? {
                Cell::Int(number) => usize::try_from(number)
                    .map_err(|_| Fault::new(FaultKind::InvalidParameter, "LIMIT and OFFSET must not be negative")),
                _ => Ok(none),
            }
        };
        let (limit, offset) = (count(&self.limit, usize::MAX)?, count(&self.offset, 0)?);
        Ok(made.into_iter().skip(offset).take(limit).map(|(row, _)| row).collect())
    }

    /// Groups, each as one of its rows and its aggregates.
    fn groups(&self, rows: Vec<Row>, environment: &Environment<'_>) -> Result<Vec<(Row, Row)>, Fault> {
        if !self.grouped {
            return Ok(rows.into_iter().map(|row| (row, Row::new())).collect());
        }
        let mut groups: Vec<Vec<Row>> = Vec::new();
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        for row in rows {
            let around = Around { row: &row, aggregates: &[], environment };
            let key: Result<Row, Fault> = self.group.iter().map(|node| node.eval(around)).collect();
            let place = *places.entry(row_key(&key?)).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(members) => members.push(row),
                None => groups.push(vec![row]),
            }
        }
        if groups.is_empty() && self.group.is_empty() {
            groups.push(Vec::new());
        }
        let mut made = Vec::new();
        for members in groups {
            let aggregates: Result<Row, Fault> =
                self.aggregates.iter().map(|aggregate| aggregate.over(&members, environment)).collect();
            made.push((members.into_iter().next().unwrap_or_default(), aggregates?));
        }
        Ok(made)
    }

    fn compare(&self, a: &[Cell], b: &[Cell]) -> Ordering {
        for (key, (a, b)) in self.order.iter().zip(a.iter().zip(b)) {
            let found = match (a, b) {
                (Cell::Null, Cell::Null) => Ordering::Equal,
                (Cell::Null, _) if key.nulls_first => Ordering::Less,
                (Cell::Null, _) => Ordering::Greater,
                (_, Cell::Null) if key.nulls_first => Ordering::Greater,
                (_, Cell::Null) => Ordering::Less,
                (a, b) => {
                    // One column holds one type.
                    let found = a.compare(b).ok().flatten().unwrap_or(Ordering::Equal);
                    if key.descending { found.reverse() } else { found }
                }
            };
            if found != Ordering::Equal {
                return found;
            }
        }
        Ordering::Equal
    }
}
