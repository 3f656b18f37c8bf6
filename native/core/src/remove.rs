//! Removes a file, or a folder with all in it. All of it is looked at before anything goes.

use std::fmt::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, Access, AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use rein_border::handles::Handles;
use rein_border::job::Job;
use rein_border::wire::{Fields, json_string};

use crate::files::{name_of, one_name};
use crate::sys;

/// Folders in folders, no deeper: each level holds a descriptor.
const DEEPEST: usize = 200;

/// Removals that wait to be run, with what they act on: JavaScript may close its own descriptors at any time.
static READY: Handles<Removal> = Handles::new();

pub struct Removal {
    folder: OwnedFd,
    name: Vec<u8>,
    recursive: bool,
    /// What stays, by its path from the folder that is removed.
    closed: Vec<Vec<u8>>,
}

/// What was removed, and where and why it stopped.
#[derive(Debug, Default, PartialEq)]
struct Removed {
    files: u64,
    folders: u64,
    stopped: Option<Stop>,
}

/// `why` is an errno's name, or a word: `closed` (it must stay), `folder` (it is one, and only a file was meant), `mounted`
/// (another file system begins there), `deep`, `cancelled`. `path` is that from the folder that is removed.
#[derive(Debug, PartialEq)]
struct Stop {
    why: String,
    path: Vec<u8>,
}

/// Makes a removal ready. Fields: whether a folder may be removed, what must stay (each with a NUL behind it), then the name.
pub fn open(folder: i32, input: &[u8]) -> Result<Vec<u8>, String> {
    let mut fields = Fields::new(input);
    let recursive = fields.uint()? != 0;
    let closed = fields.bytes()?.split(|&byte| byte == 0);
    let closed = closed.filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect();
    let name = one_name(fields.rest()).map_err(name_of)?.to_vec();
    let folder = sys::borrow(folder).and_then(|folder| fcntl_dupfd_cloexec(folder, 3));
    let removal = Removal {
        folder: folder.map_err(name_of)?,
        name,
        recursive,
        closed,
    };
    Ok(READY.insert(removal).to_string().into_bytes())
}

pub fn close(number: i32) {
    READY.remove(number);
}

pub fn count_ready() -> usize {
    READY.count()
}

/// Removes what was made ready and sends what came of it.
pub fn run(input: &[u8], job: &Job) -> Result<(), String> {
    let number = Fields::new(input).uint()?;
    let removal = i32::try_from(number).ok().and_then(|number| READY.remove(number));
    let removed = removal
        .ok_or_else(|| format!("No removal {number}"))?
        .run(&|| job.cancelled());
    // Cancelled: then nobody waits for it.
    let _ = job.send(removed.to_json().into_bytes());
    Ok(())
}

impl Removal {
    fn run(&self, cancelled: &dyn Fn() -> bool) -> Removed {
        let mut walk = Walk {
            removal: self,
            cancelled,
            path: Vec::new(),
            depth: 0,
            removed: Removed::default(),
        };
        let end = walk
            .judge()
            .and_then(|kind| walk.remove(self.folder.as_fd(), &self.name, kind));
        Removed {
            stopped: end.err(),
            ..walk.removed
        }
    }
}

struct Walk<'a> {
    removal: &'a Removal,
    cancelled: &'a dyn Fn() -> bool,
    /// Where it is, from the folder that is removed.
    path: Vec<u8>,
    depth: usize,
    removed: Removed,
}

impl Walk<'_> {
    /// Whether all of it can go, and what it is. Changes nothing.
    fn judge(&mut self) -> Result<FileType, Stop> {
        let Removal { folder, name, .. } = self.removal;
        let kind = kind_of(folder.as_fd(), name).map_err(|errno| self.stop(errno))?;
        if kind == FileType::Directory {
            if !self.removal.recursive {
                return Err(self.stop_for("folder"));
            }
            self.judge_folder(folder.as_fd(), name)?;
        }
        writable(folder.as_fd()).map_err(|errno| self.stop(errno))?;
        Ok(kind)
    }

    fn judge_folder(&mut self, above: BorrowedFd<'_>, name: &[u8]) -> Result<(), Stop> {
        let (folder, entries) = self.open(above, name)?;
        if !entries.is_empty() {
            writable(folder.as_fd()).map_err(|errno| self.stop(errno))?;
        }
        for (name, kind) in entries {
            self.inside(&name, |walk| {
                walk.may_go()?;
                match kind {
                    FileType::Directory => walk.judge_folder(folder.as_fd(), &name),
                    _ => Ok(()),
                }
            })?;
        }
        Ok(())
    }

    fn remove(&mut self, above: BorrowedFd<'_>, name: &[u8], kind: FileType) -> Result<(), Stop> {
        if kind != FileType::Directory {
            fs::unlinkat(above, name, AtFlags::empty()).map_err(|errno| self.stop(errno))?;
            self.removed.files += 1;
            return Ok(());
        }
        let (folder, entries) = self.open(above, name)?;
        for (name, kind) in entries {
            self.inside(&name, |walk| {
                walk.may_go()?;
                walk.remove(folder.as_fd(), &name, kind)
            })?;
        }
        fs::unlinkat(above, name, AtFlags::REMOVEDIR).map_err(|errno| self.stop(errno))?;
        self.removed.folders += 1;
        Ok(())
    }

    /// Opens a folder without following links or crossing into what is mounted there, and says what is in it.
    fn open(&self, above: BorrowedFd<'_>, name: &[u8]) -> Result<(OwnedFd, Entries), Stop> {
        if self.depth > DEEPEST {
            return Err(self.stop_for("deep"));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let folder = match fs::openat2(above, name, flags, Mode::empty(), resolve) {
            Err(Errno::XDEV) => return Err(self.stop_for("mounted")),
            folder => folder.map_err(|errno| self.stop(errno))?,
        };
        let entries = entries(folder.as_fd()).map_err(|errno| self.stop(errno))?;
        Ok((folder, entries))
    }

    fn may_go(&self) -> Result<(), Stop> {
        if (self.cancelled)() {
            return Err(self.stop_for("cancelled"));
        }
        if self.removal.closed.contains(&self.path) {
            return Err(self.stop_for("closed"));
        }
        Ok(())
    }

    fn inside<T>(&mut self, name: &[u8], act: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        let length = self.path.len();
        if length > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        self.depth += 1;
        let done = act(self);
        self.depth -= 1;
        self.path.truncate(length);
        done
    }

    fn stop(&self, errno: Errno) -> Stop {
        self.stop_for(&name_of(errno))
    }

    fn stop_for(&self, why: &str) -> Stop {
        Stop {
            why: why.to_owned(),
            path: self.path.clone(),
        }
    }
}

