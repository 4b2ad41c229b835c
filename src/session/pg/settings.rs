//! What the session has SET, as text, to be replayed on connections that join later.

use bytes::Bytes;

/// One SET, RESET or the like.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// Order; never repeats in a session.
    pub serial: u64,
    /// The statement.
    pub text: Bytes,
    names: Vec<String>,
    local: bool,
    in_txn: bool,
    startup: bool,
}

impl Setting {
    /// Whether it decides what the session may do.
    pub(super) fn is_role(&self) -> bool {
        self.names.iter().any(|name| matches!(name.as_str(), "role" | "session_authorization"))
    }
}

/// All of them, in order. A connection remembers the serial up to which it has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    list: Vec<Setting>,
    last: u64,
    txn_start: u64,
    /// The serial of the last moment at which what nobody but the server knows was set, or undone; 0: never.
    untold: u64,
}

impl Settings {
    /// One of the client's startup parameters: survives RESET ALL.
    pub(super) fn startup(&mut self, name: &[u8], value: &[u8]) {
        let mut text = b"SELECT pg_catalog.set_config(".to_vec();
        push_literal(&mut text, name);
        text.push(b',');
        push_literal(&mut text, value);
        text.extend_from_slice(b",false)");
        self.push(vec![String::from_utf8_lossy(name).to_lowercase()], text.into(), false, false);
        if let Some(last) = self.list.last_mut() {
            last.startup = true;
        }
    }

    fn push(&mut self, names: Vec<String>, text: Bytes, local: bool, in_txn: bool) {
        self.last += 1;
        self.list.push(Setting { serial: self.last, text, names, local, in_txn, startup: false });
    }

    /// Remembers a SET that a backend has accepted.
    pub(super) fn add(&mut self, names: Vec<String>, text: Bytes, local: bool, in_txn: bool) {
        if !in_txn {
            self.list.retain(|old| old.startup || old.names != names);
        }
        self.push(names, text, local, in_txn);
    }

    /// A backend has accepted a SET of which only it knows what was set to what: nothing that can be replayed.
    pub(super) fn untold(&mut self) {
        self.last += 1;
        self.untold = self.last;
    }

    /// A transaction's end may undo such a SET.
    fn untold_again(&mut self) {
        if self.untold > 0 {
            self.untold();
        }
    }

    /// RESET ALL, DISCARD ALL and the like: replaces what was set before, outside a transaction for good.
    pub(super) fn reset(&mut self, text: Bytes, in_txn: bool) {
        if !in_txn {
            self.list.retain(|old| old.startup);
        }
        self.push(vec![String::from("reset all")], text, false, in_txn);
        let again: Vec<Setting> = self.list.iter().filter(|old| old.startup).cloned().collect();
        for startup in again {
            self.push(startup.names, startup.text, false, in_txn);
        }
    }

    /// A RESET of these: startup parameters among them get their values again, which the server takes for no startup
    /// parameters. False: none is.
    pub(super) fn reset_of(&mut self, names: &[String], in_txn: bool) -> bool {
        let is_meant = |old: &&Setting| old.startup && old.names.iter().any(|name| names.contains(name));
        let again: Vec<Setting> = self.list.iter().filter(is_meant).cloned().collect();
        for startup in &again {
            self.push(startup.names.clone(), startup.text.clone(), false, in_txn);
        }
        !again.is_empty()
    }

    /// How many startup parameters are replayed after a reset.
    pub(super) fn startup_count(&self) -> u64 {
        self.list.iter().filter(|old| old.startup).count() as u64
    }

    /// What stands behind the name of a setting of ours, which servers keep as a text, where it was set last; lower case.
    pub(super) fn text_of(&self, name: &str) -> Option<String> {
        let about = |setting: &&Setting| setting.names.iter().any(|n| n == name || n == "reset all");
        let last = self.list.iter().rev().find(about)?;
        let text = String::from_utf8_lossy(&last.text).to_lowercase();
        let at = text.find(name)?;
        Some(text[at + name.len()..].to_owned())
    }

    /// Whether such a one was last set to a true word.
    pub(super) fn is_on(&self, name: &str) -> bool {
        let Some(text) = self.text_of(name) else { return false };
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        matches!(words.into_iter().find(|word| *word != "to"), Some("on" | "true" | "1" | "yes"))
    }

    /// The last serial given.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Whether a connection that has them up to `applied` lacks any: a later one may have been undone since.
    pub(super) fn lacks(&self, applied: u64) -> bool {
        self.list.last().is_some_and(|setting| setting.serial > applied)
    }

    /// What a connection that has them up to `applied` lacks.
    pub(super) fn after(&self, applied: u64) -> impl Iterator<Item = &Setting> {
        self.list.iter().filter(move |setting| setting.serial > applied)
    }

    /// Serials of the settings of which one matters, or of which nobody knows what they set.
    pub(super) fn serials(&self, matters: impl Fn(&String) -> bool) -> Vec<u64> {
        let counts = |setting: &&Setting| setting.names.is_empty() || setting.names.iter().any(&matters);
        let untold = (self.untold > 0).then_some(self.untold);
        untold.into_iter().chain(self.list.iter().filter(counts).map(|setting| setting.serial)).collect()
    }

