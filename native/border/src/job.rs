//! Work on a thread of its own, which delivers chunks. The queue between is bounded: a slow reader stops the work.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::handles::Handles;

/// How many chunks wait for their reader before the work does.
const QUEUE: usize = 16;

/// All jobs that were started and neither cancelled nor read to their end.
pub static JOBS: Handles<Arc<Job>> = Handles::new();

/// The work was cancelled: return from it.
#[derive(Debug, PartialEq)]
pub struct Cancelled;

/// What a job came to. `Panicked` carries the panic's message and place.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Done,
    Failed(String),
    Panicked(String),
}

/// What the reader finds when it looks.
#[derive(Debug, PartialEq)]
pub enum Next {
    Chunk(Vec<u8>),
    End(End),
    /// Nothing yet. The waker will be called once.
    Pending,
}

struct State {
    chunks: VecDeque<Vec<u8>>,
    end: Option<End>,
    cancelled: bool,
    /// The reader saw `Pending` and waits to be woken.
    waiting: bool,
}

/// Both ends of one job's queue.
pub struct Job {
    state: Mutex<State>,
    room: Condvar,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Job {
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        let state = State {
            chunks: VecDeque::new(),
            end: None,
            cancelled: false,
            waiting: false,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            room: Condvar::new(),
            wake: Box::new(wake),
        })
    }

    /// For the work: delivers a chunk, and waits while the queue is full.
    pub fn send(&self, chunk: Vec<u8>) -> Result<(), Cancelled> {
        let mut state = self.lock();
        while state.chunks.len() >= QUEUE && !state.cancelled {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.cancelled {
            return Err(Cancelled);
        }
        state.chunks.push_back(chunk);
        self.wake(state);
        Ok(())
    }

    /// For the work: whether nobody wants its chunks any more.
    pub fn cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// For the thread: the work is over.
    pub fn finish(&self, end: End) {
        let mut state = self.lock();
        state.end = Some(end);
        self.wake(state);
    }

    /// For the reader: takes the next chunk, or the end once all chunks were taken.
    pub fn next(&self) -> Next {
        let mut state = self.lock();
        if let Some(chunk) = state.chunks.pop_front() {
            self.room.notify_one();
            return Next::Chunk(chunk);
        }
        if let Some(end) = &state.end {
            return Next::End(end.clone());
        }
        state.waiting = true;
        Next::Pending
    }

    /// For the reader: no more of it. Chunks that wait are dropped; the work sees it at its next `send` or `cancelled`.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        state.chunks.clear();
        self.room.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the reader, once for each time that it found nothing, and never after a cancel.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let waiting = std::mem::take(&mut state.waiting) && !state.cancelled;
        drop(state);
        if waiting {
            (self.wake)();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn chunks_come_in_order_and_the_end_last() {
        let job = Job::new(|| {});
        let work = Arc::clone(&job);
        let thread = thread::spawn(move || {
            for i in 0..100 {
                work.send(vec![i]).unwrap();
            }
            work.finish(End::Done);
        });
        let mut seen = Vec::new();
        loop {
            match job.next() {
                Next::Chunk(chunk) => seen.extend(chunk),
                Next::End(end) => break assert_eq!(end, End::Done),
                Next::Pending => thread::yield_now(),
            }
        }
        thread.join().unwrap();
        assert_eq!(seen, (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn a_cancel_frees_work_that_waits_for_room() {
        let job = Job::new(|| {});
        let work = Arc::clone(&job);
        let thread = thread::spawn(move || while work.send(vec![0; 1024]).is_ok() {});
        while job.lock().chunks.len() < QUEUE {
            thread::yield_now();
        }
        job.cancel();
        thread.join().unwrap();
        assert_eq!(job.send(vec![1]), Err(Cancelled));
        assert!(job.lock().chunks.is_empty());
    }

    #[test]
    fn a_reader_is_woken_once_and_only_when_it_waits() {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let job = Job::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        job.send(vec![1]).unwrap();
        assert_eq!(woken.load(Ordering::SeqCst), 0);
        assert_eq!(job.next(), Next::Chunk(vec![1]));
        assert_eq!(job.next(), Next::Pending);
        job.send(vec![2]).unwrap();
        job.send(vec![3]).unwrap();
        assert_eq!(woken.load(Ordering::SeqCst), 1);
    }
}
