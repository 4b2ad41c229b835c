//! A piece of SQL for the backend: text, and places for what is known only when it runs.

use crate::base::Dialect;

/// A piece of SQL. Only [`super::literal`] and [`Sql::name`] put text of the client's in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sql {
    parts: Vec<Part>,
}

/// One part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it is sent.
    Text(String),
    /// The client's parameter with this number from 0, as a literal of its type.
    Parameter(u16),
    /// What the step that gives keys found: `a, b` or `(a, b), (c, d)`.
    Keys,
    /// The session's last generated key.
    LastInsertId,
}

impl Sql {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A fixed text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Text(text.into())] }
    }

    /// A place of one kind.
    pub fn part(part: Part) -> Self {
        Self { parts: vec![part] }
    }

    /// An identifier in the dialect's quotes, always quoted.
    pub fn name(dialect: Dialect, name: &str) -> Self {
        Self::text(match dialect {
            Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
            Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
        })
    }

    /// Adds a text.
    pub fn push(&mut self, text: &str) -> &mut Self {
        if let Some(Part::Text(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else {
            self.parts.push(Part::Text(text.to_owned()));
        }
        self
    }

    /// Adds a piece.
    pub fn append(&mut self, other: Self) -> &mut Self {
        for part in other.parts {
            match part {
                Part::Text(text) => {
                    self.push(&text);
                }
                other @ (Part::Parameter(_) | Part::Keys | Part::LastInsertId) => self.parts.push(other),
            }
        }
        self
    }

    /// With a text before and one behind.
    #[must_use]
    pub fn wrapped(self, before: &str, behind: &str) -> Self {
        let mut out = Self::text(before);
        out.append(self).push(behind);
        out
    }

    /// Pieces with a text between them.
    pub fn joined(pieces: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let mut out = Self::new();
        for (at, piece) in pieces.into_iter().enumerate() {
            if at > 0 {
                out.push(between);
            }
            out.append(piece);
        }
        out
    }

    /// Its parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether it has such a part.
    pub fn has(&self, part: &Part) -> bool {
        self.parts.contains(part)
    }
}
