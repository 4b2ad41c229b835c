//! pgbench directly, through PgBouncer and through Handfast.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use handfast::base::Dialect;
use handfast::testbed::{Bed, Handfast, Shop};

use crate::median;

const ROUNDS: usize = 3;

struct Way {
    name: &'static str,
    port: u16,
    database: String,
    /// The proxy's process.
    process: Option<u32>,
}

/// What one run of pgbench measured.
#[derive(Clone, Copy)]
struct Run {
    per_second: f64,
    /// Of the proxy, in user and kernel, for each statement. Says more than the rate where others use the machine, too.
    cpu_us: f64,
}

pub(crate) async fn measure(bed: &Bed, shop: &Shop, handfast: &Handfast, length: Duration) {
    let store = &shop.store;
    let init = pgbench(store.server.port(), &store.name, &["-i", "-s", "10", "-q"]);
    assert!(init.contains("done"), "{init}");
    let bouncer = PgBouncer::start(bed, store.server.port(), &store.name);
    let ways = [
        Way { name: "direct", port: store.server.port(), database: store.name.clone(), process: None },
        Way {
            name: "PgBouncer",
            port: bouncer.port,
            database: store.name.clone(),
            process: Some(bouncer.process.id()),
        },
        Way {
            name: "Handfast",
            port: handfast.port(Dialect::Postgres),
            database: "shop".into(),
            process: handfast.pid().map(i32::cast_unsigned),
        },
    ];
    let rows = bed.folder().join("rows.sql");
    std::fs::write(&rows, "SELECT * FROM pgbench_accounts WHERE aid <= 10000;\n").unwrap();
    let rows = rows.display().to_string();
    let seconds = length.as_secs().to_string();
    let loads: [(&str, Vec<&str>); 4] = [
        ("one row, simple, 1 client", vec!["-S", "-M", "simple", "-c", "1"]),
        ("one row, simple, 16 clients", vec!["-S", "-M", "simple", "-c", "16", "-j", "2"]),
        ("one row, prepared, 16 clients", vec!["-S", "-M", "prepared", "-c", "16", "-j", "2"]),
        ("10,000 rows, 1 client", vec!["-f", &rows, "-c", "1"]),
    ];
    println!(
        "\n| PostgreSQL reads | direct /s | PgBouncer /s | Handfast /s | Handfast : PgBouncer | PgBouncer CPU µs | \
         Handfast CPU µs | Handfast : PgBouncer |\n|---|---|---|---|---|---|---|---|"
    );
    for (title, load) in loads {
        let mut runs = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (way, runs) in ways.iter().zip(&mut runs) {
                runs.push(one_run(way, &[&["-n", "-T", &seconds], load.as_slice()].concat()));
            }
        }
        let rates = runs.each_ref().map(|runs| median(runs.iter().map(|run| run.per_second).collect()));
        let cpu = runs.each_ref().map(|runs| median(runs.iter().map(|run| run.cpu_us).collect()));
        let ([direct, bouncer, handfast], [_, bouncer_us, handfast_us]) = (rates, cpu);
        println!(
            "| {title} | {direct:.0} | {bouncer:.0} | {handfast:.0} | {:.2} | {bouncer_us:.1} | {handfast_us:.1} | {:.2} |",
            handfast / bouncer,
            handfast_us / bouncer_us
        );
    }
}

fn one_run(way: &Way, arguments: &[&str]) -> Run {
    let before = way.process.map_or(0.0, cpu_us);
    let output = pgbench(way.port, &way.database, arguments);
    let after = way.process.map_or(0.0, cpu_us);
    let number = |start: &str| -> f64 {
        let found = output.lines().find_map(|line| line.strip_prefix(start)?.split([' ', '/']).next()?.parse().ok());
        found.unwrap_or_else(|| panic!("{}: {output}", way.name))
    };
    let done = number("number of transactions actually processed: ");
    Run { per_second: number("tps = "), cpu_us: (after - before) / done }
}

/// User and kernel time of a process so far, in steps of 10 ms (`man 5 proc`: utime and stime, in USER_HZ).
fn cpu_us(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, behind_name) = stat.rsplit_once(')').unwrap();
    let ticks: f64 = behind_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().unwrap()).sum();
    ticks * 10_000.0
}

fn pgbench(port: u16, database: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program("pgbench"));
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "app"]).args(arguments).arg(database);
    let output = command.env("PGPASSWORD", "app").env("PGSSLMODE", "disable").output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn program(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let debian =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let all = std::env::split_paths(&folders).chain(debian).chain([PathBuf::from("/usr/sbin")]);
    all.map(|folder| folder.join(name)).find(|file| file.is_file()).unwrap_or_else(|| panic!("{name} is not installed"))
}

struct PgBouncer {
    process: Child,
    port: u16,
}

impl PgBouncer {
    fn start(bed: &Bed, backend: u16, database: &str) -> Self {
        let port = bed.free_port();
        let folder = bed.folder();
        let users = folder.join("pgbouncer.users");
        std::fs::write(&users, "\"app\" \"app\"\n").unwrap();
        let config = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n{database} = host=127.0.0.1 port={backend}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = session\n\
             default_pool_size = 20\nmax_client_conn = 200\n",
            users.display()
        );
        std::fs::write(&config, text).unwrap();
        let root = std::fs::metadata("/proc/self").is_ok_and(|proc| std::os::unix::fs::MetadataExt::uid(&proc) == 0);
        let mut command = Command::new("setpriv");
        if root {
            command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
        }
        command.args(["--pdeathsig", "KILL", "--"]).arg(program("pgbouncer")).arg(config);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(port, Path::new("pgbouncer"));
        Self { process, port }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            self.process.wait().unwrap();
        }
    }
}

fn wait_for(port: u16, who: &Path) {
    for _ in 0..500 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} does not listen", who.display());
}
