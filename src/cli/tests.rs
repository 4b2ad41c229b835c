//! The command line's shape and texts.

use std::path::Path;

use clap::{CommandFactory, Parser};

use super::*;
use crate::base::FaultKind;
use crate::config::ConfigCode;

#[test]
fn the_command_line_is_well_formed() {
    Args::command().debug_assert();
}

#[test]
fn the_configuration_may_be_named_after_the_command() {
    let args = Args::try_parse_from(["handfast", "serve", "-c", "x.toml"]).unwrap();
    assert_eq!(args.config.as_deref(), Some(Path::new("x.toml")));
    let args = Args::try_parse_from(["handfast", "--config", "x.toml", "check", "--offline"]).unwrap();
    let Command::Check(check) = args.command else { panic!("not a check") };
    assert!(check.offline && !check.strict);
}

#[test]
fn the_demo_takes_what_its_script_passes_on() {
    let args =
        Args::try_parse_from(["handfast", "demo", "--check", "--step", "--keep", "--orders", "20", "--seed", "7"]);
    let Command::Demo(demo) = args.unwrap().command else { panic!("not a demo") };
    assert!(demo.check && demo.step && demo.keep);
    assert_eq!((demo.orders, demo.seed), (20, 7));
}

#[test]
fn wrong_usage_says_what_was_meant() {
    let told = Args::try_parse_from(["handfast", "explian", "x"]).unwrap_err();
    assert!(told.use_stderr());
    assert!(told.to_string().contains("'explain'"), "{told}");
}

#[test]
fn every_code_has_an_explanation() {
    for code in ConfigCode::ALL.iter().map(|c| c.code()).chain(FaultKind::ALL.iter().map(|k| k.code())) {
        let text = codes::explain(code).unwrap();
        assert!(text.starts_with(code) && text.len() > 60, "{text}");
    }
    assert_eq!(codes::explain("HF9999"), None);
    assert_eq!(codes::FAULTS.len(), FaultKind::ALL.len(), "each code once");
}
