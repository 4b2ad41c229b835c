//! Joins, with USING and NATURAL as MySQL has them.

use sqlparser::ast::{BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, TableWithJoins};

use super::Walk;
use super::from::From;
use super::scope::Scope;
use super::source::{parts, unknown_column};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;

/// Which side keeps rows without a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Inner,
    Left,
    Right,
}

/// A column of one side: its place, and the name that finds it.
type Side = ((usize, usize), Vec<Ident>);

impl Walk<'_> {
    /// A table and what is joined to it. `before`: what stands left of it, for LATERAL.
    pub(super) fn joined(
        &mut self,
        item: &TableWithJoins,
        before: &From,
        outer: Option<&Scope<'_>>,
    ) -> Result<From, Fault> {
        let TableWithJoins { relation, joins } = item;
        let mut left = self.factor(relation, before, outer)?;
        for join in joins {
            let Join { relation, global, join_operator } = join;
            if *global {
                return Err(self.refused("GLOBAL JOIN"));
            }
            let (kind, constraint) = self.kind(join_operator)?;
            let right = self.factor(relation, &left, outer)?;
            left = self.join(left, right, kind, constraint, outer)?;
        }
        Ok(left)
    }

    fn kind<'j>(&self, operator: &'j JoinOperator) -> Result<(Kind, &'j JoinConstraint), Fault> {
        match operator {
            // STRAIGHT_JOIN is a hint about the order of reading.
            JoinOperator::Join(c)
            | JoinOperator::Inner(c)
            | JoinOperator::CrossJoin(c)
            | JoinOperator::StraightJoin(c) => Ok((Kind::Inner, c)),
            JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => Ok((Kind::Left, c)),
            JoinOperator::Right(c) | JoinOperator::RightOuter(c) => Ok((Kind::Right, c)),
            JoinOperator::FullOuter(_) => Err(self.refused("FULL OUTER JOIN")),
            _ => Err(self.refused("this kind of join")),
        }
    }

    fn join(
        &mut self,
        mut left: From,
        mut right: From,
        kind: Kind,
        constraint: &JoinConstraint,
        outer: Option<&Scope<'_>>,
    ) -> Result<From, Fault> {
        optional(if kind == Kind::Left { Some(&mut right) } else { None });
        optional(if kind == Kind::Right { Some(&mut left) } else { None });
        let shift = left.sources.len();
        let shared: Vec<(Side, Side)> = match constraint {
            JoinConstraint::On(_) | JoinConstraint::None => Vec::new(),
            JoinConstraint::Using(names) => self.using(names, &left, &right)?,
            JoinConstraint::Natural => natural(&left, &right),
        };
        let mut sql = std::mem::take(&mut left.sql);
        let right_sql = std::mem::take(&mut right.sql);
        self.side_by_side(&mut left, right)?;
        let mut scope = Scope { outer, sources: std::mem::take(&mut left.sources) };
        let on = match constraint {
            JoinConstraint::On(expr) => Some(self.condition(expr, &scope)?),
            _ => {
                let mut all = Vec::new();
                for ((_, a), (_, b)) in &shared {
                    let equal = Expr::BinaryOp {
                        left: Box::new(Expr::CompoundIdentifier(a.clone())),
                        op: BinaryOperator::Eq,
                        right: Box::new(Expr::CompoundIdentifier(b.clone())),
                    };
                    all.push(self.condition(&equal, &scope)?);
                }
                (!all.is_empty()).then(|| Sql::joined(all, " AND "))
            }
        };
        left.sources = std::mem::take(&mut scope.sources);
        if !shared.is_empty() || *constraint == JoinConstraint::Natural {
            merge(&mut left, &shared, kind, shift);
        }
        match (on, kind) {
            (Some(on), _) => {
                sql.push(word(kind)).append(right_sql).push(" ON ").append(on);
            }
            (None, Kind::Inner) => {
                sql.push(" CROSS JOIN ").append(right_sql);
            }
            (None, Kind::Left | Kind::Right) => {
                if *constraint == JoinConstraint::None {
                    return Err(Fault::new(FaultKind::Syntax, "an outer join needs ON or USING"));
                }
                sql.push(word(kind)).append(right_sql).push(" ON true");
            }
        }
        left.sql = sql;
        Ok(left)
    }

    fn using(
        &self,
        names: &[sqlparser::ast::ObjectName],
        left: &From,
        right: &From,
    ) -> Result<Vec<(Side, Side)>, Fault> {
        let mut out = Vec::with_capacity(names.len());
        for object in names {
            let words = parts(object).unwrap_or_default();
            let [column] = words.as_slice() else { return Err(self.refused(format_args!("USING ({object})"))) };
            out.push((side(left, &column.value)?, side(right, &column.value)?));
        }
        // In the order of the first table, as `*` has them.
        out.sort_by_key(|((place, _), _)| left.star.iter().position(|p| p == place));
        Ok(out)
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Inner => " JOIN ",
        Kind::Left => " LEFT JOIN ",
        Kind::Right => " RIGHT JOIN ",
    }
}

fn optional(side: Option<&mut From>) {
    let Some(side) = side else { return };
    side.places.iter_mut().for_each(|p| p.optional = true);
    side.sources.iter_mut().flat_map(|s| &mut s.columns).for_each(|c| c.nullable = true);
}

/// The one column of this name among those that `*` would give.
fn side(from: &From, column: &str) -> Result<Side, Fault> {
    let at = |(s, c): (usize, usize)| (&from.sources[s], &from.sources[s].columns[c]);
    let mut hits = from.star.iter().copied().filter(|place| at(*place).1.name.eq_ignore_ascii_case(column));
    let Some(place) = hits.next() else { return Err(unknown_column(column, "from clause")) };
    if hits.next().is_some() {
        let what = format!("Column '{column}' in from clause is ambiguous");
        return Err(Fault::new(FaultKind::AmbiguousColumn, what));
    }
    let (source, found) = at(place);
    Ok((place, vec![Ident::new(source.alias.clone()), Ident::new(found.name.clone())]))
}

fn natural(left: &From, right: &From) -> Vec<(Side, Side)> {
    let names = left.star.iter().map(|(s, c)| left.sources[*s].columns[*c].name.clone());
    names.filter_map(|name| Some((side(left, &name).ok()?, side(right, &name).ok()?))).collect()
}

/// Common columns are shown once and first; of an outer join the one of the side that always has a row. MySQL reads a RIGHT
/// JOIN as a LEFT JOIN of the other order, and `*` shows it.
fn merge(all: &mut From, shared: &[(Side, Side)], kind: Kind, shift: usize) {
    let mut first = Vec::new();
    let mut gone = Vec::new();
    for (((ls, lc), _), ((rs, rc), _)) in shared {
        let (l, r) = ((*ls, *lc), (*rs + shift, *rc));
        let (kept, hidden) = if kind == Kind::Right { (r, l) } else { (l, r) };
        all.sources[hidden.0].columns[hidden.1].hidden = true;
        first.push(kept);
        gone.push(hidden);
    }
    if kind == Kind::Right {
        first.sort_by_key(|kept| all.star.iter().position(|p| p == kept));
    }
    let rest: Vec<_> = all.star.iter().copied().filter(|p| !first.contains(p) && !gone.contains(p)).collect();
    let (lefts, rights): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(s, _)| *s < shift);
    let (one, two) = if kind == Kind::Right { (rights, lefts) } else { (lefts, rights) };
    all.star = first.into_iter().chain(one).chain(two).collect();
}
