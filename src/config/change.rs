//! From one configuration to the next while the house runs: what changes, when it applies, and what runs meanwhile.
//! Backends keep their ids; what only a restart can change stays as it is until then.

use std::collections::HashMap;

use super::{Config, Setting};
use crate::base::{BackendId, Dialect};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key, as in [`Setting`].
    pub key: String,
    /// What ran until now; `None`: there was no such key.
    pub from: Option<String>,
    /// What the configuration says now; `None`: no such key any more.
    pub to: Option<String>,
    /// When it applies.
    pub applies: Applies,
}

/// When a change applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// At once; to a session between its transactions.
    Now,
    /// To connections that are made from now on.
    NewConnections,
    /// After a restart; until then nothing changes.
    Restart,
}

impl Applies {
    /// As operators read it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::NewConnections => "new connections",
            Self::Restart => "restart",
        }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, from, to, applies } = self;
        match (from, to) {
            (None, Some(to)) => write!(f, "+ {key} = {to}")?,
            (Some(from), None) => write!(f, "- {key} (was {from})")?,
            (Some(from), Some(to)) if from == to => write!(f, "~ {key} = {to} (its content has changed)")?,
            (from, to) => {
                let text = |value: &Option<String>| value.clone().filter(|v| !v.is_empty()).unwrap_or("-".to_owned());
                write!(f, "~ {key}: {} -> {}", text(from), text(to))?;
            }
        }
        match applies {
            Applies::Now => Ok(()),
            Applies::NewConnections => f.write_str(" (for new connections)"),
            Applies::Restart => f.write_str(" (needs a restart; unchanged until then)"),
        }
    }
}

/// What a new configuration comes to.
#[derive(Clone, Debug)]
pub struct Succession {
    /// What runs from now on.
    pub config: Config,
    /// Every difference to what ran.
    pub changes: Vec<Change>,
    /// Backends that are gone, or lead elsewhere, in the new configuration: refused while anything is unfinished there.
    pub left: Vec<BackendId>,
}

/// What follows `old` when the file says `new`.
pub fn succeed(old: &Config, new: Config) -> Succession {
    let left = left(old, &new);
    let changes = changes(old, &new, &left);
    let settings = settings(old, &new, &changes);
    let mut config = aligned(old, new, &left);
    config.settings = settings;
    Succession { config, changes, left }
}

/// Old backends that the new configuration does not have as they are.
fn left(old: &Config, new: &Config) -> Vec<BackendId> {
    let stays = |id: &BackendId| {
        let was = old.backend(*id);
        new.backends.iter().any(|now| {
            now.name == was.name
                && (now.dialect, &now.address, &now.user, &now.database)
                    == (was.dialect, &was.address, &was.user, &was.database)
        })
    };
    ids(old).filter(|id| !stays(id)).collect()
}

fn ids(config: &Config) -> impl Iterator<Item = BackendId> + use<> {
    (0..config.backends.len()).filter_map(|index| u16::try_from(index).ok().map(BackendId))
}

