//! The text of a page's bytes, decided on as browsers do: by its byte order mark, then by what the server says, then by what the
//! page says of itself, and last by what its bytes look like.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Where a page names its charset at the latest. The standard says 1024 bytes; some pages begin with a long comment.
const DECLARED_WITHIN: usize = 4096;

/// How many bytes are looked at to guess.
const GUESSED_BY: usize = 262_144;

/// The text, and the name of its charset. `label` is what the server says. What is malformed becomes U+FFFD.
pub fn decode(bytes: &[u8], label: &str) -> (String, &'static str) {
    let encoding = Encoding::for_label(label.as_bytes())
        .or_else(|| declared(bytes))
        .unwrap_or_else(|| guessed(bytes));
    // A byte order mark wins over all of it.
    let (text, used, _) = encoding.decode(bytes);
    (text.into_owned(), used.name())
}

/// What a `meta` element names.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(DECLARED_WITHIN)];
    let head = head.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = find(&head[from..], b"<meta") {
        let tag = &head[from + at..];
        let tag = &tag[..tag.iter().position(|byte| *byte == b'>').unwrap_or(tag.len())];
        from += at + tag.len();
        if let Some(encoding) = named(tag) {
            return Some(encoding);
        }
    }
    None
}

/// `charset=…` in a tag, with or without quotes, as an attribute or within one.
fn named(tag: &[u8]) -> Option<&'static Encoding> {
    let after = &tag[find(tag, b"charset")? + b"charset".len()..];
    let value = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or(value.strip_prefix(b"'")).unwrap_or(value);
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\'' | b';' | b'/') || byte.is_ascii_whitespace();
    let label = &value[..value.iter().position(is_end).unwrap_or(value.len())];
    match Encoding::for_label(label) {
        // Where this could be read, the page is not written in it.
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Some(UTF_8),
        Some(encoding) if encoding.name() == "x-user-defined" => Some(WINDOWS_1252),
        encoding => encoding,
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn guessed(bytes: &[u8]) -> &'static Encoding {
    let start = &bytes[..bytes.len().min(GUESSED_BY)];
    let is_utf8 = std::str::from_utf8(start).map_or_else(|error| error.error_len().is_none(), |_| true);
    // ISO-2022-JP is ASCII with escapes.
    if is_utf8 && !start.contains(&0x1b) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(start, start.len() == bytes.len());
    detector.guess(None, Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{SHIFT_JIS, WINDOWS_1251};

    #[test]
    fn a_charset_is_found_in_the_order_of_browsers() {
        let text = "Съешь же ещё этих мягких французских булок, да выпей чаю";
        let (bytes, _, _) = WINDOWS_1251.encode(text);
        assert_eq!(decode(&bytes, "windows-1251"), (text.to_owned(), "windows-1251"));
        assert_eq!(decode(&bytes, ""), (text.to_owned(), "windows-1251"));
        for meta in [
            "<meta charset=windows-1251>",
            "<META http-equiv='Content-Type' content='text/html; Charset = \"cp1251\"'>",
            "<!-- x --><meta name=a><meta charset=\"windows-1251\" />",
        ] {
            let page = [meta.as_bytes(), &bytes].concat();
            assert_eq!(decode(&page, ""), (format!("{meta}{text}"), "windows-1251"), "{meta}");
        }
        let marked = [b"\xef\xbb\xbf".as_slice(), "ä".as_bytes()].concat();
        assert_eq!(decode(&marked, "windows-1251"), ("ä".to_owned(), "UTF-8"));
        assert_eq!(decode(b"\xff\xfea\0", ""), ("a".to_owned(), "UTF-16LE"));
        assert_eq!(decode(b"<meta charset=utf-16>\xc3\xa4", "").1, "UTF-8");
    }

    #[test]
    fn what_nobody_names_is_guessed() {
        let japanese = "日本語の文章です。文字コードを推測します。カタカナとひらがな。";
        let (bytes, _, _) = SHIFT_JIS.encode(japanese);
        assert_eq!(decode(&bytes, ""), (japanese.to_owned(), "Shift_JIS"));
        assert_eq!(decode("naïve — “quotes”".as_bytes(), "").1, "UTF-8");
        assert_eq!(
            decode(b"na\xefve caf\xe9", "nonsense"),
            ("naïve café".to_owned(), "windows-1252")
        );
        assert_eq!(decode(b"plain", ""), ("plain".to_owned(), "UTF-8"));
        assert_eq!(decode(b"\x1b$B$\"\x1b(B", ""), ("あ".to_owned(), "ISO-2022-JP"));
        assert_eq!(decode(b"", "").0, "");
    }
}
