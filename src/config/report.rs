//! What is wrong with a configuration, told as the compiler tells it: code, place, the line, a caret, what to do.
//! Every fault of a file is told at once. A password never appears: lines are masked before they are shown.

use std::fmt;
use std::ops::Range;

use super::mask::masked;
use super::source::Sources;

/// Bytes of the file.
pub(super) type Span = Range<usize>;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $help:literal;)*) => {
        /// What kind of fault a configuration has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ConfigCode { $($(#[$doc])* $variant,)* }

        impl ConfigCode {
            /// Every code.
            pub const ALL: &[ConfigCode] = &[$(ConfigCode::$variant,)*];
            /// `HF01nn`.
            pub fn code(self) -> &'static str { match self { $(Self::$variant => $code,)* } }
            /// What it means and what to do, at length.
            pub fn help(self) -> &'static str { match self { $(Self::$variant => $help,)* } }
        }
    };
}

codes! {
    /// Not TOML.
    Syntax = "HF0101", "The file is not valid TOML (https://toml.io). Nothing else was checked: repair this first.";
    /// A key that does not exist.
    UnknownKey = "HF0102", "Handfast does not know this key here. Unknown keys are errors, because a misspelled limit would silently not hold. config/handfast.toml shows every key there is.";
    /// A value of the wrong TOML type.
    WrongType = "HF0103", "The value has the wrong type: text where a number is needed, and so on. Durations and sizes are texts with a unit: \"250ms\", \"5s\", \"16MiB\".";
    /// A value out of its range or without its unit.
    BadValue = "HF0104", "The value cannot be used: an unknown word, a number out of its range, a duration or size without a unit.\nDurations: ms, s, m, h, d (\"250ms\", \"5m\", \"7d\"), \"off\" where it is allowed. Sizes: B, KiB, MiB, GiB.";
    /// A key that must be there and is not.
    Missing = "HF0105", "A key has no default and must be given. The smallest working file is config/minimal.toml.";
    /// A thing that Handfast is meant to do and does not do yet.
    NotBuilt = "HF0106", "The setting names something that is planned and not built. It is refused instead of ignored.";
    /// A name with bad characters or too long.
    BadName = "HF0107", "Names of clusters and nodes stand in every branch name and must leave room in XA's 64 bytes: 1 to 16 letters, digits, '-' or '_'.\nNames of backends are used in SQL as qualifiers: 1 to 63 lower-case letters, digits, '-' or '_'.";
    /// Nothing to listen on.
    NoListener = "HF0108", "At least one of listen.postgres and listen.mysql must be set, or no client can connect.";
    /// A file that cannot be read.
    Unreadable = "HF0109", "A file could not be read: the configuration itself, a password_file, the token_file or a file of TLS.\nThe configuration is looked for as -c FILE, then $HANDFAST_CONFIG, ./handfast.toml, /etc/handfast/handfast.toml.";
    /// A rule for a backend that is not there.
    UnknownBackend = "HF0110", "A line of [tables], or backends of a user, names a backend for which there is no [backends.NAME].";
    /// A pattern that cannot be understood.
    BadPattern = "HF0111", "A pattern of [tables] is a table name, or schema.table, with '*' for any run of characters: \"items\", \"courier_*\", \"delivery.*\". Only rules without '*' can rename.";
    /// No default backend or too many.
    Default = "HF0112", "Tables that no rule names, catalogs and statements without a table go to the default backend of the client's protocol. With one backend of a protocol that is the one; with several, exactly one must say default = true.";
    /// Two rules match one name equally well.
    Tie = "HF0113", "Table rules have no order: a rule with a schema wins over one without, an exact name over a pattern, the pattern with the longer literal text over the shorter. Names are compared without case. Two rules of equal rank for different backends that can match one name would be a guess. Add an exact rule or make one pattern longer.";
    /// The same user twice.
    DuplicateUser = "HF0114", "Two [[users]] have one name.";
    /// A URL that cannot be read.
    BadUrl = "HF0115", "A backend's URL is postgres://user:password@host:port/database?sslmode=MODE or mysql://user:password@host:port/database?tls=MODE; MODE is disable, prefer (the default), require or verify-full. Special characters in user and password are percent-encoded (@ is %40); text that comes from a ${VARIABLE} is not.";
    /// TLS without certificate.
    Tls = "HF0116", "listen.tls.mode other than \"off\" needs cert and key (PEM files). listen.tls.client_ca asks clients for certificates; client_cert = \"require\" or \"verify-full\" demands them and needs it. tls_ca_file of a backend needs sslmode=verify-full (tls=verify-full) in its url; tls_cert_file and tls_key_file come together.";
    /// The operator's port open to the world.
    AdminOpen = "HF0117", "On a loopback address (127.0.0.1 or [::1]) the operator's port can be read by whoever is on this machine. On any other address it needs a token: admin.token_file names a file that holds it (at least 16 characters), and requests bring it as `Authorization: Bearer TOKEN`.";
    /// A listener whose clients nobody could serve.
    NoBackend = "HF0118", "Clients of one protocol need at least one backend of that protocol: it answers the greeting, the catalogs and statements without a table.";
    /// A user whose backends hold no default.
    NoHome = "HF0119", "users.backends limits a user to some backends. The default backend of a protocol answers greeting, catalogs and statements without a table, so a user can log in only where the list holds it: one of the defaults must be there.";
    /// A variable that is not set.
    UnsetVariable = "HF0120", "${NAME} in a text is replaced by the environment variable NAME, which is not set. ${NAME:-text} gives a default.";
    /// `$` that is not understood.
    BadVariable = "HF0121", "In texts, ${NAME} and ${NAME:-default} are replaced by environment variables; a plain dollar sign is written $$.";
    /// A backend that is gone or moved with something unfinished.
    Unfinished = "HF0140", "The new configuration has no such backend any more, or one at another address, with another database or user, and branches of decided transactions are still unfinished there: they would be lost. Nothing was changed. Bring the backend back, wait until `handfast transactions list` is empty, and reload again.";
    /// A new backend that cannot be used.
    NewBackend = "HF0141", "A backend that the new configuration adds cannot be reached, or cannot take part in two-phase commits. Nothing was changed: the configuration that ran goes on running. `handfast check` says more about the backend.";
    /// Asked at the wrong time.
    NotNow = "HF0142", "Handfast is starting, stopping, or cannot be asked: nothing was changed. Ask again when it serves clients.";
    /// No or several passwords.
    Password = "HF0122", "A password is given in exactly one place: password, password_file, password_hash (users: what `handfast hash-password` prints), or inside url (backends).";
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfigFault {
    pub(super) code: ConfigCode,
    /// One line, factual.
    pub(super) title: String,
    /// Where; `None` for a fault of the whole file.
    pub(super) span: Option<Span>,
    /// Beside the caret.
    pub(super) label: String,
    /// A second place.
    pub(super) other: Option<(Span, String)>,
    /// What to do.
    pub(super) help: Option<String>,
}

impl ConfigFault {
    /// A fault at a place.
    pub(super) fn at(code: ConfigCode, span: Span, title: impl Into<String>) -> Self {
        Self { code, title: title.into(), span: Some(span), label: String::new(), other: None, help: None }
    }

    /// A fault of the file as a whole.
    pub(super) fn whole(code: ConfigCode, title: impl Into<String>) -> Self {
        Self { code, title: title.into(), span: None, label: String::new(), other: None, help: None }
    }

    /// Text beside the caret.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// A second place that belongs to it.
    pub(super) fn and(mut self, span: Span, label: impl Into<String>) -> Self {
        self.other = Some((span, label.into()));
        self
    }

    /// What to do.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All faults of one configuration, ready to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    sources: Sources,
    faults: Vec<ConfigFault>,
}

impl ConfigErrors {
    pub(super) fn new(sources: Sources, mut faults: Vec<ConfigFault>) -> Self {
        faults.sort_by_key(|fault| fault.span.as_ref().map_or(0, |span| span.start));
        Self { sources, faults }
    }

    /// A fault of the configuration as a whole, which only the running house can find.
    pub fn of_whole(file: &str, code: ConfigCode, title: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Sources::new(file, ""), vec![ConfigFault::whole(code, title).help(help)])
    }

    /// Every fault as it is printed, without the summary.
    pub fn faults(&self) -> Vec<String> {
        struct One<'a>(&'a Sources, &'a ConfigFault);
        impl fmt::Display for One<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                render(f, self.0, self.1)
            }
        }
        self.faults.iter().map(|fault| One(&self.sources, fault).to_string()).collect()
    }

    /// The faults' codes, in the order of the file.
    pub fn codes(&self) -> Vec<ConfigCode> {
        self.faults.iter().map(|fault| fault.code).collect()
    }
}

