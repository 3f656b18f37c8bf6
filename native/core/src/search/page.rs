//! What is told of a search: one page of its results, and a summary of all.

use rein_border::job::{Cancelled, Job};
use rein_border::wire::json_string;

use super::file::{Hits, Keep, Outcome};
use super::walk::Walk;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    Lines,
    Files,
    Counts,
}

impl Output {
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Lines, Self::Files, Self::Counts].get(number as usize).copied()
    }
}

/// Which of all results are told: from `offset` (from 1) on, at most `limit`. A result is a match, or a file by the output.
pub struct Wanted {
    pub output: Output,
    pub offset: u64,
    pub limit: u64,
}

/// What is told of lines in all, in bytes. More than any page shows.
pub const ROOM: usize = 200_000;

/// A search ends after this much text.
const MOST_SEARCHED: u64 = 4_000_000_000;

/// The huge files that are named.
const MOST_NAMED: usize = 5;

/// Takes what each file came to, in order.
pub struct Page<'a> {
    wanted: &'a Wanted,
    results: u64,
    files: u64,
    searched: u64,
    bytes: u64,
    binary: u64,
    unreadable: u64,
    huge: u64,
    named: Vec<String>,
    room: usize,
    found: Vec<String>,
    /// There was so much text that no more is taken.
    pub stopped: bool,
}

impl<'a> Page<'a> {
    pub fn new(wanted: &'a Wanted) -> Self {
        Self {
            wanted,
            results: 0,
            files: 0,
            searched: 0,
            bytes: 0,
            binary: 0,
            unreadable: 0,
            huge: 0,
            named: Vec::new(),
            room: ROOM,
            found: Vec::new(),
            stopped: false,
        }
    }

    /// `again` searches the file once more, for lines that were not kept.
    pub fn add(&mut self, path: &str, outcome: Outcome, again: impl FnOnce(Keep) -> Option<Hits>) {
        match outcome {
            Outcome::Gone => {}
            Outcome::Binary => self.binary += 1,
            Outcome::Unreadable => self.unreadable += 1,
            Outcome::Huge(size) => {
                self.huge += 1;
                if self.named.len() < MOST_NAMED {
                    self.named.push(format!(r#"{{"path":{},"size":{size}}}"#, quoted(path)));
                }
            }
            Outcome::Searched(hits) => {
                self.searched += 1;
                self.bytes += hits.bytes;
                self.stopped = self.bytes > MOST_SEARCHED;
                if hits.matches > 0 {
                    self.add_hits(path, hits, again);
                }
            }
        }
    }

    fn add_hits(&mut self, path: &str, hits: Hits, again: impl FnOnce(Keep) -> Option<Hits>) {
        let before = self.results;
        let lines = self.wanted.output == Output::Lines;
        let count = if lines { hits.matches } else { 1 };
        self.files += 1;
        self.results += count;
        // Which of its own results are on the page, after `from` and up to `to`.
        let from = (self.wanted.offset - 1).saturating_sub(before);
        let to = self.end().saturating_sub(before).min(count);
        if from >= to || self.room == 0 {
            return;
        }
        let mut rows = Vec::new();
        if lines {
            self.take(&mut rows, &hits, from, to);
            if let Some(missing) = hits.missing_from
                && missing <= to
                && self.room > 0
            {
                let skip = from.max(missing - 1);
                if let Some(more) = again(Keep { skip, room: self.room }) {
                    self.take(&mut rows, &more, skip, to);
                }
            }
        }
        self.found.push(format!(
            r#"{{"path":{},"matches":{},"lines":{},"rows":[{}]}}"#,
            quoted(path),
            hits.matches,
            hits.lines,
            rows.join(",")
        ));
    }

    fn take(&mut self, rows: &mut Vec<String>, hits: &Hits, from: u64, to: u64) {
        for row in hits.rows.iter().filter(|row| row.of > from && row.of <= to) {
            self.room = self.room.saturating_sub(row.json.len());
            rows.push(row.json.clone());
        }
    }

    fn end(&self) -> u64 {
        self.wanted.offset - 1 + self.wanted.limit
    }

    /// Whether no more lines will be told, but only counted.
    pub fn is_full(&self) -> bool {
        self.results >= self.end() || self.room == 0
    }

    /// Sends what has come together.
    pub fn send(&mut self, job: &Job) -> Result<(), Cancelled> {
        if self.found.is_empty() {
            return Ok(());
        }
        let chunk = format!(r#"{{"found":[{}]}}"#, self.found.join(","));
        self.found.clear();
        job.send(chunk.into_bytes())
    }

    /// Sends the summary. `walk` is None where there was a file and no tree.
    pub fn end_with(&self, walk: Option<&Walk>, job: &Job) -> Result<(), Cancelled> {
        let unreadable = self.unreadable + walk.map_or(0, |walk| walk.unreadable);
        let summary = format!(
            concat!(
                r#"{{"summary":{{"results":{},"files":{},"searched":{},"binary":{},"huge":{},"named":[{}],"#,
                r#""unreadable":{},"tooMany":{},"stopped":{}}}}}"#
            ),
            self.results,
            self.files,
            self.searched,
            self.binary,
            self.huge,
            self.named.join(","),
            unreadable,
            walk.is_some_and(|walk| walk.too_many),
            self.stopped,
        );
        job.send(summary.into_bytes())
    }
}

fn quoted(text: &str) -> String {
    let mut json = String::new();
    json_string(&mut json, text);
    json
}
