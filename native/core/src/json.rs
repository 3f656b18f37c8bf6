//! A strict JSON reader (RFC 8259) that is fed pieces, cut anywhere, and can say at any time where the text stands: complete, or
//! cut, inside what and at which path; or where it went wrong and what was expected. It repairs nothing; `repair` does, on a whole text.
//!
//! It reads bytes with a state per open container, not per call, so depth costs no stack. Duplicate keys and lone surrogates in
//! escapes are allowed, as by JSON.parse; bytes that are not UTF-8 and a byte order mark are not.

mod repair;
mod report;

pub use repair::repair_json;
pub use report::status_json;

/// Open containers at once. Deeper text is refused: what would read the value may recurse.
pub const MAX_DEPTH: usize = 512;

/// So many bytes of a key are kept for paths.
const MAX_KEY: usize = 128;

/// What has been read last, and so what may follow.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    /// Before a value, which must come.
    Value,
    /// After `[`.
    FirstItem,
    /// After `{`.
    FirstKey,
    /// After a comma in an object.
    Key,
    /// After a key.
    Colon,
    /// After a value; at the top that is the end.
    AfterValue,
    Text,
    /// After a backslash.
    Escape,
    /// In `\u`, with so many digits to come.
    Hex(u8),
    /// In a character of several bytes: how many are to come, and what the next one may be.
    Utf8(u8, u8, u8),
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    /// In `true`, `false` or `null`, with so many bytes read.
    Word(&'static str, usize),
}

/// An open container.
#[derive(Debug)]
struct Level {
    object: bool,
    /// Of the current item.
    index: u64,
    /// Where its current key starts in `keys`.
    keys_from: usize,
}

pub struct Reader {
    at: At,
    /// The string being read is a key.
    in_key: bool,
    levels: Vec<Level>,
    /// The current key of each open object, as written, one after the other.
    keys: Vec<u8>,
    /// How many bytes were read, less those of the piece that is being read.
    read: u64,
    line: u64,
    /// Where the current line starts, and the bytes since then that begin no character.
    line_start: u64,
    continuations: u64,
    /// The text without the white space around its parts.
    kept: Option<Vec<u8>>,
    /// What is wrong with the byte that follows those that were read.
    error: Option<String>,
}

impl Reader {
    /// With `keep` the text is kept, without the white space around its parts.
    pub fn new(keep: bool) -> Self {
        Self {
            at: At::Value,
            in_key: false,
            levels: Vec::new(),
            keys: Vec::new(),
            read: 0,
            line: 1,
            line_start: 0,
            continuations: 0,
            kept: keep.then(Vec::new),
            error: None,
        }
    }