impl fmt::Debug for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text holds passwords: only the masked form is ever shown.
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            render(f, &self.sources, fault)?;
            writeln!(f)?;
        }
        let errors = if self.faults.len() == 1 { "error" } else { "errors" };
        write!(f, "handfast: {} {errors} in {}, nothing was started or changed", self.faults.len(), self.sources.file)
    }
}

/// A place as people count: both from 1, columns in characters.
struct Position {
    line: usize,
    column: usize,
}

/// The 1-based line of a byte.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    position(text, byte).line
}

fn position(text: &str, byte: usize) -> Position {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

fn render(f: &mut fmt::Formatter<'_>, sources: &Sources, fault: &ConfigFault) -> fmt::Result {
    let text = &sources.text;
    writeln!(f, "error[{}]: {}", fault.code.code(), fault.title)?;
    let Some(span) = &fault.span else {
        if let Some(help) = &fault.help {
            writeln!(f, "  = help: {help}")?;
        }
        return Ok(());
    };
    let main = position(text, span.start);
    let mut marks = vec![(span, fault.label.as_str())];
    if let Some((other, label)) = &fault.other {
        marks.push((other, label));
    }
    marks.sort_by_key(|(span, _)| span.start);
    let in_file = |span: &Span| sources.piece(span.start).is_none();
    let lines = marks.iter().filter(|(span, _)| in_file(span)).map(|(span, _)| position(text, span.start).line);
    let margin = " ".repeat(lines.max().unwrap_or(1).to_string().len());
    match sources.piece(span.start) {
        None => writeln!(f, "{margin}--> {}:{}:{}", sources.file, main.line, main.column)?,
        Some(piece) => writeln!(f, "{margin}--> {}", piece.given)?,
    }
    writeln!(f, "{margin} |")?;
    for (span, label) in marks {
        let sign = if span.start == fault.span.as_ref().map_or(0, |main| main.start) { '^' } else { '-' };
        match sources.piece(span.start) {
            None => mark(f, &margin, text, span, sign, label)?,
            Some(piece) => {
                let value = Sources::is_value(piece, span);
                let shown = masked(&piece.shown).replace(char::is_control, " ");
                let (skip, all) = (piece.before, shown.chars().count());
                let (from, signs) = if value { (skip, all - skip) } else { (0, skip.saturating_sub(1)) };
                let signs = sign.to_string().repeat(signs.max(1));
                writeln!(f, "{margin} | {shown}")?;
                writeln!(f, "{}", format!("{margin} | {}{signs} {label}", " ".repeat(from)).trim_end())?;
            }
        }
    }
    if let Some(help) = &fault.help {
        writeln!(f, "{margin} = help: {help}")?;
    }
    Ok(())
}

fn mark(f: &mut fmt::Formatter<'_>, margin: &str, text: &str, span: &Span, sign: char, label: &str) -> fmt::Result {
    let place = position(text, span.start);
    let line = masked(text.lines().nth(place.line - 1).unwrap_or_default());
    let left = line.chars().count().saturating_sub(place.column - 1);
    let wide = text.get(span.clone()).map_or(1, |marked| marked.lines().next().unwrap_or_default().chars().count());
    let signs = sign.to_string().repeat(wide.min(left).max(1));
    let number = format!("{:>width$}", place.line, width = margin.len());
    writeln!(f, "{number} | {}", line.replace('\t', " "))?;
    writeln!(f, "{}", format!("{margin} | {}{signs} {label}", " ".repeat(place.column - 1)).trim_end())
}
