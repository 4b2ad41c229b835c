//! How much a query keeps in memory.

use super::Row;
use crate::base::limits::CONSOLE_ROWS_BYTES_MAX;
use crate::base::{Fault, FaultKind};
use crate::console::cell::Cell;

/// What the rows come to that a query has made and not dropped yet.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: usize,
}

fn bytes_of(row: &[Cell]) -> usize {
    let texts = row.iter().map(|cell| if let Cell::Text(text) = cell { text.capacity() } else { 0 });
    size_of::<Row>() + size_of_val(row) + texts.sum::<usize>()
}

impl Held {
    /// One more row. Errors: it is one too many.
    pub(super) fn take(&mut self, row: &[Cell]) -> Result<(), Fault> {
        self.bytes = self.bytes.saturating_add(bytes_of(row));
        if self.bytes <= CONSOLE_ROWS_BYTES_MAX {
            return Ok(());
        }
        let most = CONSOLE_ROWS_BYTES_MAX / (1024 * 1024);
        let what = format!(
            "the rows of this query take more than {most} MiB of memory, which is the most for one of the console"
        );
        Err(Fault::new(FaultKind::TooLarge, what).hint("Say more in its conditions, or ask for fewer columns."))
    }

    /// It is gone.
    pub(super) fn drop(&mut self, row: &[Cell]) {
        self.bytes = self.bytes.saturating_sub(bytes_of(row));
    }
}
