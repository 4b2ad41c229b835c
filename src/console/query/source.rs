//! FROM: which tables, and how their rows come together.

use std::collections::HashMap;

use sqlparser::ast::{JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, TableFactor, TableWithJoins};

use super::compile::{Walk, refused};
use super::held::Held;
use super::node::{Around, Node, Order};
use super::{Catalog, Columns, Environment, Found, Row, VISITED_ROWS_MAX};
use crate::base::{Fault, FaultKind};
use crate::config::nearest;
use crate::console::cell::Cell;

/// One table of a FROM.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// What its columns are qualified by.
    pub alias: String,
    /// The table; `None`: a catalog without rows, whose columns are not known.
    pub table: Option<(&'static str, Columns)>,
    /// Where its first column stands in the joined row.
    pub at: usize,
    /// Its condition.
    on: Option<Node>,
    /// Rows without a partner stay.
    outer: bool,
}

/// The last word of a name, and the one before it, in lower case.
pub(super) fn parts(name: &ObjectName) -> Result<(Option<String>, String), Fault> {
    let mut words = Vec::new();
    for part in &name.0 {
        match part {
            ObjectNamePart::Identifier(ident) => words.push(ident.value.to_lowercase()),
            ObjectNamePart::Function(_) => return Err(refused("this name")),
        }
    }
    let last = words.pop().ok_or_else(|| refused("this name"))?;
    Ok((words.pop(), last))
}

/// Every table of a FROM, with compiled conditions.
pub(super) fn sources(from: &[TableWithJoins], walk: &mut Walk<'_>) -> Result<(), Fault> {
    for item in from {
        source(&item.relation, walk, false)?;
        for join in &item.joins {
            let (constraint, outer) = match &join.join_operator {
                JoinOperator::Join(on) | JoinOperator::Inner(on) => (Some(on), false),
                JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (Some(on), true),
                JoinOperator::CrossJoin(on) => (Some(on), false),
                _ => return Err(refused("this kind of join")),
            };
            source(&join.relation, walk, outer)?;
            let on = match constraint {
                Some(JoinConstraint::On(condition)) => Some(walk.expression(condition)?.0),
                Some(JoinConstraint::None) | None => None,
                Some(JoinConstraint::Using(names)) => using(names, walk)?,
                Some(JoinConstraint::Natural) => return Err(refused("NATURAL JOIN")),
            };
            if let Some(last) = walk.sources.last_mut() {
                last.on = on;
            }
        }
    }
    Ok(())
}

/// `USING (name, …)`: equality with the first table that has it.
fn using(names: &[ObjectName], walk: &Walk<'_>) -> Result<Option<Node>, Fault> {
    let mut all: Option<Node> = None;
    for name in names {
        let (_, name) = parts(name)?;
        let mut places = walk.places(None, &name);
        let (Some(last), Some(first)) = (places.pop(), places.first().copied()) else {
            return Err(walk.no_column(&name));
        };
        let same = Node::Compare(Order::Equal, Box::new(first.node()), Box::new(last.node()));
        all = Some(match all {
            None => same,
            Some(before) => Node::And(Box::new(before), Box::new(same)),
        });
    }
    Ok(all)
}

fn source(factor: &TableFactor, walk: &mut Walk<'_>, outer: bool) -> Result<(), Fault> {
    let (name, alias) = match factor {
        TableFactor::Table { name, alias, args: None, version: None, .. } => (name, alias),
        TableFactor::Derived { .. } => return Err(refused("a query in FROM")),
        TableFactor::NestedJoin { .. } => return Err(refused("a join in parentheses")),
        _ => return Err(refused("this kind of table in FROM")),
    };
    let (schema, table) = parts(name)?;
    let shown = alias.as_ref().map_or_else(|| table.clone(), |alias| alias.name.value.to_lowercase());
    let at = walk.width;
    let table = match walk.catalog.find(schema.as_deref(), &table) {
        Found::Table(table, columns) => {
            walk.width += columns.len();
            Some((table, columns))
        }
        Found::Empty => None,
        Found::None => return Err(no_table(walk.catalog, &table)),
    };
    walk.sources.push(Source { alias: shown, table, at, on: None, outer });
    Ok(())
}

