//! From the syntax tree to expressions that can be computed.

use sqlparser::ast::{
    BinaryOperator, DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, Interval, Query, SetExpr, UnaryOperator, Value,
};

use super::aggregate::{Aggregate, Of};
use super::functions::{self, function};
use super::node::{Node, Order, Sum};
use super::source::{Source, parts};
use super::{Catalog, DEPTH_MAX, Found};
use crate::base::{Dialect, Fault, FaultKind};
use crate::config::nearest;
use crate::console::cell::{Cell, Kind, span};
use crate::console::variables::Variables;

/// Something that the console's SQL does not have.
pub(in crate::console) fn refused(what: &str) -> Fault {
    Fault::new(FaultKind::NotSupported, format!("the console does not know {what}"))
        .hint("It answers SELECT over its own tables, and commands; SHOW HELP lists both.")
}

/// Where a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    at: Option<usize>,
    /// Its type.
    pub kind: Kind,
}

impl Place {
    /// As an expression: a column of a catalog without rows is NULL.
    pub(super) fn node(self) -> Node {
        self.at.map_or(Node::Const(Cell::Null), Node::Column)
    }
}

/// The walk over one SELECT.
pub(super) struct Walk<'a> {
    pub dialect: Dialect,
    pub catalog: &'a dyn Catalog,
    pub variables: &'a Variables,
    pub sources: Vec<Source>,
    /// Columns of the joined row.
    pub width: usize,
    pub aggregates: Vec<Aggregate>,
    /// Columns used outside of aggregates.
    pub bare: Vec<(usize, String)>,
    /// Parameters used: the highest number.
    pub parameters: usize,
    /// Within an aggregate's argument.
    within: bool,
    depth: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(dialect: Dialect, catalog: &'a dyn Catalog, variables: &'a Variables) -> Self {
        let (sources, aggregates, bare) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            dialect,
            catalog,
            variables,
            sources,
            width: 0,
            aggregates,
            bare,
            parameters: 0,
            within: false,
            depth: 0,
        }
    }

    /// Places of a column by its qualifier and name.
    pub(super) fn places(&self, qualifier: Option<&str>, name: &str) -> Vec<Place> {
        let mut found = Vec::new();
        for source in self.sources.iter().filter(|source| qualifier.is_none_or(|q| q == source.alias)) {
            match source.table {
                Some((_, columns)) => {
                    if let Some(at) = columns.iter().position(|(column, _)| *column == name) {
                        found.push(Place { at: Some(source.at + at), kind: columns[at].1 });
                    }
                }
                None if qualifier.is_some() => found.push(Place { at: None, kind: Kind::Text }),
                None => {}
            }
        }
        found
    }

    /// A column that is nowhere.
    pub(super) fn no_column(&self, name: &str) -> Fault {
        let columns = self.sources.iter().filter_map(|source| source.table).flat_map(|(_, columns)| columns.iter());
        let fault = Fault::new(FaultKind::UndefinedColumn, format!("column \"{name}\" does not exist"));
        match nearest(name, columns.clone().map(|(column, _)| *column)) {
            Some(near) => fault.hint(format!("Did you mean {near}?")),
            None => {
                let all: Vec<_> = columns.map(|(column, _)| *column).collect();
                if all.is_empty() {
                    fault.hint("There is no FROM.")
                } else {
                    fault.hint(format!("Columns here: {}.", all.join(", ")))
                }
            }
        }
    }

    fn column(&mut self, qualifier: Option<&str>, name: &str) -> Result<(Node, Kind), Fault> {
        let places = self.places(qualifier, name);
        match places.as_slice() {
            [] => Err(self.no_column(name)),
            [place] => {
                if let (Some(at), false) = (place.at, self.within) {
                    self.bare.push((at, name.to_owned()));
                }
                Ok((place.node(), place.kind))
            }
            [_, ..] => {
                let what = format!("column reference \"{name}\" is ambiguous");
                Err(Fault::new(FaultKind::AmbiguousColumn, what).hint("Say the table's name before it."))
            }
        }
    }

    /// An expression and its type.
    pub(super) fn expression(&mut self, expr: &Expr) -> Result<(Node, Kind), Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::new(FaultKind::TooLarge, "the expression is nested too deeply for the console"));
        }
        let done = self.expression_inside(expr);
        self.depth -= 1;
        done
    }

    fn boxed(&mut self, expr: &Expr) -> Result<Box<Node>, Fault> {
        Ok(Box::new(self.expression(expr)?.0))
    }

    fn expression_inside(&mut self, expr: &Expr) -> Result<(Node, Kind), Fault> {
        let not_if = |negated: bool, node: Node| if negated { Node::Not(Box::new(node)) } else { node };
        let node = match expr {
            Expr::Identifier(ident) => return self.identifier(ident),
            Expr::CompoundIdentifier(idents) => return self.compound(idents),
            Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => return self.expression(inner),
            Expr::Value(value) => return self.value(&value.value),
            Expr::TypedString(typed) => {
                let text = typed.value.clone().into_string().unwrap_or_default();
                let kind = kind_of(&typed.data_type)?;
                return Ok((Node::Const(Cell::Text(text).cast(kind)?), kind));
            }
            Expr::Interval(interval) => return interval_of(interval),
            Expr::Function(call) => return self.function(call),
            Expr::Cast { expr, data_type, array: false, .. } => {
                let inner = self.expression(expr)?;
                return cast(inner, data_type);
            }
            Expr::Convert { expr, data_type: Some(data_type), .. } => {
                let inner = self.expression(expr)?;
                return cast(inner, data_type);
            }
            Expr::Convert { expr, .. } => return self.expression(expr),
            Expr::Case { operand, conditions, else_result, .. } => {
                return self.case(operand.as_deref(), conditions, else_result.as_deref());
            }
            Expr::UnaryOp { op, expr } => return self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => return self.binary(left, op, right),
            Expr::Subquery(query) => return self.subquery(query),
            Expr::Extract { expr, .. } => {
                let inner = self.boxed(expr)?;
                return Ok((Node::Cast(inner, Kind::Float), Kind::Float));
            }
            Expr::IsNull(inner) => Node::IsNull(self.boxed(inner)?),
            Expr::IsNotNull(inner) => Node::Not(Box::new(Node::IsNull(self.boxed(inner)?))),
            Expr::IsTrue(inner) => Node::Is(self.boxed(inner)?, true),
            Expr::IsFalse(inner) => Node::Is(self.boxed(inner)?, false),
            Expr::IsNotTrue(inner) => not_if(true, Node::Is(self.boxed(inner)?, true)),
            Expr::IsNotFalse(inner) => not_if(true, Node::Is(self.boxed(inner)?, false)),
            Expr::IsDistinctFrom(a, b) => Node::Compare(Order::NotSame, self.boxed(a)?, self.boxed(b)?),
            Expr::IsNotDistinctFrom(a, b) => Node::Compare(Order::Same, self.boxed(a)?, self.boxed(b)?),
            Expr::InList { expr, list, negated } => {
                let what = self.boxed(expr)?;
                let list: Result<Vec<Node>, Fault> = list.iter().map(|e| Ok(self.expression(e)?.0)).collect();
                not_if(*negated, Node::In(what, list?))
            }
            Expr::Between { expr, negated, low, high } => {
                let from = Node::Compare(Order::GreaterOrEqual, self.boxed(expr)?, self.boxed(low)?);
                let to = Node::Compare(Order::LessOrEqual, self.boxed(expr)?, self.boxed(high)?);
                not_if(*negated, Node::And(Box::new(from), Box::new(to)))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let fold = self.dialect == Dialect::Mysql;
                self.like(*negated, fold, expr, pattern, escape_char.as_ref().map(|v| &v.value))?
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(*negated, true, expr, pattern, escape_char.as_ref().map(|v| &v.value))?
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                let (text, pattern) = (self.boxed(expr)?, self.boxed(pattern)?);
                Node::Matches { negated: *negated, fold: true, text, pattern }
            }
            Expr::Exists { subquery, negated } if self.is_empty(subquery) => Node::Const(Cell::Bool(*negated)),
            Expr::InSubquery { subquery, negated, .. } if self.is_empty(subquery) => Node::Const(Cell::Bool(*negated)),
            Expr::Exists { .. } | Expr::InSubquery { .. } => return Err(refused("subqueries")),
            _ => return Err(refused(&format!("this expression: {expr}"))),
        };
        Ok((node, Kind::Bool))
    }

    fn like(
        &mut self,
        negated: bool,
        fold: bool,
        text: &Expr,
        pattern: &Expr,
        escape: Option<&Value>,
    ) -> Result<Node, Fault> {
        let escape = escape.and_then(|value| value.clone().into_string()).and_then(|text| text.chars().next());
        Ok(Node::Like { negated, fold, text: self.boxed(text)?, pattern: self.boxed(pattern)?, escape })
    }

    fn identifier(&mut self, ident: &Ident) -> Result<(Node, Kind), Fault> {
        let name = ident.value.to_lowercase();
        if let Some(variable) = name.strip_prefix("@@") {
            return self.variable(variable);
        }
        if name.starts_with('@') {
            return Ok((Node::Const(Cell::Null), Kind::Text));
        }
        let called = ident.quote_style.is_none() && self.places(None, &name).is_empty();
        // PostgreSQL's CURRENT_USER and its kin have no parentheses.
        if called
            && (name.starts_with("current_") || matches!(name.as_str(), "session_user" | "user" | "localtimestamp"))
        {
            return self.call(&name, Vec::new());
        }
        self.column(None, &name)
    }

    fn compound(&mut self, idents: &[Ident]) -> Result<(Node, Kind), Fault> {
        let words: Vec<String> = idents.iter().map(|ident| ident.value.to_lowercase()).collect();
        match words.as_slice() {
            [scope, name] if scope.starts_with("@@") => self.variable(name),
            [table, name] | [_, table, name] => self.column(Some(table), name),
            _ => Err(refused("this name")),
        }
    }

    fn variable(&self, name: &str) -> Result<(Node, Kind), Fault> {
        let value = self
            .variables
            .mysql(name)
            .ok_or_else(|| Fault::verbatim(FaultKind::UnknownVariable, format!("Unknown system variable '{name}'")))?;
        let kind = value.kind().unwrap_or(Kind::Text);
        Ok((Node::Const(value), kind))
    }

    fn value(&mut self, value: &Value) -> Result<(Node, Kind), Fault> {
        let cell = match value {
            Value::Null => return Ok((Node::Const(Cell::Null), Kind::Text)),
            Value::Boolean(is) => Cell::Bool(*is),
            Value::Number(digits, _) => match digits.parse::<i64>() {
                Ok(number) => Cell::Int(number),
                Err(_) => Cell::Text(digits.clone()).cast(Kind::Float)?,
            },
            Value::Placeholder(sign) => {
                let at = match sign.strip_prefix('$') {
                    Some(number) => number.parse::<usize>().ok().filter(|n| *n > 0).map(|n| n - 1),
                    None => (sign == "?").then_some(self.parameters),
                };
                let at =
                    at.filter(|at| *at < PARAMETERS_MAX).ok_or_else(|| refused(&format!("the parameter {sign}")))?;
                self.parameters = self.parameters.max(at + 1);
                return Ok((Node::Parameter(at), Kind::Text));
            }
            Value::DollarQuotedString(text) => Cell::Text(text.value.clone()),
            other => Cell::Text(other.clone().into_string().ok_or_else(|| refused("this literal"))?),
        };
        let kind = cell.kind().unwrap_or(Kind::Text);
        Ok((Node::Const(cell), kind))
    }

    fn unary(&mut self, op: UnaryOperator, expr: &Expr) -> Result<(Node, Kind), Fault> {
        match op {
            UnaryOperator::Not => Ok((Node::Not(self.boxed(expr)?), Kind::Bool)),
            UnaryOperator::Minus => {
                let (node, kind) = self.expression(expr)?;
                Ok((Node::Negative(Box::new(node)), kind))
            }
            UnaryOperator::Plus => self.expression(expr),
            _ => Err(refused("this operator")),
        }
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<(Node, Kind), Fault> {
        use BinaryOperator as Op;
        let custom = match op {
            Op::PGCustomBinaryOperator(words) => words.last().map(String::as_str),
            _ => None,
        };
        let ((l, left_kind), (r, right_kind)) = (self.expression(left)?, self.expression(right)?);
        let (l, r) = (Box::new(l), Box::new(r));
        let matches = |negated, fold, text, pattern| Node::Matches { negated, fold, text, pattern };
        let node = match (op, custom) {
            (Op::And, _) => Node::And(l, r),
            (Op::Or, _) => Node::Or(l, r),
            (Op::Eq, _) | (_, Some("=")) => Node::Compare(Order::Equal, l, r),
            (Op::NotEq, _) => Node::Compare(Order::NotEqual, l, r),
            (Op::Lt, _) => Node::Compare(Order::Less, l, r),
            (Op::LtEq, _) => Node::Compare(Order::LessOrEqual, l, r),
            (Op::Gt, _) => Node::Compare(Order::Greater, l, r),
            (Op::GtEq, _) => Node::Compare(Order::GreaterOrEqual, l, r),
            (Op::Spaceship, _) => Node::Compare(Order::Same, l, r),
            (Op::PGRegexMatch, _) | (_, Some("~")) => matches(false, false, l, r),
            (Op::PGRegexIMatch, _) | (_, Some("~*")) => matches(false, true, l, r),
            (Op::PGRegexNotMatch, _) | (_, Some("!~")) => matches(true, false, l, r),
            (Op::PGRegexNotIMatch, _) | (_, Some("!~*")) => matches(true, true, l, r),
            (Op::StringConcat, _) => return Ok((Node::Call(functions::Function::Join, vec![*l, *r]), Kind::Text)),
            (Op::Plus, _) => return Ok((Node::Sum(Sum::Plus, l, r), sum_kind(Sum::Plus, left_kind, right_kind))),
            (Op::Minus, _) => return Ok((Node::Sum(Sum::Minus, l, r), sum_kind(Sum::Minus, left_kind, right_kind))),
            (Op::Multiply, _) => return Ok((Node::Sum(Sum::Times, l, r), sum_kind(Sum::Times, left_kind, right_kind))),
            (Op::Divide, _) => return Ok((Node::Sum(Sum::By, l, r), sum_kind(Sum::By, left_kind, right_kind))),
            (Op::Modulo, _) => return Ok((Node::Sum(Sum::Modulo, l, r), sum_kind(Sum::Modulo, left_kind, right_kind))),
            (_, _) => return Err(refused(&format!("the operator {op}"))),
        };
        Ok((node, Kind::Bool))
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[sqlparser::ast::CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<(Node, Kind), Fault> {
        let operand = operand.map(|expr| self.expression(expr)).transpose()?;
        let (mut arms, mut kind) = (Vec::new(), None);
        for arm in conditions {
            let condition = self.expression(&arm.condition)?.0;
            let condition = match &operand {
                Some((node, _)) => Node::Compare(Order::Equal, Box::new(node.clone()), Box::new(condition)),
                None => condition,
            };
            let (result, of) = self.expression(&arm.result)?;
            kind = kind.or((!is_null(&result)).then_some(of));
            arms.push((condition, result));
        }
        let (otherwise, of) = match otherwise {
            Some(expr) => self.expression(expr)?,
            None => (Node::Const(Cell::Null), Kind::Text),
        };
        Ok((Node::Case(arms, Box::new(otherwise)), kind.unwrap_or(of)))
    }

    fn function(&mut self, call: &Function) -> Result<(Node, Kind), Fault> {
        let (_, name) = parts(&call.name)?;
        if call.over.is_some() || call.filter.is_some() {
            return Err(refused("OVER and FILTER"));
        }
        let list = match &call.args {
            FunctionArguments::None => return self.call(&name, Vec::new()),
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => return Err(refused("subqueries")),
        };
        let mut arguments = Vec::new();
        let of = Of::named(&name);
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                    self.within |= of.is_some();
                    let done = self.expression(expr);
                    self.within &= of.is_none();
                    arguments.push(done?);
                }
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if of == Some(Of::Count) => {}
                _ => return Err(refused("this argument")),
            }
        }
        let Some(of) = of else { return self.call(&name, arguments) };
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let argument = arguments.pop();
        if self.within || !arguments.is_empty() || (argument.is_none() && of != Of::Count) {
            return Err(refused(&format!("this use of {name}()")));
        }
        let kind = of.kind(argument.as_ref().map(|(_, kind)| *kind));
        self.aggregates.push(Aggregate { of, argument: argument.map(|(node, _)| node), distinct });
        Ok((Node::Aggregate(self.aggregates.len() - 1), kind))
    }

    fn call(&mut self, name: &str, arguments: Vec<(Node, Kind)>) -> Result<(Node, Kind), Fault> {
        let Some((function, kind)) = function(name) else {
            return Err(Fault::new(FaultKind::UndefinedFunction, format!("the console has no function {name}()")));
        };
        let own = arguments.iter().find(|(node, _)| !is_null(node)).map_or(Kind::Text, |(_, kind)| *kind);
        let kind = kind.unwrap_or(own);
        Ok((Node::Call(function, arguments.into_iter().map(|(node, _)| node).collect()), kind))
    }

    /// A query within an expression: NULL if it is over a catalog without rows, which is all that clients ask so.
    fn subquery(&mut self, query: &Query) -> Result<(Node, Kind), Fault> {
        if self.is_empty(query) { Ok((Node::Const(Cell::Null), Kind::Text)) } else { Err(refused("subqueries")) }
    }

    /// Whether a query is an inner join with a catalog without rows.
    pub(super) fn is_empty(&self, query: &Query) -> bool {
        let mut todo = vec![query.body.as_ref()];
        while let Some(body) = todo.pop() {
            match body {
                SetExpr::SetOperation { left, right, .. } => todo.extend([left.as_ref(), right.as_ref()]),
                SetExpr::Query(inner) => todo.push(inner.body.as_ref()),
                SetExpr::Select(select) => {
                    let empty = select.from.iter().any(|item| self.is_empty_table(&item.relation));
                    let counts =
                        select.projection.iter().any(|item| item.to_string().to_lowercase().contains("count("));
                    if !empty || counts {
                        return false;
                    }
                }
                _ => return false,
            }
        }
        true
    }

    fn is_empty_table(&self, factor: &sqlparser::ast::TableFactor) -> bool {
        let sqlparser::ast::TableFactor::Table { name, .. } = factor else { return false };
        parts(name).is_ok_and(|(schema, name)| self.catalog.find(schema.as_deref(), &name) == Found::Empty)
    }
}

