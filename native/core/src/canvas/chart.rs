//! Charts: bars, progress and lines.

use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::sheet::{Sheet, cut};
use super::{Labelled, number};

/// A chart gains nothing by being wider.
const WIDEST: u16 = 100;
/// Rows of a line chart, and of one on a narrow screen.
const HEIGHTS: (u16, u16) = (15, 10);

/// What tells series apart: their colours, and their marks where there are none.
const SERIES: [(Color, char); 8] = [
    (Color::Cyan, '•'),
    (Color::Yellow, '+'),
    (Color::Green, 'x'),
    (Color::Magenta, 'o'),
    (Color::Blue, '*'),
    (Color::Red, '#'),
    (Color::Reset, '@'),
    (Color::Reset, '%'),
];

/// One bar a row, its label before it and its value behind. Bars below zero go to the left.
pub fn bars(sheet: &mut Sheet, rows: &Labelled) {
    let values = || rows.iter().map(|(_, value)| *value);
    let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let shown: Vec<String> = values().map(number).collect();
    let room = Room::of(sheet, rows, &shown);
    // Halves, since the whole range may be too large for a number.
    let range = high / 2.0 - low / 2.0;
    let share = |value: f64| if range > 0.0 { value.abs() / 2.0 / range } else { 0.0 };
    let left = (share(low) * f64::from(room.bar)).round() as u16;
    for (at, (label, value)) in rows.iter().enumerate() {
        if sheet.is_full() {
            return sheet.skip(rows.len() - at);
        }
        let length = share(*value) * f64::from(room.bar);
        let (before, bar) = if *value < 0.0 {
            let cells = (length.round() as u16).min(left);
            (left - cells, "█".repeat(usize::from(cells)))
        } else {
            (left, eighths(length.min(f64::from(room.bar - left))))
        };
        let bar = Span::from(bar).fg(if *value < 0.0 { Color::Red } else { Color::Cyan });
        room.row(sheet, label, (before, bar), &shown[at]);
    }
}

/// How much of a whole is done, one a row.
pub fn progress(sheet: &mut Sheet, rows: &Labelled, most: f64) {
    let part = |value: f64| {
        if most > 0.0 {
            (value / most).clamp(0.0, 1.0)
        } else {
            0.0
        }
    };
    let shown: Vec<String> = rows
        .iter()
        .map(|(_, value)| format!("{:.0}%", (part(*value) * 100.0).floor()))
        .collect();
    let room = Room::of(sheet, rows, &shown);
    for (at, (label, value)) in rows.iter().enumerate() {
        if sheet.is_full() {
            return sheet.skip(rows.len() - at);
        }
        let done = "█".repeat((part(*value) * f64::from(room.bar)).floor() as usize);
        let ahead = usize::from(room.bar) - done.chars().count();
        let color = if part(*value) >= 1.0 { Color::Green } else { Color::Cyan };
        let area = room.row(sheet, label, (0, Span::from(done).fg(color)), &shown[at]);
        let x = area.x + room.label + room.bar - ahead as u16;
        sheet.set(x, area.y, &Span::from("░".repeat(ahead)).dim());
    }
}

/// How the columns of a row are shared out.
struct Room {
    label: u16,
    bar: u16,
    value: u16,
}

impl Room {
    fn of(sheet: &Sheet, rows: &Labelled, shown: &[String]) -> Self {
        let width = sheet.width.min(WIDEST);
        let widest =
            |texts: &mut dyn Iterator<Item = &str>| texts.map(|text| Line::raw(text).width()).max().unwrap_or(0);
        let label = widest(&mut rows.iter().map(|(label, _)| label.as_str())).min(usize::from(width / 3)) as u16;
        let value = (widest(&mut shown.iter().map(String::as_str)) as u16).min(width / 3);
        let label = if label == 0 { 0 } else { label + 1 };
        Self {
            label,
            bar: width - label - value - 1,
            value,
        }
    }

