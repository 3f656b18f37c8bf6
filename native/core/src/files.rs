//! Files beneath a root: everything is reached from a descriptor, by paths that cannot leave it and follow no symlink.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{
    self, Access, AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, RawMode, ResolveFlags, Stat as RawStat, Uid,
};
use rustix::io::{Errno, Result};

use rein_border::wire::json_string;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    /// To read its bytes. Opening never waits, whatever it is: FIFOs and devices too.
    Read,
    /// To list it, or to act on its entries.
    Folder,
    /// To look at it without any right to its content.
    Path,
}

impl How {
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Read, Self::Folder, Self::Path].get(number as usize).copied()
    }
}

/// What JavaScript reads as JSON.
pub trait ToJson {
    fn to_json(&self) -> String;
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stat {
    pub kind: &'static str,
    pub size: u64,
    pub modified_ms: f64,
    /// Device and inode: two descriptors with the same one are the same file.
    id: (u64, u64),
    /// When the content and when anything of it changed, in seconds and nanoseconds.
    modified: (i64, u64),
    changed: (i64, u64),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The bytes of the name. In JSON what is not UTF-8 becomes U+FFFD, and so can no longer be opened by name.
    name: Vec<u8>,
    stat: Stat,
}

/// The version of a file that is not there.
const ABSENT: &str = "absent";

/// Whether a replaced file is new.
#[derive(Debug, PartialEq)]
pub struct Replaced {
    created: bool,
}

/// Opens an absolute path of a folder as a root. Symlinks in it are followed: the caller has judged it.
pub fn open_root(path: &[u8]) -> Result<OwnedFd> {
    if !path.starts_with(b"/") {
        return Err(Errno::INVAL);
    }
    fs::openat(
        CWD,
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Opens a path beneath a root; `.` is the root itself. A symlink anywhere in it is ELOOP, a way out of the root EXDEV.
pub fn open_beneath(root: BorrowedFd<'_>, path: &[u8], how: How) -> Result<OwnedFd> {
    let flags = match how {
        How::Read => OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
        How::Folder => OFlags::RDONLY | OFlags::DIRECTORY,
        How::Path => OFlags::PATH,
    };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    // EAGAIN: something above was renamed meanwhile, and the kernel could not be sure about a `..`.
    let mut tries = 32;
    loop {
        match fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) if tries > 0 => tries -= 1,
            opened => return opened,
        }
    }
}

/// The entries of a folder in byte order of their names, symlinks as themselves. What vanishes meanwhile is left out.
pub fn list(folder: BorrowedFd<'_>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(raw) => entries.push(Entry {
                name: name.to_bytes().to_vec(),
                stat: Stat::from(&raw),
            }),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Makes a folder with `mode` less the umask.
pub fn make_folder(folder: BorrowedFd<'_>, name: &[u8], mode: u32) -> Result<()> {
    fs::mkdirat(folder, one_name(name)?, permissions(mode))
}

/// Creates a file, or replaces one, whole: its readers see the old bytes or the new ones, also after a crash. An existing
/// file keeps its mode and, where we may give files away, its owner; a new one gets `mode` less the umask. Hard links to it
/// keep the old bytes; ACLs and extended attributes are lost. A symlink is ELOOP, a folder EISDIR, anything else EINVAL.
/// With `version` it must still be the file of that version, or with `ABSENT` there must be none, else it is ESTALE. That is looked
/// at last: only what somebody else changes between that look and the renaming after it is lost, and nothing of another rein's.
pub fn replace(
    folder: BorrowedFd<'_>,
    name: &[u8],
    bytes: &[u8],
    mode: u32,
    version: Option<&str>,
) -> Result<Replaced> {
    let name = one_name(name)?;
    let look = || match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(old) => Ok(Some(old)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    };
    let same = |old: Option<&RawStat>| match version {
        Some(ABSENT) => old.map_or(Ok(()), |_| Err(Errno::STALE)),
        Some(version) if old.is_none_or(|old| Stat::from(old).version() != version) => Err(Errno::STALE),
        _ => Ok(()),
    };
    let old = look()?;
    match old.as_ref().map(|old| FileType::from_raw_mode(old.st_mode)) {
        None | Some(FileType::RegularFile) => {}
        Some(FileType::Symlink) => return Err(Errno::LOOP),
        Some(FileType::Directory) => return Err(Errno::ISDIR),
        Some(_) => return Err(Errno::INVAL),
    }
    same(old.as_ref())?;
    if old.is_some() {
        // A rename asks only the folder: without this a file that is read-only, or another's, would be lost to it.
        fs::accessat(folder, name, Access::WRITE_OK, AtFlags::EACCESS)?;
    }
    // What replaces a file is nobody else's to read before it has that file's mode.
    let first_mode = if old.is_some() {
        Mode::RUSR | Mode::WUSR
    } else {
        permissions(mode)
    };
    let (file, temporary) = create_temporary(folder, first_mode)?;
    let written = fill(&file, bytes, old.as_ref()).and_then(|()| {
        let _turn = version.and_then(|_| take_turn(folder));
        if version.is_some() {
            same(look()?.as_ref())?;
        }
        fs::renameat(folder, &temporary, folder, name)
    });
    if let Err(errno) = written {
        // The first failure is the one to tell; if this fails too there is nothing more to do about it.
        let _ = fs::unlinkat(folder, &temporary, AtFlags::empty());
        return Err(errno);
    }
    Ok(Replaced { created: old.is_none() })
}

