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

/// Every code that there is, from the two enums.
fn all_codes() -> Vec<&'static str> {
    ConfigCode::ALL.iter().map(|c| c.code()).chain(FaultKind::ALL.iter().map(|k| k.code())).collect()
}

#[test]
fn every_code_has_a_page_that_says_cause_example_and_what_to_do() {
    for code in all_codes() {
        let text = codes::explain(code).unwrap_or_else(|| panic!("{code} has no page"));
        assert!(text.starts_with(code) && text.contains("\n\nExample:\n  "), "{text}");
        let (cause, remedy) = text.split_once("\n\nExample:\n").unwrap();
        let (_, cause) = cause.split_once("\n\n").unwrap();
        let (example, remedy) = remedy.split_once("\n\nWhat to do:\n  ").unwrap();
        assert!(cause.len() > 20 && example.trim().len() > 10 && remedy.trim().len() > 10, "{text}");
        assert!(remedy.trim_end().ends_with('.') || remedy.contains(':'), "a sentence: {text}");
    }
    assert_eq!(codes::explain("HF9999"), None);
}

#[test]
fn there_is_no_page_and_no_cause_without_its_code() {
    let all = all_codes();
    let pages: Vec<&str> = codes::pages().map(|(code, _)| code).collect();
    let unknown: Vec<_> = pages.iter().filter(|code| !all.contains(code)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_eq!(pages.len(), all.len(), "each page once");
    assert_eq!(codes::FAULTS.len(), FaultKind::ALL.len(), "each cause once");
    let mut codes = all.clone();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all.len(), "each code once");
}

#[test]
fn every_fault_has_a_hint_and_a_code_of_both_wires() {
    for kind in FaultKind::ALL {
        assert!(kind.hint().is_some(), "{kind:?} has no hint");
        assert!(kind.sqlstate().len() == 5 && kind.mysql_state().len() == 5 && kind.errno() > 0, "{kind:?}");
    }
}
