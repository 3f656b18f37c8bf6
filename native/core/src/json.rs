//! A strict JSON reader (RFC 8259) that is fed pieces, cut anywhere, and can say at any time where the text stands: complete, or
//! cut, inside what and at which path; or where it went wrong and what was expected. It repairs nothing.
//!
//! It reads bytes with a state per open container, not per call, so depth costs no stack. Duplicate keys and lone surrogates in
//! escapes are allowed, as by JSON.parse; bytes that are not UTF-8 and a byte order mark are not.

use crate::wire::json_string;

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

/// A place in the text: bytes from 0; lines from 1, ended by LF; columns from 1 in code points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub offset: u64,
    pub line: u64,
    pub column: u64,
}

/// How the text stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// One whole value. White space may follow, and digits if it is a number.
    Complete,
    /// More must come. `inside` is one of "nothing", "value", "object", "array", "key", "colon", "string", "number", "word".
    Cut {
        inside: &'static str,
        path: String,
        message: String,
    },
    Invalid {
        message: String,
    },
}

pub struct Reader {
    at: At,
    /// The string being read is a key.
    in_key: bool,
    levels: Vec<Level>,
    /// The current key of each open object, as written, one after the other.
    keys: Vec<u8>,
    /// The bytes of earlier pieces.
    read: u64,
    line: u64,
    /// Where the current line starts, and the bytes since then that begin no character.
    line_start: u64,
    continuations: u64,
    /// The text without the white space around its parts.
    kept: Option<Vec<u8>>,
    error: Option<(Place, String)>,
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
        if self.error.is_some() {
            return false;
        }
        let end = match self.read_piece(bytes) {
            Ok(()) => bytes.len(),
            Err((index, message)) => {
                let place = self.place(self.read + index as u64);
                self.error = Some((place, message));
                index
            }
        };
        self.read += end as u64;
        self.error.is_none()
    }

    /// How the text stands, and where: the end of what was read, or the first byte that is wrong.
    pub fn status(&self) -> (Status, Place) {
        if let Some((place, message)) = &self.error {
            return (
                Status::Invalid {
                    message: message.clone(),
                },
                *place,
            );
        }
        let at_end = matches!(
            self.at,
            At::AfterValue | At::Zero | At::Integer | At::Fraction | At::ExponentDigits
        );
        let status = if self.levels.is_empty() && at_end {
            Status::Complete
        } else {
            self.cut()
        };
        (status, self.place(self.read))
    }

    /// The text so far without the white space around its parts, if it was to be kept.
    pub fn kept(&self) -> Option<&[u8]> {
        self.kept.as_deref()
    }

    /// One round per token or state; runs within a state have loops of their own.
    fn read_piece(&mut self, bytes: &[u8]) -> Result<(), (usize, String)> {
        let mut i = 0;
        // From where on the piece is to be kept.
        let mut keep_from = 0;
        while let Some(&byte) = bytes.get(i) {
            match self.at {
                At::Value | At::FirstItem | At::FirstKey | At::Key | At::Colon | At::AfterValue => {
                    if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                        let blank_from = i;
                        i = self.skip_blank(bytes, i);
                        if let Some(kept) = &mut self.kept {
                            kept.extend_from_slice(&bytes[keep_from..blank_from]);
                            keep_from = i;
                        }
                        continue;
                    }
                    if let Err(message) = self.token(byte) {
                        return self.refuse(bytes, keep_from, i, message);
                    }
                    i += 1;
                }
                At::Text => {
                    let run = plain_run(&bytes[i..]);
                    self.key_bytes(&bytes[i..i + run]);
                    i += run;
                    let Some(&byte) = bytes.get(i) else { break };
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
                        0..0x20 => {
                            let message = format!("Unexpected {} in a string, expected an escape", shown(byte));
                            return self.refuse(bytes, keep_from, i, message);
                        }
                        _ => return self.refuse(bytes, keep_from, i, not_utf8(byte)),
                    };
                    if byte != b'"' {
                        self.key_bytes(&[byte]);
                    }
                    i += 1;
                }
                At::Utf8(left, low, high) => {
                    if !(low..=high).contains(&byte) {
                        return self.refuse(bytes, keep_from, i, not_utf8(byte));
                    }
                    self.continuations += 1;
                    self.key_bytes(&[byte]);
                    self.at = if left == 1 {
                        At::Text
                    } else {
                        At::Utf8(left - 1, 0x80, 0xBF)
                    };
                    i += 1;
                }
                At::Escape => {
                    self.at = match byte {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => At::Text,
                        b'u' => At::Hex(4),
                        _ => {
                            let expected = r#"one of '"', '\', '/', 'b', 'f', 'n', 'r', 't', 'u' after a backslash"#;
                            let message = format!("Unexpected {}, expected {expected}", shown(byte));
                            return self.refuse(bytes, keep_from, i, message);
                        }
                    };
                    self.key_bytes(&[byte]);
                    i += 1;
                }
                At::Hex(left) => {
                    if !byte.is_ascii_hexdigit() {
                        let message = format!("Unexpected {}, expected a hexadecimal digit", shown(byte));
                        return self.refuse(bytes, keep_from, i, message);
                    }
                    self.key_bytes(&[byte]);
                    self.at = if left == 1 { At::Text } else { At::Hex(left - 1) };
                    i += 1;
                }
                At::Word(word, read) => {
                    if word.as_bytes()[read] != byte {
                        let message = format!("Unexpected {}, expected '{word}'", shown(byte));
                        return self.refuse(bytes, keep_from, i, message);
                    }
                    self.at = if read + 1 == word.len() {
                        At::AfterValue
                    } else {
                        At::Word(word, read + 1)
                    };
                    i += 1;
                }
                At::Integer | At::Fraction | At::ExponentDigits if byte.is_ascii_digit() => {
                    i += bytes[i..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                }
                _ => match self.number(byte) {
                    Ok(taken) => i += usize::from(taken),
                    Err(message) => return self.refuse(bytes, keep_from, i, message),
                },
            }
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&bytes[keep_from..]);
        }
        Ok(())
    }

    fn refuse(&mut self, bytes: &[u8], keep_from: usize, index: usize, message: String) -> Result<(), (usize, String)> {
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&bytes[keep_from..index]);
        }
        Err((index, message))
    }

    /// Reads a byte between the parts of the text, where `byte` is no white space.
    fn token(&mut self, byte: u8) -> Result<(), String> {
        match (self.at, byte) {
            (At::Value | At::FirstItem, b'"') => self.text(false),
            (At::Value | At::FirstItem, b'{') => return self.open(true),
            (At::Value | At::FirstItem, b'[') => return self.open(false),
            (At::Value | At::FirstItem, b'-') => self.at = At::Minus,
            (At::Value | At::FirstItem, b'0') => self.at = At::Zero,
            (At::Value | At::FirstItem, b'1'..=b'9') => self.at = At::Integer,
            (At::Value | At::FirstItem, b't') => self.at = At::Word("true", 1),
            (At::Value | At::FirstItem, b'f') => self.at = At::Word("false", 1),
            (At::Value | At::FirstItem, b'n') => self.at = At::Word("null", 1),
            (At::FirstKey | At::Key, b'"') => self.text(true),
            (At::Colon, b':') => self.at = At::Value,
            (At::FirstItem, b']') | (At::FirstKey, b'}') => self.close(),
            (At::AfterValue, _) => match (self.levels.last_mut(), byte) {
                (Some(Level { object: true, .. }), b',') => self.at = At::Key,
                (
                    Some(Level {
                        object: false, index, ..
                    }),
                    b',',
                ) => {
                    *index += 1;
                    self.at = At::Value;
                }
                (Some(Level { object: true, .. }), b'}') | (Some(Level { object: false, .. }), b']') => self.close(),
                _ => return Err(self.unexpected(byte)),
            },
            _ => return Err(self.unexpected(byte)),
        }
        Ok(())
    }

    /// Reads a byte in a number that continues no run of digits, or finds that the number ended before it.
    fn number(&mut self, byte: u8) -> Result<bool, String> {
        self.at = match (self.at, byte) {
            (At::Minus, b'0') => At::Zero,
            (At::Minus, b'1'..=b'9') => At::Integer,
            (At::Zero | At::Integer, b'.') => At::Point,
            (At::Point, b'0'..=b'9') => At::Fraction,
            (At::Zero | At::Integer | At::Fraction, b'e' | b'E') => At::Exponent,
            (At::Exponent, b'+' | b'-') => At::ExponentSign,
            (At::Exponent | At::ExponentSign, b'0'..=b'9') => At::ExponentDigits,
            (At::Minus | At::Point | At::ExponentSign, _) => {
                return Err(format!("Unexpected {}, expected a digit", shown(byte)));
            }
            (At::Exponent, _) => return Err(format!("Unexpected {}, expected a digit, '+' or '-'", shown(byte))),
            _ => {
                self.at = At::AfterValue;
                return Ok(false);
            }
        };
        Ok(true)
    }

    fn text(&mut self, key: bool) {
        self.in_key = key;
        self.at = At::Text;
        if let (true, Some(level)) = (key, self.levels.last()) {
            self.keys.truncate(level.keys_from);
        }
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

    fn open(&mut self, object: bool) -> Result<(), String> {
        if self.levels.len() == MAX_DEPTH {
            return Err(format!("Nested deeper than {MAX_DEPTH}"));
        }
        self.levels.push(Level {
            object,
            index: 0,
            keys_from: self.keys.len(),
        });
        self.at = if object { At::FirstKey } else { At::FirstItem };
        Ok(())
    }

    fn close(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.keys.truncate(level.keys_from);
        }
        self.at = At::AfterValue;
    }

    fn skip_blank(&mut self, bytes: &[u8], mut i: usize) -> usize {
        while let Some(&byte) = bytes.get(i) {
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'\n' => {
                    self.line += 1;
                    self.line_start = self.read + i as u64 + 1;
                    self.continuations = 0;
                }
                _ => break,
            }
            i += 1;
        }
        i
    }

    fn place(&self, offset: u64) -> Place {
        Place {
            offset,
            line: self.line,
            column: 1 + offset - self.line_start - self.continuations,
        }
    }

    fn unexpected(&self, byte: u8) -> String {
        let expected = match (self.at, self.levels.last()) {
            (At::FirstItem, _) => "a value or ']'",
            (At::FirstKey, _) => "a key in double quotes or '}'",
            (At::Key, _) => "a key in double quotes",
            (At::Colon, _) => "':'",
            (At::AfterValue, None) => "the end",
            (At::AfterValue, Some(Level { object: true, .. })) => "',' or '}'",
            (At::AfterValue, Some(Level { object: false, .. })) => "',' or ']'",
            _ => "a value",
        };
        format!("Unexpected {}, expected {expected}", shown(byte))
    }

    fn cut(&self) -> Status {
        let container = match self.levels.last() {
            None => "nothing",
            Some(Level { object: true, .. }) => "object",
            Some(Level { object: false, .. }) => "array",
        };
        let (inside, what, within) = match self.at {
            At::Value if self.levels.is_empty() => ("nothing", "there is no value", false),
            At::Value => ("value", "before a value", true),
            At::FirstItem | At::FirstKey | At::Key | At::AfterValue if container == "array" => {
                (container, "inside an array", false)
            }
            At::FirstItem | At::FirstKey | At::Key | At::AfterValue => (container, "inside an object", false),
            At::Colon => ("colon", "after a key", true),
            At::Text | At::Escape | At::Hex(_) | At::Utf8(..) if self.in_key => ("key", "inside a key", false),
            At::Text | At::Escape | At::Hex(_) | At::Utf8(..) => ("string", "inside a string", true),
            At::Word(..) => ("word", "inside a word", true),
            _ => ("number", "inside a number", true),
        };
        let path = self.path(within);
        let place = if path.is_empty() {
            String::new()
        } else {
            format!(" at '{path}'")
        };
        let message = if inside == "nothing" {
            "Empty: there is no value".to_owned()
        } else {
            format!("Cut {what}{place}")
        };
        Status::Cut { inside, path, message }
    }

    /// The open containers as a JSON pointer, keys as they are written. `within`: also which item or member of the last one.
    fn path(&self, within: bool) -> String {
        let mut path = String::new();
        let depth = if within {
            self.levels.len()
        } else {
            self.levels.len().saturating_sub(1)
        };
        for (i, level) in self.levels[..depth].iter().enumerate() {
            path.push('/');
            if level.object {
                let end = self.levels.get(i + 1).map_or(self.keys.len(), |next| next.keys_from);
                let key = String::from_utf8_lossy(&self.keys[level.keys_from..end]);
                path.push_str(&key.replace('~', "~0").replace('/', "~1"));
            } else {
                path.push_str(&level.index.to_string());
            }
        }
        path
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

fn shown(byte: u8) -> String {
    if (0x20..0x7F).contains(&byte) {
        format!("'{}'", byte as char)
    } else {
        format!("byte 0x{byte:02X}")
    }
}

fn not_utf8(byte: u8) -> String {
    format!("Unexpected {}, expected UTF-8", shown(byte))
}

/// The status as JavaScript reads it.
pub fn status_json((status, place): (Status, Place)) -> String {
    let Place { offset, line, column } = place;
    let mut out = format!(r#"{{"offset":{offset},"line":{line},"column":{column},"state":"#);
    match status {
        Status::Complete => out.push_str(r#""complete""#),
        Status::Cut { inside, path, message } => {
            out.push_str(&format!(r#""cut","inside":"{inside}","path":"#));
            json_string(&mut out, &path);
            out.push_str(r#","message":"#);
            json_string(&mut out, &message);
        }
        Status::Invalid { message } => {
            out.push_str(r#""invalid","message":"#);
            json_string(&mut out, &message);
        }
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
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
            ("\"a\nb\"", 1, 3, "Unexpected byte 0x0A in a string, expected an escape"),
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
