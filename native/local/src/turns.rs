//! Whose turn it is to compute. More threads than processors would be many times slower, so sessions take turns, each for one token
//! or one batch, in the order in which they ask.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

struct State {
    /// The threads that compute now.
    busy: usize,
    waiting: VecDeque<u64>,
    last: u64,
}

static STATE: Mutex<State> = Mutex::new(State {
    busy: 0,
    waiting: VecDeque::new(),
    last: 0,
});
static CHANGED: Condvar = Condvar::new();

/// How many processors this process may use.
pub fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The right to compute with so many threads, until it is dropped.
pub struct Turn(usize);

impl Drop for Turn {
    fn drop(&mut self) {
        STATE.lock().unwrap_or_else(PoisonError::into_inner).busy -= self.0;
        CHANGED.notify_all();
    }
}

/// Waits for a turn; None once `cancelled` says so.
pub fn take(threads: usize, cancelled: &dyn Fn() -> bool) -> Option<Turn> {
    let most = processors().max(threads);
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    state.last += 1;
    let own = state.last;
    state.waiting.push_back(own);
    loop {
        let first = state.waiting.front() == Some(&own);
        let gone = cancelled();
        if gone || (first && state.busy + threads <= most) {
            state.waiting.retain(|ticket| *ticket != own);
            CHANGED.notify_all();
            if gone {
                return None;
            }
            state.busy += threads;
            return Some(Turn(threads));
        }
        // A cancel wakes nobody here: look now and then.
        let wait = CHANGED.wait_timeout(state, Duration::from_millis(20));
        state = wait.unwrap_or_else(PoisonError::into_inner).0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn turns_that_need_every_processor_come_one_after_the_other() {
        let all = processors();
        let turn = take(all, &|| false).unwrap();
        assert!(take(1, &|| true).is_none());
        let next = thread::spawn(move || take(all, &|| false).is_some());
        thread::sleep(Duration::from_millis(5));
        assert!(!next.is_finished());
        drop(turn);
        assert!(next.join().unwrap());
    }
}
