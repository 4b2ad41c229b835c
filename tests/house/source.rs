//! Source files, and the same with comments, texts and tests blanked out (every byte keeps its place).

use std::fs;
use std::path::Path;

/// One file of the repository.
pub(crate) struct File {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// Without comments.
    pub(crate) uncommented: String,
    /// Without comments and without what is inside quotes.
    pub(crate) code: String,
    /// The same without `#[cfg(test)]` items; empty in a file of tests.
    pub(crate) shipped: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (uncommented, code) = blanked(text);
        let shipped = if is_tests(path) { String::new() } else { without_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), uncommented, code, shipped }
    }

    /// 1-based line of a byte.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.text.as_bytes()[..byte].iter().filter(|b| **b == b'\n').count() + 1
    }
}

/// Whether the whole file is tests.
pub(crate) fn is_tests(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("tests/") || name == "tests.rs" || name.ends_with("_tests.rs") || path.contains("tests/")
}

/// Every Rust file under a folder of the repository; none if the folder is not there.
pub(crate) fn tree(folder: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut folders) = (Vec::new(), vec![root.join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name =
                    path.strip_prefix(root).expect("it was found under the root").to_string_lossy().replace('\\', "/");
                files.push(File::new(&name, &fs::read_to_string(&path).expect("a source can be read")));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The product's own sources.
pub(crate) fn src() -> Vec<File> {
    let files = tree("src");
    assert!(files.len() > 20, "the sources are not where they were");
    files
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Byte places of `needle` where it is not part of a longer word.
pub(crate) fn words(text: &str, needle: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let starts_word = needle.as_bytes().first().copied().is_some_and(is_word);
    let ends_word = needle.as_bytes().last().copied().is_some_and(is_word);
    let alone = |at: &usize| {
        let before = at.checked_sub(1).and_then(|i| bytes.get(i)).copied().is_some_and(is_word);
        let after = bytes.get(at + needle.len()).copied().is_some_and(is_word);
        !(starts_word && before || ends_word && after)
    };
    text.match_indices(needle).map(|(at, _)| at).filter(alone).collect()
}

/// The byte after the brace that closes the one at `open`.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|b| **b != b'\n') {
        *byte = b' ';
    }
}

/// What stands at a byte of source text.
enum Piece {
    Comment(usize),
    Quoted(usize),
    Code,
}

fn piece(bytes: &[u8], at: usize) -> Piece {
    let rest = &bytes[at..];
    let fresh = at == 0 || !is_word(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => Piece::Comment(rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Piece::Comment(block_comment(rest)),
        [b'"', ..] => Piece::Quoted(quoted(rest, 1, b'"')),
        [b'b' | b'c', b'"', ..] if fresh => Piece::Quoted(quoted(rest, 2, b'"')),
        [b'r', b'"' | b'#', ..] if fresh => raw(rest, 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if fresh => raw(rest, 2),
        [b'\'', b'\\', ..] => Piece::Quoted(quoted(rest, 1, b'\'')),
        [b'\'', ..] => character(rest),
        _ => Piece::Code,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn quoted(rest: &[u8], mut at: usize, quote: u8) -> usize {
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw(rest: &[u8], from: usize) -> Piece {
    let hashes = rest[from..].iter().take_while(|b| **b == b'#').count();
    if rest.get(from + hashes) != Some(&b'"') {
        return Piece::Code; // r#name
    }
    let end = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let start = from + hashes + 1;
    let found = rest[start..].windows(end.len()).position(|window| window == end);
    Piece::Quoted(found.map_or(rest.len(), |at| start + at + end.len()))
}

/// `'x'` is a character, `'x` a lifetime.
fn character(rest: &[u8]) -> Piece {
    let close = rest.iter().skip(2).take(4).position(|b| *b == b'\'').map(|at| at + 2);
    let one = |close: usize| std::str::from_utf8(&rest[1..close]).is_ok_and(|text| text.chars().count() == 1);
    match close.filter(|close| one(*close)) {
        Some(close) => Piece::Quoted(close + 1),
        None => Piece::Code,
    }
}

/// Without comments; without comments and quoted texts (the quotes stay).
fn blanked(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let (mut uncommented, mut code, mut at) = (bytes.to_vec(), bytes.to_vec(), 0);
    while at < bytes.len() {
        at += match piece(bytes, at) {
            Piece::Comment(length) => {
                blank(&mut uncommented[at..at + length]);
                blank(&mut code[at..at + length]);
                length
            }
            Piece::Quoted(length) => {
                if length > 2 {
                    blank(&mut code[at + 1..at + length - 1]);
                }
                length
            }
            Piece::Code => 1,
        };
    }
    (String::from_utf8_lossy(&uncommented).into_owned(), String::from_utf8_lossy(&code).into_owned())
}

fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for (at, attribute) in code.match_indices("#[cfg(test)]") {
        let from = at + attribute.len();
        let end = match code[from..].find(['{', ';']).map(|offset| from + offset) {
            Some(open) if code.as_bytes()[open] == b'{' => closing(code, open),
            Some(semicolon) => semicolon + 1,
            None => code.len(),
        };
        blank(&mut bytes[at..end]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn comments_texts_and_tests_are_blanked_in_place() {
    let text = "let a = \"x // y\"; // z\nlet b = 'c'; fn f<'a>() {} /* q /* r */ s */ r#\"un\"wrap\"# '\\''\n\
                #[cfg(test)]\nmod tests { fn g() {} }\nfn h() {}\n";
    let file = File::new("src/x.rs", text);
    assert_eq!(file.code.len(), text.len());
    assert!(file.uncommented.contains("x // y") && !file.uncommented.contains('z'));
    for gone in ["// y", "z", "c'", "q", "s */", "un"] {
        assert!(!file.code.contains(gone), "{gone} in {}", file.code);
    }
    assert!(file.code.contains("fn f<'a>() {}") && file.code.contains("fn g"));
    assert!(!file.shipped.contains("fn g") && file.shipped.contains("fn h() {}"));
    assert_eq!(file.line(text.find("fn h").unwrap()), 5);
}

#[test]
fn a_word_is_not_found_inside_another() {
    assert_eq!(words("async fn asynchronous() { x.async_y }", "async"), [0]);
}
