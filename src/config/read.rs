//! Typed reads of a section's keys. Each makes its key known, with its kind, default and range (what the JSON schema is made
//! of), takes note of the value and of where it came from, and goes on with the default after a fault.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::file::{Off, Reader, Section, Text, nearest};
use super::report::{ConfigCode, ConfigFault, Span};
use super::schema::Kind;
use super::units;

impl Section<'_> {
    /// A text, without taking note of it.
    pub(super) fn plain(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<Text> {
        let value = self.value(r, key)?;
        r.text_of(value, &format!("`{}`", self.path(key)), &|_, _| false)
    }

    /// A text; `default` is only shown, the caller knows it.
    pub(super) fn text(&mut self, r: &mut Reader<'_>, key: &'static str, default: &'static str) -> Option<Text> {
        self.learn(r, key, Kind::Text { default });
        let text = self.plain(r, key);
        let (shown, span) = text.as_ref().map_or((default, None), |text| (text.text.as_str(), Some(&text.span)));
        r.note(self.owned(key), shown, span);
        text
    }

    /// A path, without taking note of it.
    pub(super) fn plain_path(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<(PathBuf, Span)> {
        let text = self.plain(r, key)?;
        if text.text.is_empty() {
            r.bad_value(text.span, format!("`{}` is empty", self.path(key)), "a path is needed");
            return None;
        }
        Some((PathBuf::from(text.text), text.span))
    }

    /// A path; `default` is only shown.
    pub(super) fn file_path(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        default: &'static str,
    ) -> Option<(PathBuf, Span)> {
        self.learn(r, key, Kind::Path { default });
        let found = self.plain_path(r, key);
        match &found {
            Some((path, span)) => r.note(self.owned(key), path.display().to_string(), Some(span)),
            None => r.note(self.owned(key), default, None),
        }
        found
    }

    /// A file that must be there; a change of what it holds is a change of the setting.
    pub(super) fn readable(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<PathBuf> {
        self.learn(r, key, Kind::Path { default: "" });
        let Some((path, span)) = self.plain_path(r, key) else {
            r.note(self.owned(key), "", None);
            return None;
        };
        let text = match (r.read_file)(&path) {
            Ok(text) => text,
            Err(error) => {
                let title = format!("cannot read {key} {}: {error}", path.display());
                let fault = ConfigFault::at(ConfigCode::Unreadable, span.clone(), title);
                r.fault(fault.help("the file must be there and readable for the user that Handfast runs as"));
                String::new()
            }
        };
        r.note_hidden(self.owned(key), Some(path.display().to_string()), &text, &span);
        Some(path)
    }

    /// An address; `off`: the word "off" is one, too, and the default.
    pub(super) fn address(&mut self, r: &mut Reader<'_>, key: &'static str, off: Off) -> Option<(SocketAddr, Span)> {
        self.learn(r, key, Kind::Address { off: off == Off::Allowed });
        let nothing = if off == Off::Allowed { "off" } else { "" };
        let Some(Text { text, span }) = self.plain(r, key) else {
            r.note(self.owned(key), nothing, None);
            return None;
        };
        r.note(self.owned(key), &text, Some(&span));
        if off == Off::Allowed && text == "off" {
            return None;
        }
        match text.parse() {
            Ok(address) => Some((address, span)),
            Err(_) => {
                let title = format!("`{}` is no address", self.path(key));
                r.bad_value(span, title, "an IP address and a port, for example \"127.0.0.1:6432\"");
                None
            }
        }
    }

    pub(super) fn duration(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        default: &'static str,
        off: Off,
    ) -> Duration {
        self.learn(r, key, Kind::Duration { default, off: off == Off::Allowed });
        let fallback = if default == "off" { Ok(Duration::ZERO) } else { units::duration(default) };
        let fallback = fallback.expect("defaults are written in this folder and read by its tests");
        let (duration, span) = match self.duration_given(r, key, off) {
            Some((duration, span)) => (duration, Some(span)),
            None => (fallback, None),
        };
        r.note(self.owned(key), units::show_duration(duration), span.as_ref());
        duration
    }

    fn duration_given(&mut self, r: &mut Reader<'_>, key: &'static str, off: Off) -> Option<(Duration, Span)> {
        let value = self.value(r, key)?;
        let what = format!("`{}`", self.path(key));
        if let DeValue::Integer(_) = value.get_ref() {
            r.wrong_type(value, &what, "a duration with its unit in quotes, such as \"5s\"");
            return None;
        }
        let Text { text, span } = r.text_of(value, &what, &|_, _| false)?;
        if text == "off" && off == Off::Allowed {
            return Some((Duration::ZERO, span));
        }
        match units::duration(&text) {
            Ok(duration) if duration.is_zero() => {
                let instead = if off == Off::Allowed { "write \"off\"" } else { "\"1ms\" is the least" };
                r.bad_value(span, format!("{what} must not be zero"), instead);
                None
            }
            Ok(duration) => Some((duration, span)),
            Err(_) if text == "off" => {
                r.bad_value(span, format!("{what} cannot be \"off\""), "a duration is needed, such as \"5s\"");
                None
            }
            Err(why) => {
                r.bad_value(span, format!("{what} is no duration"), why);
                None
            }
        }
    }

    pub(super) fn size(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        default: &'static str,
        range: RangeInclusive<u64>,
    ) -> u64 {
        self.learn(r, key, Kind::Size { default });
        let fallback = units::size(default).expect("defaults are written in this folder and read by its tests");
        let (bytes, span) = match self.size_given(r, key, &range) {
            Some((bytes, span)) => (bytes, Some(span)),
            None => (fallback, None),
        };
        r.note(self.owned(key), units::show_size(bytes), span.as_ref());
        bytes
    }

    fn size_given(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        range: &RangeInclusive<u64>,
    ) -> Option<(u64, Span)> {
        let value = self.value(r, key)?;
        let what = format!("`{}`", self.path(key));
        if let DeValue::Integer(_) = value.get_ref() {
            r.wrong_type(value, &what, "a size with its unit in quotes, such as \"16MiB\"");
            return None;
        }
        let Text { text, span } = r.text_of(value, &what, &|_, _| false)?;
        match units::size(&text) {
            Ok(bytes) if range.contains(&bytes) => return Some((bytes, span)),
            Ok(_) => {
                let (low, high) = (units::show_size(*range.start()), units::show_size(*range.end()));
                r.bad_value(span, format!("{what} is out of range"), format!("from \"{low}\" to \"{high}\""));
            }
            Err(why) => r.bad_value(span, format!("{what} is no size"), why),
        }
        None
    }

    pub(super) fn count(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> usize {
        let given = self.count_given(r, key, Some(default), range);
        let (count, span) = given.map_or((default, None), |(count, span)| (count, Some(span)));
        r.note(self.owned(key), count.to_string(), span.as_ref());
        count
    }

    /// A number without a default of its own; not taken note of if it is not given.
    pub(super) fn optional_count(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        range: RangeInclusive<usize>,
    ) -> Option<usize> {
        let (count, span) = self.count_given(r, key, None, range)?;
        r.note(self.owned(key), count.to_string(), Some(&span));
        Some(count)
    }

    fn count_given(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        default: Option<usize>,
        range: RangeInclusive<usize>,
    ) -> Option<(usize, Span)> {
        self.learn(r, key, Kind::Count { default, least: *range.start(), most: *range.end() });
        let value = self.value(r, key)?;
        let what = format!("`{}`", self.path(key));
        let DeValue::Integer(number) = value.get_ref() else {
            r.wrong_type(value, &what, "a whole number");
            return None;
        };
        match usize::from_str_radix(number.as_str(), number.radix()) {
            Ok(count) if range.contains(&count) => Some((count, value.span())),
            Ok(_) | Err(_) => {
                let title = format!("{what} is out of range");
                r.bad_value(value.span(), title, format!("from {} to {}", range.start(), range.end()));
                None
            }
        }
    }

    /// A number from 0 to 1.
    pub(super) fn ratio(&mut self, r: &mut Reader<'_>, key: &'static str, default: &'static str) -> f64 {
        self.learn(r, key, Kind::Ratio { default });
        let value = self.value(r, key);
        let text = match value.map(|value| (value.get_ref(), value)) {
            None => {
                r.note(self.owned(key), default, None);
                default
            }
            Some((DeValue::Float(number), _)) => number.as_str(),
            Some((DeValue::Integer(number), _)) => number.as_str(),
            Some((_, value)) => {
                r.wrong_type(value, &format!("`{}`", self.path(key)), "a number");
                default
            }
        };
        let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
        let Some(value) = value else { return number.unwrap_or(0.0) };
        if number.is_none() {
            r.bad_value(value.span(), format!("`{}` is out of range", self.path(key)), "from 0 to 1");
        }
        r.note(self.owned(key), text, Some(&value.span()));
        number.unwrap_or(0.0)
    }

    pub(super) fn flag(&mut self, r: &mut Reader<'_>, key: &'static str, default: bool) -> bool {
        self.learn(r, key, Kind::Flag { default });
        let Some(value) = self.value(r, key) else {
            r.note(self.owned(key), default.to_string(), None);
            return default;
        };
        let DeValue::Boolean(flag) = value.get_ref() else {
            r.wrong_type(value, &format!("`{}`", self.path(key)), "true or false");
            return default;
        };
        r.note(self.owned(key), flag.to_string(), Some(&value.span()));
        *flag
    }

    /// A list of names, or a text with commas (as variables give it), with the list's place and each name's; not taken note
    /// of if it is not given.
    pub(super) fn names(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<(Span, Vec<Text>)> {
        self.learn(r, key, Kind::Texts);
        let value = self.value(r, key)?;
        let mut given = Vec::new();
        if let DeValue::String(names) = value.get_ref() {
            let name = |name: &str| Text { text: name.trim().to_owned(), span: value.span() };
            given.extend(names.split(',').map(name));
        } else if let DeValue::Array(entries) = value.get_ref() {
            for entry in entries.iter() {
                if let DeValue::String(name) = entry.get_ref() {
                    given.push(Text { text: name.to_string(), span: entry.span() });
                } else {
                    r.wrong_type(entry, &format!("a name in `{}`", self.path(key)), "a text in quotes");
                }
            }
        } else {
            r.wrong_type(value, &format!("`{}`", self.path(key)), "a list of names");
            return None;
        }
        let shown: Vec<String> = given.iter().map(|name| format!("\"{}\"", name.text)).collect();
        r.note(self.owned(key), format!("[{}]", shown.join(", ")), Some(&value.span()));
        Some((value.span(), given))
    }

    /// One of a few words; the first is the default.
    pub(super) fn choice<T: Copy>(&mut self, r: &mut Reader<'_>, key: &'static str, words: &[(&'static str, T)]) -> T {
        self.learn(r, key, Kind::Choice { words: words.iter().map(|(word, _)| *word).collect() });
        let Some(Text { text, span }) = self.plain(r, key) else {
            r.note(self.owned(key), words[0].0, None);
            return words[0].1;
        };
        r.note(self.owned(key), &text, Some(&span));
        if let Some((_, choice)) = words.iter().find(|(word, _)| *word == text) {
            return *choice;
        }
        let names: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let label = match nearest(&text, words.iter().map(|(word, _)| *word)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("one of {}", names.join(", ")),
        };
        r.bad_value(span, format!("`{}` cannot be \"{text}\"", self.path(key)), label);
        words[0].1
    }
}
