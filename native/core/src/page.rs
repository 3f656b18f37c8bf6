//! A web page as Markdown: its charset, what matters of it, and that as text. A page is whatever somebody serves: the tree made of
//! it has bounds in depth and size, so that no nesting exhausts the stack and no tag soup the memory.

mod charset;
mod refresh;
mod tree;

use dom_query::{Document, Matcher, NodeRef};
use dom_smoothie::{Config, Readability, TextMode};
use oxiri::{Iri, IriRef};
use rein_border::wire::json_string;

pub use charset::decode;
use refresh::Refresh;

/// What somebody wants of a page.
pub struct Query<'a> {
    /// Where it was found, for its relative links.
    pub url: &'a str,
    /// Only what this CSS selector matches; empty: no selector.
    pub selector: &'a str,
    /// All of the page and not what matters of it.
    pub whole: bool,
}

/// Nobody wants the page any more.
#[derive(Debug, PartialEq)]
pub struct Unwanted;

#[derive(Debug, PartialEq)]
pub struct Page {
    pub markdown: String,
    pub title: String,
    /// Which part of the page it is.
    pub part: Part,
    /// The page has more elements than are read.
    pub cut: bool,
    /// Where it sends who looks at it.
    pub refresh: Option<Refresh>,
}

#[derive(Debug, PartialEq)]
pub enum Part {
    Main,
    Whole,
    /// So many elements that a selector matched.
    Selected(usize),
}

/// A larger page is not searched for what matters: that takes several passes over it.
const MOST_ELEMENTS_TO_SCORE: usize = 60_000;

/// What is found to matter and has less text than this is compared with the whole page.
const LITTLE_TEXT: usize = 400;

/// What no reader of text has a use for.
const SKIPPED: [&str; 14] = [
    "script", "style", "meta", "head", "template", "noscript", "svg", "iframe", "object", "canvas", "audio", "video",
    "select", "datalist",
];

/// The error of a selector that is none is for who wrote it.
pub fn markdown(html: &str, query: &Query<'_>, unwanted: impl Fn() -> bool) -> Result<Result<Page, Unwanted>, String> {
    let matcher = match query.selector {
        "" => None,
        selector => Some(Matcher::new(selector).map_err(|_| format!("'{selector}' is not a CSS selector"))?),
    };
    let Some((document, cut)) = tree::parse(html, &unwanted) else {
        return Ok(Err(Unwanted));
    };
    let title = document.select_single("title").text().trim().to_string();
    let base = base_of(&document, query.url);
    let refresh = base.as_ref().and_then(|base| refresh::of(&document, base, query.url));
    if let Some(base) = base
        && !make_absolute(&document, &base, &unwanted)
    {
        return Ok(Err(Unwanted));
    }
    if let Some(matcher) = matcher {
        return Ok(selected(&document, &matcher, &unwanted).map(|(markdown, count)| Page {
            markdown,
            title,
            part: Part::Selected(count),
            cut,
            refresh,
        }));
    }
    let main = if query.whole { None } else { main_part(&document) };
    if unwanted() {
        return Ok(Err(Unwanted));
    }
    let (markdown, part) = match main {
        Some(text) if text.len() >= LITTLE_TEXT => (text, Part::Main),
        main => {
            let all = whole(&document);
            // Of a page that is a list or a form little matters by these rules: then it is the page that was asked for.
            match main {
                Some(text) if text.len() * 2 > all.len() => (text, Part::Main),
                _ => (all, Part::Whole),
            }
        }
    };
    Ok(Ok(Page {
        markdown,
        title,
        part,
        cut,
        refresh,
    }))
}

fn main_part(document: &Document) -> Option<String> {
    let config = Config {
        max_elements_to_parse: MOST_ELEMENTS_TO_SCORE,
        text_mode: TextMode::Markdown,
        // The language of code is in a class.
        keep_classes: true,
        ..Config::default()
    };
    let mut readability = Readability::with_document(document.clone(), None, Some(config)).ok()?;
    let article = readability.parse().ok()?;
    Some(article.text_content.trim().to_owned())
}

fn whole(document: &Document) -> String {
    let root = document.body().unwrap_or_else(|| document.root());
    node_text(&root)
}

fn node_text(node: &NodeRef<'_>) -> String {
    node.md(Some(&SKIPPED)).trim().to_owned()
}

/// All that matches, in the order of the page; what is within something that matched is not repeated.
fn selected(document: &Document, matcher: &Matcher, unwanted: &impl Fn() -> bool) -> Result<(String, usize), Unwanted> {
    let mut texts = Vec::new();
    let mut open = vec![document.root()];
    let mut count = 0;
    while let Some(node) = open.pop() {
        // One selector can look at much of the tree.
        if unwanted() {
            return Err(Unwanted);
        }
        if node.is_element() && matcher.match_element(&node) {
            count += 1;
            texts.push(node_text(&node));
        } else {
            let mut children = node.children();
            children.reverse();
            open.append(&mut children);
        }
    }
    texts.retain(|text| !text.is_empty());
    Ok((texts.join("\n\n"), count))
}

/// What the page's addresses are relative to.
fn base_of(document: &Document, url: &str) -> Option<Iri<String>> {
    let own = Iri::parse(url.to_owned()).ok()?;
    let base = document
        .base_uri()
        .and_then(|base| own.resolve(&IriRef::parse_unchecked(&*base)).ok())
        .filter(|base| matches!(base.scheme(), "http" | "https"));
    Some(base.unwrap_or(own))
}