/// Parameters of one statement.
const PARAMETERS_MAX: usize = 1000;

fn is_null(node: &Node) -> bool {
    matches!(node, Node::Const(Cell::Null))
}

fn sum_kind(sum: Sum, left: Kind, right: Kind) -> Kind {
    match (sum, left, right) {
        (Sum::Minus, Kind::Moment, Kind::Moment) => Kind::Span,
        (_, Kind::Moment, _) | (_, _, Kind::Moment) => Kind::Moment,
        (_, Kind::Span, _) | (_, _, Kind::Span) => Kind::Span,
        (_, Kind::Int, Kind::Int) => Kind::Int,
        (_, _, _) => Kind::Float,
    }
}

fn interval_of(interval: &Interval) -> Result<(Node, Kind), Fault> {
    let Expr::Value(value) = interval.value.as_ref() else { return Err(refused("this interval")) };
    let number = match &value.value {
        Value::Number(digits, _) => digits.clone(),
        other => other.clone().into_string().ok_or_else(|| refused("this interval"))?,
    };
    let text = match &interval.leading_field {
        Some(unit) => format!("{number} {}", unit.to_string().to_lowercase()),
        None => number,
    };
    Ok((Node::Const(span(&text)?), Kind::Span))
}

/// A cast. What names objects of a catalog (`regclass` and its kin) stays as it is.
fn cast((node, kind): (Node, Kind), to: &DataType) -> Result<(Node, Kind), Fault> {
    if matches!(to, DataType::Regclass | DataType::Custom(..)) && !matches!(kind_of(to), Ok(Kind::Int)) {
        return Ok((node, kind));
    }
    let to = kind_of(to)?;
    Ok((Node::Cast(Box::new(node), to), to))
}

fn kind_of(ty: &DataType) -> Result<Kind, Fault> {
    let name = ty.to_string().to_lowercase();
    let word = name.rsplit('.').next().unwrap_or(&name);
    let word = word.split(['(', ' ']).next().unwrap_or(word);
    Ok(match word {
        "bool" | "boolean" => Kind::Bool,
        "int" | "integer" | "bigint" | "smallint" | "int2" | "int4" | "int8" | "signed" | "unsigned" | "oid"
        | "tinyint" => Kind::Int,
        "float" | "float4" | "float8" | "double" | "real" | "numeric" | "decimal" => Kind::Float,
        "text" | "varchar" | "char" | "character" | "name" | "regclass" | "regtype" | "regproc" | "json"
        | "regnamespace" => Kind::Text,
        "interval" | "time" => Kind::Span,
        "timestamp" | "timestamptz" | "datetime" | "date" => Kind::Moment,
        _ => return Err(refused(&format!("the type {name}"))),
    })
}
