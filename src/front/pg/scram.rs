//! SCRAM-SHA-256 towards clients, bound to the TLS connection where both sides can (SCRAM-SHA-256-PLUS). An unknown user
//! goes through the same exchange and fails at its end.
//!
//! Sources: RFC 5802, RFC 7677; which header goes with which mechanism, and the words about it, are the server's own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::base::{Fault, FaultKind};
use crate::config::{Credential, User, Verifier, hmac};

/// What can be bound to nothing.
pub(super) const PLAIN: &str = "SCRAM-SHA-256";
/// What is bound to the server's certificate.
pub(super) const PLUS: &str = "SCRAM-SHA-256-PLUS";
/// The only channel binding there is for PostgreSQL.
const END_POINT: &str = "tls-server-end-point";

/// What is needed to check passwords, made once.
pub(super) struct Logins {
    users: Vec<Known>,
    /// Makes the salts of users that do not exist: always the same for the same name.
    pepper: [u8; 32],
}

struct Known {
    name: String,
    verifier: Verifier,
}

/// What the client has to prove, and over what.
pub(super) struct Asked<'a> {
    /// Login name.
    pub user: &'a str,
    /// The mechanism that the client has chosen.
    pub mechanism: &'a [u8],
    /// The hash of our certificate, if this connection could be bound to it.
    pub end_point: Option<&'a [u8]>,
}

impl Logins {
    /// For these users.
    pub(super) fn new(users: &[User]) -> Self {
        let known = |user: &User| {
            let verifier = match &user.login {
                Credential::Password(password) => Verifier::new(password.expose(), &rand::random::<[u8; 16]>()),
                Credential::Stored(verifier) => Verifier::clone(verifier),
            };
            Known { name: user.name.clone(), verifier }
        };
        Self { users: users.iter().map(known).collect(), pepper: rand::random() }
    }

    /// Answers the client's first message: what to send, and what checks its last message.
    pub(super) fn begin(&self, asked: &Asked<'_>, first: &[u8]) -> Result<(String, Exchange), Fault> {
        let bound = match asked.mechanism {
            name if name == PLAIN.as_bytes() => false,
            name if name == PLUS.as_bytes() && asked.end_point.is_some() => true,
            _ => return Err(violation("client selected an invalid SASL authentication mechanism")),
        };
        let rest = header(first, bound, asked.end_point.is_some())?;
        let known = self.users.iter().find(|known| known.name == asked.user);
        // Made for everybody: who exists takes no other time than who does not.
        let made_up = Sha256::new().chain_update(self.pepper).chain_update(asked.user).finalize()[..16].to_vec();
        let verifier = match known {
            Some(known) => known.verifier.clone(),
            None => Verifier { stored_key: rand::random(), ..Verifier::nobodys(made_up) },
        };
        let Verifier { iterations, salt, stored_key, server_key, .. } = verifier;
        let (server_nonce, salt) = (STANDARD.encode(rand::random::<[u8; 18]>()), STANDARD.encode(salt));
        let nonce = format!("{}{server_nonce}", client_nonce(rest)?);
        let answer = format!("r={nonce},s={salt},i={iterations}");
        let signed = format!("{},{answer},", String::from_utf8_lossy(rest));
        let header = first.strip_suffix(rest).unwrap_or_default();
        let end_point = asked.end_point.filter(|_| bound).unwrap_or_default();
        let binding = STANDARD.encode([header, end_point].concat());
        Ok((answer, Exchange { stored_key, server_key, signed, nonce, binding, known: known.is_some() }))
    }
}

/// The nonce in `n=user,r=nonce`. The name is not looked at: the startup packet has said it. Extensions behind the nonce are
/// ignored, mandatory ones (`m=`) before it refused.
fn client_nonce(bare: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(bare).map_err(|_| malformed("The message is no UTF-8."))?;
    let mut parts = text.split(',');
    let nonce = match (parts.next(), parts.next()) {
        (Some(name), Some(nonce)) if name.starts_with("n=") => nonce.strip_prefix("r="),
        _ => None,
    };
    let good = |nonce: &&str| !nonce.is_empty() && nonce.bytes().all(|b| b.is_ascii_graphic());
    nonce.filter(good).ok_or_else(|| malformed("The message has no usable nonce."))
}

