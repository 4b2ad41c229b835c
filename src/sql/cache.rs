//! Analyses by text: a hit costs one hash and one comparison, no allocation.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::comment::trailing;
use super::{Analysis, ClientCharset, Encoding, Reading, analyze};

/// Longer texts are analysed each time: they are bulk loads, which do not come twice.
const TEXT_KEPT_BYTES_MAX: usize = 16 * 1024;

/// Texts seen once that are remembered, at most; a power of two.
const SEEN_MAX: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    reading: Reading,
    text: Box<[u8]>,
}

struct Lookup<'a> {
    reading: Reading,
    text: &'a [u8],
}

// Both must hash alike, or nothing would ever be found.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Lookup { reading: self.reading, text: &self.text }.hash(state);
    }
}

impl Hash for Lookup<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.reading.hash(state);
        state.write(self.text);
    }
}

impl Equivalent<Key> for Lookup<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.reading == key.reading && *self.text == *key.text
    }
}

/// Analyses kept by text, bounded; shared by all sessions. The text itself is the key: two texts are never taken for
/// one another.
#[derive(Debug)]
pub struct AnalysisCache {
    kept: Cache<Key, Arc<Analysis>>,
    /// Hashes of texts that came once. Clients that write their values into the text send each but once; to keep those
    /// would cost more than it saves. A collision keeps a text too early, which harms nobody.
    seen: Box<[AtomicU64]>,
}

impl AnalysisCache {
    /// Keeps at most `entries` analyses, of texts that come for the second time (longer ones than 16 KiB are not kept).
    pub fn new(entries: usize) -> Self {
        let seen = (0..SEEN_MAX).map(|_| AtomicU64::new(0)).collect();
        Self { kept: Cache::new(entries.max(1)), seen }
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
        if let Some(found) = self.kept.get(&Lookup { reading, text }) {
            return found;
        }
        let made = Arc::new(analyze(reading, text).with_fingerprint(reading, text));
        if self.came_before(&Lookup { reading, text }) {
            self.kept.insert(Key { reading, text: text.into() }, Arc::clone(&made));
        }
        made
    }

    /// Whether a text was seen lately; from now on it was.
    fn came_before(&self, lookup: &Lookup<'_>) -> bool {
        let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(lookup);
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
