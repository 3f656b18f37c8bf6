//! The entries of a tree, sorted, in pages.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;

use rein_border::job::{Cancelled, Job};
use rein_border::wire::json_string;
use rustix::fs::{AtFlags, FileType, statat};

use super::walk::{Found, Walk};
use crate::files::Stat;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sort {
    Path,
    /// The largest first, without folders.
    Size,
    /// What changed last first.
    Time,
}

impl Sort {
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Path, Self::Size, Self::Time].get(number as usize).copied()
    }
}

/// Entries of one chunk.
const CHUNK: usize = 500;

/// An entry by what it is sorted by: what is least comes first. The index keeps the order of paths where that is the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ranked(Reverse<u64>, u64, String);

/// What of a tree's entries is wanted.
pub struct List {
    pub sort: Sort,
    /// No entries but symlinks.
    pub links_only: bool,
    pub offset: u64,
    pub limit: u64,
}

impl List {
    /// Sends the entries from `offset` (from 1) on, at most `limit`, and then a summary.
    pub fn run(&self, mut walk: Walk, job: &Job) -> Result<(), Cancelled> {
        let &Self {
            sort,
            links_only,
            offset,
            limit,
        } = self;
        let end = offset - 1 + limit;
        let mut count = 0;
        let mut page = Page {
            entries: Vec::new(),
            job,
        };
        let mut ranked = BinaryHeap::new();
        while let Some(found) = walk.next(&|| job.cancelled()) {
            if sort == Sort::Size && found.kind == FileType::Directory {
                continue;
            }
            if links_only && found.kind != FileType::Symlink {
                continue;
            }
            count += 1;
            if sort == Sort::Path {
                if count >= offset && count <= end {
                    page.push(entry(&found).1)?;
                }
                continue;
            }
            let (stat, json) = entry(&found);
            let key = match sort {
                Sort::Size => stat.map_or(0, |stat| stat.size),
                // Before 1970 is the same as then.
                _ => stat.map_or(0, |stat| stat.modified_ms as u64),
            };
            ranked.push(Ranked(Reverse(key), count, json));
            // No more is held than the page and what comes before it.
            if ranked.len() as u64 > end {
                ranked.pop();
            }
        }
        let before = usize::try_from(offset - 1).unwrap_or(usize::MAX);
        for Ranked(_, _, json) in ranked.into_sorted_vec().into_iter().skip(before) {
            page.push(json)?;
        }
        page.send()?;
        let Walk {
            unreadable, too_many, ..
        } = walk;
        let summary = format!(r#"{{"summary":{{"entries":{count},"unreadable":{unreadable},"tooMany":{too_many}}}}}"#);
        job.send(summary.into_bytes())
    }
}

struct Page<'a> {
    entries: Vec<String>,
    job: &'a Job,
}

impl Page<'_> {
    fn push(&mut self, entry: String) -> Result<(), Cancelled> {
        self.entries.push(entry);
        if self.entries.len() < CHUNK {
            Ok(())
        } else {
            self.send()
        }
    }

    fn send(&mut self) -> Result<(), Cancelled> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let chunk = format!(r#"{{"found":[{}]}}"#, self.entries.join(","));
        self.entries.clear();
        self.job.send(chunk.into_bytes())
    }
}

/// What vanished meanwhile has no size.
fn entry(found: &Found) -> (Option<Stat>, String) {
    let stat = statat(&found.folder.0, &found.name, AtFlags::SYMLINK_NOFOLLOW)
        .ok()
        .map(|raw| Stat::from(&raw));
    let mut json = String::from(r#"{"path":"#);
    json_string(&mut json, &String::from_utf8_lossy(&found.path));
    let (kind, size, modified) = stat
        .as_ref()
        .map_or(("other", 0, 0.0), |stat| (stat.kind, stat.size, stat.modified_ms));
    // Writing to a String cannot fail.
    let _ = write!(json, r#","kind":"{kind}","size":{size},"modifiedMs":{modified}}}"#);
    (stat, json)
}
