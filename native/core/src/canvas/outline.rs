//! Trees, from text in which each line is a node and its indentation says below which.

use ratatui::style::Stylize;
use ratatui::text::{Line, Span};

use super::sheet::Sheet;

/// Columns that a level takes, and those that are left for the text of the deepest that is drawn as such.
const STEP: u16 = 3;
const TEXT: u16 = 20;

pub fn draw(sheet: &mut Sheet, text: &str) {
    let nodes = nodes(text);
    // Whether a later node stands at this level, below the same one.
    let mut last = vec![true; nodes.len()];
    let mut later: Vec<bool> = Vec::new();
    for (at, (level, _)) in nodes.iter().enumerate().rev() {
        later.resize(level + 1, false);
        last[at] = !later[*level];
        later[*level] = true;
    }
    let deepest = usize::from((sheet.width.saturating_sub(TEXT) / STEP).max(1));
    // Of each level above the node whether it goes on.
    let mut open: Vec<bool> = Vec::new();
    for (at, (level, label)) in nodes.iter().enumerate() {
        if sheet.is_full() {
            return sheet.skip(nodes.len() - at);
        }
        open.truncate(*level);
        let guides: String = open
            .iter()
            .skip(1)
            .take(deepest - 1)
            .map(|goes_on| if *goes_on { "│  " } else { "   " })
            .collect();
        let (first, rest) = match (level, last[at]) {
            (0, _) => ("", ""),
            (_, true) => ("└─ ", "   "),
            (_, false) => ("├─ ", "│  "),
        };
        open.push(!last[at]);
        // Too deep to be drawn where it is: it says so.
        let mark = if *level > deepest {
            format!("({level}) ")
        } else {
            String::new()
        };
        let label = Line::from(vec![Span::from(mark).dim(), Span::from(label.clone())]);
        sheet.hanging(
            &Line::from(format!("{guides}{first}")).dim(),
            &Line::from(format!("{guides}{rest}")).dim(),
            label,
        );
    }
}

/// The level and the label of each line. A line belongs to the nearest one above it that is indented less.
fn nodes(text: &str) -> Vec<(usize, String)> {
    let mut indents: Vec<usize> = Vec::new();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let label = line.trim_start_matches([' ', '│', '├', '└', '─', '|', '`']);
            let indent = line.chars().count() - label.chars().count();
            while indents.last().is_some_and(|last| *last >= indent) {
                indents.pop();
            }
            indents.push(indent);
            (indents.len() - 1, label.trim_end().to_owned())
        })
        .collect()
}
