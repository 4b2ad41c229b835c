//! Expressions ready to be computed.

use std::cmp::Ordering;

use super::Environment;
use super::functions::Function;
use super::pattern::{Match, like};
use crate::base::{Fault, FaultKind};
use crate::console::cell::{Cell, Kind};

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `IS NOT DISTINCT FROM`, `<=>`.
    Same,
    /// `IS DISTINCT FROM`
    NotSame,
}

impl Order {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Equal | Self::Same => found == Ordering::Equal,
            Self::NotEqual | Self::NotSame => found != Ordering::Equal,
            Self::Less => found == Ordering::Less,
            Self::LessOrEqual => found != Ordering::Greater,
            Self::Greater => found == Ordering::Greater,
            Self::GreaterOrEqual => found != Ordering::Less,
        }
    }
}

/// Arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    Plus,
    Minus,
    Times,
    By,
    Modulo,
}

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Const(Cell),
    /// By its place in the joined row.
    Column(usize),
    /// By its number, from 0.
    Parameter(usize),
    Not(Box<Node>),
    Negative(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Order, Box<Node>, Box<Node>),
    Sum(Sum, Box<Node>, Box<Node>),
    Like {
        negated: bool,
        /// Whatever the case.
        fold: bool,
        text: Box<Node>,
        pattern: Box<Node>,
        escape: Option<char>,
    },
    Matches {
        negated: bool,
        fold: bool,
        text: Box<Node>,
        pattern: Box<Node>,
    },
    In(Box<Node>, Vec<Node>),
    IsNull(Box<Node>),
    /// Is it this, and not NULL?
    Is(Box<Node>, bool),
    /// Conditions and results, tried in turn.
    Case(Vec<(Node, Node)>, Box<Node>),
    Call(Function, Vec<Node>),
    Cast(Box<Node>, Kind),
    /// An aggregate of the group, by its place.
    Aggregate(usize),
}

/// Of what a node is computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub row: &'a [Cell],
    pub aggregates: &'a [Cell],
    pub environment: &'a Environment<'a>,
}

/// SQL's three truths.
fn truth(cell: Cell) -> Result<Option<bool>, Fault> {
    Ok(match cell.cast(Kind::Bool)? {
        Cell::Bool(is) => Some(is),
        Cell::Null | Cell::Int(_) | Cell::Float(_) | Cell::Text(_) | Cell::Span(_) | Cell::Moment(_) => None,
    })
}

impl Node {
    /// Whether a row is wanted.
    pub(super) fn holds(&self, around: Around<'_>) -> Result<bool, Fault> {
        Ok(truth(self.eval(around)?)? == Some(true))
    }

    fn truth(&self, around: Around<'_>) -> Result<Option<bool>, Fault> {
        truth(self.eval(around)?)
    }

    /// Its value.
    pub(super) fn eval(&self, around: Around<'_>) -> Result<Cell, Fault> {
        Ok(match self {
            Self::Const(cell) => cell.clone(),
            Self::Column(at) => around.row.get(*at).cloned().unwrap_or(Cell::Null),
            Self::Parameter(at) => around.environment.parameters.get(*at).cloned().unwrap_or(Cell::Null),
            Self::Aggregate(at) => around.aggregates.get(*at).cloned().unwrap_or(Cell::Null),
            Self::Not(inner) => inner.truth(around)?.map(|is| !is).into(),
            Self::Negative(inner) => sum(Sum::Minus, Cell::Int(0), inner.eval(around)?)?,
            Self::And(left, right) => match left.truth(around)? {
                Some(false) => Cell::Bool(false),
                known => match (known, right.truth(around)?) {
                    (_, Some(false)) => Cell::Bool(false),
                    (Some(true), Some(true)) => Cell::Bool(true),
                    (_, _) => Cell::Null,
                },
            },
            Self::Or(left, right) => match left.truth(around)? {
                Some(true) => Cell::Bool(true),
                known => match (known, right.truth(around)?) {
                    (_, Some(true)) => Cell::Bool(true),
                    (Some(false), Some(false)) => Cell::Bool(false),
                    (_, _) => Cell::Null,
                },
            },
            Self::Compare(order, left, right) => compare(*order, &left.eval(around)?, &right.eval(around)?)?,
            Self::Sum(what, left, right) => sum(*what, left.eval(around)?, right.eval(around)?)?,
            Self::Like { negated, fold, text, pattern, escape } => match (text.eval(around)?, pattern.eval(around)?) {
                (Cell::Null, _) | (_, Cell::Null) => Cell::Null,
                (text, pattern) => Cell::Bool(like(&text.text(), &pattern.text(), *escape, *fold) != *negated),
            },
            Self::Matches { negated, fold, text, pattern } => match (text.eval(around)?, pattern.eval(around)?) {
                (Cell::Null, _) | (_, Cell::Null) => Cell::Null,
                (text, pattern) => Cell::Bool(Match::read(&pattern.text(), *fold)?.holds(&text.text()) != *negated),
            },
            Self::In(what, list) => is_in(&what.eval(around)?, list, around)?,
            Self::IsNull(inner) => Cell::Bool(inner.eval(around)? == Cell::Null),
            Self::Is(inner, wanted) => Cell::Bool(inner.truth(around)? == Some(*wanted)),
            Self::Case(arms, otherwise) => {
                for (condition, result) in arms {
                    if condition.holds(around)? {
                        return result.eval(around);
                    }
                }
                otherwise.eval(around)?
            }
            Self::Call(function, arguments) => {
                let values: Result<Vec<Cell>, Fault> = arguments.iter().map(|node| node.eval(around)).collect();
                function.call(&values?, around.environment)?
            }
            Self::Cast(inner, kind) => inner.eval(around)?.cast(*kind)?,
        })
    }
}

