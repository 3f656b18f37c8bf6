//! Where a page sends who looks at it, by a meta element: the redirect of pages that cannot have one.

use dom_query::{Document, NodeRef};
use oxiri::{Iri, IriRef};

#[derive(Debug, PartialEq)]
pub struct Refresh {
    /// After so many.
    pub seconds: u32,
    pub url: String,
}

/// None where it leads to the page itself, or to what is no page. What stands in `noscript` counts for nobody who knows scripts, and
/// such pages have more to say there.
pub fn of(document: &Document, base: &Iri<String>, own: &str) -> Option<Refresh> {
    let metas = document.select("meta[http-equiv][content]");
    let refresh = metas
        .nodes()
        .iter()
        .find(|node| names_refresh(node) && !is_in_noscript(node))?;
    let content = refresh.attr("content")?;
    let (seconds, written) = parts(&content)?;
    let url = base.resolve(&IriRef::parse_unchecked(written)).ok()?;
    let leads_on = matches!(url.scheme(), "http" | "https") && without_fragment(&url) != without_fragment(own);
    leads_on.then(|| Refresh {
        seconds,
        url: url.into_inner(),
    })
}

fn names_refresh(node: &NodeRef<'_>) -> bool {
    node.attr("http-equiv")
        .is_some_and(|name| name.trim().eq_ignore_ascii_case("refresh"))
}

fn is_in_noscript(node: &NodeRef<'_>) -> bool {
    node.ancestors_it(None).any(|above| above.has_name("noscript"))
}

fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or(url)
}

/// The seconds and the address of `5; url='/next'`, as the HTML standard reads it. None without an address.
fn parts(content: &str) -> Option<(u32, &str)> {
    let content = content.trim_ascii_start();
    let digits = content.find(|next: char| !next.is_ascii_digit())?;
    let seconds = match content[..digits].parse() {
        Ok(seconds) => seconds,
        Err(_) if digits > 0 => u32::MAX,
        Err(_) if content.starts_with('.') => 0,
        Err(_) => return None,
    };
    let rest = content[digits..].trim_start_matches(|next: char| next.is_ascii_digit() || next == '.');
    let after = rest.trim_ascii_start();
    let rest = after.strip_prefix([';', ',']).unwrap_or(after);
    // Something must stand between the number and the address.
    if rest.len() == content[digits..].len() {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let address = match rest.get(..3) {
        Some(name) if name.eq_ignore_ascii_case("url") => rest[3..]
            .trim_ascii_start()
            .strip_prefix('=')
            .map_or(rest, str::trim_ascii_start),
        _ => rest,
    };
    let address = match address.chars().next() {
        Some(quote @ ('"' | '\'')) => address[1..].split(quote).next().unwrap_or_default(),
        _ => address,
    };
    let address = address.trim();
    (!address.is_empty()).then_some((seconds, address))
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn the_seconds_and_the_address_are_read_as_browsers_do() {
        for (content, expected) in [
            ("0; url=/next", Some((0, "/next"))),
            (" 5;URL = '/a b' or so", Some((5, "/a b"))),
            ("0,url=\"/x", Some((0, "/x"))),
            ("1.9 ; ur", Some((1, "ur"))),
            (".5;u", Some((0, "u"))),
            ("0 /next", Some((0, "/next"))),
            ("99999999999;url=x", Some((u32::MAX, "x"))),
            ("0; url", Some((0, "url"))),
            ("0;url=", None),
            ("0x", None),
            ("5", None),
            ("5;", None),
            ("-1;url=x", None),
            ("url=x", None),
            ("", None),
            ("0;\u{fc}rl=x", Some((0, "\u{fc}rl=x"))),
        ] {
            assert_eq!(parts(content), expected, "{content}");
        }
    }
}
