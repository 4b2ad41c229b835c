//! Wrong configurations with all that is told about them: one file each in `wrong/`. `HANDFAST_BLESS=1` writes the messages
//! anew, to be read before they are committed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

const FILE: &str = "---- handfast.toml\n";
const TOLD: &str = "---- told\n";

struct Case {
    path: PathBuf,
    /// Up to what is told.
    given: String,
    text: String,
    overrides: Overrides,
    told: String,
}

fn case(path: PathBuf) -> Case {
    let content = std::fs::read_to_string(&path).unwrap();
    let (given, told) = content.split_once(TOLD).expect("a case says what is told");
    let (beside, text) = given.split_once(FILE).expect("a case has a file");
    let mut variables = Vec::new();
    let mut options = Vec::new();
    for line in beside.lines() {
        let line = line.strip_prefix("$ ").expect("a variable or an option");
        let (list, pair) = match line.strip_prefix("--set ") {
            Some(pair) => (&mut options, pair),
            None => (&mut variables, line),
        };
        let (key, value) = pair.split_once('=').unwrap();
        list.push((key.to_owned(), value.to_owned()));
    }
    let overrides = Overrides::new(variables, &options);
    Case { given: given.to_owned(), text: text.to_owned(), overrides, told: told.to_owned(), path }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/wrong");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(case).collect()
}

/// Two variables are set, and two folders have whatever is asked for.
fn told(case: &Case) -> String {
    let env =
        |name: &str| ["APP_PASSWORD", "STORE_PASSWORD", "DELIVERY_PASSWORD"].contains(&name).then(|| "p".to_owned());
    let read_file = |path: &Path| match path.starts_with("/run/secrets") || path.starts_with("/etc/handfast") {
        true if path.ends_with("short") => Ok("1234\n".to_owned()),
        true if path.ends_with("lines") => Ok("correct-horse\nbattery-staple\n".to_owned()),
        true => Ok("from a file, and long enough\n".to_owned()),
        false => Err(std::io::ErrorKind::NotFound.into()),
    };
    let world = World { env: &env, read_file: &read_file };
    match parse(&case.text, "handfast.toml", &case.overrides, world) {
        Ok(_) => panic!("{} was accepted", case.path.display()),
        Err(errors) => format!("{errors}\n"),
    }
}

#[test]
fn each_wrong_configuration_is_told_what_is_wrong_where_and_what_to_do() {
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let told = told(case);
        if std::env::var_os("HANDFAST_BLESS").is_some() {
            std::fs::write(&case.path, format!("{}{TOLD}{told}", case.given)).unwrap();
        } else if told != case.told {
            wrong.push(format!("{}\n--- told now\n{told}--- expected\n{}", case.path.display(), case.told));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The faults of a message: their lines.
fn faults(told: &str) -> Vec<Vec<&str>> {
    let parts = told.split("\n\n").filter(|part| part.starts_with("error["));
    parts.map(|part| part.lines().collect()).collect()
}

#[test]
fn every_message_has_a_code_a_place_and_says_what_to_do() {
    let mut silent = Vec::new();
    for case in cases() {
        let faults = faults(&case.told);
        assert!(!faults.is_empty(), "{}", case.path.display());
        for fault in faults {
            let about = format!("{}: {}", case.path.display(), fault.join("\n"));
            assert!(fault[0].starts_with("error[HF01"), "{about}");
            let place = fault.iter().any(|line| line.trim_start().starts_with("--> "));
            // The one fault of no place is a name of no key.
            assert!(place || fault[0].contains("names no key"), "{about}");
            let labelled = |line: &str| {
                let rest = line.split_once('|').map_or("", |(_, rest)| rest).trim_start();
                rest.starts_with('^') && rest.contains(' ')
            };
            let advice = fault.iter().any(|line| line.contains("= help: ")) || fault.iter().any(|line| labelled(line));
            if !advice {
                silent.push(about);
            }
        }
        assert!(!case.told.contains("hunter2"), "{}", case.path.display());
    }
    assert!(silent.is_empty(), "nothing of what to do:\n{}", silent.join("\n"));
}

#[test]
fn every_code_of_a_configuration_has_a_case() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let cases = cases();
    for code in cases.iter().flat_map(|case| faults(&case.told)).map(|fault| fault[0][6..12].to_owned()) {
        let known = ConfigCode::ALL.iter().find(|known| known.code() == code).unwrap();
        *seen.entry(known.code()).or_default() += 1;
    }
    // These are found by a running house only.
    let reload = [ConfigCode::Unfinished, ConfigCode::NewBackend, ConfigCode::NotNow];
    for code in ConfigCode::ALL.iter().filter(|code| !reload.contains(code)) {
        assert!(seen.contains_key(code.code()), "{} has no case", code.code());
    }
}
