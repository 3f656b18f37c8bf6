//! Pictures of characters: tables, charts, trees, diffs, Markdown and images, drawn into a ratatui buffer and written as plain
//! text, as text with colours for a terminal, or as SVG. Their data comes from a model, so every size is bounded and no text
//! reaches the buffer with a character that a terminal would obey.

mod chart;
mod image;
mod markdown;
mod outline;
mod paint;
mod sheet;
mod svg;
mod table;

use std::borrow::Cow;

use ratatui::style::{Color, Stylize};
use ratatui::text::{Line, Span};
use rein_border::wire::{Fields, text};

use paint::Format;
use sheet::Sheet;

/// The format ("plain", "ansi" of 256 colours, "true" of all, or "svg"), the width in columns, the title, the kind, and what that
/// kind takes. Gives the picture in that format.
pub fn draw(input: &[u8]) -> Result<Vec<u8>, String> {
    let mut fields = Fields::new(input);
    let format = Format::of(fields.text()?)?;
    let mut sheet = Sheet::new(fields.uint()?, format == Format::Plain);
    let title = clean(fields.text()?);
    if !title.is_empty() {
        sheet.text(Line::from(title.replace('\n', " ")).bold());
    }
    let input = &mut fields;
    match input.text()? {
        "table" => table::draw(&mut sheet, lines(input)?, cells(input)?),
        "bar" => chart::bars(&mut sheet, &labelled(input)?),
        "progress" => {
            let most = finite(input)?;
            chart::progress(&mut sheet, &labelled(input)?, most);
        }
        "line" => chart::line(&mut sheet, &labels(input)?, &series(input)?),
        "tree" => outline::draw(&mut sheet, &clean(text(input.rest())?)),
        "diff" => changes(&mut sheet, text(input.rest())?),
        "markdown" => markdown::draw(&mut sheet, &clean(text(input.rest())?)),
        "image" => {
            let caption = clean(input.text()?);
            let (width, height) = (input.uint()?, input.uint()?);
            if format == Format::Svg {
                return Ok(svg::image(&title, &caption, (width, height), text(input.rest())?).into_bytes());
            }
            if format != Format::Plain {
                image::blocks(&mut sheet, input.rest())?;
            }
            sheet.text(Line::from(caption).dim());
        }
        kind => return Err(format!("Cannot draw '{kind}'")),
    }
    Ok(sheet.finish(format).into_bytes())
}

/// An indexed PNG as sixels.
pub fn sixel(png: &[u8]) -> Result<Vec<u8>, String> {
    image::sixel(png)
}

/// A unified diff, each line in the colour of what it tells.
fn changes(sheet: &mut Sheet, diff: &str) {
    for line in clean(diff).lines() {
        let line = Span::from(line.to_owned());
        let shown = match line.content.get(..1) {
            Some("+") => line.fg(Color::Green),
            Some("-") => line.fg(Color::Red),
            Some("@") => line.fg(Color::Cyan),
            _ => line,
        };
        sheet.text(Line::from(shown));
    }
}

/// So many labels with their values.
type Labelled = Vec<(String, f64)>;

fn labelled(input: &mut Fields) -> Result<Labelled, String> {
    (0..input.uint()?)
        .map(|_| Ok((label(input)?, finite(input)?)))
        .collect()
}

fn labels(input: &mut Fields) -> Result<Vec<String>, String> {
    (0..input.uint()?).map(|_| label(input)).collect()
}

fn label(input: &mut Fields) -> Result<String, String> {
    Ok(one_line(input.text()?).into_owned())
}

/// Clean text without line ends.
fn one_line(text: &str) -> Cow<'_, str> {
    if sheet::is_ascii(text) || text.chars().all(|c| sheet::columns(c).is_some()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(clean(text).replace('\n', " "))
}

fn finite(input: &mut Fields) -> Result<f64, String> {
    let number = input.number()?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(format!("Cannot draw the number {number}"))
    }
}

fn series(input: &mut Fields) -> Result<Vec<(String, Vec<f64>)>, String> {
    (0..input.uint()?)
        .map(|_| {
            let name = label(input)?;
            let values = (0..input.uint()?).map(|_| finite(input)).collect::<Result<_, _>>()?;
            Ok((name, values))
        })
        .collect()
}

fn lines<'a>(input: &mut Fields<'a>) -> Result<Vec<Line<'a>>, String> {
    (0..input.uint()?)
        .map(|_| Ok(Line::from(one_line(input.text()?))))
        .collect()
}

fn cells<'a>(input: &mut Fields<'a>) -> Result<Vec<Vec<Line<'a>>>, String> {
    (0..input.uint()?).map(|_| lines(input)).collect()
}

/// Combining characters behind one that they belong to; more of them is no writing.
const MOST_COMBINED: usize = 8;

/// Text without what a terminal obeys: such a character becomes a visible one, a tab four blanks.
fn clean(text: &str) -> String {
    // Most texts are clean.
    if sheet::is_ascii(text) || text.chars().all(|c| c == '\n' || sheet::columns(c).is_some()) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut combined = 0;
    for c in text.replace("\r\n", "\n").chars() {
        let bare = matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{200b}'..='\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
        combined = if bare { combined + 1 } else { 0 };
        match c {
            _ if combined > MOST_COMBINED => {}
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            '\0'..='\u{1f}' => out.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
            '\u{7f}' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}'
            | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// A number in few characters: six digits that count, with an exponent where it is very large or small.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        return format!("{:e}", format!("{value:.3e}").parse::<f64>().unwrap_or(value));
    }
    let digits = if size >= 1e6 || size == 0.0 {
        0
    } else {
        (5.0 - size.log10().floor()).clamp(0.0, 9.0) as usize
    };
    let fixed = format!("{value:.digits$}");
    let short = if fixed.contains('.') {
        fixed.trim_end_matches('0').trim_end_matches('.')
    } else {
        &fixed
    };
    if short == "-0" {
        "0".to_owned()
    } else {
        short.to_owned()
    }
}
