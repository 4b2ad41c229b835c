//! What the file alone says, and whether its addresses can be listened on.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::finding::{Finding, Problem, Section};
use super::journal::JournalLook;
use crate::base::Dialect;
use crate::config::{Backend, BackendTls, Config, TlsMode};

pub(super) fn section(path: &Path, config: &Config) -> Section {
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let counts = [plural(config.backends.len(), "backend"), plural(config.tables.len(), "table rule")].join(", ");
    let mut section = Section::new("file", path.display().to_string(), counts);
    for (dialect, address) in [(Dialect::Postgres, config.listen.postgres), (Dialect::Mysql, config.listen.mysql)] {
        let Some(address) = address else { continue };
        if config.listen.tls.mode != TlsMode::Require && !address.ip().is_loopback() {
            section.findings.push(Finding::warning(
                Problem::ClientsUnencrypted,
                format!(
                    "{dialect} clients may connect to {address} without TLS: passwords and rows travel in the clear"
                ),
                "[listen.tls]  mode = \"require\", cert = \"…\", key = \"…\"",
            ));
        }
    }
    if let Some(address) = config.admin.listen.filter(|address| !address.ip().is_loopback()) {
        section.findings.push(admin(config, address));
    }
    for backend in &config.backends {
        section.findings.extend(tls(backend));
        if !listener(config, backend.dialect) && !ruled(config, &backend.name) {
            section.findings.push(Finding::warning(
                Problem::Unreached,
                format!("no rule leads to backend {}, and no {} client can connect", backend.name, backend.dialect),
                format!("give its tables rules in [tables], or set a listener for {} clients", backend.dialect),
            ));
        }
    }
    section
}

fn admin(config: &Config, address: SocketAddr) -> Finding {
    let fix = "[admin]  listen = \"127.0.0.1:6480\", and a proxy with TLS before it for others";
    match config.admin.token {
        Some(_) => {
            let what =
                format!("the operator's port {address} is open to other machines, and its token travels in the clear");
            Finding::warning(Problem::AdminOpen, what, fix)
        }
        None => Finding::error(Problem::AdminOpen, format!("the operator's port {address} is open to everybody"), fix),
    }
}

fn listener(config: &Config, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgres => config.listen.postgres.is_some(),
        Dialect::Mysql => config.listen.mysql.is_some(),
    }
}

fn ruled(config: &Config, backend: &str) -> bool {
    config.tables.iter().any(|rule| config.backend(rule.backend).name == backend)
}

fn tls(backend: &Backend) -> Option<Finding> {
    let host = &backend.address.host;
    let here = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let option = match backend.dialect {
        Dialect::Postgres => "sslmode",
        Dialect::Mysql => "tls",
    };
    let (name, fix) = (&backend.name, format!("add ?{option}=verify-full to the url, and tls_ca_file beside it"));
    match backend.tls {
        BackendTls::Disable if !here => {
            let what = format!("backend {name} at {host} without TLS: the password and all rows travel in the clear");
            Some(Finding::warning(Problem::TlsOff, what, fix))
        }
        BackendTls::Prefer | BackendTls::Require if !here => {
            let what = format!(
                "backend {name} at {host}: nobody checks that it is that server, so anyone between can read along"
            );
            Some(Finding::warning(Problem::TlsUnverified, what, fix))
        }
        BackendTls::Disable | BackendTls::Prefer | BackendTls::Require | BackendTls::VerifyFull => None,
    }
}

/// Whether the addresses are free. If a running Handfast has them and the journal, it is most likely this very one.
pub(super) fn ports(config: &Config, journal: &JournalLook) -> Section {
    let listen = &config.listen;
    let wanted =
        [("listen.postgres", listen.postgres), ("listen.mysql", listen.mysql), ("admin.listen", config.admin.listen)];
    let wanted: Vec<(&str, SocketAddr)> = wanted.into_iter().filter_map(|(key, at)| Some((key, at?))).collect();
    let told: Vec<String> = wanted.iter().map(|(_, address)| address.to_string()).collect();
    let mut section = Section::new("listen", "addresses", told.join(", "));
    let mut taken = 0;
    for (key, address) in wanted {
        let Err(error) = TcpListener::bind(address) else { continue };
        let in_use = error.kind() == ErrorKind::AddrInUse;
        taken += usize::from(in_use);
        if in_use && journal.locked {
            continue;
        }
        let what = format!("{key} = \"{address}\" cannot be listened on: {error}");
        let fix = if in_use {
            format!("see who has it: ss -ltnp 'sport = :{}';  or set {key} to another port", address.port())
        } else {
            format!("set {key} to an address of this machine and a port that this user may open")
        };
        section.findings.push(Finding::error(Problem::PortTaken, what, fix));
    }
    if journal.locked {
        let path = config.journal.path.display();
        section.findings.push(if taken > 0 {
            let what = format!("a Handfast runs here already: it has these ports and the journal {path}");
            Finding::note(Problem::Running, what, "")
        } else {
            let what = format!("another Handfast with other ports has the journal {path}: this one could not start");
            Finding::error(Problem::Running, what, "give each its own journal.path (and with it its own node name)")
        });
    }
    section
}
