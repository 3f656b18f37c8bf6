//! What is looked for: a pattern made ready, or what is wrong with it and how it may have been meant.

use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use regex_syntax::Error as Syntax;
use regex_syntax::ast::{ErrorKind, Span};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Case {
    Sensitive,
    Ignore,
    /// Ignored where the pattern has no upper case.
    Smart,
}

impl Case {
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Sensitive, Self::Ignore, Self::Smart]
            .get(number as usize)
            .copied()
    }
}

#[derive(Clone, Debug)]
pub struct Pattern<'a> {
    pub text: &'a str,
    /// Plain text, no regular expression.
    pub literal: bool,
    pub case: Case,
    /// A match may span lines.
    pub multiline: bool,
}

/// A regular expression that is larger when compiled is refused: it would take seconds and much memory.
const LARGEST: usize = 16 << 20;

/// What each thread may keep of the automaton that it builds as it searches.
const CACHE: usize = 64 << 20;

impl Pattern<'_> {
    /// The end of a line is LF or CR LF, also for `$`. The error is for people, from a small letter on.
    pub fn matcher(&self) -> Result<RegexMatcher, String> {
        let mut builder = RegexMatcherBuilder::new();
        builder
            .multi_line(true)
            .unicode(true)
            .crlf(true)
            .fixed_strings(self.literal)
            .case_insensitive(self.case == Case::Ignore)
            .case_smart(self.case == Case::Smart)
            .size_limit(LARGEST)
            .dfa_size_limit(CACHE);
        if self.multiline {
            builder.line_terminator(None);
        }
        builder.build(self.text).map_err(|error| self.problem(&error))
    }

    fn problem(&self, error: &grep_regex::Error) -> String {
        let syntax = if self.literal { None } else { syntax_error(self.text) };
        match (syntax.as_ref().and_then(place), error.kind()) {
            (Some((span, what, fix)), _) => {
                let at = self.text[..span.start.offset].chars().count() + 1;
                let part = &self.text[span.start.offset..span.end.offset];
                let part = if part.is_empty() {
                    String::new()
                } else {
                    format!(" '{part}'")
                };
                let better = self
                    .escaped(span)
                    .map(|text| format!("; write '{text}' for the character itself"))
                    .unwrap_or_default();
                let fix = fix.map(|fix| format!("; {fix}")).unwrap_or_default();
                format!("{what} at character {at}{part}{fix}{better}")
            }
            (None, grep_regex::ErrorKind::NotAllowed(_)) => {
                "it asks for the end of a line, and lines are searched one by one; set multiline to let a match span lines"
                    .to_owned()
            }
            (None, _) => {
                let message = error.to_string();
                if message.contains("size limit") {
                    "it is too large when it is repeated that often; use smaller counts".to_owned()
                } else {
                    message
                }
            }
        }
    }

    /// The pattern with a backslash before what is wrong, where that makes it right.
    fn escaped(&self, span: Span) -> Option<String> {
        let at = span.start.offset;
        let next = self.text[at..].chars().next()?;
        if !"()[]{}*+?".contains(next) {
            return None;
        }
        let text = format!("{}\\{}", &self.text[..at], &self.text[at..]);
        syntax_error(&text).is_none().then_some(text)
    }
}

fn syntax_error(text: &str) -> Option<Syntax> {
    regex_syntax::Parser::new().parse(text).err()
}

/// Where a pattern is wrong, in what, and what to do about it.
fn place(error: &Syntax) -> Option<(Span, String, Option<&'static str>)> {
    match error {
        Syntax::Parse(error) => {
            let fix = match error.kind() {
                ErrorKind::UnsupportedLookAround => Some("search for the rest of it and read the lines that are found"),
                ErrorKind::UnsupportedBackreference => {
                    Some("write what it refers to once more, or search for the rest of it")
                }
                ErrorKind::EscapeUnrecognized => Some("leave the backslash out, or double it"),
                _ => None,
            };
            Some((*error.span(), error.kind().to_string(), fix))
        }
        Syntax::Translate(error) => Some((*error.span(), error.kind().to_string(), None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let pattern = Pattern {
            text,
            literal: false,
            case: Case::Sensitive,
            multiline: false,
        };
        pattern.matcher().unwrap_err()
    }

    #[test]
    fn what_is_wrong_has_a_place_and_where_possible_a_way_out() {
        assert_eq!(
            problem("a(b"),
            "unclosed group at character 2 '('; write 'a\\(b' for the character itself"
        );
        assert!(problem("ü*a**(").starts_with("unclosed group at character 6 '('"));
        assert!(problem("[a-").contains("write '\\[a-'"));
        assert!(problem("*a").contains("write '\\*a'"));
        assert!(problem("(?=a)b").contains("look-around"));
        assert!(problem(r"(a)\1").contains("backreferences"));
        assert!(problem(r"\pQ").contains("character 1"));
        assert!(problem(r"a\nb").contains("set multiline"));
        assert!(problem("((a{1000}){1000}){1000}").contains("smaller counts"));
    }
}
