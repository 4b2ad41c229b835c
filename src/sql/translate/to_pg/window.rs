//! Window functions.

use sqlparser::ast::{
    Expr, FunctionArgumentList, Value as Written, ValueWithSpan, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowSpec, WindowType,
};

use super::scope::Scope;
use super::typed::{Class, fill, small_int};
use super::{Open, Part, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    pub(super) fn window(
        &mut self,
        name: &str,
        list: &FunctionArgumentList,
        over: &WindowType,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let over = match over {
            WindowType::WindowSpec(spec) => self.window_spec(spec, scope)?.wrapped(" OVER (", ")"),
            WindowType::NamedWindow(name) => {
                let mut out = Sql::text(" OVER ");
                out.append(Sql::name(crate::base::Dialect::Postgres, &name.value.to_ascii_lowercase()));
                out
            }
        };
        let [Part::Text(text)] = over.parts() else {
            return Err(self.refused("parameters in a window"));
        };
        let text = text.clone();
        if let Some(typed) = self.aggregate(name, list, &text, scope)? {
            return Ok(Typed { aggregate: false, ..typed });
        }
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(self.refused(format!("this form of {name}")));
        }
        let args = self.arguments(name, list)?;
        let args = args.into_iter().map(|e| self.expr(e, scope)).collect::<Result<Vec<_>, _>>()?;
        self.ranked(name, args, &text)
    }

    /// What stands in OVER's parentheses, or behind WINDOW … AS.
    pub(super) fn window_spec(&mut self, spec: &WindowSpec, scope: &Scope<'_>) -> Result<Sql, Fault> {
        let WindowSpec { window_name, partition_by, order_by, window_frame } = spec;
        let mut out = Vec::new();
        if let Some(name) = window_name {
            out.push(Sql::name(crate::base::Dialect::Postgres, &name.value.to_ascii_lowercase()));
        }
        if !partition_by.is_empty() {
            let mut parts = Vec::new();
            for expr in partition_by {
                let typed = self.expr(expr, scope)?;
                let typed = self.settle(typed)?;
                parts.push(self.comparable(&typed));
            }
            out.push(Sql::joined(parts, ", ").wrapped("PARTITION BY ", ""));
        }
        if !order_by.is_empty() {
            out.push(self.order_by(order_by, scope)?.wrapped("ORDER BY ", ""));
        }
        if let Some(frame) = window_frame {
            out.push(Sql::text(self.frame(frame)?));
        }
        Ok(Sql::joined(out, " "))
    }

    fn frame(&self, frame: &WindowFrame) -> Result<String, Fault> {
        let WindowFrame { units, start_bound, end_bound } = frame;
        let units = match units {
            WindowFrameUnits::Rows => "ROWS",
            WindowFrameUnits::Range => "RANGE",
            WindowFrameUnits::Groups => return Err(self.refused("GROUPS in a window")),
        };
        let start = self.bound(start_bound, units)?;
        Ok(match end_bound {
            Some(end) => format!("{units} BETWEEN {start} AND {}", self.bound(end, units)?),
            None => format!("{units} {start}"),
        })
    }

    fn bound(&self, bound: &WindowFrameBound, units: &str) -> Result<String, Fault> {
        let count = |expr: &Expr| match expr {
            Expr::Value(ValueWithSpan { value: Written::Number(digits, false), .. })
                if units == "ROWS" && digits.len() < 10 && digits.bytes().all(|b| b.is_ascii_digit()) =>
            {
                Ok(digits.clone())
            }
            _ => Err(self.refused("this bound of a window")),
        };
        Ok(match bound {
            WindowFrameBound::CurrentRow => "CURRENT ROW".to_owned(),
            WindowFrameBound::Preceding(None) => "UNBOUNDED PRECEDING".to_owned(),
            WindowFrameBound::Following(None) => "UNBOUNDED FOLLOWING".to_owned(),
            WindowFrameBound::Preceding(Some(n)) => format!("{} PRECEDING", count(n)?),
            WindowFrameBound::Following(Some(n)) => format!("{} FOLLOWING", count(n)?),
        })
    }

    fn ranked(&mut self, name: &str, mut args: Vec<Typed>, over: &str) -> Result<Typed, Fault> {
        let call = name.to_ascii_lowercase();
        Ok(match (name, args.len()) {
            ("ROW_NUMBER" | "RANK" | "DENSE_RANK", 0) => self.place(&format!("{call}(){over}")),
            ("NTILE", 1) => match args.first().and_then(Typed::constant) {
                Some(n @ 1..=1_000_000) => {
                    let out = self.place(&format!("ntile({n}){over}"));
                    Typed { sql: fill("({0}::int8)", &[&out.sql]), ..out }
                }
                _ => return Err(self.refused("NTILE of anything but a known number")),
            },
            ("PERCENT_RANK" | "CUME_DIST", 0) => {
                let out = Typed::new(Sql::text(format!("{call}(){over}")), MyType::Double, PgType::Float8);
                Typed { frac: self.mariadb().then_some(10), ..out.nullable(false) }
            }
            ("FIRST_VALUE" | "LAST_VALUE", 1) => {
                let value = self.settle(args.remove(0))?;
                let sql = fill(&format!("{call}({{0}}){over}"), &[&value.sql]);
                self.of_row(value, sql)
            }
            ("NTH_VALUE", 2) => match args.remove(1).constant() {
                Some(n @ 1..=1_000_000) => {
                    let value = self.settle(args.remove(0))?;
                    let sql = fill(&format!("nth_value({{0}}, {n}){over}"), &[&value.sql]);
                    self.of_row(value, sql)
                }
                _ => return Err(self.refused("NTH_VALUE of anything but a known number")),
            },
            ("LAG" | "LEAD", 1..=3) => self.neighbour(&call, args, over)?,
            _ => return Err(self.refused(format!("the window function {name}"))),
        })
    }

    fn place(&self, call: &str) -> Typed {
        let ty = MyType::BigInt(!self.mariadb());
        Typed::new(Sql::text(call), ty, PgType::Int8).nullable(false)
    }

    /// A value of another row. MySQL says BIGINT for every whole number.
    fn of_row(&self, value: Typed, sql: Sql) -> Typed {
        let whole = value.class() == Class::Int && !self.mariadb();
        let ty = if whole { small_int(false) } else { value.ty.clone() };
        let (pg, sql) = match value.pg {
            PgType::Bool => (PgType::Int4, fill("({0}::int4)", &[&sql])),
            ref other => (other.clone(), sql),
        };
        Typed { sql, ty, pg, nullable: true, number: None, open: None, ..value }
    }

    fn neighbour(&mut self, call: &str, mut args: Vec<Typed>, over: &str) -> Result<Typed, Fault> {
        let otherwise = (args.len() == 3).then(|| args.remove(2));
        let distance = match args.get(1).map(Typed::constant) {
            None => 1,
            Some(Some(n @ 0..=1_000_000)) => n,
            Some(_) => return Err(self.refused("LAG or LEAD by anything but a known number")),
        };
        let value = self.settle(args.remove(0))?;
        let Some(otherwise) = otherwise else {
            let sql = fill(&format!("{call}({{0}}, {distance}){over}"), &[&value.sql]);
            return Ok(self.of_row(value, sql));
        };
        if matches!(otherwise.open, Some(Open::Parameter(_))) {
            return Err(self.refused("a parameter in LAG or LEAD"));
        }
        let unified = self.unified(vec![value, otherwise], true)?;
        let [value, otherwise] = &unified.values[..] else { return Err(self.refused("this LAG")) };
        let sql = fill(&format!("{call}({{0}}, {distance}, {{1}}){over}"), &[value, otherwise]);
        Ok(self.of_row(unified.shape, sql))
    }
}
