//! Column definitions and constraints, as CREATE TABLE and ALTER TABLE share them.

use sqlparser::ast::{
    CheckConstraint, ColumnDef, ColumnOption, ConstraintReferenceMatchKind, DataType, Expr, ForeignKeyConstraint,
    GeneratedAs, Ident, IndexColumn, NullsDistinctOption, PrimaryKeyConstraint, ReferentialAction, TableConstraint,
    UniqueConstraint,
};

use crate::base::{Engine, Fault, FaultKind};
use crate::sql::translate::to_mysql::Walk;
use crate::sql::translate::to_mysql::assign::is_stable;
use crate::sql::translate::to_mysql::names::quoted;
use crate::sql::translate::to_mysql::scope::{Scope, ScopeColumn, Source, fold};
use crate::sql::translate::{Default, Sql};
use crate::wire::value::{PgType, mapping};

/// A column as the client defined it.
pub(super) struct Defined {
    pub(super) name: String,
    pub(super) ty: PgType,
    /// AUTO_INCREMENT
    pub(super) numbered: bool,
    pub(super) not_null: bool,
    pub(super) default: Option<Sql>,
    pub(super) computed: Option<Sql>,
    /// Constraints that were written behind it.
    pub(super) constraints: Vec<TableConstraint>,
}