/// A table that the console does not have.
pub(super) fn no_table(catalog: &dyn Catalog, name: &str) -> Fault {
    let names = catalog.names();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("Did you mean {near}? SHOW TABLES lists them."),
        None => format!("Tables here: {}.", names.join(", ")),
    };
    Fault::new(FaultKind::UndefinedTable, format!("the console has no table \"{name}\"")).hint(hint)
}

/// Rows of a table by the text of one column: a transaction's branches are found without a look at all others.
struct Index<'r> {
    /// The column of the rows so far that it must equal.
    left: usize,
    rows: HashMap<&'r str, Vec<&'r Row>>,
}

impl<'r> Index<'r> {
    /// `None`: no condition wants two texts to be equal.
    fn of(source: &Source, width: usize, filter: Option<&Node>, table: &'r [Row]) -> Option<Self> {
        // What the filter wants of an outer join's rows holds only after those without a partner are known.
        let wanted = [source.on.as_ref(), filter.filter(|_| !source.outer)];
        let (left, right) = wanted.into_iter().flatten().find_map(|node| equal_columns(node, source.at, width))?;
        let mut rows: HashMap<&str, Vec<&Row>> = HashMap::new();
        for row in table {
            match row.get(right)? {
                Cell::Text(text) => rows.entry(text).or_default().push(row),
                Cell::Null => {}
                Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) | Cell::Span(_) | Cell::Moment(_) => return None,
            }
        }
        Some(Self { left, rows })
    }

    /// Those that may be a row's partners; `None`: any may.
    fn partners(&self, row: &[Cell]) -> Option<&[&'r Row]> {
        match row.get(self.left)? {
            Cell::Text(text) => Some(self.rows.get(text.as_str()).map_or(&[], Vec::as_slice)),
            Cell::Null => Some(&[]),
            Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) | Cell::Span(_) | Cell::Moment(_) => None,
        }
    }
}

/// Two columns that must be equal: one of the rows so far, one of the table whose columns begin at `at`.
fn equal_columns(node: &Node, at: usize, width: usize) -> Option<(usize, usize)> {
    match node {
        Node::And(one, other) => equal_columns(one, at, width).or_else(|| equal_columns(other, at, width)),
        Node::Compare(Order::Equal, one, other) => match (one.as_ref(), other.as_ref()) {
            (Node::Column(one), Node::Column(other)) => {
                let (left, right) = (*one.min(other), *one.max(other));
                (left < at && (at..at + width).contains(&right)).then(|| (left, right - at))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The joined rows that `filter` wants, counted in `held`. `rows` gives a table's.
pub(super) fn joined<'r>(
    sources: &[Source],
    filter: Option<&Node>,
    environment: &Environment<'_>,
    rows: &dyn Fn(&str) -> &'r [Row],
    held: &mut Held,
) -> Result<Vec<Row>, Fault> {
    let mut sofar: Vec<Row> = vec![Row::new()];
    let mut visited = 0_usize;
    for source in sources {
        let (table, width) = match source.table {
            Some((name, columns)) => (rows(name), columns.len()),
            None => (&[][..], 0),
        };
        let index = Index::of(source, width, filter, table);
        let all: Vec<&Row> = table.iter().collect();
        let mut next = Vec::new();
        for row in sofar {
            let mut met = false;
            for right in index.as_ref().and_then(|index| index.partners(&row)).unwrap_or(&all) {
                visited += 1;
                if visited > VISITED_ROWS_MAX {
                    let what = format!("this join looks at more than {VISITED_ROWS_MAX} rows");
                    return Err(Fault::new(FaultKind::TooLarge, what).hint("Say more in its conditions."));
                }
                let both: Row = row.iter().chain(*right).cloned().collect();
                let wanted = match &source.on {
                    Some(on) => on.holds(Around { row: &both, aggregates: &[], environment })?,
                    None => true,
                };
                if wanted {
                    met = true;
                    held.take(&both)?;
                    next.push(both);
                }
            }
            if !met && source.outer {
                let alone: Row = row.iter().cloned().chain(std::iter::repeat_n(Cell::Null, width)).collect();
                held.take(&alone)?;
                next.push(alone);
            }
            held.drop(&row);
        }
        sofar = next;
    }
    let Some(filter) = filter else { return Ok(sofar) };
    let mut wanted = Vec::new();
    for row in sofar {
        if filter.holds(Around { row: &row, aggregates: &[], environment })? {
            wanted.push(row);
        } else {
            held.drop(&row);
        }
    }
    Ok(wanted)
}
