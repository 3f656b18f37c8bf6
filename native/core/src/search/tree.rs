//! A tree searched by several threads. The answer is the same whatever they do when: one walks at a time, in the order of paths, and
//! hands out batches of files; what a batch came to waits until all before it were told. A thread that is done takes a batch, or
//! walks on where there is none; so many batches are under way at most that memory is bounded.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use rein_border::job::{Cancelled, Job};
use rustix::fs::FileType;

use super::file::{FileSearch, How, Keep, Outcome};
use super::page::{Output, Page, ROOM, Wanted};
use super::walk::{Folder, Found, Walk};

const MOST_THREADS: usize = 8;

/// Files of one batch, and the folders that they keep open. The first batches are smaller: a result comes sooner.
const MOST_FILES: usize = 64;
const MOST_FOLDERS: usize = 8;

/// Batches under way for each thread.
const WINDOW: u64 = 4;

struct Shared<'a> {
    how: &'a How,
    wanted: &'a Wanted,
    job: &'a Job,
    state: Mutex<State<'a>>,
    changed: Condvar,
    /// No more lines are told: it is enough to count.
    full: AtomicBool,
    /// Held while a large file is searched.
    large: Mutex<()>,
    window: u64,
}

struct State<'a> {
    /// Out of here while a thread walks.
    walk: Option<Walk>,
    walked: bool,
    batches: VecDeque<(u64, Vec<Found>)>,
    /// Batches that were handed out, and those that were told.
    started: u64,
    told: u64,
    done: BTreeMap<u64, Done>,
    /// Out of here while a thread tells.
    page: Option<Page<'a>>,
    over: bool,
    panicked: Option<String>,
}

/// What each file of a batch came to.
type Done = Vec<(Found, Outcome)>;

/// Sends the results that are wanted, in order, and a summary. A cancelled job just ends.
pub fn search(mut walk: Walk, how: &How, wanted: &Wanted, job: &Job) {
    let (files, walked) = next_batch(&mut walk, 8, job);
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = if walked { 1 } else { processors.min(MOST_THREADS) };
    let state = State {
        walk: Some(walk),
        walked,
        batches: VecDeque::from([(0, files)]),
        started: 1,
        told: 0,
        done: BTreeMap::new(),
        page: Some(Page::new(wanted)),
        over: false,
        panicked: None,
    };
    let shared = Shared {
        how,
        wanted,
        job,
        state: Mutex::new(state),
        changed: Condvar::new(),
        full: AtomicBool::new(false),
        large: Mutex::new(()),
        window: WINDOW * threads as u64,
    };
    // Who waits for the first result has a processor for it, and where there is little to search no thread is started.
    shared.work_until(|state| state.told > 0);
    thread::scope(|scope| {
        for _ in 1..threads {
            let thread = thread::Builder::new().name("rein-search".to_owned());
            // With fewer threads it takes longer.
            let _ = thread.spawn_scoped(scope, || shared.work());
        }
        shared.work();
    });
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(message) = state.panicked {
        panic!("{message}");
    }
    if let (Some(page), Some(walk)) = (state.page, state.walk) {
        // Cancelled: then nobody waits for it.
        let _ = page.end_with(Some(&walk), job);
    }
}

/// Searches the one file that was named, whatever its size, and sends as `search` does, with an empty path.
pub fn search_named(file: OwnedFd, how: &How, wanted: &Wanted, job: &Job) {
    let large = Mutex::new(());
    let keep = Keep {
        skip: wanted.offset - 1,
        room: ROOM,
    };
    let outcome = FileSearch::new(how, job, &large).search_open(file, true, keep);
    let mut page = Page::new(wanted);
    page.add("", outcome, |_| None);
    // Cancelled: then nobody waits for it.
    let _ = page.send(job).and_then(|()| page.end_with(None, job));
}

