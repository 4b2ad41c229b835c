//! The `handfast` program: reads the command line and does what it says.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match handfast::cli::Args::try_parse() {
        Ok(args) => handfast::cli::run(args),
        Err(told) => handfast::cli::usage(&told),
    }
}
