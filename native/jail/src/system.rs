//! The system calls that no crate makes safe, and the only unsafe code of this program.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

use nix::errno::Errno;
use nix::unistd::Pid;

/// Takes over a descriptor that we were started with, when it is a socket. A program that we start does not inherit it.
pub fn take_socket(fd: i32) -> Result<UnixStream, Errno> {
    // SAFETY: plain calls on a number; a descriptor that is not open is EBADF.
    Errno::result(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and nobody else in this program knows of it.
    let socket = unsafe { UnixStream::from_raw_fd(fd) };
    socket.peer_addr().map_err(|_| Errno::ENOTSOCK)?;
    Ok(socket)
}

/// Takes over our stdin, so that it can be closed. Called once.
pub fn take_stdin() -> Result<File, Errno> {
    // SAFETY: plain calls on a number; a descriptor that is not open is EBADF.
    Errno::result(unsafe { libc::fcntl(0, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and nothing in this program reads from io::stdin().
    Ok(unsafe { File::from_raw_fd(0) })
}

/// Closes every descriptor from `first` on. Called before anything else is opened.
pub fn close_from(first: u32) -> Result<(), Errno> {
    // SAFETY: no descriptor of that range is in use by this program. By number, since older libraries lack the function.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) }).map(drop)
}

/// Every signal does what it does by default: what rein's starter ignores (nohup does) is not ignored by children.
pub fn default_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL runs no code of ours. SIGKILL, SIGSTOP and the library's own refuse, and need nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Has `before` called in the child, between fork and exec.
pub fn in_child(command: &mut Command, before: fn() -> nix::Result<()>) {
    // SAFETY: this program has one thread until the child runs, so the child may do what the parent may.
    unsafe { command.pre_exec(move || before().map_err(io::Error::from)) };
}

/// Reaps one child that ended, if there is one.
pub fn reap() -> Result<Option<(Pid, ExitStatus)>, Errno> {
    let mut status = 0;
    loop {
        // SAFETY: writes to `status` only.
        match Errno::result(unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) }) {
            Ok(0) => return Ok(None),
            Ok(pid) => return Ok(Some((Pid::from_raw(pid), ExitStatus::from_raw(status)))),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
