//! Which function a name stands for, and how its input is read.

use std::os::fd::IntoRawFd;
use std::thread;
use std::time::Duration;

use rein_border::handles::Handles;
use rein_border::job::{JOBS, Job};
use rein_border::wire::{Fields, text};
use rein_border::{Function, Table};

use crate::canvas;
use crate::diff;
use crate::files::{self, How};
use crate::json::{self, Reader};
use crate::page;
use crate::remove;
use crate::search;
use crate::sys;
use crate::tokens;

use Function::{Call, Job as Start};

/// `test.*` stay in the library for good: with them the tests see, in the very binary that ships, that a panic is an error,
/// that a job streams and ends, and that nothing leaks.
pub const FUNCTIONS: &Table = &[
    ("files.open_root", Call(|_, path| descriptor(files::open_root(path)))),
    (
        "files.open_beneath",
        Call(|root, input| {
            let mut fields = Fields::new(input);
            let how = How::from_number(fields.uint()?).ok_or("Not a way to open")?;
            descriptor(sys::borrow(root).and_then(|root| files::open_beneath(root, fields.rest(), how)))
        }),
    ),
    (
        "files.list",
        Call(|fd, _| answer(sys::borrow(fd).and_then(files::list))),
    ),
    (
        "files.make_folder",
        Call(|folder, input| {
            let mut fields = Fields::new(input);
            let mode = fields.uint()?;
            let made = sys::borrow(folder).and_then(|folder| files::make_folder(folder, fields.rest(), mode));
            made.map(|()| Vec::new()).map_err(files::name_of)
        }),
    ),
    (
        "files.replace",
        Call(|folder, input| {
            let mut fields = Fields::new(input);
            let (mode, name, version) = (fields.uint()?, fields.bytes()?, fields.text()?);
            let version = Some(version).filter(|version| !version.is_empty());
            answer(sys::borrow(folder).and_then(|folder| files::replace(folder, name, fields.rest(), mode, version)))
        }),
    ),
    ("files.open_removal", Call(remove::open)),
    ("files.remove", Start(remove::run)),
    (
        "files.close_removal",
        Call(|number, _| {
            remove::close(number);
            Ok(Vec::new())
        }),
    ),
    ("search.open_list", Call(search::open_list)),
    ("search.open", Call(search::open_search)),
    (
        "search.close",
        Call(|number, _| {
            search::close(number);
            Ok(Vec::new())
        }),
    ),
    ("search.run", Start(search::run)),
    (
        "search.types",
        Call(|_, _| Ok(search::type_names().join("\n").into_bytes())),
    ),
    ("canvas.draw", Call(|_, input| canvas::draw(input))),
    (
        "canvas.draw_large",
        Start(|input, job| {
            let _ = job.send(canvas::draw(input)?);
            Ok(())
        }),
    ),
    (
        "canvas.sixel",
        Start(|png, job| {
            let _ = job.send(canvas::sixel(png)?);
            Ok(())
        }),
    ),
    ("diff.unified", Call(|_, input| diff(input))),
    (
        "diff.unified_large",
        Start(|input, job| {
            // Cancelled: then nobody waits for it.
            let _ = job.send(diff(input)?);
            Ok(())
        }),
    ),
    (
        "json.open",
        Call(|_, keep| Ok(READERS.insert(Reader::new(!keep.is_empty())).to_string().into_bytes())),
    ),
    (
        "json.push",
        Call(|id, piece| {
            let valid = reader(id, |reader| reader.push(piece))?;
            Ok(if valid { Vec::new() } else { b"invalid".to_vec() })
        }),
    ),
    (
        "json.status",
        Call(|id, _| reader(id, |reader| json::status_json(reader.status()).into_bytes())),
    ),
    (
        "json.kept",
        Call(|id, _| reader(id, |reader| reader.kept().unwrap_or_default().to_vec())),
    ),
    (
        "json.close",
        Call(|id, _| {
            READERS.remove(id);
            Ok(Vec::new())
        }),
    ),
    (
        "json.check",
        Call(|_, text| {
            let mut reader = Reader::new(false);
            reader.push(text);
            Ok(json::status_json(reader.status()).into_bytes())
        }),
    ),
    (
        "json.repair",
        Call(|_, input| Ok(json::repair_json(text(input)?).into_bytes())),
    ),
    (
        "tokens.load",
        Start(|input, _| {
            let mut fields = Fields::new(input);
            tokens::load(fields.uint()? as usize, fields.rest())
        }),
    ),
    (
        "tokens.count",
        Call(|encoding, input| Ok(count_tokens(encoding as usize, input, || false)?.unwrap_or_default())),
    ),
    (
        "tokens.count_large",
        Start(|input, job| {
            let mut fields = Fields::new(input);
            let encoding = fields.uint()? as usize;
            if let Some(count) = count_tokens(encoding, fields.rest(), || job.cancelled())? {
                let _ = job.send(count);
            }
            Ok(())
        }),
    ),
    ("page.markdown", Start(page_markdown)),
    (
        "page.text",
        Start(|input, job| {
            let mut fields = Fields::new(input);
            let label = fields.text()?;
            let (text, charset) = page::decode(fields.rest(), label);
            let _ = job.send(format!("{{\"charset\":\"{charset}\"}}\n{text}").into_bytes());
            Ok(())
        }),
    ),
    ("test.echo", Call(|_, input| Ok(input.to_vec()))),
    (
        "test.fail",
        Call(|_, input| Err(String::from_utf8_lossy(input).into_owned())),
    ),
    (
        "test.panic",
        Call(|_, input| panic!("{}", String::from_utf8_lossy(input))),
    ),
    (
        "test.live",
        Call(|_, _| {
            Ok(
                (JOBS.count() + READERS.count() + remove::count_ready() + search::count_ready())
                    .to_string()
                    .into_bytes(),
            )
        }),
    ),
    ("test.count", Start(test_count)),
];