    /// Reads a piece. False when the text is not JSON, now or before: then it need not be fed more.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let mut i = 0;
        while self.error.is_none()
            && let Some(&byte) = bytes.get(i)
        {
            if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') && self.between() {
                i += self.skip_blank(i, &bytes[i..]);
                continue;
            }
            let taken = self.step(byte, &bytes[i..]);
            if let Some(kept) = &mut self.kept {
                kept.extend_from_slice(&bytes[i..i + taken]);
            }
            i += taken;
        }
        self.read += i as u64;
        self.error.is_none()
    }

    /// The text so far without the white space around its parts, if it was to be kept.
    pub fn kept(&self) -> Option<&[u8]> {
        self.kept.as_deref()
    }

    /// Reads on from `byte`, the first of `bytes`: one byte, or a run that changes no state and what ends it. How many; none when
    /// only the state changed. A byte that is wrong is not counted.
    #[inline(always)]
    fn step(&mut self, byte: u8, bytes: &[u8]) -> usize {
        let next = match self.at {
            At::Value | At::FirstItem | At::FirstKey | At::Key | At::Colon | At::AfterValue => return self.token(byte),
            At::Text => return self.text(bytes),
            At::Utf8(left, low, high) if (low..=high).contains(&byte) => {
                self.continuations += 1;
                if left == 1 {
                    At::Text
                } else {
                    At::Utf8(left - 1, 0x80, 0xBF)
                }
            }
            At::Escape if matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => At::Text,
            At::Escape if byte == b'u' => At::Hex(4),
            At::Hex(left) if byte.is_ascii_hexdigit() => {
                if left == 1 {
                    At::Text
                } else {
                    At::Hex(left - 1)
                }
            }
            At::Word(word, read) if word.as_bytes()[read] == byte => {
                self.at = if read + 1 == word.len() {
                    At::AfterValue
                } else {
                    At::Word(word, read + 1)
                };
                return 1;
            }
            At::Utf8(..) | At::Escape | At::Hex(_) | At::Word(..) => return self.refuse(byte),
            At::Integer | At::Fraction | At::ExponentDigits if byte.is_ascii_digit() => {
                return bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            }
            _ => return self.number(byte),
        };
        self.key_bytes(&[byte]);
        self.at = next;
        1
    }

    /// Reads on in a string: up to its end, an escape, or the first byte of a character of several.
    #[inline(always)]
    fn text(&mut self, bytes: &[u8]) -> usize {
        let run = plain_run(bytes);
        self.key_bytes(&bytes[..run]);
        let Some(&byte) = bytes.get(run) else { return run };
        self.at = match byte {
            b'"' if self.in_key => At::Colon,
            b'"' => At::AfterValue,
            b'\\' => At::Escape,
            0xC2..=0xDF => At::Utf8(1, 0x80, 0xBF),
            0xE0 => At::Utf8(2, 0xA0, 0xBF),
            0xED => At::Utf8(2, 0x80, 0x9F),
            0xE1..=0xEF => At::Utf8(2, 0x80, 0xBF),
            0xF0 => At::Utf8(3, 0x90, 0xBF),
            0xF1..=0xF3 => At::Utf8(3, 0x80, 0xBF),
            0xF4 => At::Utf8(3, 0x80, 0x8F),
            _ => return run + self.refuse(byte),
        };
        if byte != b'"' {
            self.key_bytes(&[byte]);
        }
        run + 1
    }

    /// Reads a byte between the parts of the text that is no white space.
    #[inline(always)]
    fn token(&mut self, byte: u8) -> usize {
        self.at = match (self.at, byte) {
            (At::Value | At::FirstItem | At::FirstKey | At::Key, b'"') => {
                self.in_key = matches!(self.at, At::FirstKey | At::Key);
                if let (true, Some(level)) = (self.in_key, self.levels.last()) {
                    self.keys.truncate(level.keys_from);
                }
                At::Text
            }
            (At::Value | At::FirstItem, b'{' | b'[') if self.levels.len() < MAX_DEPTH => {
                let object = byte == b'{';
                self.levels.push(Level {
                    object,
                    index: 0,
                    keys_from: self.keys.len(),
                });
                if object { At::FirstKey } else { At::FirstItem }
            }
            (At::Value | At::FirstItem, b'-') => At::Minus,
            (At::Value | At::FirstItem, b'0') => At::Zero,
            (At::Value | At::FirstItem, b'1'..=b'9') => At::Integer,
            (At::Value | At::FirstItem, b't') => At::Word("true", 1),
            (At::Value | At::FirstItem, b'f') => At::Word("false", 1),
            (At::Value | At::FirstItem, b'n') => At::Word("null", 1),
            (At::FirstItem, b']') | (At::FirstKey, b'}') => self.close(),
            (At::Colon, b':') => At::Value,
            (At::AfterValue, _) => match (self.levels.last_mut(), byte) {
                (Some(Level { object: true, .. }), b',') => At::Key,
                (
                    Some(Level {
                        object: false, index, ..
                    }),
                    b',',
                ) => {
                    *index += 1;
                    At::Value
                }
                (Some(Level { object: true, .. }), b'}') | (Some(Level { object: false, .. }), b']') => self.close(),
                _ => return self.refuse(byte),
            },
            _ => return self.refuse(byte),
        };
        1
    }

    /// Reads a byte of a number that continues no run of digits, or finds that the number ended before it.
    fn number(&mut self, byte: u8) -> usize {
        self.at = match (self.at, byte) {
            (At::Minus, b'0') => At::Zero,
            (At::Minus, b'1'..=b'9') => At::Integer,
            (At::Zero | At::Integer, b'.') => At::Point,
            (At::Point, b'0'..=b'9') => At::Fraction,
            (At::Zero | At::Integer | At::Fraction, b'e' | b'E') => At::Exponent,
            (At::Exponent, b'+' | b'-') => At::ExponentSign,
            (At::Exponent | At::ExponentSign, b'0'..=b'9') => At::ExponentDigits,
            (At::Minus | At::Point | At::Exponent | At::ExponentSign, _) => return self.refuse(byte),
            _ => {
                self.at = At::AfterValue;
                return 0;
            }
        };
        1
    }

    fn refuse(&mut self, byte: u8) -> usize {
        self.error = Some(self.unexpected(byte));
        0
    }

    fn close(&mut self) -> At {
        if let Some(level) = self.levels.pop() {
            self.keys.truncate(level.keys_from);
        }
        At::AfterValue
    }

    /// Remembers bytes of a key, for paths.
    fn key_bytes(&mut self, bytes: &[u8]) {
        if self.in_key
            && let Some(level) = self.levels.last()
        {
            let room = MAX_KEY.saturating_sub(self.keys.len() - level.keys_from);
            self.keys.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn between(&self) -> bool {
        matches!(
            self.at,
            At::Value | At::FirstItem | At::FirstKey | At::Key | At::Colon | At::AfterValue
        )
    }

    /// How many bytes are white space from here on; `at` is where in the piece that is.
    fn skip_blank(&mut self, at: usize, bytes: &[u8]) -> usize {
        for (i, byte) in bytes.iter().enumerate() {
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'\n' => {
                    self.line += 1;
                    self.line_start = self.read + (at + i) as u64 + 1;
                    self.continuations = 0;
                }
                _ => return i,
            }
        }
        bytes.len()
    }
}

