//! COM_FIELD_LIST of a table on PostgreSQL.

use super::super::{Ran, Session, Step};
use super::Asked;
use crate::base::BackendId;
use crate::relay::mysql::foreign::{Form, column_definition};
use crate::route::ForeignTable;
use crate::wire::mysql::answer;

const NULL_DEFAULT: u8 = 0xfb;

impl Session {
    /// The columns of `SELECT * FROM table`, with no word of their defaults.
    pub(in crate::session::mysql) async fn foreign_fields(
        &mut self,
        text: &[u8],
        backend: BackendId,
        tables: &[ForeignTable],
    ) -> Step {
        let Some(facts) = self.facts().await? else { return Ok(Ran::Failed) };
        let asked =
            Asked { text, backend, tables, enlist: false, more: false, form: Form::Text, declared: &[], values: &[] };
        match self.translated(&asked, &facts).await {
            Ok(made) => {
                for column in &made.columns {
                    let mut definition = column_definition(column, &facts.table);
                    definition.push(NULL_DEFAULT);
                    self.client.put(&definition);
                }
                let status = self.status();
                self.client.put(&answer::eof(status, 0));
                Ok(Ran::Fine)
            }
            Err(fault) => Ok(self.foreign_fault(&fault)),
        }
    }
}
