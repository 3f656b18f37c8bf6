//! `launch PROGRAM ARG…` runs a program without output and prints one line of JSON about it.
//!
//! A small process of its own, because Linux lets a child begin with its parent's peak of memory: started from the benchmark
//! itself, nothing would seem smaller than that. Times are CLOCK_MONOTONIC, which the fake service's clock is too.

use std::ffi::{c_int, c_long};
use std::process::{Command, Stdio};

#[repr(C)]
#[derive(Default)]
struct Timespec {
    seconds: c_long,
    nanoseconds: c_long,
}

#[repr(C)]
#[derive(Default)]
struct Usage {
    user: [c_long; 2],
    system: [c_long; 2],
    max_rss_kib: c_long,
    rest: [c_long; 13],
}

unsafe extern "C" {
    fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
    fn getrusage(who: c_int, usage: *mut Usage) -> c_int;
}

const CLOCK_MONOTONIC: c_int = 1;
const RUSAGE_CHILDREN: c_int = -1;

fn now() -> i64 {
    let mut time = Timespec::default();
    // SAFETY: `time` is a valid timespec of this platform.
    unsafe { clock_gettime(CLOCK_MONOTONIC, &mut time) };
    time.seconds * 1_000_000_000 + time.nanoseconds
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().expect("launch PROGRAM ARG…");
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = now();
    let status = command.spawn()?.wait()?;
    let end = now();
    let mut usage = Usage::default();
    // SAFETY: `usage` is a valid rusage of this platform.
    unsafe { getrusage(RUSAGE_CHILDREN, &mut usage) };
    let cpu_us = (usage.user[0] + usage.system[0]) * 1_000_000 + usage.user[1] + usage.system[1];
    println!(
        "{{\"start_ns\":{start},\"end_ns\":{end},\"cpu_us\":{cpu_us},\"rss_kib\":{},\"code\":{}}}",
        usage.max_rss_kib,
        status.code().unwrap_or(-1)
    );
    Ok(())
}
