//! Functions, by what they are about.

mod clock;
mod date_format;
mod datetime;
mod info;
mod interval;
mod json;
mod math;
mod search;
mod string;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, ObjectNamePart,
};

use super::scope::Scope;
use super::{Typed, Walk};
use crate::base::Fault;

impl Walk<'_> {
    pub(super) fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Function { name, uses_odbc_syntax, parameters, args, filter, null_treatment, over, within_group } =
            function;
        let plain = !*uses_odbc_syntax
            && *parameters == FunctionArguments::None
            && filter.is_none()
            && null_treatment.is_none()
            && within_group.is_empty();
        let [ObjectNamePart::Identifier(ident)] = &name.0[..] else {
            return Err(self.refused(format!("the function {name}")));
        };
        let name = ident.value.to_ascii_uppercase();
        if !plain {
            return Err(self.refused(format!("this form of {name}")));
        }
        let none = FunctionArgumentList { duplicate_treatment: None, args: Vec::new(), clauses: Vec::new() };
        let list = match args {
            FunctionArguments::None => &none,
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => return Err(self.refused(format!("{name} of a subquery"))),
        };
        if let Some(over) = over {
            return self.window(&name, list, over, scope);
        }
        if let Some(typed) = self.aggregate(&name, list, "", scope)? {
            return Ok(typed);
        }
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(self.refused(format!("this form of {name}")));
        }
        let args = self.arguments(&name, list)?;
        if let Some(typed) = self.of_units(&name, &args, scope)? {
            return Ok(typed);
        }
        let args = args.into_iter().map(|e| self.expr(e, scope)).collect::<Result<Vec<_>, _>>()?;
        self.call(&name, args)
    }

    /// A function of values.
    pub(super) fn call(&mut self, name: &str, args: Vec<Typed>) -> Result<Typed, Fault> {
        let count = args.len();
        if let Some(typed) = self.conditional(name, args.clone())? {
            return Ok(typed);
        }
        let rooms = [
            Self::of_texts,
            Self::of_search,
            Self::of_numbers,
            Self::of_clock,
            Self::of_dates,
            Self::of_json,
            Self::of_session,
        ];
        for room in rooms {
            let parts: Vec<&Typed> = args.iter().collect();
            let aggregate = parts.iter().any(|p| p.aggregate);
            if let Some(typed) = room(self, name, args.clone())? {
                return Ok(Typed { aggregate: typed.aggregate || aggregate, ..typed });
            }
        }
        Err(self.refused(format!("the function {name} with {count} argument(s)")))
    }

    /// The arguments as expressions.
    pub(super) fn arguments<'e>(&self, name: &str, list: &'e FunctionArgumentList) -> Result<Vec<&'e Expr>, Fault> {
        list.args
            .iter()
            .map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
                _ => Err(self.refused(format!("this argument of {name}"))),
            })
            .collect()
    }
}
