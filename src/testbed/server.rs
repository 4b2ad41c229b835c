//! One throw-away database server.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::engines::{self, need};
use super::process::{Identity, Proc};
use super::{Bed, TestbedError};
use crate::base::{Engine, clock};

/// A server has this long to start, crash recovery included.
const START_MAX: Duration = Duration::from_secs(60);

/// A PostgreSQL, MariaDB or MySQL on a loopback port of its own. Ends when dropped.
#[derive(Debug)]
pub struct Server {
    engine: Engine,
    name: String,
    port: u16,
    data: PathBuf,
    log: PathBuf,
    init_file: PathBuf,
    identity: Identity,
    extra: Vec<String>,
    process: Mutex<Option<Proc>>,
    /// Databases that nobody needs any more: they go when the next one is made.
    ended: Mutex<Vec<String>>,
    kept: Arc<AtomicBool>,
}

impl Server {
    /// Initialises and starts one; `name` is unique in the bed. Errors: not installed, or it does not come up.
    pub fn start(bed: &Bed, engine: Engine, name: &str) -> Result<Self, TestbedError> {
        Self::start_with(bed, engine, name, &[])
    }

    /// The same with further command-line arguments, which win over ours.
    pub fn start_with(bed: &Bed, engine: Engine, name: &str, extra: &[&str]) -> Result<Self, TestbedError> {
        let home = engines::home(bed, engine)?;
        let (data, log) = (home.join(name), bed.folder().join(format!("{name}.log")));
        engines::new_data(bed, engine, &data)?;
        let init_file = home.join(format!("{name}.sql"));
        std::fs::write(&init_file, engines::INIT_SQL).map_err(TestbedError::io("writing the users' file"))?;
        let extra = extra.iter().map(ToString::to_string).collect();
        let (name, port, identity) = (name.to_owned(), bed.free_port(), bed.identity());
        let (process, ended, kept) = (Mutex::default(), Mutex::default(), bed.kept());
        let server = Self { engine, name, port, data, log, init_file, identity, extra, process, ended, kept };
        server.launch(true)?;
        Ok(server)
    }

    /// Starts several at the same time.
    pub fn start_all(bed: &Bed, wanted: &[(Engine, &str)]) -> Result<Vec<Self>, TestbedError> {
        std::thread::scope(|scope| {
            let start = |&(engine, name): &(Engine, &str)| {
                let name = name.to_owned();
                scope.spawn(move || Self::start(bed, engine, &name))
            };
            let started: Vec<_> = wanted.iter().map(start).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| match thread.join() {
                Ok(server) => server,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            started.into_iter().map(join).collect()
        })
    }

    /// Which engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its name in the bed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its diagnostics.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The application's URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        self.url_as("app:app", database)
    }

    /// The administrator's URL of one of its databases.
    pub fn root_url(&self, database: &str) -> String {
        match self.engine {
            Engine::Postgres => self.url_as("handfast:handfast", database),
            Engine::Mariadb | Engine::Mysql => self.url_as("root", database),
        }
    }

    fn url_as(&self, who: &str, database: &str) -> String {
        match self.engine {
            Engine::Postgres => format!("postgres://{who}@127.0.0.1:{}/{database}?sslmode=disable", self.port),
            Engine::Mariadb | Engine::Mysql => format!("mysql://{who}@127.0.0.1:{}/{database}", self.port),
        }
    }

    /// `kill -9` of the server and all its processes.
    pub fn kill9(&self) {
        if let Some(process) = self.slot().take() {
            process.kill9();
        }
    }

    /// Stops it in order (SIGINT for PostgreSQL's fast shutdown, SIGTERM for the others), then by force.
    pub fn stop(&self) {
        if let Some(process) = self.slot().take() {
            process.signal(match self.engine {
                Engine::Postgres => Signal::INT,
                Engine::Mariadb | Engine::Mysql => Signal::TERM,
            });
            process.wait(Duration::from_secs(20));
        }
    }

    /// Starts it again on the same port with the same data. Errors: it does not come up.
    pub fn restart(&self) -> Result<(), TestbedError> {
        self.kill9();
        self.launch(false)
    }