impl Walk<'_> {
    /// Reads a column; its CHECKs and generated value are over `columns`.
    pub(super) fn defined(&mut self, column: &ColumnDef, columns: &[ScopeColumn]) -> Result<Defined, Fault> {
        let ColumnDef { name, data_type, options } = column;
        let (ty, serial) = match serial(data_type) {
            Some(ty) => (ty, true),
            None => (self.data_type(data_type)?, false),
        };
        let mut out = Defined {
            name: fold(name),
            ty,
            numbered: serial,
            not_null: serial,
            default: None,
            computed: None,
            constraints: Vec::new(),
        };
        for option in options {
            let named = option.name.clone();
            self.option(&mut out, &option.option, named, columns)?;
        }
        Ok(out)
    }

    fn option(
        &mut self,
        out: &mut Defined,
        option: &ColumnOption,
        named: Option<Ident>,
        columns: &[ScopeColumn],
    ) -> Result<(), Fault> {
        let name = Ident::with_quote('"', &out.name);
        match option {
            ColumnOption::Null => {}
            ColumnOption::NotNull => out.not_null = true,
            ColumnOption::Default(expr) => out.default = self.default(expr, &out.ty, &out.name)?,
            ColumnOption::PrimaryKey(key) => {
                out.not_null = true;
                let columns = vec![index_column(name)];
                let name = named.or_else(|| key.name.clone());
                out.constraints.push(TableConstraint::PrimaryKey(PrimaryKeyConstraint {
                    name,
                    columns,
                    ..key.clone()
                }));
            }
            ColumnOption::Unique(unique) => {
                let columns = vec![index_column(name)];
                let name = named.or_else(|| unique.name.clone());
                out.constraints.push(TableConstraint::Unique(UniqueConstraint { name, columns, ..unique.clone() }));
            }
            ColumnOption::ForeignKey(key) => {
                let columns = vec![name];
                let name = named.or_else(|| key.name.clone());
                out.constraints.push(TableConstraint::ForeignKey(ForeignKeyConstraint {
                    name,
                    columns,
                    ..key.clone()
                }));
            }
            ColumnOption::Check(check) => {
                let name = named.or_else(|| check.name.clone());
                let name = name.or_else(|| Some(Ident::with_quote('"', format!("{}\u{1}", out.name))));
                out.constraints.push(TableConstraint::Check(CheckConstraint { name, ..check.clone() }));
            }
            ColumnOption::Generated {
                generated_as: GeneratedAs::Always | GeneratedAs::ByDefault,
                sequence_options,
                generation_expr: None,
                generation_expr_mode: None,
                generated_keyword: _,
            } if sequence_options.as_ref().is_none_or(Vec::is_empty) => {
                out.numbered = true;
                out.not_null = true;
            }
            ColumnOption::Generated {
                generated_as: GeneratedAs::ExpStored | GeneratedAs::Always,
                sequence_options: None,
                generation_expr: Some(expr),
                ..
            } => {
                let scope = check_scope(columns);
                let typed = self.expr(expr, &scope)?;
                let typed = self.coerce(typed, &out.ty)?;
                out.computed = Some(typed.sql);
            }
            other => return Err(self.refused(format!("the column option {other}"))),
        }
        Ok(())
    }

    /// A default: a literal, the time, or a new UUID; `None`: NULL.
    pub(super) fn default(&mut self, expr: &Expr, ty: &PgType, name: &str) -> Result<Option<Sql>, Fault> {
        if let Some(word) = niladic(expr) {
            let digits = |d: &Option<u8>| d.map_or(6, |d| d.min(6));
            let utc =
                matches!(self.request.facts.time_zone.to_ascii_uppercase().as_str(), "" | "UTC" | "GMT" | "ETC/UTC");
            return match (word.as_str(), ty) {
                (
                    "now" | "current_timestamp" | "transaction_timestamp" | "statement_timestamp",
                    PgType::TimestampTz(d),
                ) => Ok(Some(Sql::text(format!("CURRENT_TIMESTAMP({})", digits(d))))),
                ("now" | "current_timestamp" | "localtimestamp" | "transaction_timestamp", PgType::Timestamp(d))
                    if utc =>
                {
                    Ok(Some(Sql::text(format!("CURRENT_TIMESTAMP({})", digits(d)))))
                }
                ("current_date" | "now", PgType::Date) if utc => Ok(Some(Sql::text("(CURRENT_DATE)"))),
                ("gen_random_uuid" | "uuid_generate_v4", PgType::Uuid) => Ok(Some(Sql::text("(UUID())"))),
                _ => Err(self.refused(format!("the default {expr} of column {name}"))),
            };
        }
        if let (Some(number), PgType::Numeric(Some((precision, scale)))) = (super::super::operators::constant(expr), ty)
            && fits(&number, *precision, *scale)
        {
            return Ok(Some(Sql::text(format!("({number})"))));
        }
        let typed = self.expr(expr, &Scope::default())?;
        let typed = self.coerce(typed, ty)?;
        if typed.sql == Sql::text("NULL") {
            return Ok(None);
        }
        if !is_stable(&typed) && !plain_number(&typed.sql) {
            return Err(self.refused(format!("the default {expr} of column {name}")));
        }
        if !matches!(typed.sql.parts(), [crate::sql::translate::Part::Text(_)]) {
            return Err(self.refused("a parameter as a default"));
        }
        Ok(Some(typed.sql.wrapped("(", ")")))
    }

    /// `` `name` type NOT NULL DEFAULT … ``
    pub(super) fn print_column(&self, column: &Defined) -> Result<Sql, Fault> {
        let maria = self.engine() == Engine::Mariadb;
        let Some(ty) = mapping::stored_in_mysql(&column.ty, maria) else {
            let hint = match column.ty {
                PgType::Bpchar(_) => "Write varchar(n).",
                _ => "Write a type that both servers have.",
            };
            return Err(self.refused(format!("a column of type {}", column.ty.sql())).hint(hint));
        };
        let mut out = quoted(&column.name);
        out.push(" ").push(&ty);
        if let Some(computed) = &column.computed {
            out.push(" GENERATED ALWAYS AS (").append(computed.clone()).push(") STORED");
            return Ok(out);
        }
        out.push(if column.not_null { " NOT NULL" } else { " NULL" });
        if column.numbered {
            if !matches!(column.ty, PgType::Int2 | PgType::Int4 | PgType::Int8) {
                return Err(self.refused(format!("an identity column of type {}", column.ty.sql())));
            }
            out.push(" AUTO_INCREMENT");
        } else if let Some(default) = &column.default {
            out.push(" DEFAULT ").append(default.clone());
        }
        Ok(out)
    }

    /// A constraint of a table, named as PostgreSQL would name it.
    pub(super) fn constraint(
        &mut self,
        table: &str,
        constraint: &TableConstraint,
        columns: &[ScopeColumn],
    ) -> Result<Sql, Fault> {
        match constraint {
            TableConstraint::PrimaryKey(PrimaryKeyConstraint {
                name: _,
                index_name: None,
                index_type: None,
                columns: keys,
                index_options,
                characteristics: None,
            }) if index_options.is_empty() => {
                let keys = self.key_columns(keys, columns)?;
                Ok(list(&keys).wrapped("PRIMARY KEY (", ")"))
            }
            TableConstraint::Unique(UniqueConstraint {
                name,
                index_name: None,
                index_type_display: _,
                index_type: None,
                columns: keys,
                index_options,
                characteristics: None,
                nulls_distinct: NullsDistinctOption::None | NullsDistinctOption::Distinct,
            }) if index_options.is_empty() => {
                let keys = self.key_columns(keys, columns)?;
                let name = name.as_ref().map_or_else(|| format!("{table}_{}_key", keys.join("_")), fold);
                Ok(list(&keys).wrapped(&format!("CONSTRAINT {} UNIQUE (", text(&quoted(&name))), ")"))
            }
            TableConstraint::Check(CheckConstraint { name, expr, enforced: None }) => {
                let scope = check_scope(columns);
                let condition = self.condition(expr, &scope)?;
                let name = match name {
                    Some(name) => match fold(name).strip_suffix('\u{1}') {
                        Some(column) => format!("{table}_{column}_check"),
                        None => fold(name),
                    },
                    None => format!("{table}_check"),
                };
                Ok(condition.wrapped(&format!("CONSTRAINT {} CHECK (", text(&quoted(&name))), ")"))
            }
            TableConstraint::ForeignKey(key) => self.foreign_key(table, key, columns),
            other => Err(self.refused(format!("the constraint {other}"))),
        }
    }

    fn foreign_key(&mut self, table: &str, key: &ForeignKeyConstraint, columns: &[ScopeColumn]) -> Result<Sql, Fault> {
        let ForeignKeyConstraint {
            name,
            index_name: None,
            columns: own,
            foreign_table,
            referred_columns,
            on_delete,
            on_update,
            match_kind: None | Some(ConstraintReferenceMatchKind::Simple),
            characteristics: None,
        } = key
        else {
            return Err(self.refused("a deferrable or MATCH FULL foreign key"));
        };
        let own: Vec<String> = own.iter().map(fold).collect();
        for name in &own {
            known_column(name, columns)?;
        }
        let named = self.named(foreign_table)?;
        let referred: Vec<String> = match (&named.table, referred_columns.is_empty()) {
            (_, false) => referred_columns.iter().map(fold).collect(),
            (Some(there), true) => match there.primary() {
                Some(primary) => primary.columns.clone(),
                None => return Err(self.refused("REFERENCES to a table without a primary key")),
            },
            (None, true) => return Err(super::super::names::undefined_table(foreign_table)),
        };
        let name = name.as_ref().map_or_else(|| format!("{table}_{}_fkey", own.join("_")), fold);
        let mut out = quoted(&name).wrapped("CONSTRAINT ", " FOREIGN KEY (");
        out.append(list(&own)).push(") REFERENCES ").append(self.physical(named)).push(" (").append(list(&referred));
        out.push(")");
        for (event, action) in [(" ON DELETE ", on_delete), (" ON UPDATE ", on_update)] {
            let word = match action {
                None | Some(ReferentialAction::NoAction) => continue,
                Some(ReferentialAction::Restrict) => "RESTRICT",
                Some(ReferentialAction::Cascade) => "CASCADE",
                Some(ReferentialAction::SetNull) => "SET NULL",
                Some(ReferentialAction::SetDefault) => return Err(self.refused("ON DELETE SET DEFAULT")),
            };
            out.push(event).push(word);
        }
        Ok(out)
    }

    /// Columns of a key, each of a type that InnoDB can have in one.
    pub(super) fn key_columns(&self, keys: &[IndexColumn], columns: &[ScopeColumn]) -> Result<Vec<String>, Fault> {
        let mut out = Vec::new();
        for key in keys {
            let Expr::Identifier(name) = &key.column.expr else {
                return Err(self.refused("a key on an expression"));
            };
            if key.operator_class.is_some() {
                return Err(self.refused("an operator class"));
            }
            let column = known_column(&fold(name), columns)?;
            self.can_be_key(column)?;
            out.push(column.name.clone());
        }
        Ok(out)
    }

    fn can_be_key(&self, column: &ScopeColumn) -> Result<(), Fault> {
        let long = match column.ty {
            PgType::Text | PgType::Bytea | PgType::Json | PgType::Jsonb | PgType::Varchar(None) => true,
            // InnoDB's keys are 3,072 bytes.
            PgType::Varchar(Some(n)) => n > 768,
            _ => false,
        };
        if !long {
            return Ok(());
        }
        let what = format!("a key on the column {} of type {}", column.name, column.ty.sql());
        Err(self.refused(what).hint("Give it a length: varchar(255)."))
    }
}

