//! What became of a transaction, as rows that the session makes itself; and the warning that tells a transaction's name.

use super::{Ran, Session};
use crate::relay::mysql::foreign::Form;
use crate::session::outcome::{COLUMNS, Question, answer as outcome_of};
use crate::telemetry::traces::TraceContext;
use crate::wire::mysql::read::{put_lenenc, put_lenenc_bytes};
use crate::wire::mysql::{answer, status};

/// What `SET handfast.notice = …` sets; `None`: the statement is another. Only alone: beside other settings it is a server's.
pub(super) fn notice_setting(text: &[u8]) -> Option<&str> {
    own_setting(text, "handfast.notice")
}

/// The same of `SET handfast.traceparent = …`.
pub(super) fn trace_setting(text: &[u8]) -> Option<&str> {
    own_setting(text, "handfast.traceparent")
}

fn own_setting<'a>(text: &'a [u8], own: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(text).ok()?.trim_end_matches(|c: char| c == ';' || c.is_ascii_whitespace());
    let (name, value) = text.split_once('=')?;
    let mut words = name.trim_end().trim_end_matches(':').split_ascii_whitespace();
    let ours = words.next()?.eq_ignore_ascii_case("set") && words.next()?.eq_ignore_ascii_case(own);
    let value = value.trim().trim_matches(['\'', '"']);
    (ours && words.next().is_none() && !value.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-'))
        .then_some(value)
}

impl Session {
    /// SET handfast.notice
    pub(super) fn set_notice(&mut self, value: &str, more: bool) -> Ran {
        let on = match value.to_ascii_lowercase().as_str() {
            "on" | "true" | "1" => true,
            "off" | "false" | "0" | "default" => false,
            _ => {
                let text = format!("Variable 'handfast.notice' can't be set to the value of '{value}'");
                return self.refuse(&answer::err(1231, "42000", &text));
            }
        };
        self.notice = on;
        self.ok_and(more)
    }

    /// SET handfast.traceparent
    pub(super) fn set_trace(&mut self, value: &str, more: bool) -> Ran {
        let context = TraceContext::parse(value);
        if context.is_none() && !value.is_empty() && !value.eq_ignore_ascii_case("default") {
            let text = format!("Variable 'handfast.traceparent' can't be set to the value of '{value}'");
            return self.refuse(&answer::err(1231, "42000", &text));
        }
        self.watch.name(context);
        self.ok_and(more)
    }

    /// Answers.
    pub(super) fn tell_outcome(&mut self, question: &Question, form: Form, more: bool) -> Ran {
        let status = self.status() | if more { status::MORE_RESULTS } else { 0 };
        let row = outcome_of(question, self.last_txn.as_ref(), &self.services.house);
        let mut count = Vec::new();
        put_lenenc(&mut count, COLUMNS.len() as u64);
        self.client.put(&count);
        self.put_columns();
        self.client.put(&answer::eof(status, 0));
        if let Some(row) = row {
            let mut packed = Vec::new();
            if form == Form::Binary {
                // A zero, and the bitmap of NULLs with its two reserved bits: six bits for four columns.
                let nulls = row.iter().enumerate().filter(|(_, value)| value.is_none());
                packed.extend_from_slice(&[0, nulls.fold(0, |bits, (at, _)| bits | 1 << (at + 2))]);
            }
            for value in &row {
                match (value, form) {
                    (Some(text), _) => put_lenenc_bytes(&mut packed, text.as_bytes()),
                    (None, Form::Text) => packed.push(0xfb),
                    (None, Form::Binary) => {}
                }
            }
            self.client.put(&packed);
        }
        self.client.put(&answer::eof(status, 0));
        self.aftermath.say_ok();
        Ran::Fine
    }

    fn put_columns(&mut self) {
        for name in COLUMNS {
            self.client.put(&answer::text_column(name));
        }
    }

    /// The answer to COM_STMT_PREPARE of such a question.
    pub(super) fn tell_outcome_columns(&mut self, id: u32) {
        let mut ok = [0; 12];
        ok[1..5].copy_from_slice(&id.to_le_bytes());
        ok[5] = COLUMNS.len() as u8;
        self.client.put(&ok);
        self.put_columns();
        self.client.put(&answer::eof(self.status(), 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_setting_is_ours() {
        for (text, value) in [
            ("SET handfast.notice = on", Some("on")),
            ("set HANDFAST.notice='1';", Some("1")),
            ("SET handfast.notice := false", Some("false")),
            ("SET handfast.notice = on, autocommit = 0", None),
            ("SET handfast.notices = on", None),
            ("SET SESSION handfast.notice = on", None),
            ("SET autocommit = 0", None),
            ("SET", None),
        ] {
            assert_eq!(notice_setting(text.as_bytes()), value, "{text}");
        }
    }
}