/// The next files of a walk, and whether it is at its end.
fn next_batch(walk: &mut Walk, most: usize, job: &Job) -> (Vec<Found>, bool) {
    let mut files: Vec<Found> = Vec::new();
    let mut folders = 0;
    let mut last: Option<Arc<Folder>> = None;
    // A tree without files must not hold up the others.
    for _ in 0..4096 {
        let Some(found) = walk.next(&|| job.cancelled()) else {
            return (files, true);
        };
        if found.kind != FileType::RegularFile {
            continue;
        }
        if !last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &found.folder)) {
            last = Some(Arc::clone(&found.folder));
            folders += 1;
        }
        files.push(found);
        if files.len() >= most || folders >= MOST_FOLDERS {
            break;
        }
    }
    (files, false)
}

impl<'a> Shared<'a> {
    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State<'a>>) -> MutexGuard<'s, State<'a>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// What each thread does until all is told. When one panics the others must not wait for it.
    fn work(&self) {
        let worked = catch_unwind(AssertUnwindSafe(|| self.work_until(|state| state.over)));
        let mut state = self.lock();
        if let Err(panic) = worked {
            state.panicked = Some(message_of(panic.as_ref()));
        }
        state.over = true;
        drop(state);
        self.changed.notify_all();
    }

    fn work_until(&self, enough: impl Fn(&State) -> bool) {
        let mut search = FileSearch::new(self.how, self.job, &self.large);
        let mut state = self.lock();
        while !enough(&state) && !state.over && !self.job.cancelled() {
            if let Some((number, files)) = state.batches.pop_front() {
                drop(state);
                let done = self.search_batch(files, &mut search);
                state = self.lock();
                state.done.insert(number, done);
                state = self.tell(state, &mut search);
            } else if state.walked && state.told == state.started {
                return;
            } else if !state.walked
                && state.started - state.told < self.window
                && let Some(mut walk) = state.walk.take()
            {
                let most = MOST_FILES.min(8 << state.started.min(3));
                drop(state);
                let (files, walked) = next_batch(&mut walk, most, self.job);
                state = self.lock();
                let number = state.started;
                state.batches.push_back((number, files));
                state.started += 1;
                state.walked = walked;
                state.walk = Some(walk);
                self.changed.notify_all();
            } else {
                state = self.wait(state);
            }
        }
    }

    fn search_batch(&self, files: Vec<Found>, search: &mut FileSearch) -> Done {
        let mut room = if self.wanted.output == Output::Lines { ROOM } else { 0 };
        let mut done = Vec::with_capacity(files.len());
        for found in files {
            if self.full.load(Ordering::Relaxed) {
                room = 0;
            }
            let outcome = search.search(&found, Keep { skip: 0, room });
            if let Outcome::Searched(hits) = &outcome {
                let kept: usize = hits.rows.iter().map(|row| row.json.len()).sum();
                room = room.saturating_sub(kept);
            }
            done.push((found, outcome));
        }
        done
    }

    /// Tells what is done, as far as nothing before it is missing; one thread at a time.
    fn tell<'s>(&'s self, mut state: MutexGuard<'s, State<'a>>, search: &mut FileSearch) -> MutexGuard<'s, State<'a>> {
        while let Some(mut page) = state.page.take() {
            let next = state.told;
            let Some(done) = state.done.remove(&next) else {
                state.page = Some(page);
                break;
            };
            drop(state);
            for (found, outcome) in done {
                page.add(&String::from_utf8_lossy(&found.path), outcome, |keep| {
                    match search.search(&found, keep) {
                        Outcome::Searched(hits) => Some(hits),
                        _ => None,
                    }
                });
                if page.stopped {
                    break;
                }
            }
            let sent = page.send(self.job);
            if page.is_full() {
                self.full.store(true, Ordering::Relaxed);
            }
            state = self.lock();
            state.over |= page.stopped || sent == Err(Cancelled);
            state.page = Some(page);
            state.told += 1;
            self.changed.notify_all();
        }
        state
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a thread of a search panicked".to_owned())
}