    /// Draws a row and says where; `bar` comes with how far it is from the label.
    fn row(&self, sheet: &mut Sheet, label: &str, (before, bar): (u16, Span<'static>), value: &str) -> Rect {
        let (area, buffer) = sheet.rows(1);
        let label = cut(label, usize::from(self.label.saturating_sub(1)));
        buffer.set_string(0, area.y, label, Style::default());
        buffer.set_span(self.label + before, area.y, &bar, self.bar - before);
        let value = cut(value, usize::from(self.value));
        let x = self.label + self.bar + 1 + self.value - Line::raw(value.as_str()).width() as u16;
        buffer.set_string(x, area.y, value, Style::default());
        area
    }
}

/// A bar of so many columns, to an eighth.
fn eighths(length: f64) -> String {
    let all = (length * 8.0).round() as usize;
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][all % 8];
    "█".repeat(all / 8) + rest
}

/// Lines over a common axis. `labels` name the points.
pub fn line(sheet: &mut Sheet, labels: &[String], series: &[(String, Vec<f64>)]) {
    let values = || series.iter().flat_map(|(_, values)| values).copied();
    let (least, most) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    let count = series.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    if count == 0 {
        return;
    }
    let marks = sheet.plain && series.len() > 1;
    if series.len() > 1 || series.iter().any(|(name, _)| !name.is_empty()) {
        let names = series.iter().zip(SERIES).flat_map(|((name, _), (color, mark))| {
            let mark = if marks { mark } else { '•' };
            [
                Span::from(format!("{mark} ")).fg(color),
                Span::from(format!("{name}  ")),
            ]
        });
        sheet.text(Line::from(names.collect::<Vec<_>>()));
    }
    let ticks = ticks(least, most);
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    // From 0 to 1, in halves: the range itself may be too large for a number.
    let place = |value: f64| (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    let points: Vec<Vec<(f64, f64)>> = series
        .iter()
        .map(|(_, values)| {
            values
                .iter()
                .enumerate()
                .map(|(at, value)| (at as f64, place(*value)))
                .collect()
        })
        .collect();
    let datasets = points.iter().zip(SERIES).map(|(points, (color, mark))| {
        Dataset::default()
            .marker(if marks { Marker::Custom(mark) } else { Marker::Braille })
            .graph_type(GraphType::Line)
            .style(Style::default().fg(color))
            .data(points)
    });
    let width = sheet.width.min(WIDEST);
    let height = if width < 60 { HEIGHTS.1 } else { HEIGHTS.0 };
    let name = |at: usize| cut(labels.get(at).unwrap_or(&(at + 1).to_string()), usize::from(width / 4));
    let mut named = vec![name(0)];
    if count % 2 == 1 && count > 2 {
        named.push(name(count / 2));
    }
    named.push(name(count - 1));
    let chart = Chart::new(datasets.collect())
        .legend_position(None)
        .x_axis(
            Axis::default()
                .bounds([0.0, (count - 1).max(1) as f64])
                .labels(named)
                .style(Style::default().dim()),
        )
        .y_axis(
            Axis::default()
                .bounds([0.0, 1.0])
                .labels_alignment(Alignment::Right)
                .labels(ticks.iter().map(|tick| number(*tick)))
                .style(Style::default().dim()),
        );
    let (area, buffer) = sheet.rows(usize::from(height));
    chart.render(Rect { width, ..area }, buffer);
}

/// Round numbers at even distances, from at most the least value to at least the greatest.
fn ticks(least: f64, most: f64) -> Vec<f64> {
    let (least, most) = if least < most {
        (least, most)
    } else {
        let beside = (least.abs() / 10.0).max(1.0);
        (least - beside, most + beside)
    };
    let rough = most / 4.0 - least / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let (low, high) = ((least / step).floor(), (most / step).ceil());
    let ticks: Vec<f64> = (0..=(high - low) as usize)
        .take(8)
        .map(|at| (low + at as f64) * step)
        .collect();
    let fits = ticks.len() > 1
        && ticks.iter().all(|tick| tick.is_finite())
        && ticks[0] <= least
        && ticks[ticks.len() - 1] >= most;
    if fits {
        ticks
    } else {
        vec![least.max(f64::MIN), most.min(f64::MAX)]
    }
}
