//! A walk through a tree by descriptors: a folder is opened by its name from the one above it, and no symlink is followed. So what
//! is renamed or swapped meanwhile leads nowhere else. The walker of the `ignore` crate opens whole paths, in which any part may
//! have become a symlink since it was judged; of that crate we take what reads ignore files, globs and types.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::Gitignore;
use ignore::overrides::Override;
use ignore::types::Types;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::{Errno, Result};

use super::rules::{ignore_file, path_of};
use crate::files::{How, open_beneath};

/// More entries than these are not looked at in one walk.
pub const MOST_ENTRIES: u64 = 1_000_000;

/// Folders further down count as ones that cannot be read: each level holds a descriptor.
const DEEPEST: usize = 400;

/// What of a tree is wanted.
pub struct Scope {
    /// What may not be read, by its path from the root. Nothing of it is opened or told.
    pub closed: HashSet<Vec<u8>>,
    /// How many levels deep; 1 is the root's own entries.
    pub depth: u32,
    /// Also what ignore files rule out, and `.git`.
    pub all: bool,
    pub globs: Override,
    pub types: Types,
    /// The folders above the root that may be asked for ignore files, the nearest first, from the root of all files.
    pub above: Vec<Above>,
}

/// A folder above the root: its path, what lies between it and the root, and which of its files may be read.
pub struct Above {
    pub path: Vec<u8>,
    /// From that folder to the root, ending in a slash.
    pub inner: Vec<u8>,
    pub gitignore: bool,
    pub exclude: bool,
}

/// An open folder, for as long as any of its entries is needed.
#[derive(Debug)]
pub struct Folder(pub OwnedFd);

#[derive(Debug)]
pub struct Found {
    pub folder: Arc<Folder>,
    pub name: CString,
    /// From the root.
    pub path: Vec<u8>,
    pub kind: FileType,
}

impl Found {
    /// Opens a file for reading. What became something else meanwhile is an error, and nothing waits for a FIFO.
    pub fn open(&self) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        fs::openat(&self.folder.0, &self.name, flags, Mode::empty())
    }
}

/// The rules of one ignore file, and how a path of the walk is one from its folder: cut `from` bytes, put `inner` before.
struct Rules {
    rules: Gitignore,
    from: usize,
    inner: Vec<u8>,
}

struct Level {
    folder: Arc<Folder>,
    entries: std::vec::IntoIter<Name>,
    /// The length of its path, with the slash.
    path: usize,
    /// Which of the rules apply in it.
    rules: (usize, usize),
}

struct Name {
    name: CString,
    kind: FileType,
    /// Whether it is told, and not only gone through.
    told: bool,
}

/// What stops a walk that takes too long.
pub type Stopped<'a> = &'a dyn Fn() -> bool;

/// Gives what is wanted of a tree, in byte order of the paths, where a folder's path ends in a slash.
pub struct Walk {
    scope: Scope,
    levels: Vec<Level>,
    rules: Vec<Rules>,
    path: Vec<u8>,
    buffer: Vec<MaybeUninit<u8>>,
    left: u64,
    /// Folders that could not be read.
    pub unreadable: u64,
    /// Whether it ended before its end.
    pub too_many: bool,
}

impl Walk {
    /// `files` is the root of all files, for what lies above `root`.
    pub fn new(root: OwnedFd, files: &OwnedFd, scope: Scope, stopped: Stopped) -> Result<Self> {
        let mut walk = Self {
            scope,
            levels: Vec::new(),
            rules: Vec::new(),
            path: Vec::new(),
            buffer: vec![MaybeUninit::uninit(); 32_768],
            left: MOST_ENTRIES,
            unreadable: 0,
            too_many: false,
        };
        if !walk.scope.all {
            walk.rules_above(files);
        }
        walk.enter(root, stopped)?;
        Ok(walk)
    }

    /// The next entry that is told; None at the end, or when it was stopped.
    pub fn next(&mut self, stopped: Stopped) -> Option<Found> {
        loop {
            let level = self.levels.last_mut()?;
            let Some(entry) = level.entries.next() else {
                self.levels.pop();
                let kept = self.levels.last().map_or(0, |level| level.rules.1);
                self.rules.truncate(kept);
                continue;
            };
            if self.left == 0 {
                self.too_many = true;
                self.levels.clear();
                return None;
            }
            self.left -= 1;
            let folder = Arc::clone(&level.folder);
            self.path.truncate(level.path);
            self.path.extend_from_slice(entry.name.to_bytes());
            let path = if entry.told { self.path.clone() } else { Vec::new() };
            if entry.kind == FileType::Directory && (self.levels.len() as u64) < u64::from(self.scope.depth) {
                self.path.push(b'/');
                self.descend(&folder, &entry.name, stopped);
            }
            if stopped() {
                return None;
            }
            if entry.told {
                return Some(Found {
                    folder,
                    name: entry.name,
                    path,
                    kind: entry.kind,
                });
            }
        }
    }

