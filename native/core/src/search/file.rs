//! One file searched, as ripgrep searches it. What is kept of it is bounded, whatever it holds.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use grep_matcher::Matcher;
use grep_regex::RegexMatcher;
use grep_searcher::{
    BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkContextKind, SinkFinish, SinkMatch,
};
use rein_border::job::Job;
use rein_border::wire::json_string;
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

use super::walk::Found;

/// A larger file is searched only when it is named itself.
pub const HUGE: u64 = 50_000_000;

/// Larger files are searched one at a time.
const LARGE: u64 = 8_000_000;

/// A smaller file is read at once; grep-searcher looks for NULs in so much of what it gets in one piece.
const SMALL: usize = 65_536;

/// No line, and for matches that span lines no file, may be longer.
const HEAP: usize = 64 << 20;

/// A longer line is shown as a part around its match, in characters.
const WIDEST: usize = 400;

/// So many lines of one match are shown.
const TALLEST: u64 = 40;

/// How files are searched.
pub struct How {
    pub matcher: RegexMatcher,
    pub multiline: bool,
    pub before: usize,
    pub after: usize,
    /// The lines are not wanted, nor how many there are.
    pub first_only: bool,
}

/// What to keep of a file's matching lines: those after the first `skip` matches, as long as there is room (in bytes).
pub struct Keep {
    pub skip: u64,
    pub room: usize,
}

#[derive(Default)]
pub struct Hits {
    /// Matches: lines, or pieces of several lines where a match spans them.
    pub matches: u64,
    pub lines: u64,
    pub rows: Vec<Row>,
    /// The first match of which nothing was kept, for want of room.
    pub missing_from: Option<u64>,
    pub bytes: u64,
    binary: bool,
}

/// A line to show. `of` is the match that it belongs to, from 1.
pub struct Row {
    pub of: u64,
    pub json: String,
}

pub enum Outcome {
    Searched(Hits),
    Binary,
    Huge(u64),
    Unreadable,
    /// It went away, or is no regular file.
    Gone,
}

/// What a thread searches with.
pub struct FileSearch<'a> {
    how: &'a How,
    job: &'a Job,
    large: &'a Mutex<()>,
    searcher: Searcher,
    buffer: Vec<u8>,
}

impl<'a> FileSearch<'a> {
    /// `large` is held while a large file is searched, which may be in memory as a whole.
    pub fn new(how: &'a How, job: &'a Job, large: &'a Mutex<()>) -> Self {
        let searcher = SearcherBuilder::new()
            .binary_detection(BinaryDetection::quit(0))
            .line_terminator(grep_matcher::LineTerminator::crlf())
            .line_number(true)
            .multi_line(how.multiline)
            .before_context(how.before)
            .after_context(how.after)
            .heap_limit(Some(HEAP))
            .build();
        Self {
            how,
            job,
            large,
            searcher,
            buffer: vec![0; SMALL + 1],
        }
    }

    pub fn search(&mut self, found: &Found, keep: Keep) -> Outcome {
        match found.open() {
            Ok(file) => self.search_open(file, false, keep),
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => Outcome::Gone,
            Err(_) => Outcome::Unreadable,
        }
    }

    /// `named`: it is the very file that was asked for.
    pub fn search_open(&mut self, file: OwnedFd, named: bool, keep: Keep) -> Outcome {
        let Ok(stat) = fstat(&file) else {
            return Outcome::Unreadable;
        };
        let size = stat.st_size as u64;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Outcome::Gone;
        }
        if size > HUGE && !named {
            return Outcome::Huge(size);
        }
        let _alone = (size > LARGE).then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
        let mut sink = Lines {
            how: self.how,
            job: self.job,
            hits: Hits::default(),
            keep,
            before: Vec::new(),
        };
        let mut reader = Cancellable { file, job: self.job };
        let searched = if size > SMALL as u64 {
            self.searcher.search_reader(&self.how.matcher, reader, &mut sink)
        } else {
            match fill(&mut reader, &mut self.buffer, size as usize) {
                Err(error) => Err(error),
                Ok(read) if read <= SMALL => {
                    self.searcher
                        .search_slice(&self.how.matcher, &self.buffer[..read], &mut sink)
                }
                // A file of /proc, or one that grew.
                Ok(read) => {
                    let whole = io::Cursor::new(&self.buffer[..read]).chain(reader);
                    self.searcher.search_reader(&self.how.matcher, whole, &mut sink)
                }
            }
        };
        match searched {
            Err(_) => Outcome::Unreadable,
            Ok(()) if sink.hits.binary => Outcome::Binary,
            Ok(()) => Outcome::Searched(Hits {
                bytes: size,
                ..sink.hits
            }),
        }
    }
}