/// Where several processes replace a file by its version, they look and rename one after another; it ends with what is returned. Who
/// does not get a turn in a while goes without: somebody who holds the folder for other reasons holds up nobody.
fn take_turn(folder: BorrowedFd<'_>) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let turn = fs::openat(folder, ".", flags, Mode::empty()).ok()?;
    for _ in 0..200 {
        match fs::flock(&turn, fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(turn),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(std::time::Duration::from_millis(1)),
            Err(_) => return None,
        }
    }
    None
}

fn fill(file: &OwnedFd, mut bytes: &[u8], old: Option<&RawStat>) -> Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    if let Some(old) = old {
        let new = fs::fstat(file)?;
        let mut kept = old.st_mode & 0o7777;
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) {
            let given = fs::fchown(file, Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)));
            match given {
                Ok(()) => {}
                // Not ours to give away: it becomes the writer's, and then must not run as its owner.
                Err(Errno::PERM) => kept &= 0o777,
                Err(errno) => return Err(errno),
            }
        }
        fs::fchmod(file, permissions(kept))?;
    }
    fs::fsync(file)
}

/// A new file in that folder, under a name that nobody has.
fn create_temporary(folder: BorrowedFd<'_>, mode: Mode) -> Result<(OwnedFd, String)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut tries = 16;
    loop {
        let name = format!(".rein-{:016x}.tmp", RandomState::new().build_hasher().finish());
        match fs::openat(folder, &name, flags, mode) {
            Err(Errno::EXIST) if tries > 0 => tries -= 1,
            opened => return opened.map(|file| (file, name)),
        }
    }
}

/// A single name: what has a slash or dots would leave the folder.
pub fn one_name(name: &[u8]) -> Result<&[u8]> {
    if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
        return Err(Errno::INVAL);
    }
    Ok(name)
}

fn permissions(mode: u32) -> Mode {
    Mode::from_raw_mode(mode as RawMode & 0o7777)
}

impl From<&RawStat> for Stat {
    fn from(raw: &RawStat) -> Self {
        let kind = match FileType::from_raw_mode(raw.st_mode) {
            FileType::RegularFile => "file",
            FileType::Directory => "folder",
            FileType::Symlink => "symlink",
            _ => "other",
        };
        Self {
            kind,
            size: raw.st_size as u64,
            modified_ms: raw.st_mtime as f64 * 1e3 + (raw.st_mtime_nsec / 1_000_000) as f64,
            id: (raw.st_dev, raw.st_ino),
            modified: (raw.st_mtime, raw.st_mtime_nsec),
            changed: (raw.st_ctime, raw.st_ctime_nsec),
        }
    }
}

impl Stat {
    /// What differs where a file is another one or has changed: device, inode, size, and both times in nanoseconds. `statFd` of
    /// `src/native/files.ts` writes the same.
    fn version(&self) -> String {
        let Self {
            id: (device, inode),
            size,
            modified: (modified, modified_ns),
            changed: (changed, changed_ns),
            ..
        } = self;
        format!("{device}:{inode}:{size}:{modified}.{modified_ns:09}:{changed}.{changed_ns:09}")
    }
}

