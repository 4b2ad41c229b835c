//! `handfast journal dump|verify`: reads the files as they are, without taking the journal's lock.

use std::path::{Path, PathBuf};

use super::{Exit, JournalAction, complain, config_path};
use crate::config;

pub(super) fn run(file: Option<&Path>, action: &JournalAction) -> Exit {
    let given = match action {
        JournalAction::Dump { path } | JournalAction::Verify { path } => path.clone(),
    };
    let folder = match given.map_or_else(|| configured(file), Ok) {
        Ok(folder) => folder,
        Err(exit) => return exit,
    };
    complain(format!("error: reading {} is not built yet", folder.display()));
    Exit::Problem
}

fn configured(file: Option<&Path>) -> Result<PathBuf, Exit> {
    config::load(&config_path(file)).map(|config| config.journal.path).map_err(|errors| {
        complain(errors);
        Exit::Usage
    })
}
