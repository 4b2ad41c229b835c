//! Greeting, login, change of user and of plugin.

use super::auth::SCRAMBLE_BYTES;
use super::caps;
use super::read::{Reader, put_lenenc_bytes};

/// The server's first packet (Handshake v10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// As sent, MariaDB's `5.5.5-` included.
    pub version: String,
    /// The server's id of this connection.
    pub thread_id: u32,
    /// Random bytes that the password's proof is made for.
    pub scramble: [u8; SCRAMBLE_BYTES],
    /// [`caps`].
    pub capabilities: u32,
    /// The server's default collation.
    pub charset: u8,
    /// [`super::status`].
    pub status: u16,
    /// Default authentication plugin.
    pub plugin: String,
}

impl Greeting {
    /// The payload.
    pub fn write(&self) -> Vec<u8> {
        let caps = self.capabilities.to_le_bytes();
        let mut out = vec![10];
        out.extend_from_slice(self.version.as_bytes());
        out.push(0);
        out.extend_from_slice(&self.thread_id.to_le_bytes());
        out.extend_from_slice(&self.scramble[..8]);
        out.extend_from_slice(&[0, caps[0], caps[1], self.charset]);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&[caps[2], caps[3], 21]);
        out.extend_from_slice(&[0; 10]);
        out.extend_from_slice(&self.scramble[8..]);
        out.push(0);
        out.extend_from_slice(self.plugin.as_bytes());
        out.push(0);
        out
    }

    /// Reads the payload; `None` if malformed or not protocol 10 with 20 bytes of scramble.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let mut r = Reader::new(payload);
        if r.u8()? != 10 {
            return None;
        }
        let version = String::from_utf8_lossy(r.until_zero()?).into_owned();
        let thread_id = r.u32()?;
        let mut scramble = [0; SCRAMBLE_BYTES];
        scramble[..8].copy_from_slice(r.bytes(8)?);
        r.u8()?;
        let low = r.u16()?;
        let charset = r.u8()?;
        let status = r.u16()?;
        let capabilities = u32::from(low) | u32::from(r.u16()?) << 16;
        r.bytes(11)?;
        scramble[8..].copy_from_slice(r.bytes(12)?);
        r.u8();
        let plugin = String::from_utf8_lossy(r.until_zero_or_end()).into_owned();
        Some(Self { version, thread_id, scramble, capabilities, charset, status, plugin })
    }

    /// Whether the server is MariaDB: it says so in its version, whatever stands before it.
    pub fn is_mariadb(&self) -> bool {
        self.version.contains("MariaDB")
    }
}

/// The client's answer (HandshakeResponse41).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// [`caps`].
    pub capabilities: u32,
    /// Collation of the session.
    pub charset: u8,
    /// User.
    pub user: Vec<u8>,
    /// The password's proof.
    pub proof: Vec<u8>,
    /// Database; empty for none.
    pub database: Vec<u8>,
    /// The plugin that made the proof; empty if not said.
    pub plugin: Vec<u8>,
}

/// What came instead of a login, or it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// TLS first; the login comes again through it.
    Tls,
    /// The login.
    Login(Login),
}

impl Login {
    /// The payload. No attributes are sent.
    pub fn write(&self) -> Vec<u8> {
        let mut out = prefix(self.capabilities, self.charset);
        out.extend_from_slice(&self.user);
        out.push(0);
        put_lenenc_bytes(&mut out, &self.proof);
        if self.capabilities & caps::CONNECT_WITH_DB != 0 {
            out.extend_from_slice(&self.database);
            out.push(0);
        }
        out.extend_from_slice(&self.plugin);
        out.push(0);
        out
    }
}

/// SSLRequest: the first 32 bytes of a login.
pub fn tls_request(capabilities: u32, charset: u8) -> Vec<u8> {
    prefix(capabilities | caps::SSL, charset)
}

fn prefix(capabilities: u32, charset: u8) -> Vec<u8> {
    let mut out = capabilities.to_le_bytes().to_vec();
    out.extend_from_slice(&0x4000_0000_u32.to_le_bytes());
    out.push(charset);
    out.extend_from_slice(&[0; 23]);
    out
}

