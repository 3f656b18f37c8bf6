//! Trees listed and searched as ripgrep does it, beneath a descriptor and without what is closed to the caller. What is wanted is
//! made ready by a call, which takes the descriptor over and says what is wrong with it, and runs as a job.

mod file;
mod list;
mod page;
mod pattern;
mod rules;
mod tree;
mod walk;

use std::os::fd::{BorrowedFd, OwnedFd};

use rein_border::handles::Handles;
use rein_border::job::Job;
use rein_border::wire::Fields;
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use crate::files::name_of;
use crate::sys;
use file::How;
use list::{List, Sort};
use page::{Output, Wanted};
use pattern::{Case, Pattern};
use walk::{Above, Scope, Walk};

pub use rules::type_names;

/// What was made ready and has neither run nor been dropped.
static READY: Handles<Ready> = Handles::new();

struct Ready {
    root: OwnedFd,
    /// The root of all files.
    files: OwnedFd,
    scope: Scope,
    task: Task,
}

enum Task {
    List(List),
    Search { how: How, wanted: Wanted },
}

/// Makes a list of a folder ready; the answer is its number. Fields: the scope's, then how to sort, whether only links are wanted,
/// offset and limit.
pub fn open_list(root: i32, input: &[u8]) -> Result<Vec<u8>, String> {
    let mut fields = Fields::new(input);
    let (files, scope) = scope(&mut fields)?;
    let sort = Sort::from_number(fields.uint()?).ok_or("Not a way to sort")?;
    let links_only = fields.uint()? == 1;
    let (offset, limit) = range(&mut fields)?;
    let list = List {
        sort,
        links_only,
        offset,
        limit,
    };
    ready(root, files, scope, Task::List(list))
}

/// Makes a search of a folder or a file ready. Fields: the scope's, then the pattern, whether it is literal, the case, whether a
/// match spans lines, how many lines before and after it, what is told, offset and limit.
pub fn open_search(root: i32, input: &[u8]) -> Result<Vec<u8>, String> {
    let mut fields = Fields::new(input);
    let (files, scope) = scope(&mut fields)?;
    let text = fields.text()?;
    let literal = fields.uint()? == 1;
    let case = Case::from_number(fields.uint()?).ok_or("Not a case")?;
    let multiline = fields.uint()? == 1;
    let (before, after) = (fields.uint()? as usize, fields.uint()? as usize);
    let output = Output::from_number(fields.uint()?).ok_or("Not an output")?;
    let (offset, limit) = range(&mut fields)?;
    let pattern = Pattern {
        text,
        literal,
        case,
        multiline,
    };
    let matcher = pattern.matcher().map_err(|problem| format!("pattern\n{problem}"))?;
    let how = How {
        matcher,
        multiline,
        before,
        after,
        first_only: output == Output::Files,
    };
    let wanted = Wanted { output, offset, limit };
    ready(root, files, scope, Task::Search { how, wanted })
}

/// Runs what was made ready under this number. Where the folder cannot be read, the errno's name is all there is.
pub fn run(input: &[u8], job: &Job) -> Result<(), String> {
    let number = Fields::new(input).uint()?;
    let ready = i32::try_from(number).ok().and_then(|number| READY.remove(number));
    let Ready {
        root,
        files,
        scope,
        task,
    } = ready.ok_or_else(|| format!("No search {number}"))?;
    let is_folder = fstat(&root)
        .map(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
        .map_err(name_of)?;
    if let (Task::Search { how, wanted }, false) = (&task, is_folder) {
        tree::search_named(root, how, wanted, job);
        return Ok(());
    }
    let walk = match Walk::new(root, &files, scope, &|| job.cancelled()) {
        Ok(walk) => walk,
        Err(errno) => {
            let _ = job.send(format!(r#"{{"errno":"{}"}}"#, name_of(errno)).into_bytes());
            return Ok(());
        }
    };
    match task {
        Task::Search { how, wanted } => tree::search(walk, &how, &wanted, job),
        // Cancelled: then nobody waits for it.
        Task::List(list) => drop(list.run(walk, job)),
    }
    Ok(())
}

/// Drops what was made ready, if it did not run.
pub fn close(number: i32) {
    READY.remove(number);
}

pub fn count_ready() -> usize {
    READY.count()
}

fn ready(root: i32, files: u32, scope: Scope, task: Task) -> Result<Vec<u8>, String> {
    let files = i32::try_from(files).map_err(|_| name_of(Errno::BADF))?;
    let ready = Ready {
        root: sys::borrow(root).and_then(own).map_err(name_of)?,
        files: sys::borrow(files).and_then(own).map_err(name_of)?,
        scope,
        task,
    };
    Ok(READY.insert(ready).to_string().into_bytes())
}

/// A descriptor of our own for the same file: JavaScript may close its own at any time.
fn own(fd: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    fcntl_dupfd_cloexec(fd, 3)
}

/// The descriptor of the root of all files, and what of the tree is wanted. Lists are texts with a NUL after each item. A folder
/// above is its path from the root of all files, how much of that path is the folder's own, and which of its files may be read.
fn scope(fields: &mut Fields) -> Result<(u32, Scope), String> {
    let files = fields.uint()?;
    let closed = items(fields.text()?).map(|path| path.as_bytes().to_vec()).collect();
    let root = fields.text()?;
    let mut above = Vec::new();
    for item in items(fields.text()?) {
        let (allowed, folder) = item.split_at_checked(1).ok_or("Not a folder above")?;
        let inner = root
            .strip_prefix(folder)
            .map(|inner| inner.trim_start_matches('/'))
            .ok_or("Not a folder above")?;
        above.push(Above {
            path: folder.as_bytes().to_vec(),
            inner: format!("{inner}/").into_bytes(),
            gitignore: matches!(allowed, "1" | "3"),
            exclude: matches!(allowed, "2" | "3"),
        });
    }
    let depth = fields.uint()?;
    let all = fields.uint()? == 1;
    let globs = rules::globs(&items(fields.text()?).collect::<Vec<_>>())?;
    let types = rules::types(&items(fields.text()?).collect::<Vec<_>>())?;
    let scope = Scope {
        closed,
        depth,
        all,
        globs,
        types,
        above,
    };
    Ok((files, scope))
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split_terminator('\0')
}

fn range(fields: &mut Fields) -> Result<(u64, u64), String> {
    let (offset, limit) = (fields.uint()?, fields.uint()?);
    if offset == 0 {
        return Err("Offsets count from 1".to_owned());
    }
    Ok((u64::from(offset), u64::from(limit)))
}
