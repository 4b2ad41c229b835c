//! The sockets that clients and operators connect to: bound here, or handed over by the service manager, which keeps them open
//! while we are away, so that a restart refuses nobody.
//!
//! systemd's protocol: `$LISTEN_FDS` sockets from descriptor 3 on, meant for the process `$LISTEN_PID`, with the names in
//! `$LISTEN_FDNAMES` (`FileDescriptorName=` of the .socket units). A socket with another name is known by its port.

use std::net::SocketAddr;

use listenfd::ListenFd;
use tokio::net::TcpListener;

use super::ServeError;
use crate::config::Config;

/// What a socket is for, by the name that it is handed over with.
const NAMES: [&str; 3] = ["postgres", "mysql", "admin"];

/// All that are wanted.
pub(super) struct Listeners {
    pub(super) postgres: Option<TcpListener>,
    pub(super) mysql: Option<TcpListener>,
    pub(super) admin: Option<TcpListener>,
}

impl Listeners {
    /// Takes those that were handed over, and binds the others.
    pub(super) async fn open(config: &Config) -> Result<Self, ServeError> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut handed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for at in 0..handed.len() {
            let socket = handed.take_tcp_listener(at).map_err(|error| ServeError::Handed { why: error.to_string() })?;
            let name = names.split(':').nth(at).unwrap_or_default().to_owned();
            sockets.extend(socket.map(|socket| (name, socket)));
        }
        Self::over(config, sockets).await
    }

    /// Over these sockets, with the names that they came with.
    async fn over(config: &Config, handed: Vec<(String, std::net::TcpListener)>) -> Result<Self, ServeError> {
        let addresses = [config.listen.postgres, config.listen.mysql, config.admin.listen];
        let mut listeners = [None, None, None];
        for (name, socket) in handed {
            let refused = |why: String| ServeError::Handed { why };
            let local = socket.local_addr().map_err(|error| refused(error.to_string()))?;
            let of_port = |address: &Option<SocketAddr>| address.is_some_and(|address| address.port() == local.port());
            let place = NAMES.iter().position(|known| *known == name).or_else(|| addresses.iter().position(of_port));
            let Some(place) = place else {
                return Err(refused(format!(
                    "nothing listens on {local} (its name is \"{name}\"); names are postgres, mysql, admin"
                )));
            };
            let name = NAMES[place];
            let Some(address) = addresses[place] else {
                return Err(refused(format!("{local} is for {name}, and the configuration does not listen there")));
            };
            // What the configuration says of a token is about its own address.
            if name == "admin" && !local.ip().is_loopback() && config.admin.token.is_none() {
                return Err(refused(format!("{local} is open to the network, and admin.token_file is not set")));
            }
            if local != address {
                tracing::warn!(%local, configured = %address, "the socket for {name} that was handed over is another one than configured");
            }
            if listeners[place].is_some() {
                return Err(refused(format!("{local} is a second one for {name}")));
            }
            let taken = socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket));
            listeners[place] = Some(taken.map_err(|error| refused(error.to_string()))?);
            tracing::info!(%local, "a socket for {name} was handed over");
        }
        for (listener, address) in listeners.iter_mut().zip(addresses) {
            if let (None, Some(address)) = (&listener, address) {
                let bound = TcpListener::bind(address).await;
                *listener = Some(bound.map_err(|source| ServeError::Listen { address, source })?);
            }
        }
        let [postgres, mysql, admin] = listeners;
        Ok(Self { postgres, mysql, admin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, World, parse};

    fn config(listen: &str, admin: &str) -> Config {
        let text = format!(
            "[listen]\n{listen}\n[[users]]\nname = \"app\"\npassword = \"x\"\n[backends.store]\n\
             url = \"postgres://app:p@h1/store\"\n[admin]\nlisten = \"{admin}\"\n"
        );
        let world = World { env: &|_| None, read_file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
        parse(&text, "handfast.toml", &Overrides::default(), world).unwrap()
    }

    fn socket(address: &str) -> (SocketAddr, std::net::TcpListener) {
        let socket = std::net::TcpListener::bind(address).unwrap();
        (socket.local_addr().unwrap(), socket)
    }

    async fn why(config: &Config, name: &str, socket: std::net::TcpListener) -> String {
        let refused = Listeners::over(config, vec![(name.to_owned(), socket)]).await;
        refused.err().expect("it is refused").to_string()
    }

    #[tokio::test]
    async fn a_socket_is_known_by_its_name_or_else_by_its_port_and_what_is_missing_is_bound() {
        let ((one, first), (two, second)) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
        let config = config(&format!("postgres = \"{two}\""), "127.0.0.1:0");
        let handed = vec![("postgres".to_owned(), first)];
        let listeners = Listeners::over(&config, handed).await.unwrap();
        assert_eq!(listeners.postgres.unwrap().local_addr().unwrap(), one, "the name counts more than the port");
        assert!(listeners.mysql.is_none() && listeners.admin.is_some());
        let listeners = Listeners::over(&config, vec![("handfast.socket".to_owned(), second)]).await.unwrap();
        assert_eq!(listeners.postgres.unwrap().local_addr().unwrap(), two);
    }

    #[tokio::test]
    async fn a_socket_that_the_configuration_does_not_know_is_refused() {
        let config = config("postgres = \"127.0.0.1:1\"", "127.0.0.1:0");
        assert!(why(&config, "other", socket("127.0.0.1:0").1).await.contains("names are postgres, mysql, admin"));
        assert!(why(&config, "mysql", socket("127.0.0.1:0").1).await.contains("does not listen there"));
        let open = why(&config, "admin", socket("0.0.0.0:0").1).await;
        assert!(open.contains("open to the network, and admin.token_file is not set"), "{open}");
        let twice =
            vec![("postgres".to_owned(), socket("127.0.0.1:0").1), ("postgres".to_owned(), socket("127.0.0.1:0").1)];
        assert!(Listeners::over(&config, twice).await.is_err());
    }
}