fn kind_of(folder: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<FileType> {
    let stat = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

fn writable(folder: BorrowedFd<'_>) -> rustix::io::Result<()> {
    fs::accessat(folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())
}

/// What is in a folder: names and kinds, in no order.
type Entries = Vec<(Vec<u8>, FileType)>;

/// What vanishes meanwhile is left out.
fn entries(folder: BorrowedFd<'_>) -> rustix::io::Result<Entries> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => kind_of(folder, name),
            kind => Ok(kind),
        };
        match kind {
            Ok(kind) => entries.push((name.to_vec(), kind)),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(entries)
}

impl Removed {
    fn to_json(&self) -> String {
        let mut out = format!(r#"{{"files":{},"folders":{}"#, self.files, self.folders);
        if let Some(Stop { why, path }) = &self.stopped {
            // Writing to a String cannot fail.
            let _ = write!(out, r#","stopped":{{"why":"{why}","path":"#);
            json_string(&mut out, &String::from_utf8_lossy(path));
            out.push('}');
        }
        out.push('}');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::open_root;
    use std::fs as disk;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// A folder `tree` with files, folders and links in it, and a file `kept` beside it.
    fn planted(test: impl FnOnce(&Path, &dyn Fn(&str, bool, &[&str]) -> Removed)) {
        let root = std::env::temp_dir().join(format!("rein-remove-{:?}", std::thread::current().id()));
        disk::create_dir_all(root.join("tree/a/b")).unwrap();
        disk::write(root.join("kept"), "kept").unwrap();
        disk::write(root.join("tree/a/file"), "x").unwrap();
        disk::write(root.join("tree/a/b/file"), "x").unwrap();
        symlink("../kept", root.join("tree/link")).unwrap();
        symlink("..", root.join("tree/up")).unwrap();
        let remove = |name: &str, recursive: bool, closed: &[&str]| {
            let removal = Removal {
                folder: open_root(root.as_os_str().as_encoded_bytes()).unwrap(),
                name: name.as_bytes().to_vec(),
                recursive,
                closed: closed.iter().map(|path| path.as_bytes().to_vec()).collect(),
            };
            removal.run(&|| false)
        };
        test(&root, &remove);
        disk::remove_dir_all(root).unwrap();
    }

    fn stopped(why: &str, path: &str) -> Removed {
        let (why, path) = (why.to_owned(), path.as_bytes().to_vec());
        Removed {
            stopped: Some(Stop { why, path }),
            ..Removed::default()
        }
    }

    #[test]
    fn a_tree_goes_with_its_links_and_not_with_what_they_lead_to() {
        planted(|root, remove| {
            let all = Removed {
                files: 4,
                folders: 3,
                stopped: None,
            };
            assert_eq!(remove("tree", true, &["nowhere"]), all);
            assert!(!root.join("tree").exists());
            assert_eq!(disk::read(root.join("kept")).unwrap(), b"kept");
        });
    }

    #[test]
    fn nothing_goes_where_a_part_must_stay() {
        planted(|root, remove| {
            assert_eq!(remove("tree", true, &["a/b/file"]), stopped("closed", "a/b/file"));
            assert_eq!(remove("tree", true, &["a/b"]), stopped("closed", "a/b"));
            assert_eq!(remove("tree", false, &[]), stopped("folder", ""));
            assert_eq!(remove("none", true, &[]), stopped("ENOENT", ""));
            assert!(root.join("tree/a/file").exists() && root.join("tree/link").is_symlink());
        });
    }

    #[test]
    fn what_is_nested_too_deep_stays() {
        planted(|root, remove| {
            let deep = root.join("tree").join(["d"; DEEPEST + 1].join("/"));
            disk::create_dir_all(&deep).unwrap();
            assert_eq!(remove("tree", true, &[]).stopped.unwrap().why, "deep");
            assert!(deep.exists() && root.join("tree/a/file").exists());
        });
    }

    #[test]
    fn what_it_came_to_is_json() {
        let stop = Removed {
            files: 2,
            ..stopped("EACCES", "a\"b")
        };
        let json = r#"{"files":2,"folders":0,"stopped":{"why":"EACCES","path":"a\"b"}}"#;
        assert_eq!(stop.to_json(), json);
        assert_eq!(Removed::default().to_json(), r#"{"files":0,"folders":0}"#);
    }
}
