//! Tables: columns share the width, cells are wrapped, columns of numbers are flush right.

use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::sheet::{Sheet, width, wrapped};

/// Columns are not made narrower than this.
const LEAST: usize = 4;

type Row<'a> = Vec<Line<'a>>;

pub fn draw<'a>(sheet: &mut Sheet, mut head: Row<'a>, mut body: Vec<Row<'a>>) {
    let count = body.iter().map(Vec::len).chain([head.len()]).max().unwrap_or(0);
    if count == 0 {
        return;
    }
    let free = usize::from(sheet.width).saturating_sub(3 * (count - 1));
    if free < LEAST * count {
        return records(sheet, &head, &body);
    }
    let column = |at: usize| {
        head.get(at)
            .into_iter()
            .chain(body.iter().filter_map(move |row| row.get(at)))
    };
    let natural: Vec<usize> = (0..count)
        .map(|at| column(at).map(width).max().unwrap_or(0).max(1))
        .collect();
    let widths = fitted(&natural, free);
    let right: Vec<bool> = (0..count)
        .map(|at| is_numeric(body.iter().filter_map(|row| row.get(at))))
        .collect();
    sheet.expect(body.len() + 2);
    for row in body.iter_mut().chain([&mut head]) {
        for (cell, right) in row.iter_mut().zip(&right) {
            if *right {
                cell.alignment = Some(Alignment::Right);
            }
        }
    }
    if !head.is_empty() {
        let bold: Row = head.into_iter().map(Stylize::bold).collect();
        draw_row(sheet, &bold, &widths);
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        sheet.text(Line::from(rule.join("─┼─")).dim());
    }
    for (at, row) in body.iter().enumerate() {
        if sheet.is_full() {
            return sheet.skip(body.len() - at);
        }
        draw_row(sheet, row, &widths);
    }
}

fn draw_row(sheet: &mut Sheet, row: &Row, widths: &[usize]) {
    let none = Line::default();
    let cell = |(at, width): (usize, &usize)| wrapped(row.get(at).unwrap_or(&none), *width as u16);
    let cells: Vec<_> = widths.iter().enumerate().map(cell).collect();
    let height = cells.iter().map(|(height, _)| *height).max().unwrap_or(1);
    let (area, buffer) = sheet.rows(height);
    let mut x = 0;
    for (at, ((_, cell), width)) in cells.into_iter().zip(widths).enumerate() {
        if at > 0 {
            for y in area.top()..area.bottom() {
                buffer[(x + 1, y)].set_symbol("│");
                buffer.set_style(Rect::new(x, y, 3, 1), Style::new().dim());
            }
            x += 3;
        }
        cell.render(
            Rect {
                x,
                width: *width as u16,
                ..area
            },
            buffer,
        );
        x += *width as u16;
    }
}

/// Where columns have no room beside each other: each cell below the one before it, with its column's name.
fn records(sheet: &mut Sheet, head: &Row, body: &[Row]) {
    for (number, row) in body.iter().enumerate() {
        if number > 0 {
            sheet.text(Line::from("─".repeat(usize::from(sheet.width))).dim());
        }
        for (at, cell) in row.iter().enumerate() {
            let mut line = head.get(at).map_or_else(Line::default, |name| name.clone().bold());
            if !line.spans.is_empty() {
                line.push_span(": ");
            }
            line.extend(cell.spans.iter().cloned());
            sheet.text(line);
        }
    }
}

/// The widths that fit: what is wider than the widest that all could have is cut to that.
fn fitted(natural: &[usize], free: usize) -> Vec<usize> {
    let sum = |limit: usize| -> usize { natural.iter().map(|width| (*width).min(limit)).sum() };
    let (mut low, mut high) = (LEAST, natural.iter().copied().max().unwrap_or(LEAST).max(LEAST));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if sum(middle) <= free {
            low = middle
        } else {
            high = middle - 1
        }
    }
    // What is left of the last step goes to the first columns that can use it.
    let mut spare = free.saturating_sub(sum(low));
    let widths = natural.iter().map(|width| {
        let extra = usize::from(*width > low && spare > 0);
        spare -= extra;
        (*width).min(low) + extra
    });
    widths.collect()
}

/// Whether a column holds numbers, and at least one.
fn is_numeric<'a>(cells: impl Iterator<Item = &'a Line<'a>>) -> bool {
    let mut some = false;
    for cell in cells {
        let text: String = cell.spans.iter().map(|span| span.content.as_ref()).collect();
        let digits = text.trim().trim_end_matches('%').replace(',', "");
        if digits.is_empty() {
            continue;
        }
        if digits.parse::<f64>().is_err() {
            return false;
        }
        some = true;
    }
    some
}
