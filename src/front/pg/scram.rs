//! SCRAM-SHA-256 towards clients. An unknown user goes through the same exchange and fails at its end.

use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramSecret, ScramServerAuth, gen_salted_password};
use sha2::{Digest, Sha256};

use crate::config::User;

/// What is needed to check passwords, made once.
pub(super) struct Logins {
    users: Vec<Known>,
    /// Makes the salts of users that do not exist: always the same for the same name.
    pepper: [u8; 32],
}

struct Known {
    name: String,
    salt: Vec<u8>,
    salted_password: Vec<u8>,
}

impl Logins {
    /// For these users.
    pub(super) fn new(users: &[User]) -> Self {
        let known = |user: &User| {
            let salt = rand::random::<[u8; 16]>().to_vec();
            let salted_password = gen_salted_password(user.password.expose(), &salt, SCRAM_ITERATIONS);
            Known { name: user.name.clone(), salt, salted_password }
        };
        Self { users: users.iter().map(known).collect(), pepper: rand::random() }
    }

    /// Answers the client's first message: what to send, and what checks its last message.
    pub(super) fn begin(&self, user: &str, first: &[u8]) -> Option<(String, Exchange)> {
        let known = self.users.iter().find(|known| known.name == user);
        let (salt, salted_password) = match known {
            Some(known) => (known.salt.clone(), known.salted_password.clone()),
            None => {
                let mut hash = Sha256::new();
                hash.update(self.pepper);
                hash.update(user.as_bytes());
                (hash.finalize()[..16].to_vec(), rand::random::<[u8; 32]>().to_vec())
            }
        };
        let secret = ScramSecret::SaltedPassword { salt, salted_password };
        let (answer, waiting) = ScramServerAuth::new().on_client_first_message_with_secret(first, secret).ok()?;
        Some((answer, Exchange { waiting, known: known.is_some() }))
    }
}

/// An exchange half done.
pub(super) struct Exchange {
    waiting: pgwire::api::auth::sasl::scram::ScramServerAuthWaitingForClientFinal,
    known: bool,
}

impl Exchange {
    /// Checks the client's last message; the answer proves that we know the password, too. `None`: refused.
    pub(super) fn finish(&self, last: &[u8]) -> Option<String> {
        let answer = self.waiting.on_client_final_message(last).ok();
        answer.filter(|_| self.known)
    }
}

#[cfg(test)]
mod tests {
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

    use super::*;
    use crate::config::Secret;

    fn try_login(logins: &Logins, user: &str, password: &str) -> bool {
        let mut client = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        let (answer, exchange) = logins.begin(user, client.message()).unwrap();
        client.update(answer.as_bytes()).unwrap();
        match exchange.finish(client.message()) {
            Some(proof) => client.finish(proof.as_bytes()).is_ok(),
            None => false,
        }
    }

    #[test]
    fn only_a_known_user_with_the_right_password_gets_in() {
        let logins = Logins::new(&[User { name: String::from("shop"), password: Secret::new("secret") }]);
        assert!(try_login(&logins, "shop", "secret"));
        assert!(!try_login(&logins, "shop", "wrong"));
        assert!(!try_login(&logins, "mallory", "secret"));
    }
}
