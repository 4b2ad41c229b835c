//! `handfast demo`: the story on throw-away databases.

use std::process::ExitCode;

use super::{DemoArgs, Exit};

/// Plays it.
pub fn run(_args: &DemoArgs) -> ExitCode {
    super::complain("error: the demonstration is not built yet");
    Exit::Problem.into()
}
