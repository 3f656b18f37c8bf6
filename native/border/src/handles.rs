//! Things that live between calls, known to JavaScript by a number.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// A table of live things. Numbers start at 1 and are not used again soon, so that a stale one is noticed.
pub struct Handles<T> {
    inner: LazyLock<Mutex<Inner<T>>>,
}

struct Inner<T> {
    last: i32,
    live: HashMap<i32, T>,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Handles<T> {
    pub const fn new() -> Self {
        Self {
            inner: LazyLock::new(|| {
                Mutex::new(Inner {
                    last: 0,
                    live: HashMap::new(),
                })
            }),
        }
    }

    pub fn insert(&self, thing: T) -> i32 {
        let mut inner = self.lock();
        loop {
            inner.last = if inner.last == i32::MAX { 1 } else { inner.last + 1 };
            let id = inner.last;
            if let std::collections::hash_map::Entry::Vacant(free) = inner.live.entry(id) {
                free.insert(thing);
                return id;
            }
        }
    }

    /// Runs `act` on a live thing; None when there is none of that number.
    pub fn with<R>(&self, id: i32, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.lock().live.get_mut(&id).map(act)
    }

    pub fn remove(&self, id: i32) -> Option<T> {
        self.lock().live.remove(&id)
    }

    pub fn count(&self) -> usize {
        self.lock().live.len()
    }

    /// A panic while the lock was held left one thing half changed, not the table.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Handles;

    #[test]
    fn a_removed_number_stands_for_nothing() {
        let handles = Handles::new();
        let (a, b) = (handles.insert("a"), handles.insert("b"));
        assert_ne!(a, b);
        assert_eq!(handles.remove(a), Some("a"));
        assert_eq!(handles.with(a, |thing| *thing), None);
        assert_eq!(handles.with(b, |thing| *thing), Some("b"));
        assert_ne!(handles.insert("c"), a);
        assert_eq!(handles.count(), 2);
    }
}
