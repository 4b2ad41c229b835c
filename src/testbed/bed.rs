//! The scratch folder, who owns it, and what removes it.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::engines::mysql_root;
use super::ports::Ports;
use super::process::Identity;
use crate::base::Engine;

/// What can go wrong while setting up.
#[derive(Debug, thiserror::Error)]
pub enum TestbedError {
    /// A program, file or folder could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program of the set-up answered with an error.
    #[error("{program} failed ({status}):\n{output}")]
    Program {
        /// Which.
        program: String,
        /// Its exit status.
        status: String,
        /// What it printed.
        output: String,
    },
    /// A server did not come up in time, or ended.
    #[error("{who} is not ready: {why}\n{log}")]
    NotReady {
        /// Which child.
        who: String,
        /// Ended or too slow.
        why: String,
        /// The end of its diagnostics.
        log: String,
    },
    /// The engine is not installed here.
    #[error("{engine} is not installed: {hint}")]
    Missing {
        /// Which.
        engine: &'static str,
        /// How to get it.
        hint: &'static str,
    },
    /// A statement of the set-up failed.
    #[error("setting up {what}: {why}")]
    Sql {
        /// What was being set up.
        what: String,
        /// The server's answer.
        why: String,
    },
}

impl TestbedError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// A scratch folder that goes when this process goes.
#[derive(Debug)]
pub struct Bed {
    folder: PathBuf,
    mysql_folder: Option<PathBuf>,
    identity: Identity,
    janitor: Mutex<Child>,
    templates: [Mutex<bool>; 3],
    kept: Arc<AtomicBool>,
    ports: Ports,
}

/// Waits for end of file (we are gone, or dropped the bed), then removes the folders; "keep" on its input spares them.
/// It tries for a while because servers that die with us may still write for a moment.
const JANITOR: &str = "read -r word; [ \"$word\" = keep ] || for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf \"$@\"; sleep 0.3; done 2>/dev/null";

impl Bed {
    /// Makes the folder. Errors: the folder or its janitor cannot be made.
    pub fn new() -> Result<Self, TestbedError> {
        let identity = Identity::of_servers();
        let name = format!("handfast-{}-{:06x}", std::process::id(), rand::random::<u32>() & 0xff_ffff);
        let folder = std::env::temp_dir().join(&name);
        make_folder(&folder, identity)?;
        let mysql_folder = mysql_root().map(|root| root.join("tmp").join(&name));
        if let Some(inside) = &mysql_folder {
            make_folder(inside, identity)?;
        }
        let mut command = Command::new("/bin/sh");
        command.args(["-c", JANITOR, "janitor"]).arg(&folder).args(&mysql_folder);
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let janitor = command.spawn().map_err(TestbedError::io("starting /bin/sh"))?;
        let janitor = Mutex::new(janitor);
        Ok(Self {
            folder,
            mysql_folder,
            identity,
            janitor,
            templates: Default::default(),
            kept: Arc::default(),
            ports: Ports::default(),
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A free loopback port, given only once; 0 if there is none.
    pub fn free_port(&self) -> u16 {
        self.ports.free()
    }

    /// The folder inside the MySQL root, for servers that live in it.
    pub(super) fn mysql_folder(&self) -> Option<&Path> {
        self.mysql_folder.as_deref()
    }

    /// Whether the folders stay after the end.
    pub(super) fn kept(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.kept)
    }

    /// Whom the servers run as.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Makes an engine's freshly initialised data folder once; later servers copy it.
    pub(super) fn template(
        &self,
        engine: Engine,
        folder: &Path,
        init: impl FnOnce(&Path) -> Result<(), TestbedError>,
    ) -> Result<(), TestbedError> {
        let slot = match engine {
            Engine::Postgres => &self.templates[0],
            Engine::Mariadb => &self.templates[1],
            Engine::Mysql => &self.templates[2],
        };
        let mut made = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if !*made {
            init(folder)?;
            *made = true;
        }
        Ok(())
    }

    /// Leaves the folder (data, diagnostics, journal) for a look after the end.
    pub fn keep(&self) -> Result<(), TestbedError> {
        self.kept.store(true, Ordering::Relaxed);
        let mut janitor = self.janitor.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut janitor.stdin {
            Some(pipe) => pipe.write_all(b"keep\n").map_err(TestbedError::io("telling the janitor to keep")),
            None => Ok(()),
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if self.kept.load(Ordering::Relaxed) {
            return;
        }
        // Right here, so that nothing is left when we say so; what still writes at this moment is the janitor's.
        for folder in std::iter::once(&self.folder).chain(&self.mysql_folder) {
            if let Err(error) = std::fs::remove_dir_all(folder) {
                tracing::debug!(folder = %folder.display(), %error, "left to the janitor");
            }
        }
    }
}

fn make_folder(folder: &Path, identity: Identity) -> Result<(), TestbedError> {
    let what = || TestbedError::io(format!("making {}", folder.display()));
    std::fs::create_dir_all(folder).map_err(what())?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).map_err(what())?;
    identity.own(folder).map_err(what())
}
