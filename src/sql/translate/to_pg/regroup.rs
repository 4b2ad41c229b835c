//! Operators by MySQL's precedence. The parser has PostgreSQL's: `a DIV 2 + 1`, `a ^ b + c`, `a || b AND c`, `x->'$.k' = 1`
//! and more come as trees that MySQL would not build. Such a tree is flattened and grouped anew; what was in parentheses
//! stays as it was.

use sqlparser::ast::{BinaryOperator, Expr};

use super::Walk;
use crate::base::Fault;

/// Binds tighter: higher. After MySQL's manual, "Operator Precedence".
fn level(op: &BinaryOperator, pipes_as_concat: bool) -> Option<u8> {
    Some(match op {
        BinaryOperator::Arrow | BinaryOperator::LongArrow => 14,
        BinaryOperator::StringConcat if pipes_as_concat => 12,
        BinaryOperator::BitwiseXor => 11,
        BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo
        | BinaryOperator::MyIntegerDivide => 10,
        BinaryOperator::Plus | BinaryOperator::Minus => 9,
        BinaryOperator::PGBitwiseShiftLeft | BinaryOperator::PGBitwiseShiftRight => 8,
        BinaryOperator::BitwiseAnd => 7,
        BinaryOperator::BitwiseOr => 6,
        BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq
        | BinaryOperator::Spaceship => COMPARISON,
        BinaryOperator::And => 2,
        BinaryOperator::Xor => 1,
        BinaryOperator::Or => 0,
        BinaryOperator::StringConcat => 0,
        _ => return None,
    })
}

const COMPARISON: u8 = 4;
const NOT: u8 = 3;

/// One operator in a flat row, with what stands right of it.
enum Tail {
    Binary(BinaryOperator, Expr),
    /// `IS NULL`, `LIKE …`, `IN (…)`: the node, whose left operand is to be put in.
    Predicate(Expr),
}

impl Walk<'_> {
    /// The tree as MySQL groups it, if it is not already.
    ///
    /// Errors: forms that the two servers or the grammar itself read in several ways.
    pub(super) fn regrouped(&self, expr: &Expr) -> Result<Option<Expr>, Fault> {
        if self.conforms(expr) {
            return Ok(None);
        }
        let mut tails = Vec::new();
        let first = flatten(expr, &mut tails);
        let mut tails = tails.into_iter().peekable();
        let out = self.climb(first, 0, &mut tails)?;
        if tails.peek().is_some() || !self.conforms(&out) {
            return Err(self.refused("operators that need parentheses to be read the same everywhere"));
        }
        Ok(Some(out))
    }

    fn climb(
        &self,
        mut left: Expr,
        least: u8,
        tails: &mut std::iter::Peekable<std::vec::IntoIter<Tail>>,
    ) -> Result<Expr, Fault> {
        while let Some(next) = tails.peek() {
            let own = match next {
                Tail::Binary(op, _) => self.level_of(op)?,
                Tail::Predicate(_) => COMPARISON,
            };
            if own < least {
                break;
            }
            match tails.next() {
                Some(Tail::Binary(op, right)) => {
                    let right = self.climb(right, own + 1, tails)?;
                    left = Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) };
                }
                Some(Tail::Predicate(mut node)) => {
                    if let Some(place) = operand_mut(&mut node) {
                        *place = left;
                    }
                    left = node;
                }
                None => break,
            }
        }
        Ok(left)
    }

    fn level_of(&self, op: &BinaryOperator) -> Result<u8, Fault> {
        level(op, self.pipes_as_concat()).ok_or_else(|| self.refused(format!("the operator {op}")))
    }

    /// How tight an expression's own operator binds; `None`: it has none outside of parentheses.
    fn tightness(&self, expr: &Expr) -> Option<u8> {
        match expr {
            Expr::BinaryOp { op, .. } => level(op, self.pipes_as_concat()),
            Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Not, .. } => Some(NOT),
            other => operand(other).map(|_| COMPARISON),
        }
    }

    fn conforms(&self, expr: &Expr) -> bool {
        let tighter = |child: &Expr, than: u8| self.tightness(child).is_none_or(|own| own > than);
        match expr {
            Expr::BinaryOp { left, op, right } => {
                let Some(own) = level(op, self.pipes_as_concat()) else { return true };
                let least = if own == COMPARISON { COMPARISON + 1 } else { own };
                let left_fits = self.tightness(left).is_none_or(|l| l >= least);
                left_fits && tighter(right, own) && self.conforms(left) && self.conforms(right)
            }
            Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Not, expr } => {
                self.tightness(expr).is_none_or(|own| own >= NOT) && self.conforms(expr)
            }
            other => match operand(other) {
                Some(left) => {
                    tighter(left, COMPARISON)
                        && self.conforms(left)
                        && closed(other).iter().all(|e| tighter(e, COMPARISON) && self.conforms(e))
                }
                None => true,
            },
        }
    }
}

