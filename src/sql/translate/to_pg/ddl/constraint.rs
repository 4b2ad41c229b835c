//! Keys and checks of a table.

use sqlparser::ast::{
    CheckConstraint, ConstraintReferenceMatchKind, Expr, ForeignKeyConstraint, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, IndexColumn, IndexConstraint, OrderByExpr, OrderByOptions, PrimaryKeyConstraint,
    ReferentialAction, TableConstraint, UniqueConstraint, Value,
};

use super::super::Walk;
use super::super::source::{name, physical};
use super::Draft;
use super::column::draft_scope;
use crate::base::Fault;
use crate::sql::translate::Sql;

/// A column of a key.
pub(super) struct KeyColumn {
    pub(super) name: String,
    /// Characters of its beginning that count.
    pub(super) prefix: Option<u64>,
    pub(super) descending: bool,
}

impl Walk<'_> {
    /// A constraint as it is printed in the table; an index is left in the draft.
    pub(super) fn constraint(
        &mut self,
        constraint: &TableConstraint,
        draft: &mut Draft,
        physical_table: &Sql,
    ) -> Result<Option<Sql>, Fault> {
        match constraint {
            TableConstraint::PrimaryKey(PrimaryKeyConstraint { columns, .. }) => {
                let list = self.whole_columns(columns, "PRIMARY KEY")?;
                for column in &mut draft.columns {
                    column.not_null |= list.iter().any(|c| c.eq_ignore_ascii_case(&column.name));
                }
                Ok(Some(listed(&list).wrapped("PRIMARY KEY (", ")")))
            }
            TableConstraint::Unique(UniqueConstraint { name: given, index_name, columns, .. }) => {
                let list = self.whole_columns(columns, "UNIQUE")?;
                let own = given.as_ref().or(index_name.as_ref()).map(|i| i.value.clone());
                let own = own.or_else(|| list.first().cloned()).unwrap_or_default();
                let mut sql = Sql::text("CONSTRAINT ");
                sql.append(self.index_name(&draft.table, &own)?).push(" UNIQUE (").append(listed(&list)).push(")");
                Ok(Some(sql))
            }
            TableConstraint::ForeignKey(key) => {
                let mut sql = Sql::new();
                if let Some(own) = &key.name {
                    self.name_fits(&own.value)?;
                    sql.push("CONSTRAINT ").append(name(&own.value)).push(" ");
                }
                let list: Vec<String> = key.columns.iter().map(|c| c.value.clone()).collect();
                sql.push("FOREIGN KEY (").append(listed(&list)).push(")").append(self.references(key)?);
                Ok(Some(sql))
            }
            TableConstraint::Check(CheckConstraint { enforced: Some(false), .. }) => Ok(None),
            TableConstraint::Check(CheckConstraint { name: given, expr, enforced: _ }) => {
                let scope = draft_scope(draft, self);
                let mut sql = Sql::new();
                if let Some(given) = given {
                    self.name_fits(&given.value)?;
                    sql.push("CONSTRAINT ").append(name(&given.value)).push(" ");
                }
                sql.push("CHECK (").append(self.condition(expr, &scope)?).push(")");
                Ok(Some(sql))
            }
            TableConstraint::Index(IndexConstraint { name: given, columns, .. }) => {
                let sql = self.index(given.as_ref(), columns, false, draft, physical_table)?;
                draft.after.push(sql);
                Ok(None)
            }
            TableConstraint::FulltextOrSpatial(_) => Err(self.refused("a FULLTEXT or SPATIAL index")),
            TableConstraint::PrimaryKeyUsingIndex(_) | TableConstraint::UniqueUsingIndex(_) => {
                Err(self.refused("a constraint USING INDEX"))
            }
        }
    }

    /// ` REFERENCES t (c) ON DELETE …`
    pub(super) fn references(&self, key: &ForeignKeyConstraint) -> Result<Sql, Fault> {
        let ForeignKeyConstraint {
            name: _,
            index_name: _,
            columns: _,
            foreign_table,
            referred_columns,
            on_delete,
            on_update,
            match_kind,
            characteristics: None,
        } = key
        else {
            return Err(self.refused("DEFERRABLE"));
        };
        if !matches!(match_kind, None | Some(ConstraintReferenceMatchKind::Simple)) {
            return Err(self.refused("MATCH FULL"));
        }
        let mut sql = Sql::text(" REFERENCES ");
        let known = self.known_as(foreign_table);
        let known = known
            .map_err(|_| self.refused(format_args!("REFERENCES {foreign_table}, whose place is not known here,")))?;
        sql.append(physical(known));
        let list: Vec<String> = referred_columns.iter().map(|c| c.value.clone()).collect();
        if !list.is_empty() {
            sql.push(" (").append(listed(&list)).push(")");
        }
        for (word, action) in [(" ON DELETE ", on_delete), (" ON UPDATE ", on_update)] {
            let action = match action {
                None => continue,
                // InnoDB checks at once: NO ACTION is RESTRICT.
                Some(ReferentialAction::Restrict | ReferentialAction::NoAction) => "RESTRICT",
                Some(ReferentialAction::Cascade) => "CASCADE",
                Some(ReferentialAction::SetNull) => "SET NULL",
                Some(ReferentialAction::SetDefault) => return Err(self.refused("SET DEFAULT of a foreign key")),
            };
            sql.push(word).push(action);
        }
        Ok(sql)
    }

    /// CREATE INDEX. Names of indexes are the schema's on PostgreSQL and the table's on MySQL, so the table's name is put before.
    pub(super) fn index(
        &self,
        given: Option<&Ident>,
        columns: &[IndexColumn],
        unique: bool,
        draft: &Draft,
        table: &Sql,
    ) -> Result<Sql, Fault> {
        let list: Vec<KeyColumn> = columns.iter().map(|c| self.key_column(c)).collect::<Result<_, _>>()?;
        if unique && list.iter().any(|c| c.prefix.is_some()) {
            return Err(self.refused("a unique key on the beginning of a column"));
        }
        let own = given.map(|i| i.value.clone()).or_else(|| list.first().map(|c| c.name.clone())).unwrap_or_default();
        let mut sql = Sql::text(if unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " });
        sql.append(self.index_name(&draft.table, &own)?).push(" ON ").append(table.clone()).push(" (");
        let pieces = list.iter().map(|column| {
            let mut piece = match column.prefix {
                None => name(&column.name),
                Some(characters) => name(&column.name).wrapped("left(", &format!(", {characters})")),
            };
            if column.descending {
                piece.push(" DESC");
            }
            piece
        });
        sql.append(Sql::joined(pieces, ", ")).push(")");
        Ok(sql)
    }

    /// The name of an index on PostgreSQL.
    pub(super) fn index_name(&self, table: &str, own: &str) -> Result<Sql, Fault> {
        let full = format!("{table}_{own}");
        self.name_fits(&full)?;
        Ok(name(&full))
    }

    pub(super) fn key_column(&self, column: &IndexColumn) -> Result<KeyColumn, Fault> {
        let IndexColumn { column: OrderByExpr { expr, options, with_fill: None }, operator_class: None } = column
        else {
            return Err(self.refused(format_args!("the key column {column}")));
        };
        let OrderByOptions { asc, nulls_first: None } = options else { return Err(self.refused("NULLS FIRST / LAST")) };
        let descending = *asc == Some(false);
        match expr {
            Expr::Identifier(ident) => Ok(KeyColumn { name: ident.value.clone(), prefix: None, descending }),
            // `name(10)`, read as a function.
            Expr::Function(Function { name: object, args: FunctionArguments::List(list), .. }) => {
                let words = super::super::source::parts(object).unwrap_or_default();
                match (words.as_slice(), list.args.as_slice()) {
                    ([one], [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))]) => {
                        let Value::Number(digits, false) = &value.value else {
                            return Err(self.refused(format_args!("the key column {column}")));
                        };
                        let prefix = digits.parse().ok();
                        Ok(KeyColumn { name: one.value.clone(), prefix, descending })
                    }
                    _ => Err(self.refused(format_args!("the key column {column}"))),
                }
            }
            _ => Err(self.refused(format_args!("the key column {column}"))),
        }
    }

    /// The columns of a key that holds for whole values.
    fn whole_columns(&self, columns: &[IndexColumn], what: &str) -> Result<Vec<String>, Fault> {
        let mut out = Vec::with_capacity(columns.len());
        for column in columns {
            let column = self.key_column(column)?;
            if column.prefix.is_some() {
                return Err(self.refused(format_args!("{what} on the beginning of a column")));
            }
            out.push(column.name);
        }
        Ok(out)
    }
}

/// `"a", "b"`
pub(super) fn listed(columns: &[String]) -> Sql {
    Sql::joined(columns.iter().map(|c| name(c)), ", ")
}
