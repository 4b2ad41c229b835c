//! Child processes that cannot outlive us.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::TestbedError;
use crate::base::clock;

/// Whom servers run as: ourselves, or an unprivileged user when we are root (PostgreSQL refuses root).
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    drop_to: Option<(u32, u32)>,
}

impl Identity {
    pub(super) fn of_servers() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self { drop_to: None };
        }
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let ids = |user: &str| {
            let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        };
        Self { drop_to: ids("postgres").or_else(|| ids("nobody")).or(Some((65534, 65534))) }
    }

    /// Gives a path to that user.
    pub(super) fn own(self, path: &Path) -> std::io::Result<()> {
        match self.drop_to {
            Some((uid, gid)) => std::os::unix::fs::chown(path, Some(uid), Some(gid)),
            None => Ok(()),
        }
    }

    /// A command that runs as that user and dies with the thread that starts it.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        self.setpriv_arguments(&mut command);
        command.arg("--").arg(program);
        command
    }

    /// The same inside another root folder; needs root.
    pub(super) fn command_in_root(self, root: &Path, program: &str) -> Command {
        // setpriv runs inside, after chroot: a change of user clears the parent-death signal.
        let mut command = Command::new("chroot");
        command.arg(root).arg("/usr/bin/setpriv");
        self.setpriv_arguments(&mut command);
        command.args(["--", program]);
        command
    }

    fn setpriv_arguments(self, command: &mut Command) {
        if let Some((uid, gid)) = self.drop_to {
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
        }
        command.args(["--pdeathsig", "KILL"]);
        command.env("LC_ALL", "C").env_remove("PGDATA").env_remove("PGHOST").env_remove("PGPORT");
    }
}

/// Runs a program of the set-up to its end.
pub(super) fn run(command: &mut Command) -> Result<String, TestbedError> {
    let program = format!("{command:?}");
    let output = command.output().map_err(TestbedError::io(program.clone()))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(TestbedError::Program { program, status: output.status.to_string(), output: text })
}

/// A running child. Its reaper thread started it and waits for it: the parent-death signal is tied to the *thread* that
/// forks, and a test's own thread ends before the servers should.
#[derive(Debug)]
pub(super) struct Proc {
    pid: Pid,
    exit: Arc<(Mutex<Option<ExitStatus>>, Condvar)>,
    reaper: Option<JoinHandle<()>>,
}

impl Proc {
    /// Starts `command` in a process group of its own (a Ctrl-C at the terminal is ours to handle).
    pub(super) fn spawn(name: &str, mut command: Command) -> Result<Self, TestbedError> {
        let exit = Arc::new((Mutex::new(None), Condvar::new()));
        let (told, born) = std::sync::mpsc::channel();
        let shared = Arc::clone(&exit);
        command.process_group(0);
        let reap = move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return told.send(Err(error)).unwrap_or(()),
            };
            told.send(Ok(child.id())).unwrap_or(());
            let status = child.wait().unwrap_or_else(|_| ExitStatus::from_raw(0));
            *shared.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
            shared.1.notify_all();
        };
        let what = || TestbedError::io(format!("starting {name}"));
        let reaper = std::thread::Builder::new().name(format!("reaper of {name}")).spawn(reap).map_err(what())?;
        let born = born.recv().unwrap_or_else(|_| Err(std::io::ErrorKind::BrokenPipe.into())).map_err(what())?;
        let pid = i32::try_from(born).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidData)).map_err(what())?;
        Ok(Self { pid, exit, reaper: Some(reaper) })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// How it ended, if it has.
    pub(super) fn exited(&self) -> Option<ExitStatus> {
        *self.exit.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its end, `timeout` at most.
    pub(super) fn wait(&self, timeout: Duration) -> Option<ExitStatus> {
        let deadline = clock::now() + timeout;
        let mut exit = self.exit.0.lock().unwrap_or_else(PoisonError::into_inner);
        while exit.is_none() {
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                return None;
            }
            exit = self.exit.1.wait_timeout(exit, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *exit
    }

    /// Sends a signal, if it still runs.
    pub(super) fn signal(&self, signal: Signal) {
        if self.exited().is_none() {
            send(self.pid, signal);
        }
    }

    /// Sends a signal to it and to its children.
    pub(super) fn signal_all(&self, signal: Signal) {
        if self.exited().is_none() {
            send(self.pid, signal);
            children_of(self.pid).into_iter().for_each(|child| send(child, signal));
        }
    }

    /// `kill -9` of it and of its children (PostgreSQL's sessions are processes of their own), then waits.
    pub(super) fn kill9(&self) {
        if self.exited().is_none() {
            // Stopped first, so that it starts no further child between the list and the end.
            send(self.pid, Signal::STOP);
            let children = children_of(self.pid);
            send(self.pid, Signal::KILL);
            children.into_iter().for_each(|child| send(child, Signal::KILL));
        }
        self.wait(Duration::from_secs(30));
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        self.kill9();
        if let Some(reaper) = self.reaper.take()
            && self.exited().is_some()
        {
            reaper.join().unwrap_or(());
        }
    }
}

fn send(pid: Pid, signal: Signal) {
    // The only possible error is that it is already gone, which is what a signal is for.
    rustix::process::kill_process(pid, signal).unwrap_or(());
}

fn children_of(pid: Pid) -> Vec<Pid> {
    let pid = pid.as_raw_nonzero();
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|text| text.parse().ok().and_then(Pid::from_raw)).collect()
}
