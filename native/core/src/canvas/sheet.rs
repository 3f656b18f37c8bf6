//! A sheet of a given width that grows downwards, up to a bound.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Stylize;
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
    pub fn text(&mut self, line: Line<'static>) {
        self.hanging(&Line::default(), &Line::default(), line);
    }

    /// A line of text, wrapped, with something before its first row and something else before the others.
    pub fn hanging(&mut self, first: &Line<'static>, rest: &Line<'static>, line: Line<'static>) {
        if self.is_full() {
            return self.skip(1);
        }
        let before = (first.width().max(rest.width()) as u16).min(self.width - LEAST_TEXT);
        let (height, paragraph) = wrapped(line, self.width - before);
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

/// A text as it is drawn at some width: most fit as they are, and laying out a paragraph costs ten times as much.
pub enum Wrapped {
    Line(Line<'static>),
    Paragraph(Box<Paragraph<'static>>),
}

/// A text that breaks its lines at that width, and how many rows that makes.
pub fn wrapped(line: Line<'static>, width: u16) -> (usize, Wrapped) {
    if line.width() <= usize::from(width) {
        return (1, Wrapped::Line(line));
    }
    let paragraph = Paragraph::new(line).wrap(Wrap { trim: false });
    (
        paragraph.line_count(width).max(1),
        Wrapped::Paragraph(Box::new(paragraph)),
    )
}

impl Widget for Wrapped {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        match self {
            Self::Line(line) => line.render(area, buffer),
            Self::Paragraph(paragraph) => paragraph.render(area, buffer),
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
