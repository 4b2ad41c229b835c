//! `handfast serve` as service managers run it: over sockets that were handed over, and watching its files.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::Direct;
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;

use crate::bed::{SETTLE_MAX, Stand, binary, on_every_engine, until};
use crate::http;

on_every_engine! {
    a_restart_refuses_nobody_when_the_sockets_are_handed_over;
    what_changes_in_the_files_is_taken_by_itself_and_what_is_wrong_is_told_once;
}

/// A process of this test alone; it is killed with the test.
struct Serving {
    child: Child,
    log: PathBuf,
}

impl Serving {
    fn start(stand: &Stand, mut command: Command) -> Self {
        command.env("HANDFAST", binary()).env("CONFIG", stand.handfast.config());
        let log = stand.shop.folder().join("serving.log");
        Self { child: command.env("LOG", &log).spawn().unwrap(), log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        let deadline = clock::now() + SETTLE_MAX;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(clock::now() < deadline, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A shell's line as a command that ends with this process.
fn shell(line: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "sh", "-c", line]).stdin(Stdio::null());
    command
}

/// What systemd does: the sockets from descriptor 3 on, said to be for this process.
fn over(stand: &Stand, name: &str, client: &TcpListener, admin: &TcpListener) -> Serving {
    let mut command = shell(
        "exec 3<&0 4<&1 0</dev/null >>\"$LOG\" 2>&1; \
         LISTEN_PID=$$ LISTEN_FDS=2 exec \"$HANDFAST\" serve -c \"$CONFIG\"",
    );
    let handed = |socket: &TcpListener| Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
    command.stdin(handed(client)).stdout(handed(admin)).env("LISTEN_FDNAMES", format!("{name}:admin"));
    Serving::start(stand, command)
}

async fn a_restart_refuses_nobody_when_the_sockets_are_handed_over(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let dialect = engine.dialect();
    let name = if dialect == Dialect::Postgres { "postgres" } else { "mysql" };
    let bind = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
    let (client, admin) = (bind(stand.handfast.port(dialect)), bind(stand.handfast.admin_port()));
    let url = stand.handfast.url(dialect);
    // Somebody who comes before it is there at all.
    let connect = || {
        let (url, mut coming) = (url.clone(), JoinSet::new());
        coming.spawn(async move { Direct::connect(&url).await });
        coming
    };
    let mut early = connect();
    let mut serving = over(&stand, name, &client, &admin);
    let mut early =
        early.join_next().await.unwrap().unwrap().unwrap_or_else(|error| panic!("{error}: {}", serving.log()));
    early.run("SELECT 1").await.unwrap();
    early.close().await;
    assert!(serving.log().contains(&format!("a socket for {name} was handed over")), "{}", serving.log());
    // Others come all the time. One that is just being let in when it stops is told so; nobody is refused.
    let stop = Arc::new(AtomicBool::new(false));
    let mut crowd = JoinSet::new();
    crowd.spawn({
        let (url, stop) = (url.clone(), Arc::clone(&stop));
        async move {
            let mut served = 0;
            while !stop.load(Ordering::Relaxed) {
                match Direct::connect(&url).await {
                    Ok(client) => {
                        client.close().await;
                        served += 1;
                    }
                    Err(error) => assert!(!error.message.contains("refused"), "{error}"),
                }
            }
            served
        }
    });
    for signal in [Signal::TERM, Signal::KILL, Signal::TERM] {
        serving.signal(signal);
        let status = serving.end();
        assert_eq!(status.success(), signal == Signal::TERM, "{status}: {}", serving.log());
        // While nobody is there.
        let mut waiting = connect();
        serving = over(&stand, name, &client, &admin);
        let mut waiting =
            waiting.join_next().await.unwrap().unwrap().unwrap_or_else(|error| panic!("{error}: {}", serving.log()));
        waiting.run("UPDATE stock SET reserved = reserved + 1 WHERE item = 'lamp'").await.unwrap();
        waiting.close().await;
    }
    stop.store(true, Ordering::Relaxed);
    assert!(crowd.join_next().await.unwrap().unwrap() > 0);
    assert_eq!(stand.store("SELECT reserved FROM stock WHERE item = 'lamp'").await, 3);
    assert_eq!(http::get(stand.handfast.admin_port(), "/healthz").status, 200, "the operator's socket, too");
    // A socket that the configuration knows nothing of.
    serving.signal(Signal::TERM);
    serving.end();
    let mut serving = over(&stand, "other", &bind(0), &admin);
    assert_eq!(serving.end().code(), Some(1));
    assert!(serving.log().contains("names are postgres, mysql, admin"), "{}", serving.log());
}

async fn what_changes_in_the_files_is_taken_by_itself_and_what_is_wrong_is_told_once(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let (dialect, folder) = (engine.dialect(), stand.shop.folder().to_path_buf());
    // As Kubernetes mounts a Secret: a link to a link to a folder that is replaced as a whole.
    let secret = |number: u32, password: &str| {
        let data = folder.join(format!("data{number}"));
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("password"), password).unwrap();
        let next = folder.join("next");
        symlink(&data, &next).unwrap();
        std::fs::rename(&next, folder.join("current")).unwrap();
    };
    secret(1, "first");
    symlink(folder.join("current/password"), folder.join("password")).unwrap();
    let file = stand.handfast.config();
    let good = std::fs::read_to_string(file).unwrap();
    let user = |lines: &str| good.replacen("[backends.store]", &format!("{lines}\n[backends.store]"), 1);
    let good =
        user(&format!("[[users]]\nname = \"kube\"\npassword_file = \"{}\"\n", folder.join("password").display()));
    std::fs::write(file, &good).unwrap();
    let mut command = shell("exec \"$HANDFAST\" serve --watch -c \"$CONFIG\"");
    let log = OpenOptions::new().create(true).append(true).open(folder.join("serving.log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let serving = Serving::start(&stand, command);
    stand.handfast.wait_ready(SETTLE_MAX).unwrap_or_else(|error| panic!("{error}: {}", serving.log()));
    let url = |who: &str| stand.handfast.url(dialect).replacen("app:app", who, 1);
    let enters = |who: &'static str| {
        let url = url(who);
        async move {
            match Direct::connect(&url).await {
                Ok(client) => client.close().await,
                Err(_) => return false,
            }
            true
        }
    };
    assert!(enters("kube:first").await, "{}", serving.log());
    secret(2, "second");
    until("the new password holds", SETTLE_MAX, || enters("kube:second")).await;
    assert!(!enters("kube:first").await);
    // A wrong file changes nothing and is told of once, however long it stands there.
    std::fs::write(file, good.replace("[journal]", "[jurnal]")).unwrap();
    until("the fault is told", SETTLE_MAX, || async { serving.log().contains("jurnal") }).await;
    let up = || {
        let metrics = http::get(stand.handfast.admin_port(), "/metrics").body;
        let line = metrics.lines().find(|line| line.starts_with("handfast_up_seconds ")).unwrap().to_owned();
        line.split(' ').nth(1).unwrap().parse::<f64>().unwrap()
    };
    let since = up();
    until("it has looked several times", SETTLE_MAX, || async { up() > since + 4.0 }).await;
    assert!(enters("kube:second").await);
    assert_eq!(serving.log().matches("the configuration was not taken").count(), 1, "{}", serving.log());
    // Another file put in its place, as editors do.
    let next = folder.join("next.toml");
    std::fs::write(&next, good.replacen("name = \"kube\"", "name = \"bare\"", 1)).unwrap();
    std::fs::rename(&next, file).unwrap();
    until("the other file holds", SETTLE_MAX, || enters("bare:second")).await;
    assert_eq!(serving.log().matches("the configuration was not taken").count(), 1, "{}", serving.log());
}
