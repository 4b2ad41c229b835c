//! The files that `init` makes, and where passwords are. A file that exists is never touched.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rand::Rng;
use rand::distr::Alphanumeric;

use super::{InitArgs, Source};
use crate::config::Secret;

/// Long enough that nobody guesses it.
const PASSWORD_CHARS: usize = 24;

/// Where one password is.
#[derive(Clone, Debug)]
enum Place {
    /// In a variable; whether it must still be set.
    Variable { name: String, set: bool },
    /// In a file that is made.
    File(PathBuf),
    /// Nowhere: there is none.
    None,
}

/// One password.
#[derive(Clone, Debug)]
struct Kept {
    whose: String,
    place: Place,
    text: Secret,
}

/// All passwords: the clients' first, then one for each backend.
#[derive(Debug)]
pub(super) struct Files {
    kept: Vec<Kept>,
}

impl Files {
    /// Errors: a file that would be made exists, or the folder's path cannot be told.
    pub(super) fn new(args: &InitArgs, sources: &[Source]) -> Result<Self, String> {
        let folder = match &args.secrets {
            Some(folder) => {
                Some(std::path::absolute(folder).map_err(|error| format!("{}: {error}", folder.display()))?)
            }
            None => None,
        };
        let place = |file: &str, variable: String| match &folder {
            Some(folder) => Place::File(folder.join(file)),
            None => Place::Variable { set: std::env::var_os(&variable).is_some(), name: variable },
        };
        let client = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_CHARS).map(char::from).collect::<String>();
        let mut kept = vec![Kept {
            whose: format!("choose a password: clients log in as {} with it", args.user),
            place: place(&format!("{}.client", args.user), variable(&format!("{}_CLIENT", args.user))),
            text: Secret::new(client),
        }];
        for source in sources {
            let backend = &source.given.backend;
            let place = match &source.given.password_variable {
                Some(name) => Place::Variable { name: name.clone(), set: true },
                None if backend.password.expose().is_empty() => Place::None,
                None => place(&format!("{}.backend", backend.name), variable(&backend.name)),
            };
            let whose = format!("the password of {} on {}", backend.user, backend.name);
            kept.push(Kept { whose, place, text: backend.password.clone() });
        }
        let files = Self { kept };
        match files.secrets().into_iter().find(|(path, _)| path.exists()) {
            Some((path, _)) => Err(format!("{} exists and is not overwritten; nothing was written", path.display())),
            None => Ok(files),
        }
    }

    /// The line of the configuration that says the clients' password.
    pub(super) fn client_line(&self) -> String {
        self.line(0)
    }

    /// The line for a backend; empty if it has no password.
    pub(super) fn backend_line(&self, number: usize) -> String {
        self.line(number + 1)
    }

    fn line(&self, number: usize) -> String {
        match self.kept.get(number).map(|kept| &kept.place) {
            Some(Place::Variable { name, .. }) => format!("password = \"${{{name}}}\"\n"),
            Some(Place::File(path)) => {
                format!("password_file = {}\n", super::text::quoted(&path.display().to_string().replace('$', "$$")))
            }
            Some(Place::None) | None => String::new(),
        }
    }

    /// A variable's value, as it will be.
    pub(super) fn variable(&self, wanted: &str) -> Option<String> {
        let named = |kept: &&Kept| matches!(&kept.place, Place::Variable { name, .. } if name == wanted);
        self.kept.iter().find(named).map(|kept| kept.text.expose().to_owned())
    }

    /// A secret file's content, as it will be.
    pub(super) fn content(&self, wanted: &Path) -> Option<String> {
        let named = |kept: &&Kept| matches!(&kept.place, Place::File(path) if path == wanted);
        self.kept.iter().find(named).map(|kept| kept.text.expose().to_owned())
    }

    /// The files to make, and whose password is in each.
    pub(super) fn secrets(&self) -> Vec<(&Path, &str)> {
        let made_up = "made up: the password of clients";
        let whose = std::iter::once(made_up).chain(self.kept.iter().skip(1).map(|kept| kept.whose.as_str()));
        self.kept.iter().zip(whose).filter_map(|(kept, whose)| Some((kept.file()?, whose))).collect()
    }

    /// The file with the clients' password, if there is one.
    pub(super) fn client_secret(&self) -> Option<&Path> {
        match self.kept.first().map(|kept| &kept.place) {
            Some(Place::File(path)) => Some(path),
            Some(Place::Variable { .. } | Place::None) | None => None,
        }
    }

    /// Variables that are not set here, and what belongs into them.
    pub(super) fn variables_to_set(&self) -> Vec<(&str, &str)> {
        let unset = |kept: &'_ Kept| matches!(&kept.place, Place::Variable { set: false, .. });
        let mut found = Vec::new();
        for kept in self.kept.iter().filter(|kept| unset(kept)) {
            if let Place::Variable { name, .. } = &kept.place {
                found.push((name.as_str(), kept.whose.as_str()));
            }
        }
        found
    }

    /// Makes the secrets' folder and files, then the configuration: all of it or nothing. Errors: which file could not be made.
    pub(super) fn write(&self, output: &Path, text: &str) -> Result<(), String> {
        let mut made = Made::default();
        let written = self.make(output, text, &mut made);
        written.map_err(|why| match made.undo() {
            Ok(()) => format!("{why}; nothing was written"),
            Err(left) => format!("{why}; {left}"),
        })
    }

    fn make(&self, output: &Path, text: &str, made: &mut Made) -> Result<(), String> {
        let secrets: Vec<_> = self.kept.iter().filter_map(|kept| Some((kept.file()?, kept.text.expose()))).collect();
        for (path, secret) in secrets {
            if let Some(folder) = path.parent() {
                made.folder(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
            }
            made.file(path, 0o600, &format!("{secret}\n"))?;
        }
        made.file(output, 0o644, text)
    }
}

