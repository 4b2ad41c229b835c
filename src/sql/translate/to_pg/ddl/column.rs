//! Columns of CREATE TABLE and ALTER TABLE.

use sqlparser::ast::{
    ColumnDef, ColumnOption, ColumnOptionDef, DataType, Expr, GeneratedAs, Ident, PrimaryKeyConstraint,
    UniqueConstraint,
};
use sqlparser::tokenizer::Token;

use super::super::Walk;
use super::super::alias::is_null;
use super::super::scope::{Scope, ScopeColumn, Source};
use super::super::source::{name, pg_type};
use super::Draft;
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Column, ColumnType, Default, Sql, literal};
use crate::wire::value::{MyType, PgType, Value, mapping};

/// What a column's options say.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) not_null: Option<bool>,
    pub(super) default: Option<Expr>,
    pub(super) numbered: bool,
    pub(super) primary: bool,
    pub(super) unique: bool,
    pub(super) checks: Vec<Expr>,
    pub(super) computed: Option<Expr>,
    pub(super) references: Vec<sqlparser::ast::ForeignKeyConstraint>,
}

/// A column's type on PostgreSQL, and what a CHECK must say beside it.
pub(super) struct Stored {
    pub(super) sql: String,
    pub(super) check: Option<Sql>,
}

impl Walk<'_> {
    /// MySQL's type as written.
    pub(super) fn data_type(&self, ty: &DataType) -> Result<MyType, Fault> {
        let text = ty.to_string();
        let word = match ty {
            DataType::CharacterVarying(_) | DataType::CharVarying(_) => {
                text.find('(').map(|at| format!("varchar{}", &text[at..]))
            }
            DataType::Character(_) => Some(text.to_ascii_lowercase().replace("character", "char")),
            DataType::FloatUnsigned(_)
            | DataType::DoubleUnsigned(_)
            | DataType::RealUnsigned
            | DataType::DoublePrecisionUnsigned => {
                return Err(self.refused(format_args!("the column type {text}")));
            }
            _ => None,
        };
        match MyType::parse(word.as_deref().unwrap_or(&text), false) {
            MyType::Other(_) => Err(self.refused(format_args!("the column type {text}"))),
            known => Ok(known),
        }
    }

    /// The type that keeps this one's values, with the bounds that it does not have itself.
    pub(super) fn stored(&self, ty: &MyType, column: &str, key: bool) -> Result<Stored, Fault> {
        if let MyType::Enum(members) = ty {
            let text = MyType::Text(u32::MAX);
            let list: Result<Vec<Sql>, Fault> =
                members.iter().map(|m| literal::postgres(&Value::Text(m.clone()), &text).map(Sql::text)).collect();
            let mut check = name(column);
            check.push(" IN ").append(Sql::joined(list?, ", ").wrapped("(", ")"));
            return Ok(Stored { sql: "text".to_owned(), check: Some(check) });
        }
        let at_least_zero = || {
            let mut check = name(column);
            check.push(" >= 0");
            Some(check)
        };
        if key && *ty == MyType::BigInt(true) {
            // A key that the server numbers, or that names another's number, must be an integer on PostgreSQL.
            return Ok(Stored { sql: "bigint".to_owned(), check: at_least_zero() });
        }
        let sql =
            mapping::stored_in_pg(ty).ok_or_else(|| self.refused(format_args!("the column type {}", ty.sql())))?;
        let check = match (mapping::unsigned_check(ty), ty) {
            (Some((low, high)), _) => {
                let mut check = name(column);
                check.push(&format!(" BETWEEN {low} AND {high}"));
                Some(check)
            }
            (None, MyType::Decimal { unsigned: true, .. }) => at_least_zero(),
            (None, _) => None,
        };
        Ok(Stored { sql, check })
    }

    pub(super) fn options<'o>(&self, options: impl Iterator<Item = &'o ColumnOption>) -> Result<Options, Fault> {
        let mut out = Options::default();
        for option in options {
            match option {
                ColumnOption::Null => out.not_null = Some(false),
                ColumnOption::NotNull => out.not_null = Some(true),
                ColumnOption::Default(expr) => out.default = Some(expr.clone()),
                ColumnOption::PrimaryKey(PrimaryKeyConstraint { .. }) => out.primary = true,
                ColumnOption::Unique(UniqueConstraint { .. }) => out.unique = true,
                ColumnOption::Check(check) if check.enforced != Some(false) => out.checks.push((*check.expr).clone()),
                ColumnOption::Check(_) | ColumnOption::Comment(_) | ColumnOption::CharacterSet(_) => {}
                ColumnOption::Collation(collation) => self.collation(&collation.to_string())?,
                ColumnOption::DialectSpecific(tokens) => match tokens.as_slice() {
                    [Token::Word(word)] if word.value.eq_ignore_ascii_case("auto_increment") => out.numbered = true,
                    _ => return Err(self.refused(format_args!("the column option {option}"))),
                },
                ColumnOption::Generated {
                    generated_as: GeneratedAs::Always | GeneratedAs::ExpStored,
                    sequence_options: None,
                    generation_expr: Some(expr),
                    generation_expr_mode: _,
                    generated_keyword: _,
                } => out.computed = Some(expr.clone()),
                ColumnOption::ForeignKey(key) if self.request.reading.mariadb => out.references.push(key.clone()),
                ColumnOption::ForeignKey(_) => {
                    return Err(self.refused("REFERENCES at a column, which MySQL reads and forgets,"));
                }
                ColumnOption::OnUpdate(_) => return Err(self.refused("ON UPDATE CURRENT_TIMESTAMP")),
                other => return Err(self.refused(format_args!("the column option {other}"))),
            }
        }
        Ok(out)
    }

    /// Text on PostgreSQL is compared by its bytes.
    fn collation(&self, collation: &str) -> Result<(), Fault> {
        let plain = collation.trim_matches('`').to_ascii_lowercase();
        if plain.ends_with("_bin") { Ok(()) } else { Err(self.refused(format_args!("COLLATE {plain} at a column"))) }
    }

    /// A column definition as it is printed. Its indexes are left in the draft.
    pub(super) fn column_definition(&mut self, def: &ColumnDef, draft: &mut Draft) -> Result<Sql, Fault> {
        let ColumnDef { name: ident, data_type, options } = def;
        let options = self.options(options.iter().map(|ColumnOptionDef { name: _, option }| option))?;
        self.defined_column(ident, data_type, options, draft)
    }

    pub(super) fn defined_column(
        &mut self,
        ident: &Ident,
        data_type: &DataType,
        options: Options,
        draft: &mut Draft,
    ) -> Result<Sql, Fault> {
        self.name_fits(&ident.value)?;
        let ty = self.data_type(data_type)?;
        let key = options.numbered || draft.foreign.iter().any(|f| f.eq_ignore_ascii_case(&ident.value));
        let stored = self.stored(&ty, &ident.value, key)?;
        let column = drafted(&ident.value, &stored, &options);
        let mut sql = name(&ident.value);
        sql.push(" ").push(&stored.sql);
        if options.numbered {
            sql.push(" GENERATED BY DEFAULT AS IDENTITY");
            if let Some(start) = draft.start {
                sql.push(&format!(" (START WITH {start})"));
            }
        }
        if let Some(default) = &options.default
            && !is_null(default)
        {
            let value = self.default_of(default, &column)?;
            sql.push(" DEFAULT ").append(value);
        }
        if options.not_null == Some(true) || options.numbered {
            sql.push(" NOT NULL");
        }
        draft.columns.push(column);
        if let Some(expr) = &options.computed {
            let scope = draft_scope(draft, self);
            let typed = self.expr(expr, &scope)?;
            let column = draft.columns.last().cloned().ok_or_else(|| self.refused("this column"))?;
            let value = self.assigned(typed, &column)?;
            sql.push(" GENERATED ALWAYS AS (").append(value).push(") STORED");
        }
        if options.primary {
            sql.push(" PRIMARY KEY");
        }
        if options.unique {
            let constraint = name(&format!("{}_{}", draft.table, ident.value));
            sql.push(" CONSTRAINT ").append(constraint).push(" UNIQUE");
        }
        if let Some(check) = stored.check {
            sql.append(check.wrapped(" CHECK (", ")"));
        }
        for check in &options.checks {
            let scope = draft_scope(draft, self);
            let condition = self.condition(check, &scope)?;
            sql.append(condition.wrapped(" CHECK (", ")"));
        }
        for key in &options.references {
            sql.append(self.references(key)?);
        }
        Ok(sql)
    }

    /// A DEFAULT's value for a column.
    pub(super) fn default_of(&mut self, default: &Expr, column: &Column) -> Result<Sql, Fault> {
        let typed = self.expr(default, &Scope::default())?;
        if let Some(super::super::Open::Parameter(_)) = typed.open {
            return Err(Fault::new(FaultKind::Syntax, "a parameter cannot stand in DEFAULT"));
        }
        let value = self.assigned(typed, column)?;
        Ok(value.wrapped("(", ")"))
    }
}

/// The columns so far, without a qualifier, for CHECK and generated columns.
pub(super) fn draft_scope(draft: &Draft, walk: &Walk<'_>) -> Scope<'static> {
    let columns = draft.columns.iter().map(|column| ScopeColumn {
        name: column.name.clone(),
        ty: walk.seen(column),
        pg: pg_type(column),
        sql: name(&column.name),
        exact: true,
        unicode: true,
        nullable: !column.not_null,
        hidden: false,
        origin: None,
    });
    Scope {
        outer: None,
        sources: vec![Source { alias: draft.table.clone(), schema: None, columns: columns.collect() }],
    }
}

/// The column as the catalog will show it.
fn drafted(column: &str, stored: &Stored, options: &Options) -> Column {
    let ty = PgType::parse(&stored.sql).unwrap_or(PgType::Text);
    Column {
        name: column.to_owned(),
        ty: ColumnType::Pg(ty),
        not_null: options.not_null == Some(true) || options.primary || options.numbered,
        default: if options.numbered { Default::Generated } else { Default::None },
        charset: None,
        collation: None,
    }
}