/// Reads until the size that was told, the end, or a full buffer.
fn fill(reader: &mut impl Read, buffer: &mut [u8], size: usize) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        let read = reader.read(&mut buffer[filled..])?;
        filled += read;
        if read == 0 || filled == size {
            break;
        }
    }
    Ok(filled)
}

/// A file whose reading ends when nobody waits for it any more.
struct Cancellable<'a> {
    file: OwnedFd,
    job: &'a Job,
}

impl Read for Cancellable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.job.cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        Ok(rustix::io::read(&self.file, buffer)?)
    }
}

/// Counts the matches of a file and keeps those that are wanted.
struct Lines<'a> {
    how: &'a How,
    job: &'a Job,
    hits: Hits,
    keep: Keep,
    /// Lines before a match that has not come yet.
    before: Vec<String>,
}

impl Lines<'_> {
    fn keeps(&self, of: u64) -> bool {
        of > self.keep.skip && self.hits.missing_from.is_none() && !self.how.first_only
    }

    fn push(&mut self, of: u64, json: String) {
        self.keep.room = self.keep.room.saturating_sub(json.len());
        self.hits.rows.push(Row { of, json });
    }
}

impl Sink for Lines<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        self.hits.matches += 1;
        if self.hits.matches.is_multiple_of(256) && self.job.cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        if self.how.first_only {
            return Ok(false);
        }
        let of = self.hits.matches;
        if self.keeps(of) && self.keep.room == 0 {
            self.hits.missing_from = Some(of);
        }
        let keeps = self.keeps(of);
        for json in std::mem::take(&mut self.before) {
            if keeps {
                self.push(of, json);
            }
        }
        let first = found.line_number().unwrap_or(1);
        let mut count = 0;
        for line in found.lines() {
            if keeps && count < TALLEST {
                let at = if line.len() > WIDEST {
                    self.how
                        .matcher
                        .find(line)
                        .ok()
                        .flatten()
                        .map_or(0, |found| found.start())
                } else {
                    0
                };
                let kind = if count == 0 { "match" } else { "more" };
                self.push(of, row(first + count, kind, line, at));
            }
            count += 1;
        }
        if keeps && count > TALLEST {
            self.push(
                of,
                format!(r#"{{"number":{},"kind":"left","text":""}}"#, count - TALLEST),
            );
        }
        self.hits.lines += count;
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, context: &SinkContext<'_>) -> io::Result<bool> {
        let of = self.hits.matches;
        let after = *context.kind() == SinkContextKind::After;
        if self.keeps(if after { of } else { of + 1 }) {
            let json = row(context.line_number().unwrap_or(1), "context", context.bytes(), 0);
            if after {
                self.push(of, json);
            } else {
                self.before.push(json);
            }
        }
        Ok(true)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> io::Result<bool> {
        self.hits.binary = true;
        Ok(false)
    }

    fn finish(&mut self, _: &Searcher, finish: &SinkFinish) -> io::Result<()> {
        self.hits.binary |= finish.binary_byte_offset().is_some();
        Ok(())
    }
}

fn row(number: u64, kind: &str, line: &[u8], at: usize) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut json = format!(r#"{{"number":{number},"kind":"{kind}","text":"#);
    let length = if line.len() > WIDEST { characters(line) } else { 0 };
    if length > WIDEST {
        let (start, part) = around(line, at);
        json_string(&mut json, &part);
        // Writing to a String cannot fail.
        let _ = write!(json, r#","clipped":{{"before":{},"length":{length}}}"#, start > 0);
    } else {
        json_string(&mut json, &String::from_utf8_lossy(line));
    }
    json.push('}');
    json
}

fn characters(line: &[u8]) -> usize {
    let chunks = line.utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().chars().count() + usize::from(!chunk.invalid().is_empty()))
        .sum()
}

/// At most `WIDEST` characters of a long line, from a quarter of that before `at`; and the byte where they start.
fn around(line: &[u8], at: usize) -> (usize, String) {
    let is_start = |&byte: &usize| line.get(byte).is_none_or(|byte| byte & 0xc0 != 0x80);
    let mut start = at.min(line.len());
    for _ in 0..WIDEST / 4 {
        start = (0..start).rev().find(is_start).unwrap_or(0);
    }
    let part = String::from_utf8_lossy(&line[start..line.len().min(start + 4 * WIDEST)]);
    (start, part.chars().take(WIDEST).collect())
}
