//! Handfast as a child process that can be killed at any moment.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::process::Proc;
use super::server::tail;
use super::{Shop, TestbedError};
use crate::base::{Dialect, clock};

/// It has this long to recover and to open its ports.
const READY_MAX: Duration = Duration::from_secs(30);

/// Runs everything in this pool mode, unless a configuration says one itself.
const POOL_MODE_VARIABLE: &str = "HANDFAST_BED_POOL_MODE";

/// The configuration with that `pool.mode`, if it has none.
fn in_pool_mode(text: &str, mode: &str) -> String {
    let line = format!("[pool]\nmode = \"{mode}\"\n");
    if text.contains("[pool]\nmode") {
        text.to_owned()
    } else if text.contains("[pool]\n") {
        text.replacen("[pool]\n", &line, 1)
    } else {
        format!("{text}\n{line}")
    }
}

/// The proxy over one [`Shop`]. Ends when dropped.
#[derive(Debug)]
pub struct Handfast {
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    ports: Vec<(Dialect, u16)>,
    admin_port: u16,
    process: Mutex<Option<Proc>>,
}

impl Handfast {
    /// Writes the shop's configuration; starts nothing.
    pub fn new(binary: &Path, shop: &Shop) -> Result<Self, TestbedError> {
        Self::with_config(binary, shop, &shop.config())
    }

    /// The same with another configuration text (it must keep the shop's ports).
    pub fn with_config(binary: &Path, shop: &Shop, text: &str) -> Result<Self, TestbedError> {
        let config = shop.folder().join("handfast.toml");
        let text = match std::env::var(POOL_MODE_VARIABLE) {
            Ok(mode) => in_pool_mode(text, &mode),
            Err(_) => text.to_owned(),
        };
        std::fs::write(&config, &text).map_err(TestbedError::io(format!("writing {}", config.display())))?;
        let (log, ports) = (shop.folder().join("handfast.log"), shop.ports().to_vec());
        let (binary, admin_port) = (binary.to_path_buf(), shop.admin_port());
        Ok(Self { binary, config, log, ports, admin_port, process: Mutex::default() })
    }

    /// Starts it and waits until it takes clients. Errors: it ended or is too slow, with its diagnostics.
    pub fn start(&self) -> Result<(), TestbedError> {
        self.launch(None)?;
        self.wait_ready(READY_MAX)
    }

    /// Starts it, to die at a failpoint (`name` or `name:count`), and does not wait.
    pub fn launch(&self, failpoint: Option<&str>) -> Result<(), TestbedError> {
        self.kill9();
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(TestbedError::io(format!("opening {}", self.log.display())))?;
        let also = log.try_clone().map_err(TestbedError::io("sharing the diagnostics file"))?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.binary).args(["serve", "-c"]).arg(&self.config);
        command.stdin(Stdio::null()).stdout(log).stderr(also).env_remove("HANDFAST_FAILPOINT");
        command.envs(failpoint.map(|name| ("HANDFAST_FAILPOINT", name)));
        *self.slot() = Some(Proc::spawn("handfast", command)?);
        Ok(())
    }

    /// Waits until every front answers. Errors: it ended or is too slow.
    pub fn wait_ready(&self, timeout: Duration) -> Result<(), TestbedError> {
        let deadline = clock::now() + timeout;
        let failed = |why: String| {
            let log = tail(&self.log);
            TestbedError::NotReady { who: "handfast".to_owned(), why, log }
        };
        for &(dialect, port) in &self.ports {
            while !answers(dialect, port) {
                if let Some(status) = self.wait_exit(Duration::from_millis(10)) {
                    return Err(failed(format!("it ended ({status})")));
                }
                if clock::now() > deadline {
                    return Err(failed(format!("no answer within {} s", timeout.as_secs())));
                }
            }
        }
        Ok(())
    }

    /// Waits for its end, `timeout` at most; `None`: it still runs (or was never started).
    pub fn wait_exit(&self, timeout: Duration) -> Option<ExitStatus> {
        // The lock is not held while waiting: somebody else may want to kill it.
        let deadline = clock::now() + timeout;
        loop {
            let status = self.slot().as_ref().and_then(|process| process.wait(Duration::from_millis(5)));
            if status.is_some() || clock::now() >= deadline {
                return status;
            }
        }
    }

    /// `kill -9`, at once.
    pub fn kill9(&self) {
        if let Some(process) = self.slot().take() {
            process.kill9();
        }
    }

    /// Asks it to end in order and waits. Gives its exit status if it did within `timeout`.
    pub fn stop(&self, timeout: Duration) -> Option<ExitStatus> {
        let process = self.slot().take()?;
        process.signal(Signal::TERM);
        process.wait(timeout)
    }

    /// Its process id, if it runs.
    pub fn pid(&self) -> Option<i32> {
        self.slot().as_ref().map(|process| process.pid().as_raw_nonzero().get())
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.slot().as_ref().is_some_and(|process| process.exited().is_none())
    }

    /// The URL for clients of a dialect; empty if that front is off.
    pub fn url(&self, dialect: Dialect) -> String {
        let port = self.port(dialect);
        match dialect {
            Dialect::Postgres => format!("postgres://app:app@127.0.0.1:{port}/shop?sslmode=disable"),
            Dialect::Mysql => format!("mysql://app:app@127.0.0.1:{port}/shop"),
        }
    }

    /// The port for clients of a dialect; 0 if that front is off.
    pub fn port(&self, dialect: Dialect) -> u16 {
        self.ports.iter().find(|(of, _)| *of == dialect).map_or(0, |(_, port)| *port)
    }

    /// The operator's port.
    pub fn admin_port(&self) -> u16 {
        self.admin_port
    }

    /// Its configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// All of its diagnostics so far.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The end of its diagnostics.
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Proc>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handfast {
    fn drop(&mut self) {
        self.kill9();
    }
}

fn answers(dialect: Dialect, port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    if stream.set_read_timeout(Some(Duration::from_secs(2))).is_err() {
        return false;
    }
    let asked = match dialect {
        // An SSLRequest is answered by one byte and costs no login.
        Dialect::Postgres => stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]),
        Dialect::Mysql => Ok(()),
    };
    asked.is_ok() && stream.read_exact(&mut [0_u8; 1]).is_ok()
}