/// Columns for CHECK and generated columns: named without the table.
fn check_scope(columns: &[ScopeColumn]) -> Scope<'static> {
    let source = Source { alias: "\u{1}".to_owned(), schema: None, columns: columns.to_vec(), table: None, body: None };
    Scope { outer: None, sources: vec![source], star: None, ctes: Vec::new() }
}

/// A column as CHECK sees it.
pub(super) fn plain_column(name: &str, ty: &PgType) -> ScopeColumn {
    ScopeColumn {
        name: name.to_owned(),
        ty: ty.clone(),
        sql: quoted(name),
        exact: true,
        unicode: true,
        shown: None,
        nullable: true,
        hidden: false,
    }
}

fn known_column<'c>(name: &str, columns: &'c [ScopeColumn]) -> Result<&'c ScopeColumn, Fault> {
    columns
        .iter()
        .find(|c| c.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| Fault::new(FaultKind::UndefinedColumn, format!("column \"{name}\" named in key does not exist")))
}

pub(super) fn list(names: &[String]) -> Sql {
    Sql::joined(names.iter().map(|n| quoted(n)), ", ")
}

fn text(sql: &Sql) -> String {
    match sql.parts() {
        [crate::sql::translate::Part::Text(text)] => text.clone(),
        _ => String::new(),
    }
}

