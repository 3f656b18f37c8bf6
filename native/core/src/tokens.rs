//! How many tokens a text has for OpenAI's models. The text is cut into pieces by a pattern; a piece that is no token as a whole is
//! put together from its bytes, the pair of the lowest rank first. `bpe-openai` does the same by tables of 47 MB, which take
//! longer to load than most texts to count; these are made of its ranks, 2 MB, and most pieces are found in them at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher;
use std::sync::{Mutex, OnceLock, PoisonError};

use regex_automata::meta::{BuildError, Cache, Regex};
use regex_automata::{Anchored, Input};
use rustc_hash::{FxBuildHasher, FxHashMap};

/// Where the work looks whether it is still wanted, in bytes of text and in merges.
const STEP: usize = 65_536;

/// How many short pieces are remembered: most of a text repeats few of them.
const RECENT: usize = 8192;

/// The encodings that a text can be counted in; their numbers in JavaScript are their places here.
const PATTERNS: [&[&str]; 2] = [
    // o200k_base
    &[
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+$",
    ],
    // cl100k_base
    &[
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+$",
    ],
];

/// Blanks before a word leave it their last one. The engine cannot look ahead, so that one is matched and given back.
const GIVES_BACK: usize = 1;
const BLANKS: [&str; 2] = [r"\s+\s", r"\s+"];

static LOADED: [OnceLock<Encoding>; PATTERNS.len()] = [const { OnceLock::new() }; PATTERNS.len()];

/// Makes an encoding ready from its ranks: each token's length in a byte, then its bytes, the lowest rank first.
pub fn load(encoding: usize, ranks: &[u8]) -> Result<(), String> {
    let (cell, pattern) = LOADED
        .get(encoding)
        .zip(PATTERNS.get(encoding))
        .ok_or("No such encoding")?;
    let made = Encoding::new(pattern, ranks)?;
    // Whoever was first has loaded the same.
    let _ = cell.set(made);
    Ok(())
}

/// How many tokens `text` has; none if `unwanted` said so before it was known.
pub fn count(encoding: usize, text: &str, unwanted: impl Fn() -> bool) -> Result<Option<usize>, String> {
    let loaded = LOADED
        .get(encoding)
        .and_then(OnceLock::get)
        .ok_or("The encoding is not loaded")?;
    Ok(loaded.count(text, &unwanted))
}

struct Encoding {
    pieces: Regex,
    /// What the engine has learnt, for whoever counts next: its own store would be locked for each piece.
    caches: Mutex<Vec<Cache>>,
    ranks: FxHashMap<&'static [u8], u32>,
    longest: usize,
}

impl Encoding {
    fn new(pattern: &[&str], table: &[u8]) -> Result<Self, String> {
        let pieces = regex(pattern).map_err(|error| error.to_string())?;
        // For as long as the process lives, as the encoding.
        let mut rest: &'static [u8] = Box::leak(table.into());
        let mut ranks = FxHashMap::with_capacity_and_hasher(200_000, Default::default());
        let mut longest = 0;
        while let Some((&length, after)) = rest.split_first() {
            let (token, after) = after
                .split_at_checked(length.into())
                .ok_or("The ranks end within a token")?;
            ranks.insert(token, ranks.len() as u32);
            longest = longest.max(token.len());
            rest = after;
        }
        Ok(Self {
            pieces,
            caches: Mutex::default(),
            ranks,
            longest,
        })
    }

    fn rank(&self, bytes: &[u8]) -> Option<u32> {
        if bytes.len() > self.longest {
            None
        } else {
            self.ranks.get(bytes).copied()
        }
    }

    fn count(&self, text: &str, unwanted: &dyn Fn() -> bool) -> Option<usize> {
        let caches = || self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = caches().pop();
        let mut cache = kept.unwrap_or_else(|| self.pieces.create_cache());
        let counted = self.count_with(&mut cache, text, unwanted);
        caches().push(cache);
        counted
    }

    fn count_with(&self, cache: &mut Cache, text: &str, unwanted: &dyn Fn() -> bool) -> Option<usize> {
        let mut counter = Counter::new(self, unwanted);
        let (mut tokens, mut at, mut look) = (0, 0, STEP);
        let rest = |at: usize| Input::new(&text[at..]).anchored(Anchored::Yes);
        // Every character is matched by one of the patterns.
        while let Some(found) = self.pieces.search_half_with(cache, &rest(at)) {
            let mut end = at + found.offset();
            if found.pattern().as_usize() == GIVES_BACK {
                end -= text[at..end].chars().next_back().map_or(0, char::len_utf8);
            }
            tokens += counter.count(&text.as_bytes()[at..end])?;
            at = end;
            if at >= look {
                if unwanted() {
                    return None;
                }
                look = at + STEP;
            }
        }
        Some(tokens)
    }
}

/// Counts the pieces of one text.
struct Counter<'a> {
    encoding: &'a Encoding,
    unwanted: &'a dyn Fn() -> bool,
    /// The last short pieces, each at a place that follows from its bytes, and their counts.
    recent: Vec<(u128, usize)>,
    /// Of the part of a piece that begins at an index: where it ends (0: there is none), and where the one before it begins.
    ends: Vec<usize>,
    before: Vec<usize>,
    /// Two neighbours that make a token: its rank, where the first begins, where the second does and where that ends.
    pairs: BinaryHeap<Reverse<(u32, usize, usize, usize)>>,
}