/// The new configuration with the old backends at their places and everything as it was that only a restart can change.
fn aligned(old: &Config, new: Config, left: &[BackendId]) -> Config {
    let mut backends = old.backends.clone();
    let mut places = HashMap::new();
    for (index, mut backend) in new.backends.iter().cloned().enumerate() {
        let at = match backends.iter().position(|known| known.name == backend.name) {
            Some(at) => {
                let moved = left.iter().any(|id| usize::from(id.0) == at);
                let kept = &mut backends[at];
                let pool_size = backend.pool_size;
                if !moved {
                    backend.allow_unsafe_durability = kept.allow_unsafe_durability;
                    *kept = backend;
                }
                kept.pool_size = pool_size;
                at
            }
            None => {
                backends.push(backend);
                backends.len() - 1
            }
        };
        places.insert(index, at);
    }
    for dialect in [Dialect::Postgres, Dialect::Mysql] {
        // Greeting and catalogs of a session are its home's: another one needs a restart.
        let home = old.home(dialect).map(|id| old.backend(id).name.clone());
        let home = home.or_else(|| new.home(dialect).map(|id| new.backend(id).name.clone()));
        for backend in backends.iter_mut().filter(|backend| backend.dialect == dialect) {
            backend.default = home.as_ref() == Some(&backend.name);
        }
    }
    let place = |id: BackendId| {
        let at = places.get(&usize::from(id.0)).copied().unwrap_or_default();
        BackendId(u16::try_from(at).unwrap_or(u16::MAX))
    };
    let mut config = new;
    for rule in &mut config.tables {
        rule.backend = place(rule.backend);
    }
    config.backends = backends;
    config.node = old.node.clone();
    config.journal = old.journal.clone();
    (config.listen.postgres, config.listen.mysql) = (old.listen.postgres, old.listen.mysql);
    config.admin = old.admin.clone();
    config.limits.transactions_kept = old.limits.transactions_kept;
    config.telemetry.log_json = old.telemetry.log_json;
    config.telemetry.traces.endpoint = old.telemetry.traces.endpoint.clone();
    config.telemetry.traces.ca_file = old.telemetry.traces.ca_file.clone();
    config
}

fn changes(old: &Config, new: &Config, left: &[BackendId]) -> Vec<Change> {
    let find = |all: &[Setting], key: &str| all.iter().find(|setting| setting.key == key).cloned();
    let mut changes = Vec::new();
    for now in &new.settings {
        let was = find(&old.settings, &now.key);
        if was.as_ref().is_some_and(|was| was.says_the_same(now)) {
            continue;
        }
        let nothing = was.is_none() && (now.value.is_empty() || now.key.ends_with(".name"));
        if !nothing || was.is_some() {
            let applies = applies(old, left, &now.key, was.is_none());
            changes.push(Change {
                key: now.key.clone(),
                from: was.map(|was| was.value),
                to: Some(now.value.clone()),
                applies,
            });
        }
    }
    for was in &old.settings {
        if find(&new.settings, &was.key).is_none() && !was.value.is_empty() {
            let applies = applies(old, left, &was.key, false);
            changes.push(Change { key: was.key.clone(), from: Some(was.value.clone()), to: None, applies });
        }
    }
    changes
}

fn applies(old: &Config, left: &[BackendId], key: &str, added: bool) -> Applies {
    let mut parts = key.split('.');
    match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
        ("node" | "journal", ..) => Applies::Restart,
        ("listen", "postgres" | "mysql", _) | ("admin", ..) => Applies::Restart,
        ("telemetry", "traces", "endpoint" | "ca_file") => Applies::Restart,
        ("users", _, "backends") => Applies::Now,
        ("telemetry", "log_format", _) | ("limits", "transactions_kept", _) => Applies::Restart,
        ("listen", ..) | ("users", ..) | ("pool", "mode", _) => Applies::NewConnections,
        ("backends", name, what) => match old.backend_named(name) {
            None if added => Applies::Now,
            _ if what == "pool" => Applies::Now,
            Some(id) if left.contains(&id) => Applies::Restart,
            _ if what == "default" || what == "allow_unsafe_durability" => Applies::Restart,
            Some(_) | None => Applies::NewConnections,
        },
        _ => Applies::Now,
    }
}

/// The values that hold from now on.
fn settings(old: &Config, new: &Config, changes: &[Change]) -> Vec<Setting> {
    let waits = |key: &str| changes.iter().any(|change| change.key == key && change.applies == Applies::Restart);
    let was = |key: &str| old.settings.iter().find(|setting| setting.key == key).cloned();
    let mut settings: Vec<Setting> = Vec::new();
    for now in &new.settings {
        match waits(&now.key) {
            true => settings.extend(was(&now.key)),
            false => settings.push(now.clone()),
        }
    }
    let gone = |setting: &&Setting| waits(&setting.key) && !new.settings.iter().any(|now| now.key == setting.key);
    settings.extend(old.settings.iter().filter(gone).cloned());
    settings
}

#[cfg(test)]
mod tests {
    use super::super::{Overrides, World, parse};
    use super::*;

