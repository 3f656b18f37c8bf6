//! Markdown: what is in a paragraph is told by styles, what holds paragraphs by what stands before their rows.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};

use super::sheet::Sheet;
use super::table;

/// Deeper quotes and lists stay at this depth.
const DEEPEST: usize = 8;

pub fn draw(sheet: &mut Sheet, source: &str) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer::new(sheet);
    for event in Parser::new_ext(source, options) {
        writer.take(event);
    }
    writer.flush();
}

struct Writer<'a> {
    sheet: &'a mut Sheet,
    /// The line that is being put together.
    spans: Vec<Span<'static>>,
    /// Those of what the text is in, the innermost last.
    styles: Vec<Style>,
    holders: Vec<Holder>,
    /// The number of the next item; none where items are not numbered.
    lists: Vec<Option<u64>>,
    links: Vec<(String, usize)>,
    in_code: bool,
    head: Vec<Line<'static>>,
    rows: Vec<Vec<Line<'static>>>,
    cells: Vec<Line<'static>>,
    /// A block has ended: the next one is a line apart.
    apart: bool,
}

/// A quote or an item: what stands before its first row, until that is drawn, and before the others.
struct Holder {
    first: Option<String>,
    rest: String,
}

impl<'a> Writer<'a> {
    fn new(sheet: &'a mut Sheet) -> Self {
        Self {
            sheet,
            spans: Vec::new(),
            styles: vec![Style::default()],
            holders: Vec::new(),
            lists: Vec::new(),
            links: Vec::new(),
            in_code: false,
            head: Vec::new(),
            rows: Vec::new(),
            cells: Vec::new(),
            apart: false,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.in_code => {
                for line in text.lines() {
                    self.spans.push(Span::from(line.to_owned()).fg(Color::Cyan));
                    self.line();
                }
            }
            // An entity may stand for a character that a terminal obeys.
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                self.text(&super::clean(&text), self.style())
            }
            Event::Code(text) => self.text(&text, self.style().fg(Color::Cyan)),
            Event::SoftBreak => self.text(" ", self.style()),
            Event::HardBreak => self.line(),
            Event::Rule => {
                self.begin();
                self.text(
                    &"─".repeat(40.min(usize::from(self.sheet.width))),
                    Style::default().dim(),
                );
                self.finish();
            }
            Event::TaskListMarker(done) => self.text(if done { "[x] " } else { "[ ] " }, Style::default()),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag) {
        match tag {
            Tag::Paragraph | Tag::Table(_) | Tag::HtmlBlock => self.begin(),
            Tag::Heading { level, .. } => {
                self.begin();
                let style = Style::default().bold();
                self.styles
                    .push(if level as usize == 1 { style.underlined() } else { style });
            }
            Tag::CodeBlock(_) => {
                self.begin();
                self.in_code = true;
            }
            Tag::BlockQuote(_) => {
                self.begin();
                self.hold("│ ".to_owned(), "│ ".to_owned());
            }
            Tag::List(number) => {
                if self.lists.is_empty() {
                    self.begin();
                } else {
                    self.flush();
                }
                self.lists.push(number);
            }
            Tag::Item => {
                self.begin();
                let number = self.lists.last_mut().and_then(Option::as_mut);
                let mark = number.map_or_else(
                    || "• ".to_owned(),
                    |number| {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    },
                );
                let rest = " ".repeat(mark.chars().count());
                self.hold(mark, rest);
            }
            Tag::Emphasis => self.styles.push(self.style().italic()),
            Tag::Strong => self.styles.push(self.style().bold()),
            Tag::Strikethrough => self.styles.push(self.style().crossed_out()),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((super::clean(&dest_url), self.spans.len()));
                self.styles.push(self.style().underlined());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.finish(),
            TagEnd::Heading(_) => {
                self.styles.pop();
                self.finish();
            }
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.finish();
            }
            TagEnd::BlockQuote(_) => {
                self.holders.pop();
                self.apart = true;
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.apart |= self.lists.is_empty();
            }
            TagEnd::Item => {
                let empty = self.holders.last().is_some_and(|holder| holder.first.is_some());
                if empty || !self.spans.is_empty() {
                    self.line();
                }
                self.holders.pop();
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => drop(self.styles.pop()),
            TagEnd::Link | TagEnd::Image => {
                self.styles.pop();
                if let Some((target, from)) = self.links.pop() {
                    let shown: String = self.spans[from.min(self.spans.len())..]
                        .iter()
                        .map(|span| span.content.as_ref())
                        .collect();
                    if shown != target {
                        self.text(&format!(" ({target})"), Style::default().dim());
                    }
                }
            }
            TagEnd::TableCell => self.cells.push(Line::from(std::mem::take(&mut self.spans))),
            TagEnd::TableHead => self.head = std::mem::take(&mut self.cells),
            TagEnd::TableRow => self.rows.push(std::mem::take(&mut self.cells)),
            TagEnd::Table => {
                table::draw(
                    self.sheet,
                    std::mem::take(&mut self.head),
                    std::mem::take(&mut self.rows),
                );
                self.apart = true;
            }
            _ => {}
        }
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn text(&mut self, text: &str, style: Style) {
        self.spans.push(Span::styled(text.replace('\n', " "), style));
    }

    fn hold(&mut self, first: String, rest: String) {
        let beyond = self.holders.len() >= DEEPEST;
        let [first, rest] = if beyond {
            [String::new(), String::new()]
        } else {
            [first, rest]
        };
        self.holders.push(Holder {
            first: Some(first),
            rest,
        });
    }

    /// A block begins: what came before it is ended, and is a line apart where it was a block too.
    fn begin(&mut self) {
        self.flush();
        if std::mem::take(&mut self.apart) {
            self.line();
        }
    }

    fn finish(&mut self) {
        self.flush();
        self.apart = true;
    }

    fn flush(&mut self) {
        if !self.spans.is_empty() {
            self.line();
        }
    }

    /// Draws the line that was put together.
    fn line(&mut self) {
        let rest: String = self.holders.iter().map(|holder| holder.rest.as_str()).collect();
        let first: String = self
            .holders
            .iter_mut()
            .map(|holder| holder.first.take().unwrap_or_else(|| holder.rest.clone()))
            .collect();
        let line = Line::from(std::mem::take(&mut self.spans));
        self.sheet
            .hanging(&Line::from(first).dim(), &Line::from(rest).dim(), line);
    }
}
