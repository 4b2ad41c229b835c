//! One type for several values: CASE, IF, COALESCE, GREATEST.

use sqlparser::ast::{BinaryOperator, CaseWhen, Expr};

use super::constant::pg_name;
use super::scope::Scope;
use super::typed::{Class, class, decimal, fill, small_int, text};
use super::{Open, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

/// Values in one type.
pub(super) struct Unified {
    pub(super) values: Vec<Sql>,
    /// What the whole is; its text is empty.
    pub(super) shape: Typed,
}

impl Walk<'_> {
    /// `padded`: a DECIMAL gets the common scale, as COALESCE gives it; MySQL's IF and CASE leave each value its own.
    pub(super) fn unified(&mut self, values: Vec<Typed>, padded: bool) -> Result<Unified, Fault> {
        let values = self.unified_parameters(values)?;
        let parts: Vec<&Typed> = values.iter().collect();
        let shape = Typed::new(Sql::new(), MyType::Null, PgType::Unknown).of(&parts).collated_as(&parts);
        let known: Vec<&Typed> = parts.iter().copied().filter(|t| !t.is_null()).collect();
        let Some(first) = known.first() else {
            let shape = Typed { open: Some(Open::Null), ..shape };
            return Ok(Unified { values: vec![Sql::text("NULL"); values.len()], shape });
        };
        if known.iter().all(|t| t.ty == first.ty && t.pg == first.pg && t.open.is_none())
            && !matches!(first.class(), Class::Decimal | Class::Text | Class::Int)
        {
            let (ty, pg) = (first.ty.clone(), first.pg.clone());
            let values = values.iter().map(|t| self.null_as(t, &pg)).collect();
            return Ok(Unified { values, shape: Typed { ty, pg, ..shape } });
        }
        let classes: Vec<Class> = known.iter().map(|t| t.class()).collect();
        let all = |set: &[Class]| classes.iter().all(|c| set.contains(c));
        if all(&[Class::Int]) {
            return self.unified_whole(values, shape);
        }
        if all(&[Class::Int, Class::Decimal]) {
            return self.unified_decimals(values, shape, padded);
        }
        if all(&[Class::Int, Class::Decimal, Class::Double]) {
            let values = values.into_iter().map(|t| self.double(t)).collect::<Result<_, _>>()?;
            return Ok(Unified { values, shape: Typed { ty: MyType::Double, pg: PgType::Float8, ..shape } });
        }
        if all(&[Class::Date, Class::DateTime]) {
            let fraction = known.iter().map(|t| t.fraction()).max().unwrap_or(0);
            let values = values.into_iter().map(|t| self.local(t)).collect::<Result<_, _>>()?;
            let ty = MyType::DateTime(fraction);
            return Ok(Unified { values, shape: Typed { ty, pg: PgType::Timestamp(None), ..shape } });
        }
        if classes.contains(&Class::Text) && !classes.iter().any(|c| matches!(c, Class::Bytes | Class::Json)) {
            return self.unified_texts(values, shape);
        }
        Err(self.refused(format!("one type for {}", known.iter().map(|t| t.ty.sql()).collect::<Vec<_>>().join(", "))))
    }

    fn unified_parameters(&mut self, values: Vec<Typed>) -> Result<Vec<Typed>, Fault> {
        let like = values.iter().find(|t| t.open.is_none() && t.class() != Class::Null).map(|t| t.ty.clone());
        let like = like.unwrap_or(MyType::Varchar(65_535 / 4));
        let wish = match class(&like) {
            Class::Int => MyType::BigInt(false),
            _ => like,
        };
        Ok(values
            .into_iter()
            .map(|t| match t.open {
                Some(Open::Parameter(at)) if t.class() == Class::Null => self.decide(at, wish.clone()),
                Some(Open::Parameter(_)) => Typed { open: None, ..t },
                _ => t,
            })
            .collect())
    }

    fn null_as(&self, typed: &Typed, pg: &PgType) -> Sql {
        if !typed.is_null() {
            return typed.sql.clone();
        }
        match pg_name(pg) {
            Some(name) => Sql::text(format!("NULL::{name}")),
            None => Sql::text("NULL"),
        }
    }

    fn unified_whole(&mut self, values: Vec<Typed>, shape: Typed) -> Result<Unified, Fault> {
        let known = || values.iter().filter(|t| !t.is_null());
        if known().all(|t| t.ty == MyType::Bool && t.pg == PgType::Bool) {
            let values = values.iter().map(|t| self.null_as(t, &PgType::Bool)).collect();
            return Ok(Unified { values, shape: Typed { ty: MyType::Bool, pg: PgType::Bool, ..shape } });
        }
        let unsigned = |t: &Typed| t.ty == MyType::BigInt(true);
        let digits = known().map(|t| t.digits).max().unwrap_or(19);
        if known().any(unsigned) {
            let ty = if known().all(unsigned) { MyType::BigInt(true) } else { decimal(20, 0) };
            let values = values.into_iter().map(|t| self.numeric(t)).collect::<Result<_, _>>()?;
            return Ok(Unified { values, shape: Typed { ty, pg: PgType::Numeric(None), digits, ..shape } });
        }
        let widest = known().map(|t| rank(&t.ty)).max().unwrap_or(5);
        let ty = match widest {
            0 | 1 => MyType::TinyInt(false),
            2 => MyType::SmallInt(false),
            3 => MyType::MediumInt(false),
            4 => MyType::Int(false),
            _ => MyType::BigInt(false),
        };
        let ty = if known().all(|t| t.ty == MyType::Bool) { small_int(self.mariadb()) } else { ty };
        let narrow = widest <= 4 && known().all(|t| matches!(t.pg, PgType::Int2 | PgType::Int4 | PgType::Bool));
        let (pg, cast) = if narrow { (PgType::Int4, "int4") } else { (PgType::Int8, "int8") };
        let values = values
            .into_iter()
            .map(|t| match (&t.pg, t.is_null()) {
                (_, true) => Sql::text(format!("NULL::{cast}")),
                (own, false) if *own == pg => t.sql,
                (PgType::Bool, false) if !narrow => fill("({0}::int4::int8)", &[&t.sql]),
                (_, false) => fill(&format!("({{0}}::{cast})"), &[&t.sql]),
            })
            .collect();
        Ok(Unified { values, shape: Typed { ty, pg, digits, ..shape } })
    }

    fn unified_decimals(&mut self, values: Vec<Typed>, shape: Typed, padded: bool) -> Result<Unified, Fault> {
        let known: Vec<&Typed> = values.iter().filter(|t| !t.is_null()).collect();
        let whole = known.iter().map(|t| t.precision().0 - t.precision().1.min(t.precision().0)).max().unwrap_or(1);
        let scale = known.iter().map(|t| t.precision().1).max().unwrap_or(0);
        let ty = decimal(whole + scale, scale);
        let exact = known.iter().all(|t| t.precision().1 == scale && t.frac.is_none() && t.class() == Class::Decimal);
        let mut out = Vec::new();
        for value in values {
            let own = value.precision().1;
            let (raw, null) = (value.frac.is_some(), value.is_null());
            let sql = self.numeric(value)?;
            out.push(if null || exact {
                sql
            } else if padded || self.mariadb() {
                fill(&format!("round({{0}}, {scale})"), &[&sql])
            } else if raw {
                fill(&format!("round({{0}}, {own})"), &[&sql])
            } else {
                sql
            });
        }
        Ok(Unified { values: out, shape: Typed { ty, pg: PgType::Numeric(None), ..shape } })
    }

    fn unified_texts(&mut self, values: Vec<Typed>, shape: Typed) -> Result<Unified, Fault> {
        let characters = values.iter().map(Typed::characters).max().unwrap_or(0);
        let values = values.into_iter().map(|t| self.text(t)).collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<&Typed> = values.iter().collect();
        let shape = shape.collated_as(&parts);
        let values = values.iter().map(|t| t.sql.clone()).collect();
        Ok(Unified { values, shape: Typed { ty: text(characters), pg: PgType::Text, ..shape } })
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&Expr>,
        branches: &[CaseWhen],
        otherwise: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        let mut aggregate = false;
        for CaseWhen { condition, result } in branches {
            conditions.push(match operand {
                Some(operand) => {
                    let equal = self.comparison(operand, &BinaryOperator::Eq, condition, scope)?;
                    aggregate |= equal.aggregate;
                    equal.sql
                }
                None => {
                    let typed = self.expr(condition, scope)?;
                    aggregate |= typed.aggregate;
                    self.as_truth(typed)?
                }
            });
            results.push(self.expr(result, scope)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.expr(otherwise, scope)?);
        }
        let Unified { values, shape } = self.unified(results, false)?;
        let mut sql = Sql::text("(CASE");
        for (condition, value) in conditions.into_iter().zip(&values) {
            sql.push(" WHEN ").append(condition).push(" THEN ").append(value.clone());
        }
        if otherwise.is_some()
            && let Some(last) = values.last()
        {
            sql.push(" ELSE ").append(last.clone());
        }
        sql.push(" END)");
        let nullable = shape.nullable || otherwise.is_none();
        let aggregate = shape.aggregate || aggregate;
        Ok(Typed { sql, nullable, aggregate, ..closed(shape) })
    }

    /// IF, IFNULL, COALESCE, NULLIF, GREATEST, LEAST, ISNULL.
    pub(super) fn conditional(&mut self, name: &str, mut args: Vec<Typed>) -> Result<Option<Typed>, Fault> {
        Ok(Some(match (name, args.len()) {
            ("IF", 3) => {
                let condition = args.remove(0);
                let aggregate = condition.aggregate;
                let condition = self.as_truth(condition)?;
                let Unified { values, shape } = self.unified(args, false)?;
                let [then, otherwise] = &values[..] else { return Ok(None) };
                let sql = fill("(CASE WHEN {0} THEN {1} ELSE {2} END)", &[&condition, then, otherwise]);
                let aggregate = aggregate || shape.aggregate;
                Typed { sql, aggregate, ..closed(shape) }
            }
            ("IFNULL", 2) | ("NVL", 2) | ("COALESCE", 1..) => {
                let nullable = args.iter().all(|t| t.nullable);
                let Unified { values, shape } = self.unified(args, true)?;
                let sql = Sql::joined(values, ", ").wrapped("COALESCE(", ")");
                Typed { sql, nullable, ..closed(shape) }
            }
            ("NULLIF", 2) => {
                let value = self.settle_type(args.remove(0))?;
                let equal = self.compared(value.clone(), &BinaryOperator::Eq, args.remove(0))?;
                let settled = self.settle(value)?;
                let aggregate = settled.aggregate || equal.aggregate;
                let sql = fill("(CASE WHEN {0} THEN NULL ELSE {1} END)", &[&equal.sql, &settled.sql]);
                Typed { sql, nullable: true, aggregate, number: None, open: None, ..settled }
            }
            ("ISNULL", 1) => {
                let value = args.remove(0);
                let out = Typed::truth(fill("({0} IS NULL)", &[&value.sql]), self.mariadb()).nullable(false);
                Typed { aggregate: value.aggregate, ..out }
            }
            ("GREATEST" | "LEAST", 2..) => self.extreme(name, args)?,
            _ => return Ok(None),
        }))
    }

    /// A parameter that nothing decided is text where its own type is the result's.
    fn settle_type(&mut self, typed: Typed) -> Result<Typed, Fault> {
        Ok(match typed.open {
            Some(Open::Parameter(at)) if typed.ty == MyType::Null => self.decide(at, MyType::Varchar(65_535 / 4)),
            _ => typed,
        })
    }

    fn extreme(&mut self, name: &str, args: Vec<Typed>) -> Result<Typed, Fault> {
        let nullable = args.iter().any(|t| t.nullable);
        let nulls = args.iter().any(Typed::is_null);
        let known = || args.iter().filter(|t| !t.is_null());
        let mixed = known().any(|t| t.class() == Class::Text) && known().any(|t| t.class() != Class::Text);
        if mixed || (nulls && (self.mariadb() || known().next().is_none())) {
            return Err(self.refused(format!("{name} of texts and other values")));
        }
        let Unified { values, shape } = self.unified(args, true)?;
        let mut values = values;
        if shape.class() == Class::Text {
            self.sortable(&shape)?;
            values = values.iter().map(|v| fill("({0} COLLATE \"C\")", &[v])).collect();
        }
        let list = Sql::joined(values.clone(), ", ");
        let call = list.wrapped(&format!("{name}("), ")");
        let sql = if nullable {
            let nulls = Sql::joined(values.iter().map(|v| fill("{0} IS NULL", &[v])), " OR ");
            fill("(CASE WHEN {0} THEN NULL ELSE {1} END)", &[&nulls, &call])
        } else {
            call
        };
        Ok(Typed { sql, ..closed(shape) })
    }
}

/// The shape of a computed value: a NULL of no type stays open.
fn closed(shape: Typed) -> Typed {
    Typed { number: None, ..shape }
}

fn rank(ty: &MyType) -> u8 {
    match ty {
        MyType::Bool | MyType::TinyInt(_) => 1,
        MyType::SmallInt(_) | MyType::Year => 2,
        MyType::MediumInt(_) => 3,
        MyType::Int(false) => 4,
        _ => 5,
    }
}
