//! A buffer as lines of text, with or without what colours them on a terminal.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use ratatui::text::Line;

use super::sheet::columns;

#[derive(Clone, Copy, PartialEq)]
pub enum Format {
    Plain,
    /// With colours, those of images out of 256.
    Ansi,
    /// With colours, those of images as they are.
    True,
    Svg,
}

impl Format {
    pub fn of(name: &str) -> Result<Self, String> {
        Ok(match name {
            "plain" => Self::Plain,
            "ansi" => Self::Ansi,
            "true" => Self::True,
            "svg" => Self::Svg,
            _ => return Err(format!("Not a format: '{name}'")),
        })
    }
}

/// The cells of a row up to the last one that shows something, without those that a wide character covers.
pub fn row(buffer: &Buffer, y: u16) -> impl Iterator<Item = (u16, u16, &Cell)> {
    let width = usize::from(buffer.area.width);
    let cells = &buffer.content[usize::from(y) * width..][..width];
    let shown = cells.iter().rposition(is_shown).map_or(0, |last| last + 1);
    let mut next = 0;
    cells[..shown].iter().zip(0..).filter_map(move |(cell, x)| {
        if x < next {
            return None;
        }
        let symbol = cell.symbol();
        let width = if symbol.len() == 1 {
            1
        } else {
            let mut chars = symbol.chars();
            let alone = chars.next().and_then(columns).filter(|_| chars.next().is_none());
            alone.unwrap_or_else(|| Line::raw(symbol).width().max(1)) as u16
        };
        next = x + width;
        Some((x, width, cell))
    })
}

fn is_shown(cell: &Cell) -> bool {
    cell.bg != Color::Reset || (cell.symbol() != " " && cell.symbol().trim() != "")
}

pub fn text(buffer: &Buffer, format: Format) -> String {
    let mut out = String::with_capacity(buffer.content.len());
    for y in 0..buffer.area.height {
        let mut style = String::new();
        let mut last = None;
        for (_, _, cell) in row(buffer, y) {
            if format == Format::Plain {
                out.push_str(cell.symbol());
                continue;
            }
            let look = (cell.fg, cell.bg, cell.modifier);
            // Blanks between words go on in their style, unless it would be seen.
            let blank = cell.symbol() == " "
                && cell.bg == Color::Reset
                && !cell.modifier.intersects(LINES)
                && !has_lines(&style);
            if last != Some(look) && !blank {
                last = Some(look);
                let wanted = codes(cell, format);
                if wanted != style {
                    // Each style begins anew, so that none has to be undone. Writing to a String cannot fail.
                    if !style.is_empty() {
                        out.push_str("\x1b[0m");
                    }
                    if !wanted.is_empty() {
                        let _ = write!(out, "\x1b[{wanted}m");
                    }
                    style = wanted;
                }
            }
            out.push_str(cell.symbol());
        }
        if !style.is_empty() {
            out.push_str("\x1b[0m");
        }
        out.push('\n');
    }
    out
}

/// Whether a style shows on a blank: underlined, crossed out, or with a background.
fn has_lines(codes: &str) -> bool {
    codes.split(';').any(|code| matches!(code, "4" | "9" | "48"))
}

/// What shows on a blank too.
const LINES: Modifier = Modifier::UNDERLINED.union(Modifier::CROSSED_OUT);

const MODIFIERS: [(Modifier, &str); 5] = [
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::CROSSED_OUT, "9"),
];

fn codes(cell: &Cell, format: Format) -> String {
    let modifiers = MODIFIERS
        .iter()
        .filter(|(modifier, _)| cell.modifier.contains(*modifier));
    let mut codes: Vec<String> = modifiers.map(|(_, code)| (*code).to_owned()).collect();
    codes.extend(color(cell.fg, 30, format));
    codes.extend(color(cell.bg, 40, format));
    codes.join(";")
}

fn color(color: Color, base: u8, format: Format) -> Option<String> {
    let plain = |number: u8| Some((base + number).to_string());
    match color {
        Color::Red => plain(1),
        Color::Green => plain(2),
        Color::Yellow => plain(3),
        Color::Blue => plain(4),
        Color::Magenta => plain(5),
        Color::Cyan => plain(6),
        Color::Rgb(r, g, b) if format == Format::True => Some(format!("{};2;{r};{g};{b}", base + 8)),
        Color::Rgb(r, g, b) => Some(format!("{};5;{}", base + 8, of_256(r, g, b))),
        _ => None,
    }
}

/// The nearest of the 256 colours: of the cube, or a grey.
fn of_256(r: u8, g: u8, b: u8) -> u8 {
    if r.abs_diff(g) < 8 && g.abs_diff(b) < 8 {
        return match r {
            0..=3 => 16,
            4..=246 => 232 + ((u16::from(r) - 3) * 24 / 244).min(23) as u8,
            _ => 231,
        };
    }
    let step = |part: u8| match part {
        0..=47 => 0,
        48..=114 => 1,
        _ => (part - 35) / 40,
    };
    16 + 36 * step(r) + 6 * step(g) + step(b)
}
