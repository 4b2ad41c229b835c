//! count, sum, min, max and avg.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::node::{Around, Node};
use super::{Environment, Row};
use crate::base::Fault;
use crate::console::cell::{Cell, Kind, row_key};

/// Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Count,
    Sum,
    Min,
    Max,
    Average,
}

impl Of {
    /// By its name in lower case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "avg" => Self::Average,
            _ => return None,
        })
    }

    /// The type of its result.
    pub(super) fn kind(self, argument: Option<Kind>) -> Kind {
        match self {
            Self::Count => Kind::Int,
            Self::Sum | Self::Min | Self::Max => argument.unwrap_or(Kind::Int),
            Self::Average => argument.filter(|kind| *kind == Kind::Span).unwrap_or(Kind::Float),
        }
    }
}

/// One of a SELECT.
#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    pub of: Of,
    /// `None`: every row.
    pub argument: Option<Node>,
    pub distinct: bool,
}

impl Aggregate {
    /// Its value over a group.
    pub(super) fn over(&self, rows: &[Row], environment: &Environment<'_>) -> Result<Cell, Fault> {
        let Some(argument) = &self.argument else { return Ok(rows.len().into()) };
        let mut values: Vec<Cell> = Vec::new();
        let mut seen = HashSet::new();
        for row in rows {
            let value = argument.eval(Around { row, aggregates: &[], environment })?;
            if value != Cell::Null && (!self.distinct || seen.insert(row_key(std::slice::from_ref(&value)))) {
                values.push(value);
            }
        }
        match self.of {
            Of::Count => Ok(values.len().into()),
            Of::Min => extreme(values, Ordering::Less),
            Of::Max => extreme(values, Ordering::Greater),
            Of::Sum => sum(&values),
            Of::Average => {
                let total = sum(&values)?;
                let count = Cell::from(values.len()).cast(Kind::Float)?;
                match (total.kind(), total.cast(Kind::Float)?, count) {
                    (kind, Cell::Float(total), Cell::Float(count)) => {
                        let mean = Cell::Float(total / count);
                        if kind == Some(Kind::Span) { mean.cast(Kind::Span) } else { Ok(mean) }
                    }
                    (_, _, _) => Ok(Cell::Null),
                }
            }
        }
    }
}

fn extreme(values: Vec<Cell>, wanted: Ordering) -> Result<Cell, Fault> {
    let mut best = Cell::Null;
    for value in values {
        if best == Cell::Null || value.compare(&best)? == Some(wanted) {
            best = value;
        }
    }
    Ok(best)
}

fn sum(values: &[Cell]) -> Result<Cell, Fault> {
    let mut total = Cell::Null;
    for value in values {
        total = match (total, value) {
            (Cell::Null, first) => first.clone(),
            (Cell::Int(a), Cell::Int(b)) => Cell::Int(a.saturating_add(*b)),
            (Cell::Span(a), Cell::Span(b)) => Cell::Span(a.saturating_add(*b)),
            (a, b) => match (a.cast(Kind::Float)?, b.clone().cast(Kind::Float)?) {
                (Cell::Float(a), Cell::Float(b)) => Cell::Float(a + b),
                (other, _) => other,
            },
        };
    }
    Ok(total)
}