/// The JSON readers that JavaScript has open.
static READERS: Handles<Reader> = Handles::new();

fn reader<T>(id: i32, act: impl FnOnce(&mut Reader) -> T) -> Result<T, String> {
    READERS.with(id, act).ok_or_else(|| format!("No open JSON reader {id}"))
}

/// The context as a number, both names, the old text, then the new one.
fn diff(input: &[u8]) -> Result<Vec<u8>, String> {
    let mut fields = Fields::new(input);
    let context = fields.uint()?;
    let options = diff::Options {
        old_name: fields.text()?,
        new_name: fields.text()?,
        context,
    };
    let (old, new) = (fields.text()?, text(fields.rest())?);
    Ok(diff::unified(old, new, &options).into_bytes())
}

/// A number as text; nothing if it was `unwanted` before it was known.
fn count_tokens(encoding: usize, input: &[u8], unwanted: impl Fn() -> bool) -> Result<Option<Vec<u8>>, String> {
    let count = tokens::count(encoding, text(input)?, unwanted)?;
    Ok(count.map(|count| count.to_string().into_bytes()))
}

/// Whether all of it is wanted (0 or 1), its URL, a selector, what the server says of its charset, and the bytes of the page. Sends a
/// line of JSON and then the Markdown.
fn page_markdown(input: &[u8], job: &Job) -> Result<(), String> {
    let mut fields = Fields::new(input);
    let whole = fields.uint()? != 0;
    let (url, selector, label) = (fields.text()?, fields.text()?, fields.text()?);
    let (html, charset) = page::decode(fields.rest(), label);
    let query = page::Query { url, selector, whole };
    // Cancelled: then nobody waits for it.
    if let Ok(page) = page::markdown(&html, &query, || job.cancelled())? {
        let facts = page.facts(charset);
        let _ = job.send(format!("{facts}\n{}", page.markdown).into_bytes());
    }
    Ok(())
}

/// Two numbers (how many, and the pause before each in milliseconds), then what to do at the end: "", "fail" or "panic".
/// Sends 0, 1, 2… as text.
fn test_count(input: &[u8], job: &Job) -> Result<(), String> {
    let mut fields = Fields::new(input);
    let (count, pause) = (fields.uint()?, fields.uint()?);
    for number in 0..count {
        thread::sleep(Duration::from_millis(pause.into()));
        job.send(number.to_string().into_bytes()).map_err(|_| "Cancelled")?;
    }
    match fields.rest() {
        b"fail" => Err("failed on purpose".to_owned()),
        b"panic" => panic!("panicked on purpose"),
        _ => Ok(()),
    }
}

fn descriptor(opened: rustix::io::Result<std::os::fd::OwnedFd>) -> Result<Vec<u8>, String> {
    match opened {
        Ok(fd) => Ok(fd.into_raw_fd().to_string().into_bytes()),
        Err(errno) => Err(files::name_of(errno)),
    }
}

fn answer<T: files::ToJson>(result: rustix::io::Result<T>) -> Result<Vec<u8>, String> {
    result.map(|value| value.to_json().into_bytes()).map_err(files::name_of)
}

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn no_name_stands_twice_in_the_table() {
        let mut names: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FUNCTIONS.len());
    }
}
