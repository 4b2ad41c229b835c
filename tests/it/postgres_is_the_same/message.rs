//! The messages of a script, and how a line of it spells them.

use handfast::wire::pg::client::Target;
use handfast::wire::pg::server::tag;

/// What a client sends.
#[derive(Clone, Debug)]
pub enum Message {
    Query(Vec<u8>),
    Parse { name: Vec<u8>, text: Vec<u8>, types: Vec<u32> },
    Bind { portal: Vec<u8>, statement: Vec<u8>, formats: Vec<i16>, values: Vec<Option<Vec<u8>>>, results: Vec<i16> },
    Describe(Target, Vec<u8>),
    Execute(Vec<u8>, i32),
    Close(Target, Vec<u8>),
    Flush,
    Sync,
    CopyData(Vec<u8>),
    CopyDone,
    CopyFail(String),
    Terminate,
    Raw(u8, Vec<u8>),
}

/// The frame that ends the answer to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Parsed,
    Bound,
    Described,
    Executed,
    Closed,
    /// ReadyForQuery for a query or function call: none if an error before it is not yet behind a Sync.
    Answered,
    /// ReadyForQuery for a Sync.
    Ready,
    /// The server closes the connection.
    End,
}

impl Wanted {
    /// Whether this frame ends it.
    pub fn ended_by(self, kind: u8) -> bool {
        match self {
            Self::Parsed => kind == tag::PARSE_COMPLETE,
            Self::Bound => kind == tag::BIND_COMPLETE,
            Self::Described => matches!(kind, tag::ROW_DESCRIPTION | tag::NO_DATA),
            Self::Executed => matches!(kind, tag::COMPLETE | tag::SUSPENDED | tag::EMPTY_QUERY),
            Self::Closed => kind == tag::CLOSE_COMPLETE,
            Self::Answered | Self::Ready => kind == tag::READY,
            Self::End => false,
        }
    }
}

impl Message {
    /// What its answer ends with; none: no answer.
    pub fn wanted(&self) -> Option<Wanted> {
        match self {
            Self::Query(_) | Self::Raw(b'F', _) => Some(Wanted::Answered),
            Self::Sync => Some(Wanted::Ready),
            Self::Raw(b'?', _) | Self::Terminate => Some(Wanted::End),
            Self::Parse { .. } => Some(Wanted::Parsed),
            Self::Bind { .. } => Some(Wanted::Bound),
            Self::Describe(..) => Some(Wanted::Described),
            Self::Execute(..) => Some(Wanted::Executed),
            Self::Close(..) => Some(Wanted::Closed),
            Self::Flush | Self::CopyData(_) | Self::CopyDone | Self::CopyFail(_) | Self::Raw(..) => None,
        }
    }

    /// Whether the server gives all answers up to this one at once.
    pub fn forces(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Sync | Self::Flush | Self::Terminate | Self::Raw(..))
    }

    /// Reads one: a word, then what belongs to it.
    pub fn read(line: &str) -> Self {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "query" => Self::Query(unescaped(rest)),
            "parse" => {
                let (own, types) = first.split_once(':').unwrap_or((first, ""));
                Self::Parse { name: name(own), text: value(second).unwrap_or_default(), types: numbers(types) }
            }
            "bind" => bind(first, second),
            "describe" => Self::Describe(target(first), name(second)),
            "close" => Self::Close(target(first), name(second)),
            "execute" => Self::Execute(name(first), second.trim().parse().unwrap_or(0)),
            "flush" => Self::Flush,
            "sync" => Self::Sync,
            "data" => Self::CopyData(value(rest).unwrap_or_default()),
            "done" => Self::CopyDone,
            "fail" => Self::CopyFail(rest.to_owned()),
            "terminate" => Self::Terminate,
            "raw" => Self::Raw(first.as_bytes()[0], unescaped(second)),
            unknown => panic!("no such message: {unknown} in {line}"),
        }
    }
}

/// `bind PORTAL STATEMENT[/formats[/results]] value|value|…`
fn bind(portal: &str, rest: &str) -> Message {
    let (statement, values) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut parts = statement.split('/');
    let statement = name(parts.next().unwrap());
    let mut codes = || -> Vec<i16> { numbers(parts.next().unwrap_or("")) };
    let (formats, results) = (codes(), codes());
    let values = if values.is_empty() { Vec::new() } else { values.split('|').flat_map(several).collect() };
    Message::Bind { portal: name(portal), statement, formats, values, results }
}

/// `value**count` is that many values.
fn several(text: &str) -> Vec<Option<Vec<u8>>> {
    match text.split_once("**") {
        Some((one, count)) => vec![value(one); count.parse().unwrap()],
        None => vec![value(text)],
    }
}

/// `-` is the unnamed one.
fn name(text: &str) -> Vec<u8> {
    if text == "-" { Vec::new() } else { text.as_bytes().to_vec() }
}

fn target(text: &str) -> Target {
    if text == "P" { Target::Portal } else { Target::Statement }
}

fn numbers<T: std::str::FromStr>(text: &str) -> Vec<T> {
    text.split(',').filter_map(|number| number.parse().ok()).collect()
}

/// `NULL`; `text*count`; else bytes with escapes.
fn value(text: &str) -> Option<Vec<u8>> {
    if text == "NULL" {
        return None;
    }
    if let Some((one, count)) = text.rsplit_once('*')
        && let Ok(count) = count.parse()
    {
        return Some(unescaped(one).repeat(count));
    }
    Some(unescaped(text))
}

/// `\n`, `\t`, `\0`, `\\` and `\xNN`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let (byte, used) = match (first, behind.first()) {
            (b'\\', Some(b'n')) => (b'\n', 1),
            (b'\\', Some(b't')) => (b'\t', 1),
            (b'\\', Some(b'0')) => (0, 1),
            (b'\\', Some(b'\\')) => (b'\\', 1),
            (b'\\', Some(b'x')) => {
                let digits = std::str::from_utf8(&behind[1..3]).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), 3)
            }
            _ => (first, 0),
        };
        bytes.push(byte);
        rest = &behind[used..];
    }
    bytes
}
