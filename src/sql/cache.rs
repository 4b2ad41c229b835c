//! Analyses by text: a hit costs one hash and one comparison, no allocation; so does a miss, before it is analysed.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, UnitWeighter};

use super::comment::trailing;
use super::{Analysis, ClientCharset, Encoding, Reading, analyze};

/// Longer texts are analysed each time: they are bulk loads, which do not come twice.
const TEXT_KEPT_BYTES_MAX: usize = 16 * 1024;

/// Texts seen once that are remembered, at most; a power of two.
const SEEN_MAX: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    hash: u64,
    reading: Reading,
    text: Box<[u8]>,
}

struct Lookup<'a> {
    hash: u64,
    reading: Reading,
    text: &'a [u8],
}

// Both must hash alike, or nothing would ever be found.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for Lookup<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Of what is a hash already.
#[derive(Clone, Copy, Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Kept = Cache<Key, Arc<Analysis>, UnitWeighter, BuildHasherDefault<Same>>;

impl Equivalent<Key> for Lookup<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.reading == key.reading && *self.text == *key.text
    }
}

/// Analyses kept by text, bounded; shared by all sessions. The text itself is the key: two texts are never taken for
/// one another.
#[derive(Debug)]
pub struct AnalysisCache {
    kept: Kept,
    /// Keyed, so that nobody can make texts whose hashes meet.
    hasher: RandomState,
    /// Hashes of texts that came once. Clients that write their values into the text send each but once; to keep those
    /// would cost more than it saves. A collision keeps a text too early, which harms nobody.
    seen: Box<[AtomicU64]>,
}

impl AnalysisCache {
    /// Keeps at most `entries` analyses, of texts that come for the second time (longer ones than 16 KiB are not kept).
    pub fn new(entries: usize) -> Self {
        let seen = (0..SEEN_MAX).map(|_| AtomicU64::new(0)).collect();
        let (entries, hasher) = (entries.max(1), BuildHasherDefault::default());
        let kept = Cache::with(entries, entries as u64, UnitWeighter, hasher, DefaultLifecycle::default());
        Self { kept, hasher: RandomState::new(), seen }
    }

    /// The analysis of a text. Never fails: what cannot be understood is classified by its tokens. The text need not be
    /// UTF-8.
    pub fn analyze(&self, reading: Reading, text: &[u8]) -> Arc<Analysis> {
        if text.len() > TEXT_KEPT_BYTES_MAX {
            return Arc::new(analyze(reading, text));
        }
        // Tracing writes another comment behind each text; without it the same ones come again.
        let plain = reading.charset == ClientCharset::AsciiSafe && matches!(reading.encoding, Encoding::Utf8);
        let text = trailing(text).filter(|_| plain).map_or(text, |at| &text[..at]);
        let hash = self.hash(reading, text);
        if let Some(found) = self.kept.get(&Lookup { hash, reading, text }) {
            return found;
        }
        let made = Arc::new(analyze(reading, text));
        if self.came_before(hash) {
            self.kept.insert(Key { hash, reading, text: text.into() }, Arc::clone(&made));
        }
        made
    }

    fn hash(&self, reading: Reading, text: &[u8]) -> u64 {
        let Reading { dialect, backslash_escapes, ansi_quotes, mariadb, encoding, charset } = reading;
        let flags = [backslash_escapes, ansi_quotes, mariadb].map(u8::from);
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(u64::from_le_bytes([
            dialect as u8,
            encoding as u8,
            charset as u8,
            flags[0],
            flags[1],
            flags[2],
            0,
            0,
        ]));
        hasher.write(text);
        hasher.finish()
    }

    /// Whether a text was seen lately; from now on it was.
    fn came_before(&self, hash: u64) -> bool {
        // Any bits do for the place; the others tell texts of one place apart.
        let place = usize::try_from(hash % SEEN_MAX as u64).unwrap_or(0);
        self.seen.get(place).is_some_and(|seen| seen.swap(hash, Ordering::Relaxed) == hash)
    }

    /// How many analyses are kept now.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dialect;

    #[test]
    fn a_text_is_kept_for_each_way_to_read_it() {
        let cache = AnalysisCache::new(10);
        let plain = Reading::new(Dialect::Postgres);
        let escapes = Reading { backslash_escapes: true, ..plain };
        let text = br"SELECT a FROM items WHERE b = '\'' OR c = ';SELECT 1;'";
        for reading in [plain, escapes, plain, escapes] {
            for _ in 0..2 {
                assert_eq!(cache.analyze(reading, text).as_ref(), &analyze(reading, text));
            }
        }
        assert_ne!(analyze(plain, text), analyze(escapes, text), "they differ");
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn texts_that_differ_only_in_the_trace_behind_them_are_analysed_once() {
        let (cache, reading) = (AnalysisCache::new(10), Reading::new(Dialect::Postgres));
        let text = |n: u32| {
            format!("UPDATE items SET name = 'x' WHERE id = 7 /*route='a',traceparent='00-{n:032x}-{n:016x}-01'*/")
        };
        let analyses: Vec<_> = (1..=20).map(|n| cache.analyze(reading, text(n).as_bytes())).collect();
        assert_eq!(cache.len(), 1);
        assert!(Arc::ptr_eq(&analyses[18], &analyses[19]), "it is kept");
        let bare = cache.analyze(reading, b"UPDATE items SET name = 'x' WHERE id = 7");
        assert!(Arc::ptr_eq(&analyses[19], &bare));
        assert_eq!(bare.statements, analyze(reading, b"UPDATE items SET name = 'x' WHERE id = 7").statements);
        let directed =
            cache.analyze(reading, b"UPDATE items SET name = 'x' WHERE id = 7 /* handfast: backend=delivery */");
        assert_eq!(directed.statements[0].backend_override.as_deref(), Some("delivery"));
    }
}
