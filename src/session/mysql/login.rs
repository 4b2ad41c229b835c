//! A client proves who it is; at the greeting and at COM_CHANGE_USER.

use std::io;

use super::Services;
use crate::base::{Dialect, Engine, Fault, FaultKind};
use crate::config::{Credential, TlsMode};
use crate::relay::mysql::Client;
use crate::route::Reach;
use crate::telemetry::clients::Present;
use crate::wire::mysql::auth::{Plugin, SCRAMBLE_BYTES};
use crate::wire::mysql::handshake::{self, Greeting, Login};
use crate::wire::mysql::{answer, caps, status};

/// Why nobody logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The client is gone or breaks the protocol.
    #[error("login: {0}")]
    Io(#[from] io::Error),
    /// The client was told no.
    #[error(transparent)]
    Refused(#[from] Fault),
}

/// A scramble: random, and without the bytes that end or separate texts.
pub fn scramble() -> [u8; SCRAMBLE_BYTES] {
    let mut bytes: [u8; SCRAMBLE_BYTES] = rand::random();
    for byte in &mut bytes {
        *byte &= 0x7f;
        if *byte == 0 || *byte == b'$' {
            *byte += 1;
        }
    }
    bytes
}

/// The greeting of this house: the home backend's words, our capabilities.
pub fn greeting(services: &Services, thread_id: u32, tls: bool) -> Option<Greeting> {
    let home = services.mysql_home.as_ref()?;
    Some(Greeting {
        version: home.version.clone(),
        thread_id,
        scramble: scramble(),
        capabilities: caps::OFFERED | if tls { caps::SSL } else { 0 },
        charset: home.charset,
        status: status::AUTOCOMMIT,
        plugin: default_plugin(services).name().to_owned(),
    })
}

fn default_plugin(services: &Services) -> Plugin {
    match services.mysql_home.as_ref().map(|home| home.engine) {
        Some(Engine::Mysql) => Plugin::CachingSha2,
        Some(Engine::Mariadb | Engine::Postgres) | None => Plugin::Native,
    }
}

/// Checks the proof, asking again if it was made by a plugin we don't speak. Says nothing on success: the OK, after a look
/// at the database, is the caller's. Returns the user's name, and the scramble that was answered last.
pub async fn authenticate(
    client: &mut Client,
    services: &Services,
    login: &Login,
    greeted: [u8; SCRAMBLE_BYTES],
    fresh: bool,
) -> Result<(String, [u8; SCRAMBLE_BYTES]), LoginError> {
    let config = &services.config;
    if config.listen.tls.mode == TlsMode::Require && !client.is_tls() {
        return Err(Fault::new(FaultKind::TlsRequired, "connections without TLS are refused here").into());
    }
    let name = String::from_utf8_lossy(&login.user).into_owned();
    let user = config.users.iter().find(|u| u.name.as_bytes() == login.user.as_slice());
    // Somebody unknown is asked and reckoned with like anybody else: neither time nor words tell who exists.
    let kept = |plugin: Plugin| match (user.map(|user| &user.login), plugin) {
        (None, _) => plugin.kept(b"nobody's"),
        (Some(Credential::Password(password)), _) => plugin.kept(password.expose().as_bytes()),
        (Some(Credential::Stored(verifier)), Plugin::Native) => verifier.native.to_vec(),
        (Some(Credential::Stored(verifier)), Plugin::CachingSha2) => verifier.sha2.to_vec(),
    };
    let host = client.host();
    let denied = |proof: &[u8]| {
        let using = if proof.is_empty() { "NO" } else { "YES" };
        let text = format!("Access denied for user '{name}'@'{host}' (using password: {using})");
        Fault::new(FaultKind::AuthFailed, text)
    };
    let (mut plugin, mut proof, mut scramble) = (Plugin::named(&login.plugin), login.proof.clone(), greeted);
    if login.plugin.is_empty() && login.capabilities & caps::PLUGIN_AUTH == 0 {
        plugin = Some(Plugin::Native);
    }
    if fresh || plugin.is_none() {
        let wanted = plugin.unwrap_or_else(|| default_plugin(services));
        scramble = self::scramble();
        client.put(&handshake::auth_switch(wanted.name(), &scramble));
        client.flush().await?;
        proof = client.message().await?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?.to_vec();
        plugin = Some(wanted);
    }
    let plugin = plugin.ok_or_else(|| denied(&proof))?;
    if plugin == Plugin::CachingSha2 && proof == [0] {
        proof.clear();
    }
    let proven = plugin.is_proven(&scramble, &proof, &kept(plugin));
    if !proven || user.is_none() {
        return Err(denied(&proof).into());
    }
    if plugin == Plugin::CachingSha2 && !proof.is_empty() {
        // "Fast authentication succeeded": we know the password or its hash, so there never is a full one.
        client.put(&[1, 3]);
    }
    // A session cannot become the console.
    if !fresh && services.is_console(&String::from_utf8_lossy(&login.database)) {
        services.admits_to_console(&name)?;
    }
    Ok((name, scramble))
}

/// As servers say it when a user has as many sessions as it may.
pub fn too_many_of(user: &str, most: usize) -> Fault {
    let text = format!("User '{user}' has exceeded the 'max_user_connections' resource (current value: {most})");
    Fault::verbatim(FaultKind::TooManyOfUser, text)
}

impl Services {
    /// A client that is here already becomes this user: what it may use.
    ///
    /// # Errors
    /// It may not log in, or has too many sessions.
    pub(super) fn admit(&self, present: &Present, user: &str) -> Result<Reach, Fault> {
        let reach = self.reach(user, Dialect::Mysql)?;
        let most = self.connections_max(user);
        if present.becomes(user, most) { Ok(reach) } else { Err(too_many_of(user, most)) }
    }
}

/// An ERR packet for a refused login.
pub fn refusal(fault: &Fault) -> Vec<u8> {
    answer::fault(fault)
}
