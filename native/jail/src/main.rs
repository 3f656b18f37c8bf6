//! Starts one program, waits for it, and leaves nothing of it behind: whatever the program started is killed when it ends, when
//! rein asks for it by a signal, and when rein is gone. Nothing is confined yet.
//!
//! `rein-jail [--stdin] [--keep NAME]… -- PROGRAM ARGV0 [ARGUMENT]…`
//!
//! Descriptor 3 is a socket to rein. One line goes up it, so that how the program ended is never confused with how we did:
//! `exit CODE`, `signal NUMBER`, or `error ERRNO` when it could not be started; ` left` is added when some of its processes
//! could not be ended. Its hang-up means that rein is gone.
//!
//! The program gets our environment without the variables that would change how programs start (unless `--keep` names them),
//! /dev/null as stdin unless `--stdin`, and no other descriptor of ours. Its streams are pipes of our own, which we pass on:
//! rein's ends are sockets, and nobody can open a socket as /dev/stderr.
//!
//! SIGTERM, SIGINT and SIGHUP ask the program to end, and kill what is left of it after half a second; SIGQUIT kills at once.

mod args;
mod system;
mod tree;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, setsid};

use args::Args;

/// How long a program that was asked to end may take.
const GRACE: Duration = Duration::from_millis(500);

/// How long we try to end what it left behind.
const PATIENCE: Duration = Duration::from_secs(5);

/// Our own exit code when rein's side of the socket is not there or the arguments are wrong; nobody but a developer sees it.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let Some(args) = Args::parse(std::env::args_os().skip(1)) else {
        eprintln!("rein-jail is started by rein");
        return ExitCode::from(USAGE);
    };
    let Ok(mut rein) = system::take_socket(3) else {
        eprintln!("rein-jail is started by rein");
        return ExitCode::from(USAGE);
    };
    let (line, code) = match run(&args, &rein) {
        Ok(End { status, all }) => {
            let left = if all { "" } else { " left" };
            match (status.code(), status.signal()) {
                (Some(code), _) => (format!("exit {code}{left}"), code as u8),
                (None, signal) => (format!("signal {}{left}", signal.unwrap_or(0)), 128),
            }
        }
        Err(errno) => (format!("error {errno:?}"), 127),
    };
    // When rein is gone there is nobody to tell.
    let _ = rein.write_all(line.as_bytes());
    ExitCode::from(code)
}

struct End {
    status: ExitStatus,
    /// Whether every process of it ended.
    all: bool,
}

fn run(args: &Args, rein: &impl AsFd) -> Result<End, Errno> {
    system::close_from(4)?;
    // Nobody may trace us, and if we crash there is no core file.
    prctl::set_dumpable(false)?;
    prctl::set_no_new_privs()?;
    // What loses its parent becomes our child: nothing escapes by a double fork or a session of its own.
    prctl::set_child_subreaper(true)?;
    match setsid() {
        // Somebody made us a group leader already: then we are not in rein's group either.
        Ok(_) | Err(Errno::EPERM) => {}
        Err(errno) => return Err(errno),
    }
    let mut heard = SigSet::empty();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGCHLD,
    ] {
        heard.add(signal);
    }
    heard.thread_block()?;
    let signals = SignalFd::with_flags(&heard, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;

    let mut child = start(args)?;
    if let Some(pipe) = child.stdin.take() {
        feed(system::take_stdin()?, pipe);
    }
    let pumps = [
        pump(child.stdout.take(), io::stdout()),
        pump(child.stderr.take(), io::stderr()),
    ];
    let status = wait(Pid::from_raw(child.id() as i32), rein, &signals)?;
    let all = tree::kill_all(Instant::now() + PATIENCE);
    // Nobody holds the pipes any more: what is in them is the last of it.
    for pump in pumps.into_iter().flatten().filter(|_| all) {
        let _ = pump.join();
    }
    let status = match status {
        Some(status) => status,
        // It was killed with the rest.
        None => ExitStatus::from_raw(Signal::SIGKILL as i32),
    };
    Ok(End { status, all })
}

fn start(args: &Args) -> Result<Child, Errno> {
    let mut command = Command::new(&args.program);
    // A group of its own, so that a script's `kill 0` does not mean us.
    command.arg0(&args.argv0).args(&args.arguments).process_group(0);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if args.stdin { Stdio::piped() } else { Stdio::null() });
    for (name, _) in std::env::vars_os() {
        if args::changes_how_programs_start(&name) && !args.keep.contains(&name) {
            command.env_remove(name);
        }
    }
    system::in_child(&mut command, || {
        system::default_signals();
        SigSet::empty().thread_set_mask()?;
        // Should anybody kill us, it does not go on alone.
        prctl::set_pdeathsig(Signal::SIGKILL)
    });
    command
        .spawn()
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL)))
}

/// Passes on what comes through a pipe, on a thread of its own, until nobody can write to it or read from us.
fn pump(pipe: Option<impl Read + Send + 'static>, to: impl AsFd) -> Option<JoinHandle<()>> {
    let mut pipe = pipe?;
    let mut to = File::from(to.as_fd().try_clone_to_owned().ok()?);
    Some(thread::spawn(move || {
        // When rein is gone the pipe closes with us, and the program's next write fails.
        let _ = io::copy(&mut pipe, &mut to);
    }))
}

/// Passes on what rein writes, on a thread of its own. Both ends are closed when it is over: the program reads the end of its
/// input, or rein learns by its next write that nobody reads it.
fn feed(mut from: File, mut pipe: impl Write + Send + 'static) {
    thread::spawn(move || {
        // Not io::copy: it splices, and a splice out of a socket waits for more than the first piece.
        let mut piece = [0; 65_536];
        while let Ok(size @ 1..) = from.read(&mut piece) {
            if pipe.write_all(&piece[..size]).is_err() {
                return;
            }
        }
    });
}

/// Waits for the program and reaps what became our child meanwhile. None: it was to end, and did not in time.
fn wait(child: Pid, rein: &impl AsFd, signals: &SignalFd) -> Result<Option<ExitStatus>, Errno> {
    let mut deadline: Option<Instant> = None;
    loop {
        while let Some((pid, status)) = system::reap()? {
            if pid == child {
                return Ok(Some(status));
            }
        }
        let now = Instant::now();
        let timeout = match deadline {
            Some(deadline) if deadline <= now => return Ok(None),
            Some(deadline) => PollTimeout::try_from(deadline - now).unwrap_or(PollTimeout::ZERO),
            None => PollTimeout::NONE,
        };
        let mut polled = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            // Hang-ups are always told of. Once we know, we need not hear it again.
            PollFd::new(rein.as_fd(), PollFlags::empty()),
        ];
        let heard = if deadline.is_none() {
            &mut polled[..]
        } else {
            &mut polled[..1]
        };
        match poll(heard, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let gone = deadline.is_none() && polled[1].any() == Some(true);
        let mut asked = gone;
        let mut told = false;
        while let Some(signal) = signals.read_signal()? {
            asked |= signal.ssi_signo != Signal::SIGCHLD as u32;
            told |= signal.ssi_signo == Signal::SIGQUIT as u32;
        }
        if told {
            return Ok(None);
        }
        if asked {
            // The wait may have been a long one.
            let now = Instant::now();
            // Asked twice, it ends at once.
            deadline = Some(if deadline.is_some() { now } else { now + GRACE });
            let _ = killpg(child, Signal::SIGTERM);
        }
    }
}