/// Reads a client's reply to the greeting; `None` if malformed or older than protocol 4.1.
pub fn read_reply(payload: &[u8]) -> Option<Reply> {
    let mut r = Reader::new(payload);
    let capabilities = r.u32()?;
    if capabilities & caps::PROTOCOL_41 == 0 {
        return None;
    }
    r.u32()?;
    let charset = r.u8()?;
    r.bytes(23)?;
    if capabilities & caps::SSL != 0 && r.rest().is_empty() {
        return Some(Reply::Tls);
    }
    let user = r.until_zero()?.to_vec();
    let proof = if capabilities & caps::PLUGIN_AUTH_LENENC != 0 {
        r.lenenc_bytes()?
    } else if capabilities & caps::SECURE_CONNECTION != 0 {
        let len = r.u8()?;
        r.bytes(usize::from(len))?
    } else {
        r.until_zero()?
    };
    let proof = proof.to_vec();
    let with_database = capabilities & caps::CONNECT_WITH_DB != 0;
    let database = if with_database { r.until_zero_or_end().to_vec() } else { Vec::new() };
    let with_plugin = capabilities & caps::PLUGIN_AUTH != 0;
    let plugin = if with_plugin { r.until_zero_or_end().to_vec() } else { Vec::new() };
    Some(Reply::Login(Login { capabilities, charset, user, proof, database, plugin }))
}

/// Reads COM_CHANGE_USER (behind its command byte) of a client with these capabilities.
pub fn read_change_user(payload: &[u8], capabilities: u32) -> Option<Login> {
    let mut r = Reader::new(payload);
    let user = r.until_zero()?.to_vec();
    let len = r.u8()?;
    let proof = r.bytes(usize::from(len))?.to_vec();
    let database = r.until_zero_or_end().to_vec();
    let charset = r.u16().map_or(0, |c| c.to_le_bytes()[0]);
    let plugin = r.until_zero_or_end().to_vec();
    Some(Login { capabilities, charset, user, proof, database, plugin })
}

/// AuthSwitchRequest's payload.
pub fn auth_switch(plugin: &str, scramble: &[u8; SCRAMBLE_BYTES]) -> Vec<u8> {
    let mut out = vec![0xfe];
    out.extend_from_slice(plugin.as_bytes());
    out.push(0);
    out.extend_from_slice(scramble);
    out.push(0);
    out
}

/// Reads AuthSwitchRequest: plugin and scramble; `None` if malformed or the ancient one without a plugin.
pub fn read_auth_switch(payload: &[u8]) -> Option<(Vec<u8>, [u8; SCRAMBLE_BYTES])> {
    let mut r = Reader::new(payload);
    r.u8()?;
    let plugin = r.until_zero()?.to_vec();
    let mut scramble = [0; SCRAMBLE_BYTES];
    if let Some(bytes) = r.bytes(SCRAMBLE_BYTES) {
        scramble.copy_from_slice(bytes);
    }
    Some((plugin, scramble))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_greeting_reads_back() {
        let greeting = Greeting {
            version: "5.5.5-10.11.6-MariaDB".into(),
            thread_id: 77,
            scramble: *b"abcdefghijklmnopqrst",
            capabilities: caps::OFFERED,
            charset: 45,
            status: 2,
            plugin: "mysql_native_password".into(),
        };
        assert_eq!(Greeting::read(&greeting.write()).as_ref(), Some(&greeting));
        assert!(greeting.is_mariadb());
    }

    #[test]
    fn a_login_reads_back() {
        let login = Login {
            capabilities: caps::BACKEND,
            charset: 45,
            user: b"app".to_vec(),
            proof: vec![9; 32],
            database: b"shop".to_vec(),
            plugin: b"caching_sha2_password".to_vec(),
        };
        assert_eq!(read_reply(&login.write()), Some(Reply::Login(login)));
        assert_eq!(read_reply(&tls_request(caps::BACKEND, 45)), Some(Reply::Tls));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_handshake_panic(bytes: Vec<u8>) {
            Greeting::read(&bytes);
            read_reply(&bytes);
            read_change_user(&bytes, caps::OFFERED);
            read_auth_switch(&bytes);
        }
    }
}