fn compare(order: Order, left: &Cell, right: &Cell) -> Result<Cell, Fault> {
    if matches!(order, Order::Same | Order::NotSame) && (*left == Cell::Null || *right == Cell::Null) {
        return Ok(Cell::Bool((left == right) == (order == Order::Same)));
    }
    Ok(left.compare(right)?.map(|found| order.holds(found)).into())
}

fn is_in(what: &Cell, list: &[Node], around: Around<'_>) -> Result<Cell, Fault> {
    let mut unknown = false;
    for node in list {
        match what.compare(&node.eval(around)?)? {
            Some(Ordering::Equal) => return Ok(Cell::Bool(true)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { Cell::Null } else { Cell::Bool(false) })
}

fn sum(what: Sum, left: Cell, right: Cell) -> Result<Cell, Fault> {
    use Cell::{Float, Int, Moment, Span};
    let beyond = || Fault::new(FaultKind::NotConvertible, "bigint out of range");
    let zero = || Fault::new(FaultKind::NotConvertible, "division by zero");
    Ok(match (what, left, right) {
        (_, Cell::Null, _) | (_, _, Cell::Null) => Cell::Null,
        (Sum::Plus, Int(a), Int(b)) => Int(a.checked_add(b).ok_or_else(beyond)?),
        (Sum::Minus, Int(a), Int(b)) => Int(a.checked_sub(b).ok_or_else(beyond)?),
        (Sum::Times, Int(a), Int(b)) => Int(a.checked_mul(b).ok_or_else(beyond)?),
        (Sum::By | Sum::Modulo, Int(_), Int(0)) => return Err(zero()),
        (Sum::By, Int(a), Int(b)) => Int(a.checked_div(b).ok_or_else(beyond)?),
        (Sum::Modulo, Int(a), Int(b)) => Int(a.checked_rem(b).ok_or_else(beyond)?),
        (Sum::Plus, Moment(a), Span(b)) | (Sum::Plus, Span(b), Moment(a)) => Moment(a.saturating_add(b)),
        (Sum::Minus, Moment(a), Span(b)) => Moment(a.saturating_sub(b)),
        (Sum::Minus, Moment(a), Moment(b)) => Span(a.saturating_sub(b)),
        (Sum::Plus, Span(a), Span(b)) => Span(a.saturating_add(b)),
        (Sum::Minus, Span(a), Span(b)) => Span(a.saturating_sub(b)),
        (Sum::Minus, Int(0), Span(b)) => Span(b.saturating_neg()),
        (Sum::Times, Span(a), b) | (Sum::Times, b, Span(a)) => {
            return Cell::Float(float(Span(a))? * float(b)?).cast(Kind::Span);
        }
        (Sum::By, Span(a), b) => {
            let by = float(b)?;
            if by == 0.0 {
                return Err(zero());
            }
            return Cell::Float(float(Span(a))? / by).cast(Kind::Span);
        }
        (what, a, b) => {
            let (a, b) = (float(a)?, float(b)?);
            Float(match what {
                Sum::Plus => a + b,
                Sum::Minus => a - b,
                Sum::Times => a * b,
                Sum::By | Sum::Modulo if b == 0.0 => return Err(zero()),
                Sum::By => a / b,
                Sum::Modulo => a % b,
            })
        }
    })
}

fn float(cell: Cell) -> Result<f64, Fault> {
    match cell.cast(Kind::Float)? {
        Cell::Float(number) => Ok(number),
        Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Text(_) | Cell::Span(_) | Cell::Moment(_) => Ok(0.0),
    }
}