/// The left operand of a predicate that follows it.
fn operand(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::IsNull(e)
        | Expr::IsNotNull(e)
        | Expr::IsTrue(e)
        | Expr::IsNotTrue(e)
        | Expr::IsFalse(e)
        | Expr::IsNotFalse(e)
        | Expr::IsUnknown(e)
        | Expr::IsNotUnknown(e) => Some(e),
        Expr::InList { expr, .. }
        | Expr::InSubquery { expr, .. }
        | Expr::Between { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::RLike { expr, .. } => Some(expr),
        _ => None,
    }
}

fn operand_mut(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::IsNull(e)
        | Expr::IsNotNull(e)
        | Expr::IsTrue(e)
        | Expr::IsNotTrue(e)
        | Expr::IsFalse(e)
        | Expr::IsNotFalse(e)
        | Expr::IsUnknown(e)
        | Expr::IsNotUnknown(e) => Some(e),
        Expr::InList { expr, .. }
        | Expr::InSubquery { expr, .. }
        | Expr::Between { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::RLike { expr, .. } => Some(expr),
        _ => None,
    }
}

/// Operands of a predicate on its right side.
fn closed(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Between { low, high, .. } => vec![low, high],
        Expr::Like { pattern, .. } | Expr::RLike { pattern, .. } => vec![pattern],
        _ => Vec::new(),
    }
}

/// The first operand; the operators behind it go to `tails`, in the order of the text.
fn flatten(expr: &Expr, tails: &mut Vec<Tail>) -> Expr {
    match expr {
        Expr::BinaryOp { left, op, right } => {
            let first = flatten(left, tails);
            let at = tails.len();
            let second = flatten(right, tails);
            tails.insert(at, Tail::Binary(op.clone(), second));
            first
        }
        other => match operand(other) {
            Some(left) => {
                let first = flatten(left, tails);
                tails.push(Tail::Predicate(other.clone()));
                first
            }
            None => other.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::translate::to_pg::tests::{said, with};

    #[test]
    fn operators_group_as_mysql_groups_them() {
        let same = |a: &str, b: &str| assert_eq!(with(a).expect(a).0, with(b).expect(b).0, "{a} is {b}");
        same("i DIV 2 + 1", "(i DIV 2) + 1");
        same("i DIV 2 = 3 AND b", "((i DIV 2) = 3) AND b");
        same("i & 1 ^ 2 = 3", "(i & (1 ^ 2)) = 3");
        same("i = 1 XOR l = 2", "(i = 1) XOR (l = 2)");
        same("i & 1 = 1", "(i & 1) = 1");
        same("i + 1 << 2", "(i + 1) << 2");
        same("i | 1 & 2", "i | (1 & 2)");
        same("i = 1 || l = 2 AND b", "(i = 1) OR ((l = 2) AND b)");
        same("i XOR b OR l", "(i XOR b) OR l");
        same("NOT i = 1", "NOT (i = 1)");
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for text in ["NOT i XOR b", "i = l = b", "v LIKE 'a' = 1", "i = v LIKE 'a'"] {
            assert!(said(text).contains("parentheses"), "{text}: {}", said(text));
        }
    }
}