impl ToJson for Vec<Entry> {
    fn to_json(&self) -> String {
        let mut out = String::with_capacity(2 + self.len() * 96);
        out.push('[');
        for (
            index,
            Entry {
                name,
                stat:
                    Stat {
                        kind,
                        size,
                        modified_ms,
                        ..
                    },
            },
        ) in self.iter().enumerate()
        {
            out.push_str(if index == 0 { r#"{"name":"# } else { r#",{"name":"# });
            json_string(&mut out, &String::from_utf8_lossy(name));
            // Writing to a String cannot fail.
            let _ = write!(out, r#","kind":"{kind}","size":{size},"modifiedMs":{modified_ms}}}"#);
        }
        out.push(']');
        out
    }
}

impl ToJson for Replaced {
    fn to_json(&self) -> String {
        format!(r#"{{"created":{}}}"#, self.created)
    }
}

/// An errno's name; one that file calls do not give is `E` and its number.
pub fn name_of(errno: Errno) -> String {
    macro_rules! names {
        ($($name:ident),*) => {
            match errno {
                $(Errno::$name => concat!("E", stringify!($name)).to_owned(),)*
                Errno::ACCESS => "EACCES".to_owned(),
                Errno::TOOBIG => "E2BIG".to_owned(),
                _ => format!("E{}", errno.raw_os_error()),
            }
        };
    }
    names!(
        AGAIN,
        BADF,
        BUSY,
        DQUOT,
        EXIST,
        FBIG,
        INTR,
        INVAL,
        IO,
        ISDIR,
        LOOP,
        MFILE,
        MLINK,
        NAMETOOLONG,
        NFILE,
        NODEV,
        NOENT,
        NOMEM,
        NOSPC,
        NOSYS,
        NOTDIR,
        NOTEMPTY,
        NXIO,
        OPNOTSUPP,
        OVERFLOW,
        PERM,
        ROFS,
        STALE,
        TXTBSY,
        XDEV
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs as disk;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    /// A folder of the test's own, removed at its end.
    struct Scratch(PathBuf, OwnedFd);

    impl Scratch {
        fn new() -> Self {
            let id = RandomState::new().build_hasher().finish();
            let path = std::env::temp_dir().join(format!("rein-files-{id:x}"));
            disk::create_dir(&path).unwrap();
            let root = open_root(path.as_os_str().as_encoded_bytes()).unwrap();
            Self(path, root)
        }

        fn open(&self, path: &str, how: How) -> Result<OwnedFd> {
            open_beneath(self.1.as_fd(), path.as_bytes(), how)
        }

        fn version(&self, path: &str) -> String {
            Stat::from(&fs::fstat(self.open(path, How::Path).unwrap()).unwrap()).version()
        }

        fn names(&self) -> Vec<String> {
            let folder = self.open(".", How::Folder).unwrap();
            list(folder.as_fd())
                .unwrap()
                .into_iter()
                .map(|entry| String::from_utf8(entry.name).unwrap())
                .collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            disk::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn nothing_outside_the_root_is_reached() {
        let scratch = Scratch::new();
        disk::write(scratch.0.join("file"), "text").unwrap();
        symlink("/etc/passwd", scratch.0.join("absolute")).unwrap();
        symlink("file", scratch.0.join("inner")).unwrap();
        assert!(scratch.open("file", How::Read).is_ok());
        for (path, errno) in [
            ("/etc/passwd", Errno::XDEV),
            ("../x", Errno::XDEV),
            ("a/../../x", Errno::NOENT),
            ("absolute", Errno::LOOP),
            ("inner", Errno::LOOP),
            ("missing", Errno::NOENT),
            ("file/x", Errno::NOTDIR),
            ("", Errno::NOENT),
            ("nul\0", Errno::INVAL),
        ] {
            assert_eq!(scratch.open(path, How::Read).err(), Some(errno), "{path}");
        }
        assert_eq!(open_root(b"relative").err(), Some(Errno::INVAL));
    }

    #[test]
    fn a_fifo_opens_at_once_and_says_what_it_is() {
        let scratch = Scratch::new();
        assert!(
            std::process::Command::new("mkfifo")
                .arg(scratch.0.join("fifo"))
                .status()
                .unwrap()
                .success()
        );
        let fifo = scratch.open("fifo", How::Read).unwrap();
        assert_eq!(Stat::from(&fs::fstat(&fifo).unwrap()).kind, "other");
        assert_eq!(
            replace(scratch.1.as_fd(), b"fifo", b"x", 0o644, None),
            Err(Errno::INVAL)
        );
    }

    #[test]
    fn entries_are_sorted_by_bytes_and_symlinks_are_themselves() {
        let scratch = Scratch::new();
        disk::write(scratch.0.join("b"), "12345").unwrap();
        disk::create_dir(scratch.0.join("B")).unwrap();
        symlink("nowhere", scratch.0.join("a\"ü")).unwrap();
        assert_eq!(scratch.names(), ["B", "a\"ü", "b"]);
        let folder = scratch.open(".", How::Folder).unwrap();
        let entries = list(folder.as_fd()).unwrap();
        let kinds: Vec<&str> = entries.iter().map(|entry| entry.stat.kind).collect();
        assert_eq!(kinds, ["folder", "symlink", "file"]);
        assert_eq!(entries[2].stat.size, 5);
        assert!(entries.to_json().contains(r#"{"name":"a\"ü","kind":"symlink""#));
        assert_eq!(list(folder.as_fd()).unwrap(), entries, "a second listing starts anew");
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_leaves_no_temporary() {
        let scratch = Scratch::new();
        let folder = scratch.1.as_fd();
        disk::write(scratch.0.join("script"), "old").unwrap();
        disk::set_permissions(scratch.0.join("script"), disk::Permissions::from_mode(0o751)).unwrap();
        assert_eq!(
            replace(folder, b"script", b"new", 0o600, None),
            Ok(Replaced { created: false })
        );
        assert_eq!(
            replace(folder, b"fresh", b"", 0o600, None),
            Ok(Replaced { created: true })
        );
        assert_eq!(disk::read(scratch.0.join("script")).unwrap(), b"new");
        let mode = |name| disk::metadata(scratch.0.join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("script"), mode("fresh")), (0o751, 0o600));
        assert_eq!(scratch.names(), ["fresh", "script"]);
    }

    #[test]
    fn a_replacement_that_fails_leaves_everything_as_it_was() {
        let scratch = Scratch::new();
        let folder = scratch.1.as_fd();
        disk::create_dir(scratch.0.join("folder")).unwrap();
        symlink("target", scratch.0.join("link")).unwrap();
        assert_eq!(replace(folder, b"folder", b"x", 0o644, None), Err(Errno::ISDIR));
        assert_eq!(replace(folder, b"link", b"x", 0o644, None), Err(Errno::LOOP));
        for name in ["", ".", "..", "a/b", "../x", "/x"] {
            assert_eq!(
                replace(folder, name.as_bytes(), b"x", 0o644, None),
                Err(Errno::INVAL),
                "{name}"
            );
            assert_eq!(make_folder(folder, name.as_bytes(), 0o755), Err(Errno::INVAL), "{name}");
        }
        // The temporary is written, but no name of 300 bytes can be renamed to.
        assert_eq!(
            replace(folder, &[b'x'; 300], b"x", 0o644, None),
            Err(Errno::NAMETOOLONG)
        );
        assert_eq!(scratch.names(), ["folder", "link"]);
    }

    #[test]
    fn a_file_that_changed_is_not_replaced_by_its_version() {
        let scratch = Scratch::new();
        let folder = scratch.1.as_fd();
        let path = scratch.0.join("file");
        disk::write(&path, "one").unwrap();
        let seen = scratch.version("file");
        let replace = |bytes| replace(folder, b"file", bytes, 0o644, Some(&seen));
        disk::write(&path, "other").unwrap();
        assert_eq!(replace(b"two"), Err(Errno::STALE));
        disk::remove_file(&path).unwrap();
        assert_eq!(replace(b"two"), Err(Errno::STALE));
        assert_eq!(scratch.names(), [""; 0]);
    }

    #[test]
    fn a_file_that_is_there_is_not_made_anew() {
        let scratch = Scratch::new();
        let make = || replace(scratch.1.as_fd(), b"file", b"one", 0o644, Some(ABSENT));
        assert_eq!(make(), Ok(Replaced { created: true }));
        assert_eq!(make(), Err(Errno::STALE));
    }

    #[test]
    fn several_who_replace_a_file_by_its_version_lose_nothing() {
        let scratch = Scratch::new();
        let path = scratch.0.join("file");
        disk::write(&path, "").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        loop {
                            let seen = scratch.version("file");
                            let mut text = disk::read(&path).unwrap();
                            text.push(b'x');
                            match replace(scratch.1.as_fd(), b"file", &text, 0o644, Some(&seen)) {
                                Ok(_) => break,
                                Err(errno) => assert_eq!(errno, Errno::STALE),
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(disk::read(&path).unwrap().len(), 80);
    }

    #[test]
    fn errors_have_names() {
        assert_eq!(name_of(Errno::NOENT), "ENOENT");
        assert_eq!(name_of(Errno::ACCESS), "EACCES");
        assert_eq!(name_of(Errno::DEADLK), "E35");
    }
}