/// How many bytes of a string need no look: no quote, backslash, control character or character of several bytes.
fn plain_run(bytes: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut run = 0;
    // Eight at a time: the high bit of a byte is set in `stop` if it is one of those. A borrow can only set it for a byte
    // after one of those, so the first is always right.
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (LOW * b'"' as u64);
        let backslash = word ^ (LOW * b'\\' as u64);
        let stop =
            (word | word.wrapping_sub(LOW * 0x20) | quote.wrapping_sub(LOW) | backslash.wrapping_sub(LOW)) & HIGH;
        if stop != 0 {
            return run + (stop.trailing_zeros() / 8) as usize;
        }
        run += 8;
    }
    let plain = |byte: &u8| matches!(byte, 0x20..0x80) && !matches!(byte, b'"' | b'\\');
    run + bytes[run..].iter().take_while(|byte| plain(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::report::{Place, Status};
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Status, Place) {
        let mut reader = Reader::new(false);
        for piece in pieces {
            reader.push(piece);
        }
        reader.status()
    }

    fn status(text: &str) -> (Status, Place) {
        let whole = read(&[text.as_bytes()]);
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(read(&bytes), whole, "byte by byte: {text}");
        whole
    }

    fn message(text: &str) -> String {
        match status(text).0 {
            Status::Complete => "complete".to_owned(),
            Status::Cut { message, .. } | Status::Invalid { message } => message,
        }
    }

    #[test]
    fn whole_values_are_complete() {
        for text in [
            "{}",
            "[]",
            "0",
            "-1.5e+10",
            "\"\"",
            "true ",
            " null\n",
            r#"{"a":[1,{"b":"\u00e9é🦀"}],"a":2}"#,
            "\"\\ud800\"",
        ] {
            assert_eq!(status(text).0, Status::Complete, "{text}");
        }
    }

    #[test]
    fn a_cut_says_inside_what_and_where() {
        for (text, expected) in [
            ("", "Empty: there is no value"),
            (" \n ", "Empty: there is no value"),
            ("-", "Cut inside a number"),
            ("tru", "Cut inside a word"),
            ("[", "Cut inside an array"),
            ("{", "Cut inside an object"),
            ("{\"a\"", "Cut after a key at '/a'"),
            ("{\"a", "Cut inside a key"),
            ("{\"a\":", "Cut before a value at '/a'"),
            ("{\"a\":\"x", "Cut inside a string at '/a'"),
            ("{\"a\":[1,2,[\"x\\u00", "Cut inside a string at '/a/2/0'"),
            ("{\"a\":[1,2", "Cut inside a number at '/a/1'"),
            ("{\"a\":[1,2 ", "Cut inside an array at '/a'"),
            ("{\"a\":{\"b\":1,\"c/d~\":[", "Cut inside an array at '/a/c~1d~0'"),
            ("{\"a\":{\"b\":1,", "Cut inside an object at '/a'"),
            ("{\"long\":1,\"b\":{\"c\":1},\"d\":", "Cut before a value at '/d'"),
        ] {
            assert_eq!(message(text), expected, "{text}");
        }
    }

    #[test]
    fn an_error_says_where_and_what_was_expected() {
        for (text, line, column, expected) in [
            ("[1,]", 1, 4, "Unexpected ']', expected a value"),
            ("{\"a\":1,}", 1, 8, "Unexpected '}', expected a key in double quotes"),
            (
                "{'a':1}",
                1,
                2,
                "Unexpected ''', expected a key in double quotes or '}'",
            ),
            ("{\"a\" 1}", 1, 6, "Unexpected '1', expected ':'"),
            ("[\n \"é\",\n \"é\" x]", 3, 6, "Unexpected 'x', expected ',' or ']'"),
            ("{\"a\":1]", 1, 7, "Unexpected ']', expected ',' or '}'"),
            ("01", 1, 2, "Unexpected '1', expected the end"),
            ("1.e", 1, 3, "Unexpected 'e', expected a digit"),
            ("1ex", 1, 3, "Unexpected 'x', expected a digit, '+' or '-'"),
            ("nul!", 1, 4, "Unexpected '!', expected 'null'"),
            (
                "\"\\x\"",
                1,
                3,
                r#"Unexpected 'x', expected one of '"', '\', '/', 'b', 'f', 'n', 'r', 't', 'u' after a backslash"#,
            ),
            ("\"\\u12g", 1, 6, "Unexpected 'g', expected a hexadecimal digit"),
            (
                "\"a\nb\"",
                1,
                3,
                "Unexpected byte 0x0A, expected an escape, as in all strings",
            ),
            ("\u{feff}1", 1, 1, "Unexpected byte 0xEF, expected a value"),
            ("{} {}", 1, 4, "Unexpected '{', expected the end"),
        ] {
            let (status, place) = status(text);
            assert_eq!(
                (status, place.line, place.column),
                (
                    Status::Invalid {
                        message: expected.to_owned()
                    },
                    line,
                    column
                )
            );
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused_where_they_stand() {
        for (bytes, offset) in [
            (&b"\"\xff\""[..], 1),
            (b"\"\xc0\x80\"", 1),
            (b"\"\xe0\x80\x80\"", 2),
            (b"\"\xed\xa0\x80\"", 2),
            (b"\"\xf4\x90\x80\x80\"", 2),
            (b"\"\xf0\x9f\xa6\"", 4),
        ] {
            let (status, place) = read(&[bytes]);
            assert!(matches!(status, Status::Invalid { .. }), "{bytes:?}");
            assert_eq!(place.offset, offset, "{bytes:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(
            status(&("[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH))).0,
            Status::Complete
        );
        let (deeper, place) = status(&"[".repeat(MAX_DEPTH + 1));
        assert_eq!(
            deeper,
            Status::Invalid {
                message: "Nested deeper than 512".to_owned()
            }
        );
        assert_eq!(place.offset, MAX_DEPTH as u64);
    }

    #[test]
    fn a_long_key_does_not_grow_the_path() {
        let text = format!("{{\"{}\":[", "k".repeat(1_000_000));
        let Status::Cut { path, .. } = status(&text).0 else {
            panic!("not cut")
        };
        assert_eq!(path.len(), 1 + MAX_KEY);
        let Status::Cut { path, .. } = status(&(text + "{")).0 else {
            panic!("not cut")
        };
        assert_eq!(path.len(), 1 + MAX_KEY + 2);
    }

    #[test]
    fn what_is_kept_has_no_white_space_around_its_parts() {
        let text = b" { \"a b\" : [ 1 , true ] }\n";
        for size in 1..text.len() {
            let mut reader = Reader::new(true);
            text.chunks(size).for_each(|piece| assert!(reader.push(piece)));
            assert_eq!(reader.kept(), Some(&b"{\"a b\":[1,true]}"[..]));
        }
    }

    #[test]
    fn a_run_ends_at_the_first_byte_that_needs_a_look() {
        for length in 0..40 {
            for stop in [b'"', b'\\', 0x1f, 0, 0x80, 0xff] {
                for plain in [b' ', b'!', b'#', b'[', b']', 0x7f] {
                    let mut bytes = vec![plain; length];
                    bytes.push(stop);
                    bytes.extend([plain, stop, b'"', plain, plain, plain, plain, plain]);
                    assert_eq!(plain_run(&bytes), length, "{stop} after {plain}");
                }
            }
        }
    }
}