    fn descend(&mut self, above: &Folder, name: &CStr, stopped: Stopped) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = if self.levels.len() < DEEPEST {
            fs::openat(&above.0, name, flags, Mode::empty())
        } else {
            Err(Errno::MFILE)
        };
        match opened.and_then(|folder| self.enter(folder, stopped)) {
            // It went away, or became something else.
            Ok(()) | Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {}
            Err(_) => self.unreadable += 1,
        }
    }

    /// Reads the folder whose path is the current one.
    fn enter(&mut self, folder: OwnedFd, stopped: Stopped) -> Result<()> {
        let mut entries = Vec::new();
        let (mut has_rules, mut has_git) = (false, false);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut reading = RawDir::new(&folder, &mut buffer);
        let mut outcome = Ok(());
        while let Some(entry) = reading.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(errno) => {
                    outcome = Err(errno);
                    break;
                }
            };
            let name = entry.file_name();
            match name.to_bytes() {
                b"." | b".." => continue,
                b".gitignore" => has_rules = true,
                b".git" => has_git = true,
                _ => {}
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => continue,
                },
                kind => kind,
            };
            entries.push(Name {
                name: name.to_owned(),
                kind,
                told: false,
            });
            if entries.len() % 4096 == 0 && stopped() {
                break;
            }
        }
        self.buffer = buffer;
        outcome?;
        let rules = self.rules_in(&folder, has_rules, has_git);
        let here = self.path.len();
        entries.retain_mut(|entry| self.wants(entry, here, rules));
        entries.sort_unstable_by(|a, b| ordered(a).cmp(&ordered(b)));
        self.path.truncate(here);
        self.levels.push(Level {
            folder: Arc::new(Folder(folder)),
            entries: entries.into_iter(),
            path: here,
            rules,
        });
        Ok(())
    }

    /// Whether an entry of the current folder is wanted, and says whether it is told.
    fn wants(&mut self, entry: &mut Name, here: usize, (from, to): (usize, usize)) -> bool {
        let is_folder = entry.kind == FileType::Directory;
        self.path.truncate(here);
        self.path.extend_from_slice(entry.name.to_bytes());
        let scope = &self.scope;
        if !scope.closed.is_empty() && scope.closed.contains(&self.path) {
            return false;
        }
        if !scope.all && entry.name.to_bytes() == b".git" {
            return false;
        }
        let path = path_of(&self.path);
        entry.told = !is_folder || scope.globs.num_whitelists() == 0;
        match scope.globs.matched(path, is_folder) {
            Match::Ignore(_) => return false,
            Match::Whitelist(_) => {
                entry.told = true;
                return true;
            }
            Match::None => {}
        }
        for rules in self.rules[from..to].iter().rev() {
            let below = &self.path[rules.from..];
            let matched = if rules.inner.is_empty() {
                rules.rules.matched(path_of(below), is_folder)
            } else {
                rules.rules.matched(path_of(&[&rules.inner, below].concat()), is_folder)
            };
            match matched {
                Match::Ignore(_) => return false,
                Match::Whitelist(_) => break,
                Match::None => {}
            }
        }
        !scope.types.matched(path, is_folder).is_ignore()
    }

    /// Adds the rules that a folder holds itself, and says which apply in it. A repository does not take those from outside of it.
    fn rules_in(&mut self, folder: &OwnedFd, has_rules: bool, has_git: bool) -> (usize, usize) {
        let first = self.levels.last().map_or(0, |level| level.rules.0);
        if self.scope.all {
            return (0, 0);
        }
        let first = if has_git { self.rules.len() } else { first };
        let from = self.path.len();
        for (present, file) in [(has_git, &b".git/info/exclude"[..]), (has_rules, b".gitignore")] {
            if !present || self.is_closed(from, file) {
                continue;
            }
            let rules = ignore_file(folder.as_fd(), file);
            if !rules.is_empty() {
                let inner = Vec::new();
                self.rules.push(Rules { rules, from, inner });
            }
        }
        (first, self.rules.len())
    }

    /// Whether a file below the current folder, or a folder on the way to it, may not be read.
    fn is_closed(&self, here: usize, file: &[u8]) -> bool {
        let whole = [&self.path[..here], file].concat();
        let ends = (here..=whole.len()).filter(|&end| end == whole.len() || whole[end] == b'/');
        !self.scope.closed.is_empty() && ends.into_iter().any(|end| self.scope.closed.contains(&whole[..end]))
    }

    /// The rules of the folders above the root, up to the top of its repository.
    fn rules_above(&mut self, files: &OwnedFd) {
        let mut found = Vec::new();
        for above in &self.scope.above {
            let mut add = |name: &[u8]| {
                let file = [above.path.as_slice(), b"/", name].concat();
                let file = file.strip_prefix(b"/").unwrap_or(&file);
                let rules = ignore_file(files.as_fd(), file);
                if !rules.is_empty() {
                    let inner = above.inner.clone();
                    found.push(Rules { rules, from: 0, inner });
                }
            };
            if above.gitignore {
                add(b".gitignore");
            }
            if above.exclude {
                add(b".git/info/exclude");
            }
            let top = [above.path.as_slice(), b"/.git"].concat();
            let top = top.strip_prefix(b"/").unwrap_or(&top);
            if !matches!(open_beneath(files.as_fd(), top, How::Path), Err(Errno::NOENT)) {
                break;
            }
        }
        found.reverse();
        self.rules = found;
    }
}

/// What an entry is sorted by: its name, a folder's with a slash.
fn ordered(entry: &Name) -> Bytes<'_> {
    let slash: &[u8] = if entry.kind == FileType::Directory { b"/" } else { b"" };
    Bytes(entry.name.to_bytes(), slash)
}

/// Two pieces of bytes, compared as if they were one.
#[derive(PartialEq, Eq)]
struct Bytes<'a>(&'a [u8], &'a [u8]);

impl Ord for Bytes<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let common = self.0.len().min(other.0.len());
        self.0[..common].cmp(&other.0[..common]).then_with(|| {
            let (ours, theirs) = (&self.0[common..], &other.0[common..]);
            ours.iter().chain(self.1).cmp(theirs.iter().chain(other.1))
        })
    }
}

impl PartialOrd for Bytes<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