    const BASE: &str = "[listen]\npostgres = \"127.0.0.1:6432\"\n[[users]]\nname = \"app\"\npassword = \"x\"\n\
                        [backends.store]\nurl = \"postgres://app:p@h1/store\"\ndefault = true\n\
                        [backends.delivery]\nurl = \"postgres://app:p@h2/delivery\"\n\
                        [tables]\n\"agents\" = \"delivery\"\n";

    fn config(text: &str) -> Config {
        let world = World { env: &|_| None, read_file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
        parse(text, "handfast.toml", &Overrides::default(), world).unwrap()
    }

    fn told(old: &str, new: &str) -> Vec<String> {
        succeed(&config(old), config(new)).changes.iter().map(Change::to_string).collect()
    }

    #[test]
    fn every_difference_is_told_with_when_it_applies() {
        let with = |more: &str| format!("{BASE}{more}");
        assert_eq!(told(BASE, BASE), [""; 0]);
        assert_eq!(told(BASE, &with("\"couriers\" = \"delivery\"")), ["+ tables.couriers = delivery"]);
        assert_eq!(told(&with("[pool]\nsize = 20"), &with("[pool]\nsize = 40")), ["~ pool.size: 20 -> 40"]);
        assert_eq!(told(BASE, &BASE.replace("\"delivery\"\n", "\"store\"\n")), ["~ tables.agents: delivery -> store"]);
        assert_eq!(
            told(BASE, &BASE.replace("6432", "6433")),
            ["~ listen.postgres: 127.0.0.1:6432 -> 127.0.0.1:6433 (needs a restart; unchanged until then)"]
        );
        assert_eq!(
            told(BASE, &BASE.replace("password = \"x\"", "password = \"y\"")),
            ["~ users.app.password = *** (its content has changed) (for new connections)"]
        );
        assert_eq!(
            told(BASE, &BASE.replace("h2", "h3")),
            ["~ backends.delivery.url: postgres://app:***@h2/delivery -> postgres://app:***@h3/delivery \
              (needs a restart; unchanged until then)"]
        );
    }

    #[test]
    fn backends_keep_their_ids_and_what_needs_a_restart_stays() {
        let old = config(BASE);
        let more = BASE.replace(
            "[tables]",
            "[backends.a]\nurl = \"mysql://app@h4/a\"\n[tables]\n\"x\" = \"a\"\n\"y\" = \"store\"",
        );
        let next = succeed(&old, config(&more.replace("6432", "6433").replace("h2", "h3")));
        let names: Vec<_> = next.config.backends.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(names, ["delivery", "store", "a"], "new ones come last");
        for rule in &next.config.tables {
            let expected = [("agents", "delivery"), ("x", "a"), ("y", "store")];
            let owner = next.config.backend(rule.backend).name.as_str();
            assert!(expected.contains(&(rule.pattern.as_str(), owner)), "{} -> {owner}", rule.pattern);
        }
        assert_eq!(next.config.listen.postgres, old.listen.postgres);
        assert_eq!(next.config.backends[0].address.host, "h2", "a backend is not moved under what runs on it");
        assert_eq!(next.left, [BackendId(0)]);
        let listen = next.config.settings.iter().find(|s| s.key == "listen.postgres").unwrap();
        assert_eq!(listen.value, "127.0.0.1:6432", "what holds is shown");
    }

    #[test]
    fn a_backend_that_is_gone_stays_until_the_restart() {
        let without = BASE
            .replace("[backends.delivery]\nurl = \"postgres://app:p@h2/delivery\"\n", "")
            .replace("\"delivery\"", "\"store\"");
        let next = succeed(&config(BASE), config(&without));
        assert_eq!((next.left.clone(), next.config.backends.len()), (vec![BackendId(0)], 2));
        assert_eq!(next.config.home(Dialect::Postgres), Some(BackendId(1)));
        assert!(next.changes.iter().any(|c| c.key == "backends.delivery.url" && c.applies == Applies::Restart));
        // And from there to the same again nothing is lost.
        let again = succeed(&next.config, config(BASE));
        assert_eq!((again.left, again.config.backends.len()), (vec![], 2));
    }
}
