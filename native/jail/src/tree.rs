//! The processes that descend from us.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::system::reap;

/// Kills every descendant, also those that are started meanwhile, and reaps them: since we are their subreaper, what loses its
/// parent becomes our child. True when none is left; false when the deadline passed first.
pub fn kill_all(deadline: Instant) -> bool {
    let mut pause = Duration::from_micros(100);
    loop {
        loop {
            match reap() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(errno) => return errno == Errno::ECHILD,
            }
        }
        if Instant::now() >= deadline {
            return false;
        }
        for pid in descendants(std::process::id() as i32) {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Who descends from a process right now. Empty where /proc is not mounted.
fn descendants(ancestor: i32) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(parent) = fs::read(format!("/proc/{pid}/stat"))
            .ok()
            .as_deref()
            .and_then(parent_in)
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut seen = HashSet::from([ancestor]);
    let mut todo = vec![ancestor];
    while let Some(parent) = todo.pop() {
        for pid in children.remove(&parent).unwrap_or_default() {
            if seen.insert(pid) {
                found.push(pid);
                todo.push(pid);
            }
        }
    }
    found
}

/// The parent in `PID (NAME) STATE PARENT …`; the name may hold anything, parentheses too.
fn parent_in(stat: &[u8]) -> Option<i32> {
    let after = stat.iter().rposition(|byte| *byte == b')')? + 1;
    std::str::from_utf8(&stat[after..])
        .ok()?
        .split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_have_any_name() {
        assert_eq!(parent_in(b"12 (a) S 7 1 1"), Some(7));
        assert_eq!(parent_in(b"12 (a) S 7 (b) R 8 1 1"), Some(8));
        assert_eq!(parent_in(b"12 (\xff) S 7"), Some(7));
        assert_eq!(parent_in(b"nothing"), None);
    }

    #[test]
    fn a_child_is_a_descendant() {
        let mut child = std::process::Command::new("sleep").arg("9").spawn().unwrap();
        assert!(descendants(std::process::id() as i32).contains(&(child.id() as i32)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
