//! The program as a shell sees it: exit codes, what goes to which stream, and no colours in pipes.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::bed::{bed, binary, unique_name};

fn run(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary());
    command.args(words).stdin(Stdio::null()).envs(variables.iter().copied()).output().unwrap()
}

fn texts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn file(text: &str) -> PathBuf {
    let path = bed().folder().join(format!("{}.toml", unique_name()));
    std::fs::write(&path, text).unwrap();
    path
}

const GOOD: &str = "[listen]\npostgres = \"127.0.0.1:6432\"\n[[users]]\nname = \"app\"\npassword = \"hunter2\"\n\
                    [backends.store]\nurl = \"postgres://app:hunter2@127.0.0.1:1/store\"\n";

#[test]
fn exit_codes_say_what_kind_of_end_it_was() {
    let (good, wrong) = (file(GOOD), file(&GOOD.replace("postgres =", "postgress =")));
    let (good, wrong) = (good.to_str().unwrap(), wrong.to_str().unwrap());
    for (words, code, said) in [
        (&["config", "show", "-c", good][..], 0, "transactions.commit_wait"),
        (&["config", "schema"], 0, "json-schema.org"),
        (&["completions", "bash"], 0, "_handfast"),
        (&["completions", "zsh"], 0, "#compdef handfast"),
        (&["help", "HF0113"], 0, "HF0113"),
        (&["--version"], 0, "handfast"),
        (&["reload", "-c", good], 1, "admin.listen is off"),
        (&["config", "show", "-c", wrong], 2, "did you mean `postgres`?"),
        (&["config", "show", "-c", "/nowhere/handfast.toml"], 2, "handfast init"),
        (&["config", "show", "-c", good, "--set", "pool.size=many"], 2, "--> --set pool.size"),
        (&["config", "show", "-c", good, "--set", "pool.size"], 2, "KEY=VALUE"),
        (&["serv"], 2, "'serve'"),
        (&["hash-password"], 2, "the password is empty"),
    ] {
        let (exit, out, err) = texts(&run(words, &[]));
        assert_eq!(exit, code, "{words:?}: {out}{err}");
        let (told, silent) = if code == 0 { (&out, &err) } else { (&err, &out) };
        assert!(told.contains(said), "{words:?} says {told}");
        assert_eq!(silent, "", "{words:?}");
        assert!(!told.contains('\u{1b}'), "no colours in a pipe: {words:?}");
        assert!(!told.contains("hunter2"), "{words:?} shows a password");
    }
}

#[test]
fn every_value_is_shown_with_its_origin_for_people_and_for_programs() {
    let path = file(GOOD);
    let words = ["config", "show", "--origin", "-c", path.to_str().unwrap(), "--set", "pool.queue=3"];
    let variables = [("HANDFAST_TRANSACTIONS__COMMIT_WAIT", "3s")];
    let (_, table, _) = texts(&run(&words, &variables));
    let line =
        |key: &str| table.lines().find(|line| line.starts_with(key)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(line("transactions.commit_wait")[1..], ["3s", "environment", "HANDFAST_TRANSACTIONS__COMMIT_WAIT"]);
    assert_eq!(line("pool.queue")[1..], ["3", "--set"]);
    assert_eq!(line("users.app.password")[1..], ["***", format!("{}:5", path.display()).as_str()]);
    let (_, text, _) = texts(&run(&[&words[..], &["-o", "json"]].concat(), &variables));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let values = document["values"].as_array().unwrap();
    assert_eq!(values.len(), table.lines().count());
    assert!(values.iter().any(|value| value["key"] == "pool.queue" && value["origin"] == "--set"));
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = bed().folder().join(format!("man-{}", unique_name()));
    assert!(run(&["man", folder.to_str().unwrap()], &[]).status.success());
    for page in ["handfast.1", "handfast-serve.1", "handfast-config-show.1", "handfast-reload.1"] {
        let text = std::fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
}

#[test]
fn a_reader_that_has_left_is_no_panic_and_a_full_disk_is_a_fault() {
    let (reader, nobody) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(binary());
    command.args(["config", "show", "-c", "/nowhere/handfast.toml"]).stdin(Stdio::null()).stderr(nobody);
    assert_eq!(command.output().unwrap().status.code(), Some(2), "the fault could not be told, and is one");

    let (reader, nobody) = std::io::pipe().unwrap();
    drop(reader);
    let schema = |out: Stdio| {
        let mut command = Command::new(binary());
        texts(&command.args(["config", "schema"]).stdin(Stdio::null()).stdout(out).output().unwrap())
    };
    assert_eq!(schema(nobody.into()), (0, String::new(), String::new()), "who has read enough wants no more");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (code, _, told) = schema(full.into());
    assert!(code == 1 && told.starts_with("error: cannot write to standard output"), "{code} {told}");
}
