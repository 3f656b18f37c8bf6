//! What can be said of a text that is being read: where it stands, inside what it is cut, what is wrong with it.

use super::{At, Level, MAX_DEPTH, Reader};
use rein_border::wire::json_string;

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

impl Reader {
    /// How the text stands, and where: the end of what was read, or the first byte that is wrong.
    pub fn status(&self) -> (Status, Place) {
        let place = Place {
            offset: self.read,
            line: self.line,
            column: 1 + self.read - self.line_start - self.continuations,
        };
        let at_end = matches!(
            self.at,
            At::AfterValue | At::Zero | At::Integer | At::Fraction | At::ExponentDigits
        );
        let status = match &self.error {
            Some(message) => Status::Invalid {
                message: message.clone(),
            },
            None if self.levels.is_empty() && at_end => Status::Complete,
            None => self.cut(),
        };
        (status, place)
    }

    /// What is wrong with a byte that the state does not allow.
    pub(super) fn unexpected(&self, byte: u8) -> String {
        let word;
        let expected = match (self.at, self.levels.last()) {
            (At::Value | At::FirstItem, _) if matches!(byte, b'{' | b'[') => {
                return format!("Nested deeper than {MAX_DEPTH}");
            }
            (At::Text, _) if byte < 0x20 => "an escape, as in all strings",
            (At::Text | At::Utf8(..), _) => "UTF-8",
            (At::Escape, _) => r#"one of '"', '\', '/', 'b', 'f', 'n', 'r', 't', 'u' after a backslash"#,
            (At::Hex(_), _) => "a hexadecimal digit",
            (At::Word(whole, _), _) => {
                word = format!("'{whole}'");
                &word
            }
            (At::Minus | At::Point | At::ExponentSign, _) => "a digit",
            (At::Exponent, _) => "a digit, '+' or '-'",
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

fn shown(byte: u8) -> String {
    if (0x20..0x7F).contains(&byte) {
        format!("'{}'", byte as char)
    } else {
        format!("byte 0x{byte:02X}")
    }
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