    /// Splits what a connection lacks at the begin of the transaction.
    pub(super) fn is_before_transaction(&self, setting: &Setting) -> bool {
        setting.serial <= self.txn_start
    }

    /// A transaction begins.
    pub(super) fn begin(&mut self) {
        self.txn_start = self.last;
    }

    /// It has committed: what was LOCAL is gone, the rest stays.
    pub(super) fn committed(&mut self) {
        self.untold_again();
        self.list.retain(|setting| !setting.local);
        for at in (0..self.list.len()).rev() {
            self.list[at].in_txn = false;
        }
        let mut kept: Vec<Setting> = Vec::with_capacity(self.list.len());
        for setting in self.list.drain(..) {
            let known = !setting.names.is_empty();
            kept.retain(|old| old.startup || !known || old.names != setting.names);
            kept.push(setting);
        }
        self.list = kept;
    }

    /// It has rolled back: what was set in it is undone. Returns the serial up to which connections still have them.
    pub(super) fn rolled_back(&mut self) -> u64 {
        self.untold_again();
        self.list.retain(|setting| !setting.in_txn);
        self.txn_start
    }

    /// The server has undone what was set since they were these. Serials are not given again: connections that have one
    /// that was undone lack nothing.
    pub(super) fn undone(&mut self, earlier: Self) {
        *self = Self { last: self.last, ..earlier };
        self.untold_again();
    }

    /// ROLLBACK TO: what was set after `serial` is undone.
    pub(super) fn rolled_back_to(&mut self, serial: u64) {
        self.untold_again();
        self.list.retain(|setting| setting.serial <= serial);
    }
}

/// A literal that reads the same with and without `standard_conforming_strings`.
fn push_literal(text: &mut Vec<u8>, value: &[u8]) {
    text.extend_from_slice(b"E'");
    for &byte in value {
        if matches!(byte, b'\'' | b'\\') {
            text.push(byte);
        }
        text.push(byte);
    }
    text.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(settings: &Settings, applied: u64) -> Vec<String> {
        settings.after(applied).map(|s| String::from_utf8_lossy(&s.text).into_owned()).collect()
    }

    fn set(settings: &mut Settings, name: &str, value: &str, in_txn: bool) {
        settings.add(vec![name.to_owned()], format!("SET {name}={value}").into(), false, in_txn);
    }

    #[test]
    fn a_later_set_replaces_an_earlier_one_of_the_same_name() {
        let mut settings = Settings::default();
        set(&mut settings, "a", "1", false);
        set(&mut settings, "b", "1", false);
        set(&mut settings, "a", "2", false);
        assert_eq!(texts(&settings, 0), ["SET b=1", "SET a=2"]);
    }

    #[test]
    fn what_nobody_can_replay_is_lacked_by_nobody() {
        let mut settings = Settings::default();
        set(&mut settings, "a", "1", false);
        let applied = settings.last();
        settings.untold();
        settings.committed();
        assert!(settings.lacks(0) && !settings.lacks(applied));
    }

    #[test]
    fn a_rollback_undoes_what_was_set_in_the_transaction() {
        let mut settings = Settings::default();
        set(&mut settings, "a", "1", false);
        settings.begin();
        set(&mut settings, "a", "2", true);
        assert_eq!(settings.rolled_back(), 1);
        assert_eq!(texts(&settings, 0), ["SET a=1"]);
        assert!(settings.lacks(0) && !settings.lacks(1), "what was undone is not lacked by anyone");
    }

    #[test]
    fn what_a_failed_pipeline_has_set_is_as_it_was_before() {
        let mut settings = Settings::default();
        set(&mut settings, "a", "1", false);
        let earlier = settings.clone();
        set(&mut settings, "a", "2", false);
        settings.undone(earlier);
        assert_eq!(texts(&settings, 0), ["SET a=1"]);
        set(&mut settings, "b", "1", false);
        assert_eq!(texts(&settings, 2), ["SET b=1"]);
    }

    #[test]
    fn a_commit_keeps_what_was_set_but_not_locally() {
        let mut settings = Settings::default();
        set(&mut settings, "a", "1", false);
        settings.begin();
        set(&mut settings, "a", "2", true);
        settings.add(vec![String::from("b")], "SET LOCAL b=1".into(), true, true);
        settings.committed();
        assert_eq!(texts(&settings, 0), ["SET a=2"]);
    }

    #[test]
    fn startup_parameters_survive_a_reset_and_are_quoted() {
        let mut settings = Settings::default();
        settings.startup(b"application_name", b"it's \\");
        set(&mut settings, "a", "1", false);
        settings.reset("RESET ALL".into(), false);
        let literal = r"SELECT pg_catalog.set_config(E'application_name',E'it''s \\',false)";
        assert_eq!(texts(&settings, 1), ["RESET ALL", literal]);
    }
}
