//! The tree of a page, with bounds. The HTML standard makes a tree of any text, also one that is as deep as the text is long; its
//! cost grows with the square of that depth. So, as browsers do, elements below a depth stand beside each other.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use dom_query::{Document, LocalName, NodeId};
use html5ever::interface::TokenizerResult;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::tree_builder::{Tracer, TreeBuilder, TreeBuilderOpts};
use tendril::StrTendril;

/// How many elements may be open, or be opened again in each block, at once. Pages that people make stay below a hundred.
const DEEPEST: usize = 256;

/// How many nodes a tree may have: the rest of the page is not read.
const MOST_NODES: usize = 300_000;

/// How much is parsed between looks at whether it is still wanted, in bytes.
const STEP: usize = 65_536;

/// The tree, and whether the page has more than it holds. None: unwanted.
pub fn parse(html: &str, unwanted: &impl Fn() -> bool) -> Option<(Document, bool)> {
    let options = TreeBuilderOpts {
        scripting_enabled: false,
        ..TreeBuilderOpts::default()
    };
    let sink = Bounded {
        builder: TreeBuilder::new(Document::default(), options),
        depth: Cell::new(0),
        changed: Cell::new(true),
        left_out: RefCell::default(),
    };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = html;
    let mut cut = false;
    while !rest.is_empty() && !cut {
        if unwanted() {
            return None;
        }
        let (piece, after) = rest.split_at(boundary(rest));
        rest = after;
        queue.push_back(StrTendril::from_slice(piece));
        // It stops after each script, which nobody runs, and where the page names a charset, which is known.
        while !matches!(tokenizer.feed(&queue), TokenizerResult::Done) {}
        cut = tokenizer.sink.is_full() && !rest.is_empty();
    }
    tokenizer.end();
    Some((tokenizer.sink.builder.sink, cut))
}

/// Where the next step ends: between two characters.
fn boundary(text: &str) -> usize {
    let most = STEP.min(text.len());
    (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(most)
}

/// Stands before the tree builder and leaves out what would be too deep: the tags, not what is between them.
struct Bounded {
    builder: TreeBuilder<NodeId, Document>,
    /// At least as many elements are open as there are.
    depth: Cell<usize>,
    /// Tags went to the builder since the depth was counted.
    changed: Cell<bool>,
    /// How many start tags of a name were left out, whose end tags belong to nothing.
    left_out: RefCell<HashMap<LocalName, usize>>,
}

impl Bounded {
    fn is_full(&self) -> bool {
        self.builder.sink.tree.len() >= MOST_NODES
    }

    fn leaves_out(&self, tag: &Tag) -> bool {
        match tag.kind {
            TagKind::StartTag => {
                if self.is_full() {
                    return true;
                }
                if self.is_too_deep() && !is_void(&tag.name) {
                    *self.left_out.borrow_mut().entry(tag.name.clone()).or_default() += 1;
                    return true;
                }
                self.depth.set(self.depth.get() + 1);
                self.changed.set(true);
                false
            }
            TagKind::EndTag => {
                let mut left_out = self.left_out.borrow_mut();
                if let Some(count) = left_out.get_mut(&tag.name).filter(|count| **count > 0) {
                    *count -= 1;
                    return true;
                }
                self.changed.set(true);
                false
            }
        }
    }

    /// Counts only when it may be so and something has changed.
    fn is_too_deep(&self) -> bool {
        if self.depth.get() >= DEEPEST && self.changed.replace(false) {
            let count = Count(Cell::new(0));
            self.builder.trace_handles(&count);
            self.depth.set(count.0.get());
        }
        self.depth.get() >= DEEPEST
    }
}

struct Count(Cell<usize>);

impl Tracer for Count {
    type Handle = NodeId;

    fn trace_handle(&self, _: &NodeId) {
        self.0.set(self.0.get() + 1);
    }
}

impl TokenSink for Bounded {
    type Handle = NodeId;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<NodeId> {
        match &token {
            Token::TagToken(tag) if self.leaves_out(tag) => TokenSinkResult::Continue,
            Token::CommentToken(_) | Token::ParseError(_) => TokenSinkResult::Continue,
            // Text makes the formatting elements of the block before it again.
            Token::CharacterTokens(_) if self.is_full() => TokenSinkResult::Continue,
            _ => self.builder.process_token(token, line),
        }
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// Elements that hold nothing, and so are never open.
fn is_void(name: &LocalName) -> bool {
    matches!(
        &**name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}
