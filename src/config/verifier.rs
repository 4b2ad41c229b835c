//! Stored verifiers: what `handfast hash-password` prints and `password_hash` takes. One text serves both wires; none of its
//! parts is the password, but whoever has it can try passwords against it, and on MySQL's wire its hashes are what servers
//! keep, too. So it is a secret.
//!
//! `SCRAM-SHA-256$4096:SALT$STORED:SERVER;caching_sha2_password:HEX;mysql_native_password:HEX`: the first part as
//! PostgreSQL keeps it in `pg_authid` (RFC 5803), then SHA256(SHA256(password)), which is what the fast path of
//! caching_sha2_password is checked by, then SHA1(SHA1(password)), as in `mysql.user`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What PostgreSQL iterates (`scram_iterations`).
const ITERATIONS: u32 = 4096;

/// A text that claims more would make every login a burden.
const ITERATIONS_MAX: u32 = 1_000_000;

const SCRAM: &str = "SCRAM-SHA-256$";
const SHA2: &str = "caching_sha2_password:";
const NATIVE: &str = "mysql_native_password:";

/// What logins are checked by without knowing the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Iterations of PBKDF2.
    pub iterations: u32,
    /// Its salt.
    pub salt: Vec<u8>,
    /// SHA-256 of the client's key.
    pub stored_key: [u8; 32],
    /// The server's key.
    pub server_key: [u8; 32],
    /// SHA256(SHA256(password)).
    pub sha2: [u8; 32],
    /// SHA1(SHA1(password)).
    pub native: [u8; 20],
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Verifier {
    /// Of a password, as SCRAM prepares it (SASLprep, or the bytes as they are). `salt`: random.
    pub fn new(password: &str, salt: &[u8]) -> Self {
        let iterations = usize::try_from(ITERATIONS).expect("4096 fits");
        let salted = pgwire::api::auth::sasl::scram::gen_salted_password(password, salt, iterations);
        let stored_key = Sha256::digest(hmac(&salted, b"Client Key")).into();
        let sha2 = Sha256::digest(Sha256::digest(password)).into();
        let native = Sha1::digest(Sha1::digest(password)).into();
        let server_key = hmac(&salted, b"Server Key");
        Self { iterations: ITERATIONS, salt: salt.to_vec(), stored_key, server_key, sha2, native }
    }

    /// What a login as somebody unknown is reckoned with; its keys are yet to be made up.
    pub fn nobodys(salt: Vec<u8>) -> Self {
        let (key, native) = ([0; 32], [0; 20]);
        Self { iterations: ITERATIONS, salt, stored_key: key, server_key: key, sha2: key, native }
    }

    /// Reads one.
    ///
    /// # Errors
    /// Which part is missing or damaged.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.trim().split(';');
        let (scram, sha2, native) = (parts.next(), parts.next(), parts.next());
        if parts.next().is_some() {
            return Err("it has more than three parts");
        }
        let scram = scram.and_then(|part| part.strip_prefix(SCRAM)).ok_or("it does not begin with SCRAM-SHA-256$")?;
        let (how, keys) = scram.split_once('$').ok_or("its SCRAM part is damaged")?;
        let (iterations, salt) = how.split_once(':').ok_or("its SCRAM part is damaged")?;
        let (stored, server) = keys.split_once(':').ok_or("its SCRAM part is damaged")?;
        let iterations = iterations.parse().ok().filter(|n| (1..=ITERATIONS_MAX).contains(n));
        let key = |text: &str| STANDARD.decode(text).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let sha2 = sha2.and_then(|part| part.strip_prefix(SHA2)).ok_or("its caching_sha2_password part is missing")?;
        let native =
            native.and_then(|part| part.strip_prefix(NATIVE)).ok_or("its mysql_native_password part is missing")?;
        Ok(Self {
            iterations: iterations.ok_or("its SCRAM part is damaged")?,
            salt: STANDARD.decode(salt).map_err(|_| "its SCRAM part is damaged")?,
            stored_key: key(stored).ok_or("its SCRAM part is damaged")?,
            server_key: key(server).ok_or("its SCRAM part is damaged")?,
            sha2: unhex(sha2).ok_or("its caching_sha2_password part is damaged")?,
            native: unhex(native).ok_or("its mysql_native_password part is damaged")?,
        })
    }

    /// The text that [`Self::parse`] reads.
    pub fn text(&self) -> String {
        let (salt, stored) = (STANDARD.encode(&self.salt), STANDARD.encode(self.stored_key));
        let server = STANDARD.encode(self.server_key);
        let (sha2, native) = (hex(&self.sha2), hex(&self.native));
        format!("{SCRAM}{}:{salt}${stored}:{server};{SHA2}{sha2};{NATIVE}{native}", self.iterations)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (byte, at) in out.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(out)
}

/// HMAC-SHA-256 (RFC 2104) with a key no longer than a block: all of SCRAM's are hashes.
pub fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_read_as_it_was_printed() {
        let made = Verifier::new("se;cret$", b"0123456789abcdef");
        assert_eq!(Verifier::parse(&made.text()), Ok(made.clone()));
        assert_eq!(Verifier::parse(&format!("{}\n", made.text())), Ok(made));
    }

    #[test]
    fn the_hashes_are_those_that_servers_keep() {
        // SELECT PASSWORD('secret') on MariaDB; rolpassword on PostgreSQL for the same salt.
        let made = Verifier::new("secret", b"0123456789abcdef").text();
        assert!(made.ends_with("mysql_native_password:14e65567abdb5135d0cfd9a70b3032c179a49ee7"), "{made}");
        assert!(made.starts_with("SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$"), "{made}");
    }

    #[test]
    fn damaged_verifiers_are_refused_by_part() {
        let good = Verifier::new("secret", b"0123456789abcdef").text();
        for (bad, why) in [
            ("", "it does not begin with SCRAM-SHA-256$"),
            (good.split(';').next().unwrap_or_default(), "its caching_sha2_password part is missing"),
            (good.rsplit_once(';').unwrap().0, "its mysql_native_password part is missing"),
            (&good[..good.len() - 1], "its mysql_native_password part is damaged"),
            (&good.replace("4096", "0"), "its SCRAM part is damaged"),
            (&good.replace("4096", "99999999"), "its SCRAM part is damaged"),
            (&format!("{good};more"), "it has more than three parts"),
        ] {
            assert_eq!(Verifier::parse(bad), Err(why), "{bad}");
        }
        let debug = format!("{:?}", Verifier::new("secret", b"0123456789abcdef"));
        assert_eq!(debug, "***");
    }
}
