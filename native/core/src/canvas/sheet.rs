//! A sheet of a given width that grows downwards, up to a bound.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::paint::{self, Format};
use super::svg;

/// The most rows of a picture; what comes after them is counted.
const MOST_ROWS: u16 = 200;
/// How wide a picture can be.
const WIDTHS: (u32, u32) = (10, 500);
/// So many columns are left beside what stands before a text.
const LEAST_TEXT: u16 = 6;

pub struct Sheet {
    pub width: u16,
    /// There will be no colours to tell things apart by.
    pub plain: bool,
    buffer: Buffer,
    /// Rows, or what may be more of them, that had no room.
    left: usize,
}

impl Sheet {
    pub fn new(width: u32, plain: bool) -> Self {
        let width = width.clamp(WIDTHS.0, WIDTHS.1) as u16;
        Self {
            width,
            plain,
            buffer: Buffer::empty(Rect::new(0, 0, width, 0)),
            left: 0,
        }
    }

    /// Whether the next row has no room.
    pub fn is_full(&self) -> bool {
        self.buffer.area.height >= MOST_ROWS
    }

    /// Makes room for so many rows at once: cells are large, and else are moved as the sheet grows.
    pub fn expect(&mut self, rows: usize) {
        let rows = rows.min(usize::from(MOST_ROWS));
        self.buffer.content.reserve(rows * usize::from(self.width));
    }

    /// Counts rows that were not drawn because the sheet is full.
    pub fn skip(&mut self, rows: usize) {
        self.left += rows;
    }

    /// New rows at the end, as many as have room, and where to draw them.
    pub fn rows(&mut self, height: usize) -> (Rect, &mut Buffer) {
        let from = self.buffer.area.height;
        let fitting = height.min(usize::from(MOST_ROWS - from)) as u16;
        self.left += height - usize::from(fitting);
        self.buffer.resize(Rect::new(0, 0, self.width, from + fitting));
        (Rect::new(0, from, self.width, fitting), &mut self.buffer)
    }

    /// Draws a text where there are rows already.
    pub fn set(&mut self, x: u16, y: u16, span: &Span<'static>) {
        self.buffer.set_span(x, y, span, self.width.saturating_sub(x));
    }

    /// A line of text, wrapped.
    pub fn text(&mut self, line: Line<'_>) {
        self.hanging(&Line::default(), &Line::default(), line);
    }

    /// A line of text, wrapped, with something before its first row and something else before the others.
    pub fn hanging(&mut self, first: &Line<'_>, rest: &Line<'_>, line: Line<'_>) {
        if self.is_full() {
            return self.skip(1);
        }
        let before = (first.width().max(rest.width()) as u16).min(self.width - LEAST_TEXT);
        let (height, paragraph) = wrapped(&line, self.width - before);
        let (area, buffer) = self.rows(height);
        for y in area.rows().map(|row| row.y) {
            buffer.set_line(0, y, if y == area.y { first } else { rest }, before);
        }
        paragraph.render(
            Rect {
                x: before,
                width: area.width - before,
                ..area
            },
            buffer,
        );
    }

    pub fn finish(mut self, format: Format) -> String {
        if self.left > 0 {
            let line = Line::from(format!("… {} more rows", self.left)).dim();
            let area = self.buffer.area;
            self.buffer.resize(Rect::new(0, 0, area.width, area.height + 1));
            self.buffer.set_line(0, area.height, &line, area.width);
        }
        match format {
            Format::Svg => svg::page(&self.buffer),
            _ => paint::text(&self.buffer, format),
        }
    }
}

/// How many columns a character takes that stands for itself: none joins it, or changes how wide it is. None for those that
/// need a closer look.
pub fn columns(c: char) -> Option<usize> {
    match c {
        ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' => Some(1),
        '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' => Some(2),
        _ => None,
    }
}

/// Whether a text is of characters that take a byte and a column each: a quick look.
pub fn is_ascii(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// How many columns a line takes if all its characters stand for themselves, as those of most lines do.
fn simple_width(line: &Line) -> Option<usize> {
    line.spans
        .iter()
        .flat_map(|span| span.content.chars())
        .map(columns)
        .sum()
}

/// How many columns a line takes.
pub fn width(line: &Line) -> usize {
    simple_width(line).unwrap_or_else(|| line.width())
}

/// A text as it is drawn at some width: most fit as they are, and laying out a paragraph costs ten times as much, as finding
/// out which characters belong together costs several times a simple line.
pub enum Wrapped<'a> {
    Simple(&'a Line<'a>, usize),
    Line(&'a Line<'a>),
    Paragraph(Box<Paragraph<'a>>),
}

/// A text that breaks its lines at that width, and how many rows that makes.
pub fn wrapped<'a>(line: &'a Line<'a>, width: u16) -> (usize, Wrapped<'a>) {
    let simple = simple_width(line);
    if let Some(taken) = simple.filter(|taken| *taken <= usize::from(width)) {
        return (1, Wrapped::Simple(line, taken));
    }
    if simple.is_none() && line.width() <= usize::from(width) {
        return (1, Wrapped::Line(line));
    }
    let paragraph = Paragraph::new(line.clone()).wrap(Wrap { trim: false });
    (
        paragraph.line_count(width).max(1),
        Wrapped::Paragraph(Box::new(paragraph)),
    )
}

impl Widget for Wrapped<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        match self {
            Self::Simple(line, taken) => simple(line, taken, area, buffer),
            Self::Line(line) => line.render(area, buffer),
            Self::Paragraph(paragraph) => paragraph.render(area, buffer),
        }
    }
}

/// Draws a line of simple characters that fits into an area.
fn simple(line: &Line, taken: usize, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() || taken == 0 {
        return;
    }
    if line.style != Style::default() {
        buffer.set_style(Rect { height: 1, ..area }, line.style);
    }
    let indent = match line.alignment {
        Some(Alignment::Right) => usize::from(area.width) - taken,
        Some(Alignment::Center) => (usize::from(area.width) - taken) / 2,
        _ => 0,
    };
    let mut x = usize::from(area.x) + indent;
    let row = buffer.index_of(area.x, area.y) - usize::from(area.x);
    for span in &line.spans {
        for c in span.content.chars() {
            let width = columns(c).unwrap_or(1);
            let cell = buffer.content[row + x].set_char(c);
            if span.style != Style::default() {
                cell.set_style(span.style);
            }
            for hidden in 1..width {
                buffer.content[row + x + hidden].reset();
            }
            x += width;
        }
    }
}

/// As much of a text as fits into so many columns; where it is cut it ends in an ellipsis.
pub fn cut(text: &str, width: usize) -> String {
    let line = Line::raw(text);
    if line.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for grapheme in line.styled_graphemes(ratatui::style::Style::default()) {
        used += Line::raw(grapheme.symbol).width();
        if used > width {
            break;
        }
        out.push_str(grapheme.symbol);
    }
    out.push('…');
    out
}