    /// Lets it stand still as on a frozen machine: connections stay, nothing answers.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets it go on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        if let Some(process) = &*self.slot() {
            process.signal_all(signal);
        }
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.slot().as_ref().is_some_and(|process| process.exited().is_none())
    }

    /// Says that a database is not needed any more.
    pub(super) fn end_database(&self, name: &str) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
    }

    /// The databases that nobody needs any more.
    pub(super) fn take_ended(&self) -> Vec<String> {
        std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Proc>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn launch(&self, first: bool) -> Result<(), TestbedError> {
        let deadline = clock::now() + START_MAX;
        let mut tries_left = 100;
        loop {
            let process = self.spawn(first)?;
            let failed = |why: String| {
                let log = tail(&self.log);
                TestbedError::NotReady { who: self.name.clone(), why, log }
            };
            while process.exited().is_none() && !self.answers() {
                if clock::now() > deadline {
                    return Err(failed(format!("no answer within {} s", START_MAX.as_secs())));
                }
                process.wait(Duration::from_millis(20));
            }
            match process.exited() {
                None => {
                    *self.slot() = Some(process);
                    return Ok(());
                }
                // PostgreSQL refuses to start while a process of the killed server is still going away.
                Some(_) if !first && tries_left > 0 => tries_left -= 1,
                Some(status) => return Err(failed(format!("it ended ({status})"))),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn spawn(&self, first: bool) -> Result<Proc, TestbedError> {
        let mut command = self.command(first)?;
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(TestbedError::io(format!("opening {}", self.log.display())))?;
        let also = log.try_clone().map_err(TestbedError::io("sharing the server's diagnostics"))?;
        command.stdin(Stdio::null()).stdout(log).stderr(also).current_dir("/");
        Proc::spawn(&self.name, command)
    }

    fn command(&self, first: bool) -> Result<Command, TestbedError> {
        let mut command = match self.engine {
            Engine::Postgres => self.postgres()?,
            Engine::Mariadb => {
                let mut command = self.identity.command(&need(self.engine, engines::mariadb("mariadbd"))?);
                command.args(["--no-defaults", "--innodb-log-file-size=8M", "--max-connections=400"]);
                self.mysql_arguments(&mut command, Path::new("/"), first);
                command
            }
            Engine::Mysql => {
                let root = need(self.engine, engines::mysql_root())?;
                let mut command = self.identity.command_in_root(&root, "/usr/sbin/mysqld");
                command.args(["--no-defaults", "--mysqlx=OFF", "--secure-file-priv=NULL", "--max-connections=400"]);
                command.args([
                    "--innodb-redo-log-capacity=16M",
                    "--max-binlog-size=16M",
                    "--binlog-expire-logs-seconds=60",
                ]);
                self.mysql_arguments(&mut command, &root, first);
                command
            }
        };
        command.args(&self.extra);
        Ok(command)
    }

    fn postgres(&self) -> Result<Command, TestbedError> {
        let mut command = self.identity.command(&need(self.engine, engines::postgres("postgres"))?);
        command.arg("-D").arg(&self.data).arg("-p").arg(self.port.to_string());
        command.arg("-k").arg(&self.data);
        for setting in [
            "listen_addresses=127.0.0.1",
            "max_prepared_transactions=128",
            "max_connections=200",
            "shared_buffers=64MB",
            "fsync=on",
            "max_wal_size=160MB",
            "log_checkpoints=off",
        ] {
            command.args(["-c", setting]);
        }
        Ok(command)
    }

    fn mysql_arguments(&self, command: &mut Command, root: &Path, first: bool) {
        let data = engines::inside(root, &self.data);
        let data = data.display();
        command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=64M"]);
        command.arg(format!("--datadir={data}")).arg(format!("--port={}", self.port));
        command.arg(format!("--socket={data}/s.sock")).arg(format!("--pid-file={data}/server.pid"));
        // A server that starts deletes what others have left, or have, in the folder for temporary tables.
        command.arg(format!("--tmpdir={data}"));
        if first {
            command.arg(format!("--init-file={}", engines::inside(root, &self.init_file).display()));
        }
    }

    /// Whether it takes logins: MySQL greets; PostgreSQL answers a startup packet by asking who we are (an error while
    /// it still recovers).
    fn answers(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
        if stream.set_read_timeout(Some(Duration::from_secs(2))).is_err() {
            return false;
        }
        let mut first = [0_u8; 1];
        match self.engine {
            Engine::Postgres => {
                let body = b"\0\x03\0\0user\0app\0database\0postgres\0\0";
                let length = u32::try_from(body.len() + 4).unwrap_or(0);
                let sent = stream.write_all(&length.to_be_bytes()).and_then(|()| stream.write_all(body));
                sent.is_ok() && stream.read_exact(&mut first).is_ok() && first == *b"R"
            }
            Engine::Mariadb | Engine::Mysql => stream.read_exact(&mut first).is_ok(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
        // Hundreds of them in one run would fill a small disk.
        if !self.kept.load(Ordering::Relaxed)
            && let Err(error) = std::fs::remove_dir_all(&self.data)
        {
            tracing::debug!(folder = %self.data.display(), %error, "left to the janitor");
        }
    }
}

/// The last lines of a file.
pub(super) fn tail(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