/// What was made so far.
#[derive(Debug, Default)]
struct Made {
    /// Oldest first.
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Made {
    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        let mut missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
        missing.reverse();
        for path in missing {
            DirBuilder::new().mode(0o700).create(path)?;
            self.folders.push(path.to_owned());
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, mode: u32, text: &str) -> Result<(), String> {
        let about = |error: io::Error| format!("cannot write {}: {error}", path.display());
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(about)?;
        self.files.push(path.to_owned());
        file.write_all(text.as_bytes()).map_err(about)
    }

    /// Takes it all away. Errors: what is left.
    fn undo(self) -> Result<(), String> {
        let left = |(path, gone): (&PathBuf, io::Result<()>)| {
            Some(format!("{} is left and cannot be removed: {}", path.display(), gone.err()?))
        };
        let files = self.files.iter().map(|path| (path, fs::remove_file(path))).filter_map(left);
        // All are tried, whatever became of those before.
        let mut all: Vec<String> = files.collect();
        all.extend(self.folders.iter().rev().map(|path| (path, fs::remove_dir(path))).filter_map(left));
        if all.is_empty() { Ok(()) } else { Err(all.join("; ")) }
    }
}

impl Kept {
    fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Variable { .. } | Place::None => None,
        }
    }
}

/// `STORE_PASSWORD` for `store`.
fn variable(name: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = name.chars().map(word).collect();
    let lead = if name.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    format!("{lead}{name}_PASSWORD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_named_as_shells_take_it() {
        assert_eq!(variable("store"), "STORE_PASSWORD");
        assert_eq!(variable("2nd-store"), "_2ND_STORE_PASSWORD");
    }

    #[test]
    fn no_file_is_ever_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, "first").unwrap();
        let refused = files(folder.path()).write(&path, "second").unwrap_err();
        assert!(refused.contains("exists") && refused.ends_with("nothing was written"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(listed(folder.path()), ["x.toml"]);
    }

    #[test]
    fn all_is_written_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path();
        files(there).write(&there.join("no/such/folder.toml"), "").unwrap_err();
        assert!(listed(there).is_empty(), "neither passwords nor their folders are left: {:?}", listed(there));
        // What was there before stays.
        std::fs::create_dir(there.join("deep")).unwrap();
        std::fs::write(there.join("deep/other"), "").unwrap();
        files(there).write(&there.join("no.toml/x"), "").unwrap_err();
        assert_eq!((listed(there), listed(&there.join("deep"))), (vec!["deep".to_owned()], vec!["other".to_owned()]));
        // A password's file of the same name came between.
        std::fs::create_dir(there.join("deep/secrets")).unwrap();
        std::fs::write(there.join("deep/secrets/store.backend"), "mine").unwrap();
        files(there).write(&there.join("x.toml"), "").unwrap_err();
        assert_eq!(listed(there), ["deep"]);
        assert_eq!(listed(&there.join("deep/secrets")), ["store.backend"]);
        std::fs::remove_file(there.join("deep/secrets/store.backend")).unwrap();
        files(there).write(&there.join("x.toml"), "").unwrap();
        assert_eq!(listed(&there.join("deep/secrets")), ["app.client", "store.backend"]);
    }

    fn files(folder: &Path) -> Files {
        let kept = |name: &str| Kept {
            whose: String::new(),
            place: Place::File(folder.join("deep/secrets").join(name)),
            text: Secret::new("x"),
        };
        Files { kept: vec![kept("app.client"), kept("store.backend")] }
    }

    fn listed(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
