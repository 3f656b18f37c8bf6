//! What a walk leaves out: by the globs and types that were asked for, and by ignore files as git reads them.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::overrides::{Override, OverrideBuilder};
use ignore::types::{Types, TypesBuilder};

use crate::files::{How, open_beneath};

/// No ignore file has more bytes or lines, and no line of one is as long; what is beyond does not count.
const MOST_BYTES: usize = 1_000_000;
const MOST_LINES: usize = 5_000;
const LONGEST_LINE: usize = 4_096;

pub fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Globs as the caller gave them: the last that matches decides, one with `!` leaves out, and with any other only what
/// matches is wanted.
pub fn globs(globs: &[&str]) -> Result<Override, String> {
    let mut builder = OverrideBuilder::new("");
    for glob in globs {
        builder
            .add(glob)
            .map_err(|error| format!("glob\n{glob}\n{}", reason(&error)))?;
    }
    builder
        .build()
        .map_err(|error| format!("glob\n{}\n{}", globs.join(" "), reason(&error)))
}

fn reason(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    }
}

/// File types by their names: `rust`, `ts`…
pub fn types(names: &[&str]) -> Result<Types, String> {
    let mut builder = TypesBuilder::new();
    builder.add_defaults();
    for name in names {
        builder.select(name);
    }
    builder.build().map_err(|_| format!("type\n{}", names.join(" ")))
}

pub fn type_names() -> Vec<String> {
    let mut builder = TypesBuilder::new();
    let known = builder.add_defaults().definitions();
    known.iter().map(|known| known.name().to_owned()).collect()
}

/// The rules of an ignore file, by its path from a folder; none where it cannot be read or is a symlink.
pub fn ignore_file(folder: BorrowedFd<'_>, path: &[u8]) -> Gitignore {
    let Ok(file) = open_beneath(folder, path, How::Read) else {
        return Gitignore::empty();
    };
    let mut bytes = vec![0; 16_384];
    let mut filled = 0;
    while let Ok(read @ 1..) = rustix::io::read(&file, &mut bytes[filled..]) {
        filled += read;
        if filled == MOST_BYTES {
            break;
        }
        if filled == bytes.len() {
            bytes.resize((2 * filled).min(MOST_BYTES), 0);
        }
    }
    ignore_rules(&bytes[..filled])
}

pub fn ignore_rules(bytes: &[u8]) -> Gitignore {
    let text = String::from_utf8_lossy(bytes);
    let mut builder = GitignoreBuilder::new("");
    let lines = text.strip_prefix('\u{feff}').unwrap_or(&text).split('\n');
    for line in lines.take(MOST_LINES).filter(|line| line.len() <= LONGEST_LINE) {
        // A line that is no glob rules nothing out.
        let _ = builder.add_line(None, &as_glob(line));
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// A line of an ignore file as the builder must see it: to git braces are themselves.
fn as_glob(line: &str) -> String {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut glob = String::with_capacity(line.len());
    let mut class = false;
    let mut escaped = false;
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '{' | '}' if !class => glob.push('\\'),
            _ => {}
        }
        glob.push(c);
    }
    glob
}
