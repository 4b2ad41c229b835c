//! What is installed, and how each engine's empty data folder is made.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::process::{self, Identity};
use super::{Bed, TestbedError};
use crate::base::Engine;

/// Makes MySQL's and MariaDB's users at the first start. One statement a line: the servers read it so.
pub(super) const INIT_SQL: &str = "\
CREATE USER IF NOT EXISTS root@'127.0.0.1';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS app@'127.0.0.1' IDENTIFIED BY 'app';
GRANT ALL ON *.* TO app@'127.0.0.1';
";

/// Whether servers of this engine can be started here.
pub fn available(engine: Engine) -> bool {
    match engine {
        Engine::Postgres => postgres("postgres").is_some(),
        Engine::Mariadb => mariadb("mariadbd").is_some(),
        Engine::Mysql => mysql_root().is_some(),
    }
}

/// The folder that holds Oracle MySQL with its own libraries: `$HANDFAST_MYSQL_ROOT`, else where `tests/setup/mysql.sh`
/// puts it. Entering it needs root.
pub fn mysql_root() -> Option<PathBuf> {
    let given = std::env::var_os("HANDFAST_MYSQL_ROOT").map(PathBuf::from);
    let root = given.unwrap_or_else(|| PathBuf::from("/var/tmp/handfast-mysql"));
    let usable = rustix::process::geteuid().is_root() && root.join("usr/sbin/mysqld").is_file();
    usable.then_some(root)
}

/// A program of PostgreSQL: in PATH, else the newest of Debian's versioned folders.
pub(super) fn postgres(program: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok();
    let mut newest: Vec<PathBuf> =
        versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin").join(program)).collect();
    newest.sort_by_key(|path| path.components().nth(4).and_then(|v| v.as_os_str().to_str()?.parse::<u32>().ok()));
    in_path(program).or_else(|| newest.into_iter().rev().find(|path| path.is_file()))
}

/// A program of MariaDB.
pub(super) fn mariadb(program: &str) -> Option<PathBuf> {
    in_path(program).or_else(|| Some(Path::new("/usr/sbin").join(program)).filter(|path| path.is_file()))
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

pub(super) fn need(engine: Engine, program: Option<PathBuf>) -> Result<PathBuf, TestbedError> {
    let (name, hint) = match engine {
        Engine::Postgres => ("PostgreSQL", "apt-get install postgresql"),
        Engine::Mariadb => ("MariaDB", "apt-get install mariadb-server-core"),
        Engine::Mysql => ("MySQL", "run tests/setup/mysql.sh as root"),
    };
    program.ok_or(TestbedError::Missing { engine: name, hint })
}

/// Puts a new data folder at `data`, by copying the bed's template (made first if needed).
pub(super) fn new_data(bed: &Bed, engine: Engine, data: &Path) -> Result<(), TestbedError> {
    let home = home(bed, engine)?;
    let template = home.join(format!("template-{engine:?}"));
    bed.template(engine, &template, |folder| match engine {
        Engine::Postgres => init_postgres(bed.identity(), folder),
        Engine::Mariadb => init_mariadb(bed.identity(), folder),
        Engine::Mysql => init_mysql(bed, folder),
    })?;
    process::run(std::process::Command::new("cp").args(["-a", "--reflink=auto"]).arg(&template).arg(data))?;
    Ok(())
}

/// The folder in which an engine's data may live.
pub(super) fn home(bed: &Bed, engine: Engine) -> Result<PathBuf, TestbedError> {
    match engine {
        Engine::Postgres | Engine::Mariadb => Ok(bed.folder().to_path_buf()),
        Engine::Mysql => need(engine, bed.mysql_folder().map(Path::to_path_buf)),
    }
}

fn init_postgres(identity: Identity, folder: &Path) -> Result<(), TestbedError> {
    let password = folder.with_extension("password");
    let made = std::fs::write(&password, "handfast\n").and_then(|()| identity.own(&password));
    made.map_err(TestbedError::io(format!("writing {}", password.display())))?;
    let initdb = need(Engine::Postgres, postgres("initdb"))?;
    let mut command = identity.command(&initdb);
    command.arg("-D").arg(folder).args(["-U", "handfast", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8"]);
    process::run(command.args(["--locale=C.UTF-8"]).arg("--pwfile").arg(&password))?;
    let mut single = identity.command(&need(Engine::Postgres, postgres("postgres"))?);
    single.arg("--single").arg("-D").arg(folder).arg("postgres");
    let sql = folder.with_extension("sql");
    std::fs::write(&sql, "CREATE ROLE app LOGIN CREATEDB PASSWORD 'app'\n")
        .map_err(TestbedError::io("writing a role"))?;
    let input = std::fs::File::open(&sql).map_err(TestbedError::io("reading a role"))?;
    process::run(single.stdin(Stdio::from(input)))?;
    Ok(())
}

fn init_mariadb(identity: Identity, folder: &Path) -> Result<(), TestbedError> {
    let program = need(Engine::Mariadb, mariadb("mariadb-install-db"))?;
    let mut command = identity.command(&program);
    command.arg("--no-defaults").arg(format!("--datadir={}", folder.display()));
    command.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M"]);
    process::run(&mut command)?;
    Ok(())
}

fn init_mysql(bed: &Bed, folder: &Path) -> Result<(), TestbedError> {
    let root = need(Engine::Mysql, mysql_root())?;
    let mut command = bed.identity().command_in_root(&root, "/usr/sbin/mysqld");
    command.args(["--no-defaults", "--initialize-insecure", "--innodb-log-writer-threads=OFF"]);
    command.arg("--innodb-redo-log-capacity=16M");
    command.arg(format!("--datadir={}", inside(&root, folder).display()));
    process::run(&mut command)?;
    Ok(())
}

/// A path as seen from inside `root`.
pub(super) fn inside(root: &Path, path: &Path) -> PathBuf {
    Path::new("/").join(path.strip_prefix(root).unwrap_or(path))
}