impl<'a> Counter<'a> {
    fn new(encoding: &'a Encoding, unwanted: &'a dyn Fn() -> bool) -> Self {
        Self {
            encoding,
            unwanted,
            recent: vec![(0, 0); RECENT],
            ends: Vec::new(),
            before: Vec::new(),
            pairs: BinaryHeap::new(),
        }
    }

    fn count(&mut self, piece: &[u8]) -> Option<usize> {
        let mut key = [0; 16];
        let Some(start) = key.get_mut(..piece.len()).filter(|start| start.len() < 16) else {
            return self.look_up(piece);
        };
        start.copy_from_slice(piece);
        key[15] = piece.len() as u8;
        let key = u128::from_le_bytes(key);
        let place = FxBuildHasher.hash_one(key) as usize % RECENT;
        if self.recent[place].0 != key {
            self.recent[place] = (key, self.look_up(piece)?);
        }
        Some(self.recent[place].1)
    }

    fn look_up(&mut self, piece: &[u8]) -> Option<usize> {
        if self.encoding.rank(piece).is_some() {
            Some(1)
        } else {
            self.merge(piece)
        }
    }

    /// How many tokens are left of a piece when no two neighbours make a token any more.
    fn merge(&mut self, piece: &[u8]) -> Option<usize> {
        let Self {
            encoding,
            unwanted,
            ends,
            before,
            pairs,
            ..
        } = self;
        let length = piece.len();
        ends.clear();
        ends.extend(1..=length);
        before.clear();
        before.extend((0..length).map(|at| at.saturating_sub(1)));
        pairs.clear();
        let pair = |from: usize, middle: usize, to: usize| {
            let rank = encoding.rank(&piece[from..to])?;
            Some(Reverse((rank, from, middle, to)))
        };
        pairs.extend((2..=length).filter_map(|to| pair(to - 2, to - 1, to)));
        let (mut parts, mut look) = (length, STEP);
        while let Some(Reverse((_, from, middle, to))) = pairs.pop() {
            // One of both was part of another merge since.
            if ends[from] != middle || ends[middle] != to {
                continue;
            }
            ends[from] = to;
            ends[middle] = 0;
            parts -= 1;
            if to < length {
                before[to] = from;
                pairs.extend(pair(from, to, ends[to]));
            }
            if from > 0 {
                pairs.extend(pair(before[from], from, to));
            }
            look -= 1;
            if look == 0 {
                if unwanted() {
                    return None;
                }
                look = STEP;
            }
        }
        Some(parts)
    }
}

fn regex(pattern: &[&str]) -> Result<Regex, Box<BuildError>> {
    let [blanks, blank] = BLANKS;
    Regex::new_many(&[&pattern.join("|"), blanks, blank]).map_err(Box::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All single bytes, then these.
    fn encoding(tokens: &[&str]) -> Encoding {
        let bytes = (0..=255).flat_map(|byte| [1, byte]);
        let longer = tokens
            .iter()
            .flat_map(|token| [&[token.len() as u8], token.as_bytes()].concat());
        Encoding::new(PATTERNS[0], &bytes.chain(longer).collect::<Vec<u8>>()).unwrap()
    }

    fn count(tokens: &[&str], text: &str) -> usize {
        encoding(tokens).count(text, &|| false).unwrap()
    }

    #[test]
    fn the_pair_of_the_lowest_rank_is_merged_first_and_of_equals_the_left_one() {
        assert_eq!(count(&[], ""), 0);
        assert_eq!(count(&["bc", "ab", "abc"], "abcd"), 2);
        assert_eq!(count(&["ab", "bc", "abc"], "zabc"), 2);
        assert_eq!(count(&["bc", "ab"], "zabc"), 3);
        assert_eq!(count(&["aa", "aaaa"], "zaaaaaaa"), 4);
    }

    #[test]
    fn blanks_leave_their_last_one_to_the_word_behind_them() {
        assert_eq!(count(&["  ", " a"], "   a"), 2);
        assert_eq!(count(&["  ", " \u{a0}", "   "], "   "), 1);
        assert_eq!(count(&["\u{3000}\u{3000}"], "\u{3000}\u{3000}a"), 7);
    }

    #[test]
    fn a_long_piece_takes_time_in_proportion_and_ends_when_it_is_not_wanted() {
        let long = "a".repeat(3_000_001);
        assert_eq!(count(&["aa", "aaaa"], &long), 750_001);
        assert_eq!(encoding(&["aa"]).count(&long, &|| true), None);
        assert_eq!(encoding(&["aa"]).count(&"a ".repeat(100_000), &|| true), None);
    }

    #[test]
    fn ranks_that_were_cut_are_an_error() {
        assert!(Encoding::new(PATTERNS[0], &[1, 0, 2, 0]).is_err());
        assert!(load(9, &[]).is_err());
        assert!(super::count(9, "a", || false).is_err());
    }
}