fn violation(text: &str) -> Fault {
    Fault::verbatim(FaultKind::ProtocolViolation, text)
}

fn malformed(detail: &str) -> Fault {
    violation("malformed SCRAM message").detail(detail)
}

/// Checks the header that says how the login is bound, and gives what comes behind it.
fn header(first: &[u8], bound: bool, could_be_bound: bool) -> Result<&[u8], Fault> {
    let unbound =
        "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.";
    let comma = first.iter().position(|&b| b == b',').ok_or_else(|| malformed("The message has no header."))?;
    let (flag, behind) = (&first[..comma], &first[comma + 1..]);
    match flag {
        b"n" | b"y" if bound => return Err(malformed(unbound)),
        b"n" => {}
        b"y" if could_be_bound => {
            let text = "SCRAM channel binding negotiation error";
            return Err(Fault::verbatim(FaultKind::InvalidLogin, text).detail(
                "The client supports SCRAM channel binding but thinks the server does not.  However, this server does \
                 support channel binding.",
            ));
        }
        b"y" => {}
        [b'p', ..] if !bound => {
            return Err(malformed(
                "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel \
                 binding data.",
            ));
        }
        [b'p', b'=', name @ ..] if name == END_POINT.as_bytes() => {}
        [b'p', b'=', name @ ..] => {
            let name = String::from_utf8_lossy(name);
            return Err(violation(&format!("unsupported SCRAM channel-binding type \"{name}\"")));
        }
        _ => return Err(malformed("The message's header is none.")),
    }
    match behind {
        [b',', rest @ ..] => Ok(rest),
        [b'a', b'=', ..] => {
            let text = "client uses authorization identity, but it is not supported";
            Err(Fault::verbatim(FaultKind::NotSupported, text))
        }
        _ => Err(malformed("The message's header is none.")),
    }
}

/// An exchange half done.
pub(super) struct Exchange {
    stored_key: [u8; 32],
    server_key: [u8; 32],
    /// What the proof is over, but for the client's last message.
    signed: String,
    nonce: String,
    /// What the last message must say of header and channel.
    binding: String,
    known: bool,
}

impl Exchange {
    /// Checks the client's last message; the answer proves that we know the password, too. `None`: wrong password or no
    /// such user, which look and cost the same.
    pub(super) fn finish(&self, last: &[u8]) -> Result<Option<String>, Fault> {
        let text = std::str::from_utf8(last).map_err(|_| malformed("The message is no UTF-8."))?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or_else(|| malformed("The message has no proof."))?;
        let mut parts = without_proof.split(',');
        let binding = parts.next().and_then(|part| part.strip_prefix("c="));
        let binding = binding.ok_or_else(|| malformed("The message has no channel binding."))?;
        if binding != self.binding {
            return Err(Fault::verbatim(FaultKind::InvalidLogin, "SCRAM channel binding check failed"));
        }
        if parts.next().and_then(|part| part.strip_prefix("r=")) != Some(self.nonce.as_str()) {
            return Err(violation("invalid SCRAM response").detail("Nonce does not match."));
        }
        let proof = STANDARD.decode(proof).ok().and_then(|proof| <[u8; 32]>::try_from(proof).ok());
        let proof = proof.ok_or_else(|| malformed("The proof is none."))?;
        let signed = format!("{}{without_proof}", self.signed);
        let signature = hmac(&self.stored_key, signed.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        let same = super::cancels::same(&self.stored_key, &Sha256::digest(client_key));
        let answer = format!("v={}", STANDARD.encode(hmac(&self.server_key, signed.as_bytes())));
        Ok(Some(answer).filter(|_| same & self.known))
    }
}

#[cfg(test)]
mod tests {
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

    use super::*;
    use crate::config::Secret;

    fn logins() -> Logins {
        let hash = Verifier::parse(&Verifier::new("secret", b"0123456789abcdef").text()).unwrap();
        let user = |name: &str, login| User { name: name.to_owned(), login, connections_max: 0, backends: None };
        Logins::new(&[
            user("shop", Credential::Password(Secret::new("secret"))),
            user("stored", Credential::Stored(Box::new(hash))),
        ])
    }