/// Makes the addresses of links and images absolute; what holds its content or a program in its address loses it. False: unwanted.
fn make_absolute(document: &Document, base: &Iri<String>, unwanted: &impl Fn() -> bool) -> bool {
    for (index, node) in document.root().descendants().iter().enumerate() {
        if index % 1024 == 0 && unwanted() {
            return false;
        }
        if !node.is_element() {
            continue;
        }
        for name in ["href", "src", "data-src"] {
            let Some(written) = node.attr(name) else { continue };
            let address = written.trim();
            if is_program_or_content(address) {
                node.remove_attr(name);
            } else if !address.is_empty() {
                node.set_attr(name, base.resolve_unchecked(&IriRef::parse_unchecked(address)).as_str());
            }
        }
    }
    true
}

fn is_program_or_content(address: &str) -> bool {
    let scheme = address.split(':').next().unwrap_or_default();
    ["javascript", "vbscript", "data", "blob"]
        .iter()
        .any(|none| scheme.eq_ignore_ascii_case(none))
}

impl Page {
    /// What is told of it, as JSON.
    pub fn facts(&self, charset: &str) -> String {
        let mut json = String::from(r#"{"title":"#);
        json_string(&mut json, &self.title);
        let (part, matches) = match self.part {
            Part::Main => ("main", 0),
            Part::Whole => ("whole", 0),
            Part::Selected(count) => ("selected", count),
        };
        let cut = self.cut;
        json += &format!(r#","charset":"{charset}","part":"{part}","matches":{matches},"cut":{cut}"#);
        if let Some(Refresh { seconds, url }) = &self.refresh {
            json += &format!(r#","refresh":{{"seconds":{seconds},"url":"#);
            json_string(&mut json, url);
            json.push('}');
        }
        json.push('}');
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str, selector: &str, whole: bool) -> Page {
        let url = "https://example.org/docs/page.html";
        markdown(html, &Query { url, selector, whole }, || false)
            .unwrap()
            .unwrap()
    }

    #[test]
    fn links_are_absolute_and_programs_are_none() {
        let html = r#"<a href="../x?y=1#z">up</a> <a href="//cdn.test/a">other</a> <a href=" javascript:alert(1)">no</a>
            <img src="data:image/png;base64,AAAA" alt="dot"><a href="a b">space</a>"#;
        assert_eq!(
            page(html, "", true).markdown,
            "[up](https://example.org/x?y=1#z) [other](https://cdn.test/a) no [space](<https://example.org/docs/a b>)"
        );
        let based = r#"<base href="/other/"><a href="x">x</a>"#;
        assert_eq!(page(based, "", true).markdown, "[x](https://example.org/other/x)");
        let elsewhere = r#"<base href="file:///etc/"><a href="x">x</a>"#;
        assert_eq!(page(elsewhere, "", true).markdown, "[x](https://example.org/docs/x)");
    }

    #[test]
    fn a_selector_gives_what_it_matches_once_and_in_order() {
        let html = "<div class=a>one<div class=a>two</div></div><p>no</p><div class=a>three</div>";
        let found = page(html, ".a", false);
        assert_eq!(
            (found.markdown.as_str(), found.part),
            ("one\n\ntwo\n\nthree", Part::Selected(2))
        );
        assert_eq!(page(html, "h1", false).part, Part::Selected(0));
        let query = Query {
            url: "https://example.org",
            selector: "a[",
            whole: false,
        };
        assert_eq!(
            markdown("x", &query, || false),
            Err("'a[' is not a CSS selector".to_owned())
        );
    }

    #[test]
    fn a_page_goes_on_after_its_charset_and_its_scripts() {
        let html = "<meta charset=utf-8><title> A\n b </title><script>1</script><p>one<script>2</script><p>two";
        let made = page(html, "", true);
        assert_eq!((made.title.as_str(), made.markdown.as_str()), ("A\n b", "one\n\ntwo"));
    }

    #[test]
    fn nothing_is_made_of_a_page_that_nobody_wants() {
        let query = Query {
            url: "https://example.org",
            selector: "",
            whole: false,
        };
        assert_eq!(markdown(&"<p>x".repeat(100_000), &query, || true), Ok(Err(Unwanted)));
    }

    #[test]
    fn any_nesting_and_any_soup_ends() {
        for piece in [
            "<div>",
            "<b>",
            "<ul><li>",
            "<blockquote>",
            "<table><tr><td>",
            "<a href=x>",
            "<svg><g>",
            "<font size=1>",
            "<em>",
            "<p><b><p><i>",
            "<template>",
            "<table><div>",
            "</p>",
            "<h1>",
            "<pre>",
            "<a><table>",
            "<select>",
            "<!--",
            "<![CDATA[",
            "<button>",
            "<form>",
            "<frameset>",
            "<math><mi>",
            "<code>",
            "<dl><dt>",
        ] {
            let html = format!("{}end", piece.repeat(100_000));
            for whole in [false, true] {
                let made = page(&html, "", whole);
                assert!(made.markdown.len() < 400_000_000, "{piece}: {}", made.markdown.len());
            }
        }
    }

    #[test]
    fn formatting_that_is_made_again_in_each_block_does_not_fill_the_memory() {
        let html: String = (0..50_000).map(|n| format!("<div><b id={n}>x</div>")).collect();
        assert!(page(&html, "", true).cut);
    }
}
