//! Makes JSON of a text that is almost JSON, as models write it. What is valid stays as it is, byte for byte. Otherwise nothing that
//! was said is dropped or made up: what could be meant in two ways, or was clearly cut in the middle of something, is left alone.

use super::{MAX_DEPTH, Reader, report::Status};
use rein_border::wire::json_string;

/// What was put right, in words for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fix {
    Comment,
    KeyQuotes,
    SingleQuotes,
    Escape,
    ControlCharacter,
    PythonWord,
    TrailingComma,
    ClosingQuote,
    ClosingBracket,
    ExtraBracket,
}

impl Fix {
    fn words(self) -> &'static str {
        match self {
            Self::Comment => "a comment",
            Self::KeyQuotes => "a key without quotes",
            Self::SingleQuotes => "single quotes",
            Self::Escape => "an escaped single quote",
            Self::ControlCharacter => "a raw control character in a string",
            Self::PythonWord => "a Python literal",
            Self::TrailingComma => "a trailing comma",
            Self::ClosingQuote => "a missing closing quote",
            Self::ClosingBracket => "a missing closing bracket",
            Self::ExtraBracket => "a closing bracket too many",
        }
    }
}

/// The text as JSON, and what was put right, each once. None where it can't be repaired.
pub fn repair(text: &str) -> Option<(String, Vec<Fix>)> {
    let mut reader = Reader::new(false);
    reader.push(text.as_bytes());
    if reader.status().0 == Status::Complete {
        return Some((text.to_owned(), Vec::new()));
    }
    let mut repairer = Repairer {
        text,
        at: 0,
        out: String::with_capacity(text.len() + 8),
        open: Vec::new(),
        fixes: Vec::new(),
    };
    repairer.document()?;
    Some((repairer.out, repairer.fixes))
}

/// A repair as JavaScript reads it; empty where there is none.
pub fn repair_json(text: &str) -> String {
    let mut out = String::new();
    if let Some((text, fixes)) = repair(text) {
        out.push_str("{\"text\":");
        json_string(&mut out, &text);
        let words: Vec<String> = fixes.iter().map(|fix| format!("\"{}\"", fix.words())).collect();
        out.push_str(&format!(",\"repairs\":[{}]}}", words.join(",")));
    }
    out
}

struct Repairer<'a> {
    text: &'a str,
    at: usize,
    out: String,
    /// What closes each container that is open.
    open: Vec<u8>,
    fixes: Vec<Fix>,
}