fn plain_number(sql: &Sql) -> bool {
    let text = text(sql);
    let digits = text.trim_matches(['(', ')']).trim_start_matches('-');
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

fn index_column(name: Ident) -> IndexColumn {
    IndexColumn::from(name)
}

/// The type behind SERIAL and friends.
pub(super) fn serial(ty: &DataType) -> Option<PgType> {
    let DataType::Custom(name, modifiers) = ty else { return None };
    if !modifiers.is_empty() {
        return None;
    }
    match name.to_string().to_ascii_lowercase().as_str() {
        "serial" | "serial4" => Some(PgType::Int4),
        "bigserial" | "serial8" => Some(PgType::Int8),
        "smallserial" | "serial2" => Some(PgType::Int2),
        _ => None,
    }
}

/// A function without arguments, by its name.
fn niladic(expr: &Expr) -> Option<String> {
    use sqlparser::ast::FunctionArguments;
    match expr {
        Expr::Nested(inner) => niladic(inner),
        Expr::Function(function) => {
            let bare = match &function.args {
                FunctionArguments::None => true,
                FunctionArguments::List(list) => list.args.is_empty() && list.clauses.is_empty(),
                FunctionArguments::Subquery(_) => false,
            };
            (bare && function.over.is_none() && function.filter.is_none())
                .then(|| function.name.to_string().to_ascii_lowercase())
        }
        Expr::Identifier(word) if word.quote_style.is_none() => {
            let word = word.value.to_ascii_lowercase();
            matches!(word.as_str(), "current_timestamp" | "current_date" | "localtimestamp").then_some(word)
        }
        _ => None,
    }
}

/// Whether a column's default is one that can be printed again.
pub(super) fn keeps_default(default: &Default) -> bool {
    matches!(default, Default::None | Default::Generated)
}

/// Whether a number as written is one of `numeric(precision, scale)` without rounding.
fn fits(number: &str, precision: u16, scale: i16) -> bool {
    let (whole, fraction) =
        number.trim_start_matches('-').split_once('.').unwrap_or((number.trim_start_matches('-'), ""));
    let room = i32::from(precision) - i32::from(scale);
    let count = |digits: &str| i32::try_from(digits.len()).unwrap_or(i32::MAX);
    scale >= 0 && (count(whole) <= room || whole == "0") && count(fraction) <= i32::from(scale)
}
