//! `handfast completions|man`: made of the command line itself, so that they are never older than it.

use std::path::Path;

use clap::CommandFactory;

use super::{Args, Exit, complain, print};

/// Prints what completes our words in a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "handfast", &mut text);
    print(&String::from_utf8_lossy(&text));
    Exit::Ok
}

/// Writes handfast.1 and a page for each command.
pub(super) fn pages(folder: &Path) -> Exit {
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Args::command(), folder));
    match written {
        Ok(()) => Exit::Ok,
        Err(error) => {
            complain(format!("error: cannot write the manual into {}: {error}", folder.display()));
            Exit::Problem
        }
    }
}
