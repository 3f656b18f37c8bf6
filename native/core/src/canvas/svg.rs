//! A buffer as SVG. Blocks, Braille dots and the lines of boxes are shapes, since fonts draw them with gaps; all else is text
//! that is held to its columns.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::paint::row;

/// The size of a cell, and where the base line of its text is.
const WIDTH: u16 = 8;
const HEIGHT: u16 = 18;
const BASE: u16 = 14;
const MARGIN: u16 = 8;
const TEXT: &str = "#1f2328";

pub fn page(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut run: Option<Run> = None;
        let mut cells = row(buffer, y).peekable();
        while let Some((x, width, cell)) = cells.next() {
            if let Color::Rgb(..) = cell.bg {
                rectangle(&mut out, place(x, y), (0.0, 0.0, 1.0, 1.0), &fill(cell.bg), 1.0);
            }
            if let Some(parts) = shape(cell) {
                close(&mut out, run.take(), y);
                // Equal ones without a gap between them are one: a seam could be seen.
                let mut length = 1.0;
                while parts.iter().all(|part| part.shape.2 == 1.0)
                    && cells.next_if(|(_, _, next)| *next == cell).is_some()
                {
                    length += 1.0;
                }
                for part in &parts {
                    let (left, top, width, height) = part.shape;
                    let opacity = part.opacity
                        * if cell.modifier.contains(Modifier::DIM) {
                            0.6
                        } else {
                            1.0
                        };
                    rectangle(
                        &mut out,
                        place(x, y),
                        (left, top, width * length, height),
                        &fill(cell.fg),
                        opacity,
                    );
                }
                continue;
            }
            match &mut run {
                Some(open) if open.style == (cell.fg, cell.modifier) => {
                    open.text.push_str(cell.symbol());
                    open.columns += width;
                }
                _ => {
                    close(&mut out, run.take(), y);
                    run = Some(Run {
                        x,
                        columns: width,
                        style: (cell.fg, cell.modifier),
                        text: cell.symbol().to_owned(),
                    });
                }
            }
        }
        close(&mut out, run.take(), y);
    }
    wrap((buffer.area.width * WIDTH, buffer.area.height * HEIGHT), &out)
}

/// An image with its title and its caption. `data` is a PNG as base64.
pub fn image(title: &str, caption: &str, (width, height): (u32, u32), data: &str) -> String {
    let (width, height) = (width.clamp(1, 2000), height.clamp(1, 2000));
    let mut out = String::new();
    let mut y = MARGIN;
    let line = |out: &mut String, y: u16, text: &str| {
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{}\">{}</text>",
            y + BASE,
            escaped(&text.replace('\n', " "))
        );
    };
    if !title.is_empty() {
        line(&mut out, y, title);
        y += HEIGHT;
    }
    let _ = writeln!(
        out,
        "<image x=\"{MARGIN}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" href=\"data:image/png;base64,{}\"/>",
        escaped(data)
    );
    y += height as u16;
    line(&mut out, y, caption);
    wrap((width.max(400) as u16, y + HEIGHT - MARGIN), &out)
}