/// Every method that reads gives None where the text can't be repaired.
impl Repairer<'_> {
    fn document(&mut self) -> Option<()> {
        self.blank()?;
        self.value()?;
        self.blank()?;
        while let Some(b'}' | b']') = self.peek() {
            self.at += 1;
            self.note(Fix::ExtraBracket);
            self.blank()?;
        }
        self.peek().is_none().then_some(())
    }

    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'{' => self.container(b'}'),
            b'[' => self.container(b']'),
            quote @ (b'"' | b'\'') => self.string(quote),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn container(&mut self, close: u8) -> Option<()> {
        if self.open.len() == MAX_DEPTH {
            return None;
        }
        self.open.push(close);
        self.copy(1);
        self.blank()?;
        while !self.ends(close)? {
            if close == b'}' {
                self.key()?;
                self.blank()?;
                if self.peek()? != b':' {
                    return None;
                }
                self.copy(1);
                self.blank()?;
            }
            self.value()?;
            let after = self.out.len();
            self.blank()?;
            if self.peek() == Some(b',') {
                // White space and the comma are written when it's known that something follows.
                let blank = self.out.split_off(after);
                self.at += 1;
                let next = self.out.len();
                self.blank()?;
                let behind = self.out.split_off(next);
                self.out.push_str(&blank);
                if self.ending() {
                    self.note(Fix::TrailingComma);
                } else {
                    self.out.push(',');
                }
                self.out.push_str(&behind);
            } else if !self.ending() {
                return None;
            }
        }
        self.open.pop();
        Some(())
    }

    /// Whether a closing bracket or the end of the text is next.
    fn ending(&self) -> bool {
        matches!(self.peek(), None | Some(b'}' | b']'))
    }

    /// Ends the innermost container if it ends here: by its own bracket; or without one, by the end of the text or the bracket of a
    /// container around it. None where another bracket stands.
    fn ends(&mut self, close: u8) -> Option<bool> {
        match self.peek() {
            Some(byte) if byte == close => self.copy(1),
            Some(byte @ (b'}' | b']')) => {
                if !self.open.contains(&byte) {
                    return None;
                }
                self.out.push(close as char);
                self.note(Fix::ClosingBracket);
            }
            None => {
                self.out.push(close as char);
                self.note(Fix::ClosingBracket);
            }
            _ => return Some(false),
        }
        Some(true)
    }

    fn key(&mut self) -> Option<()> {
        match self.peek()? {
            quote @ (b'"' | b'\'') => {
                self.string(quote)?;
                // Cut inside a key: nothing says what its value was.
                self.peek().map(|_| ())
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => {
                let end = self.run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'-'));
                self.out.push('"');
                self.copy(end);
                self.out.push('"');
                self.note(Fix::KeyQuotes);
                Some(())
            }
            _ => None,
        }
    }

    fn string(&mut self, quote: u8) -> Option<()> {
        let start = self.at;
        if quote == b'\'' {
            self.note(Fix::SingleQuotes);
        }
        self.at += 1;
        self.out.push('"');
        loop {
            let plain = self.run(|byte| byte >= 0x20 && !matches!(byte, b'"' | b'\'' | b'\\'));
            self.copy(plain);
            match self.peek() {
                None => {
                    self.unclosed(start)?;
                    break;
                }
                Some(byte) if byte == quote => {
                    self.at += 1;
                    break;
                }
                Some(b'"') => {
                    self.out.push('\\');
                    self.copy(1);
                }
                Some(b'\'') => self.copy(1),
                Some(b'\\') => self.escape()?,
                Some(control) => {
                    self.at += 1;
                    match control {
                        b'\n' => self.out.push_str("\\n"),
                        b'\r' => self.out.push_str("\\r"),
                        b'\t' => self.out.push_str("\\t"),
                        _ => self.out.push_str(&format!("\\u{control:04x}")),
                    }
                    self.note(Fix::ControlCharacter);
                }
            }
        }
        self.out.push('"');
        Some(())
    }

    /// The text ended inside a string. If it ends with a bracket, that may be the string's or the text's: nobody knows.
    fn unclosed(&mut self, start: usize) -> Option<()> {
        let inside = self.text[start + 1..].trim_end();
        if !self.open.is_empty() && inside.ends_with(['}', ']']) {
            return None;
        }
        self.note(Fix::ClosingQuote);
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        match rest.first()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.copy(2),
            b'u' if rest.len() > 4 && rest[1..5].iter().all(u8::is_ascii_hexdigit) => self.copy(6),
            b'\'' => {
                self.at += 1;
                self.copy(1);
                self.note(Fix::Escape);
            }
            _ => return None,
        }
        Some(())
    }

    /// As JSON has them.
    fn number(&mut self) -> Option<()> {
        let length = self.run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_'));
        let mut reader = Reader::new(false);
        reader.push(&self.text.as_bytes()[self.at..self.at + length]);
        if reader.status().0 != Status::Complete {
            return None;
        }
        self.copy(length);
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        let length = self.run(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let word = match &self.text[self.at..self.at + length] {
            word @ ("true" | "false" | "null") => word,
            python => {
                let word = match python {
                    "True" => "true",
                    "False" => "false",
                    "None" => "null",
                    _ => return None,
                };
                self.note(Fix::PythonWord);
                word
            }
        };
        self.out.push_str(word);
        self.at += length;
        Some(())
    }

    /// White space, and comments as in JavaScript and Python, which are left out.
    fn blank(&mut self) -> Option<()> {
        loop {
            let length = self.run(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
            self.copy(length);
            let rest = &self.text[self.at..];
            let comment = if rest.starts_with("//") || rest.starts_with('#') {
                rest.find('\n').unwrap_or(rest.len())
            } else if let Some(inside) = rest.strip_prefix("/*") {
                inside.find("*/")? + 4
            } else {
                return Some(());
            };
            self.at += comment;
            self.note(Fix::Comment);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// How many bytes from here on are of a kind. They must be whole characters.
    fn run(&self, kind: impl Fn(u8) -> bool) -> usize {
        self.text.as_bytes()[self.at..]
            .iter()
            .take_while(|byte| kind(**byte))
            .count()
    }

    fn copy(&mut self, length: usize) {
        self.out.push_str(&self.text[self.at..self.at + length]);
        self.at += length;
    }

    fn note(&mut self, fix: Fix) {
        if !self.fixes.contains(&fix) {
            self.fixes.push(fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &str) -> Option<String> {
        let (repaired, _) = repair(text)?;
        let mut reader = Reader::new(false);
        reader.push(repaired.as_bytes());
        assert_eq!(reader.status().0, Status::Complete, "{text} became {repaired}");
        Some(repaired)
    }

    fn fixes(text: &str) -> Vec<Fix> {
        repair(text).expect(text).1
    }

    #[test]
    fn valid_text_stays_as_it_is() {
        for text in [
            "{}",
            " [1, 2.5e-3, -0 ]\n",
            r#"{"a": "it's // no \" # comment", "b": [true, null, {"c": "\u00e9é🦀"}]}"#,
            "\"\\ud800\"",
            r#"{"a":1,"a":2}"#,
        ] {
            assert_eq!(repair(text), Some((text.to_owned(), Vec::new())), "{text}");
        }
    }

    #[test]
    fn each_kind_of_mistake_is_put_right() {
        for (text, expected, fix) in [
            ("{path: \"a\", $b-1: 2}", r#"{"path": "a", "$b-1": 2}"#, Fix::KeyQuotes),
            ("{'a': 'say \"hi\"'}", r#"{"a": "say \"hi\""}"#, Fix::SingleQuotes),
            (r#"{"a": "it\'s"}"#, r#"{"a": "it's"}"#, Fix::Escape),
            ("{\"a\": [1, 2, ], }", r#"{"a": [1, 2 ] }"#, Fix::TrailingComma),
            ("[1 , // one\n]", "[1  \n]", Fix::TrailingComma),
            ("{\"a\": [1, {\"b\": 2", r#"{"a": [1, {"b": 2}]}"#, Fix::ClosingBracket),
            ("{\"a\": [1, 2}", r#"{"a": [1, 2]}"#, Fix::ClosingBracket),
            ("{\"path\": \"src/a.ts", r#"{"path": "src/a.ts"}"#, Fix::ClosingQuote),
            ("{\"a\": 1,", r#"{"a": 1}"#, Fix::TrailingComma),
            ("{\"a\": 1}}]\n", "{\"a\": 1}\n", Fix::ExtraBracket),
            ("[True, False, None]", "[true, false, null]", Fix::PythonWord),
            ("/* x */ [1, # one\n 2] // end", " [1, \n 2] ", Fix::Comment),
            ("\"a\nb\r\tc\u{1}\"", "\"a\\nb\\r\\tc\\u0001\"", Fix::ControlCharacter),
        ] {
            assert_eq!(repaired(text).as_deref(), Some(expected), "{text}");
            assert!(fixes(text).contains(&fix), "{text}: {:?}", fixes(text));
        }
    }

    #[test]
    fn what_could_be_meant_in_two_ways_is_left() {
        for text in [
            "",
            "// nothing",
            "hello",
            "{path: src/a.ts}",
            "{\"a\": \"it\", s: fine\"}",
            "{\"a\": 'it's'}",
            // Was the bracket the string's?
            "{\"command\": \"echo a}",
            "{\"a\": [\"b]}",
            // Cut in the middle of something.
            "{\"a\": tru",
            "{\"a\": -",
            "{\"a\": 1.",
            "{\"a\": \"x\\",
            "{\"a\": \"x\\u00",
            "{\"a\": 1, \"b",
            "{\"a\": 1, \"b\"",
            "{\"a\": 1, b",
            "{\"a\":",
            "/* open",
            // Not said, or said in no language we know.
            "{\"a\": \"\\d+\"}",
            "{\"a\": 01}",
            "{\"a\": 1_000}",
            "{\"a\": .5}",
            "{\"a\": NaN}",
            "{1: 2}",
            "{,}",
            "[1,,2]",
            "[1 2]",
            "[1}",
            "{\"a\" 1}",
            "{\"a\": 1} {\"b\": 2}",
            "{\"a\": 1} and so on",
            "\u{feff}{}",
        ] {
            assert_eq!(repaired(text), None, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(repair(&"[".repeat(MAX_DEPTH)).is_some());
        assert_eq!(repair(&"[".repeat(MAX_DEPTH + 1)), None);
    }

    #[test]
    fn what_javascript_reads_names_each_mistake_once() {
        assert_eq!(
            repair_json("{a: 1, b: 2,}"),
            r#"{"text":"{\"a\": 1, \"b\": 2}","repairs":["a key without quotes","a trailing comma"]}"#
        );
        assert_eq!(repair_json("no"), "");
    }
}