    /// How a login ends: whether it got in, or what it was told.
    fn try_login(user: &str, password: &str, mechanism: &str, ours: Option<&[u8]>, binding: ChannelBinding) -> Outcome {
        let mut client = ScramSha256::new(password.as_bytes(), binding);
        let asked = Asked { user, mechanism: mechanism.as_bytes(), end_point: ours };
        let (answer, exchange) = logins().begin(&asked, client.message())?;
        client.update(answer.as_bytes()).unwrap();
        Ok(exchange.finish(client.message())?.is_some_and(|proof| client.finish(proof.as_bytes()).is_ok()))
    }

    type Outcome = Result<bool, Fault>;

    #[test]
    fn only_a_known_user_with_the_right_password_gets_in() {
        let plain = |user, password| try_login(user, password, PLAIN, None, ChannelBinding::unsupported());
        for user in ["shop", "stored"] {
            assert_eq!(plain(user, "secret"), Ok(true));
            assert_eq!(plain(user, "wrong"), Ok(false));
        }
        assert_eq!(plain("mallory", "secret"), Ok(false));
    }

    #[test]
    fn a_bound_login_gets_in_only_over_the_same_channel() {
        let bound = |theirs: &[u8]| {
            try_login("shop", "secret", PLUS, Some(b"hash"), ChannelBinding::tls_server_end_point(theirs.to_vec()))
        };
        assert_eq!(bound(b"hash"), Ok(true));
        let relayed = bound(b"hash of somebody in the middle").unwrap_err();
        assert_eq!(relayed.message, "SCRAM channel binding check failed");
    }

    #[test]
    fn a_downgrade_is_noticed() {
        // "I could, but you cannot": true without TLS, a lie told to the client with it.
        let thinks_not = |ours| try_login("shop", "secret", PLAIN, ours, ChannelBinding::unrequested());
        assert_eq!(thinks_not(None), Ok(true));
        let told = thinks_not(Some(b"hash")).unwrap_err();
        assert_eq!(
            (told.kind, told.message.as_str()),
            (FaultKind::InvalidLogin, "SCRAM channel binding negotiation error")
        );
        // Not wanting it is the client's choice.
        assert_eq!(try_login("shop", "secret", PLAIN, Some(b"hash"), ChannelBinding::unsupported()), Ok(true));
        // And a mechanism without its header, or the other way round, is neither.
        for (mechanism, binding) in [
            (PLUS, ChannelBinding::unsupported()),
            (PLUS, ChannelBinding::unrequested()),
            (PLAIN, ChannelBinding::tls_server_end_point(b"hash".to_vec())),
            ("SCRAM-SHA-1", ChannelBinding::unsupported()),
        ] {
            let told = try_login("shop", "secret", mechanism, Some(b"hash"), binding).unwrap_err();
            assert_eq!(told.kind, FaultKind::ProtocolViolation, "{mechanism}");
        }
        let unasked = try_login("shop", "secret", PLUS, None, ChannelBinding::tls_server_end_point(b"h".to_vec()));
        assert_eq!(unasked.unwrap_err().kind, FaultKind::ProtocolViolation);
    }

    #[test]
    fn messages_that_make_no_sense_are_told_so() {
        let logins = logins();
        let asked = Asked { user: "shop", mechanism: PLAIN.as_bytes(), end_point: None };
        for first in
            ["", "n", "n,", "n,,", "n,,n=", "n,,n=,r=", "n,,r=x", "x,,n=,r=abc", "n,,m=1,n=,r=a", "n,,n=,r=a b"]
        {
            assert!(logins.begin(&asked, first.as_bytes()).is_err(), "{first}");
        }
        assert_eq!(logins.begin(&asked, b"n,a=joe,n=,r=abc").err().unwrap().kind, FaultKind::NotSupported);
        let (answer, exchange) = logins.begin(&asked, b"n,,n=,r=abc").unwrap();
        let nonce = answer.split(',').next().unwrap();
        let zeros = STANDARD.encode([0; 32]);
        for last in
            ["", "c=biws", "c=biws,p=", "c=biws,r=abc,p=AAAA", &format!("c=biws,{nonce},p=AAAA"), "c=eSws,r=a,p=A"]
        {
            assert!(exchange.finish(last.as_bytes()).is_err(), "{last}");
        }
        assert_eq!(exchange.finish(format!("c=biws,{nonce},p={zeros}").as_bytes()), Ok(None));
    }
}