fn wrap((width, height): (u16, u16), body: &str) -> String {
    let (width, height) = (width + 2 * MARGIN, height + 2 * MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"13\" fill=\"{TEXT}\" \
         style=\"white-space:pre\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

/// Text of one style in a row.
struct Run {
    x: u16,
    columns: u16,
    style: (Color, Modifier),
    text: String,
}

fn close(out: &mut String, run: Option<Run>, y: u16) {
    let Some(run) = run else { return };
    let text = run.text.trim_end();
    if text.is_empty() {
        return;
    }
    let columns = run.columns - (run.text.len() - text.len()) as u16;
    let (x, y) = place(run.x, y);
    let (color, modifier) = run.style;
    let _ = write!(
        out,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"",
        y + BASE,
        columns * WIDTH
    );
    if color != Color::Reset {
        let _ = write!(out, " fill=\"{}\"", fill(color));
    }
    let attributes = [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\".6\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::CROSSED_OUT, " text-decoration=\"line-through\""),
    ];
    out.extend(
        attributes
            .iter()
            .filter(|(one, _)| modifier.contains(*one))
            .map(|(_, attribute)| *attribute),
    );
    let _ = writeln!(out, ">{}</text>", escaped(text));
}

/// A part of a cell that is filled: its left and its upper edge, width and height, each as a share of the cell's.
struct Part {
    shape: Shape,
    opacity: f64,
}
type Shape = (f64, f64, f64, f64);

/// What a character that is a shape consists of.
fn shape(cell: &Cell) -> Option<Vec<Part>> {
    let c = cell.symbol().chars().next()?;
    let solid = |shape: Shape| Some(vec![Part { shape, opacity: 1.0 }]);
    let shade = |opacity: f64| {
        Some(vec![Part {
            shape: (0.0, 0.0, 1.0, 1.0),
            opacity,
        }])
    };
    let n = f64::from(c as u32 & 7);
    match c {
        '▀' => solid((0.0, 0.0, 1.0, 0.5)),
        '▁'..='▇' => solid((0.0, 1.0 - n / 8.0, 1.0, n / 8.0)),
        '█' => solid((0.0, 0.0, 1.0, 1.0)),
        '▉'..='▏' => solid((0.0, 0.0, 1.0 - n / 8.0, 1.0)),
        '░' => shade(0.2),
        '▒' => shade(0.4),
        '▓' => shade(0.7),
        '\u{2800}'..='\u{28ff}' => Some(dots(c as u32 & 0xff)),
        _ => lines(c),
    }
}

/// The dots of a Braille character.
fn dots(bits: u32) -> Vec<Part> {
    // Their bits, from above to below: those of the left column, then those of the right one.
    const ORDER: [[u32; 4]; 2] = [[0, 1, 2, 6], [3, 4, 5, 7]];
    let places = (0u8..)
        .zip(ORDER)
        .flat_map(|(column, bits)| (0u8..).zip(bits).map(move |(row, bit)| (column, row, bit)));
    places
        .filter(|(_, _, bit)| bits >> bit & 1 == 1)
        .map(|(column, row, _)| Part {
            shape: (0.15 + 0.5 * f64::from(column), 0.04 + 0.25 * f64::from(row), 0.35, 0.17),
            opacity: 1.0,
        })
        .collect()
}

/// The lines of a character that boxes are drawn with.
fn lines(c: char) -> Option<Vec<Part>> {
    // From the middle: up, right, down, left.
    let [up, right, down, left] = match c {
        '─' => [0, 1, 0, 1],
        '│' => [1, 0, 1, 0],
        '┌' => [0, 1, 1, 0],
        '┐' => [0, 0, 1, 1],
        '└' => [1, 1, 0, 0],
        '┘' => [1, 0, 0, 1],
        '├' => [1, 1, 1, 0],
        '┤' => [1, 0, 1, 1],
        '┬' => [0, 1, 1, 1],
        '┴' => [1, 1, 0, 1],
        '┼' => [1, 1, 1, 1],
        _ => return None,
    }
    .map(f64::from);
    let upright = (0.44, 0.5 - up / 2.0, 0.12, (up + down) / 2.0);
    let level = (0.5 - left / 2.0, 0.47, (right + left) / 2.0, 0.06);
    let parts = [upright, level]
        .into_iter()
        .filter(|(_, _, width, height)| *width > 0.0 && *height > 0.0);
    Some(parts.map(|shape| Part { shape, opacity: 1.0 }).collect())
}

fn rectangle(
    out: &mut String,
    (x, y): (u16, u16),
    (left, top, width, height): (f64, f64, f64, f64),
    color: &str,
    opacity: f64,
) {
    let (w, h) = (f64::from(WIDTH), f64::from(HEIGHT));
    let short = |value: f64| (value * 100.0).round() / 100.0;
    let _ = write!(
        out,
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{color}\"",
        short(f64::from(x) + left * w),
        short(f64::from(y) + top * h),
        short(width * w),
        short(height * h)
    );
    if opacity < 1.0 {
        let _ = write!(out, " opacity=\"{}\"", short(opacity));
    }
    out.push_str("/>\n");
}

fn place(x: u16, y: u16) -> (u16, u16) {
    (MARGIN + x * WIDTH, MARGIN + y * HEIGHT)
}

fn fill(color: Color) -> String {
    match color {
        Color::Red => "#cf222e",
        Color::Green => "#1a7f37",
        Color::Yellow => "#9a6700",
        Color::Blue => "#0969da",
        Color::Magenta => "#8250df",
        Color::Cyan => "#1b7c83",
        Color::Rgb(r, g, b) => return format!("#{r:02x}{g:02x}{b:02x}"),
        _ => TEXT,
    }
    .to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
