//! The border to JavaScript: seven C functions, which `export!` makes of the functions here. Nothing unwinds through them: a panic
//! becomes a status and a message. A pointer that comes in is valid for the call only; bytes that go out are freed by `rein_free`.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;

use crate::job::{End, JOBS, Job, Next};
use crate::{Function, Table};

const OK: i32 = 0;
const FAILED: i32 = 1;
const PANICKED: i32 = 2;
const END: i32 = 3;
const PENDING: i32 = 4;

/// Two numbers that JavaScript reads after a call: the address and the length of the bytes that go out (both 0 for none).
pub type Out = *mut [f64; 2];
pub type Wake = extern "C" fn(i32);

static WAKE: Mutex<Option<Wake>> = Mutex::new(None);

thread_local! {
    /// Message and place of the last panic on this thread.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Exports the border of a library whose functions are in the table that is named.
#[macro_export]
macro_rules! export {
    ($table:path) => {
        use $crate::abi::{self, Out, Wake};

        /// # Safety
        /// As for `abi::names`.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn rein_names(out: Out) -> i32 {
            // SAFETY: handed on, as in each of these functions.
            unsafe { abi::names($table, out) }
        }

        /// # Safety
        /// As for `abi::call`.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn rein_call(function: u32, subject: i32, input: *const u8, length: usize, out: Out) -> i32 {
            // SAFETY: handed on.
            unsafe { abi::call($table, function, subject, input, length, out) }
        }

        /// # Safety
        /// As for `abi::start`.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn rein_start(function: u32, input: *const u8, length: usize, out: Out) -> i32 {
            // SAFETY: handed on.
            unsafe { abi::start($table, function, input, length, out) }
        }

        /// # Safety
        /// As for `abi::next`.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn rein_next(job: i32, out: Out) -> i32 {
            // SAFETY: handed on.
            unsafe { abi::next(job, out) }
        }

        #[unsafe(no_mangle)]
        extern "C" fn rein_cancel(job: i32) {
            abi::cancel(job);
        }

        #[unsafe(no_mangle)]
        extern "C" fn rein_wake(wake: Option<Wake>) {
            abi::wake(wake);
        }

        /// # Safety
        /// As for `abi::free`.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn rein_free(bytes: *mut u8, length: usize) {
            // SAFETY: handed on.
            unsafe { abi::free(bytes, length) }
        }
    };
}

/// The names of all functions, one per line. A name's number is its line, from 0.
///
/// # Safety
/// `out` points to two writable f64.
pub unsafe fn names(table: &Table, out: Out) -> i32 {
    let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    // SAFETY: handed on.
    unsafe { deliver(out, OK, names.join("\n").into_bytes()) }
}

/// Runs a short function. `subject` is what it acts on, a descriptor or a handle.
///
/// # Safety
/// `input` points to `length` readable bytes (any pointer for 0), `out` to two writable f64.
pub unsafe fn call(table: &Table, function: u32, subject: i32, input: *const u8, length: usize, out: Out) -> i32 {
    // SAFETY: handed on; the slice does not outlive this call.
    let input = unsafe { slice(input, length) };
    let (status, bytes) = guarded(|| match table.get(function as usize) {
        Some((_, Function::Call(run))) => run(subject, input),
        _ => Err(format!("No function {function} to call")),
    });
    // SAFETY: handed on.
    unsafe { deliver(out, status, bytes) }
}

/// Starts a function on a thread of its own; the answer is not bytes but the job's number in the first f64.
///
/// # Safety
/// As for `call`.
pub unsafe fn start(table: &Table, function: u32, input: *const u8, length: usize, out: Out) -> i32 {
    // SAFETY: handed on; the bytes are copied before the thread starts.
    let input = unsafe { slice(input, length) };
    let mut id = 0;
    let (status, bytes) = guarded(|| match table.get(function as usize) {
        Some((_, Function::Job(run))) => {
            id = spawn(*run, input.to_vec())?;
            Ok(Vec::new())
        }
        _ => Err(format!("No function {function} to start")),
    });
    if status != OK {
        // SAFETY: handed on.
        return unsafe { deliver(out, status, bytes) };
    }
    // SAFETY: `out` is valid by contract.
    unsafe { *out = [f64::from(id), 0.0] };
    OK
}

/// The next chunk of a job, its end, or pending: then the waker is called once when there is more.
///
/// # Safety
/// `out` points to two writable f64.
pub unsafe fn next(job: i32, out: Out) -> i32 {
    let mut status = OK;
    let (failure, bytes) = guarded(|| {
        let next = JOBS
            .with(job, |job| job.next())
            .ok_or_else(|| format!("No job {job}"))?;
        if let Next::End(_) = next {
            JOBS.remove(job);
        }
        let bytes;
        (status, bytes) = match next {
            Next::Chunk(chunk) => (OK, chunk),
            Next::Pending => (PENDING, Vec::new()),
            Next::End(End::Done) => (END, Vec::new()),
            Next::End(End::Failed(message)) => (FAILED, message.into_bytes()),
            Next::End(End::Panicked(message)) => (PANICKED, message.into_bytes()),
        };
        Ok(bytes)
    });
    // SAFETY: handed on.
    unsafe { deliver(out, if failure == OK { status } else { failure }, bytes) }
}

/// Ends a job, whether it is over or not. Nothing comes of it any more.
pub fn cancel(job: i32) {
    guarded(|| {
        if let Some(job) = JOBS.remove(job) {
            job.cancel();
        }
        Ok(Vec::new())
    });
}

/// Sets what wakes JavaScript: called from any thread with a job's number. Null: nobody is woken from here on.
pub fn wake(wake: Option<Wake>) {
    *WAKE.lock().unwrap_or_else(PoisonError::into_inner) = wake;
}

/// Frees bytes that went out.
///
/// # Safety
/// Address and length are exactly those that one call delivered, and are not used again.
pub unsafe fn free(bytes: *mut u8, length: usize) {
    if !bytes.is_null() && length > 0 {
        // SAFETY: `deliver` made it from a boxed slice of this length.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes, length)) });
    }
}

fn spawn(run: fn(&[u8], &Job) -> Result<(), String>, input: Vec<u8>) -> Result<i32, String> {
    // The waker must know the number, and the number exists only once the job is in the table.
    let id = Arc::new(std::sync::OnceLock::new());
    let own = Arc::clone(&id);
    let job = Job::new(move || {
        let wake = WAKE.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(wake), Some(id)) = (*wake, own.get()) {
            wake(*id);
        }
    });
    let number = *id.get_or_init(|| JOBS.insert(Arc::clone(&job)));
    let spawned = thread::Builder::new().name("rein-job".to_owned()).spawn(move || {
        let (status, bytes) = guarded(|| run(&input, &job).map(|()| Vec::new()));
        let message = String::from_utf8_lossy(&bytes).into_owned();
        job.finish(match status {
            OK => End::Done,
            FAILED => End::Failed(message),
            _ => End::Panicked(message),
        });
    });
    match spawned {
        Ok(_) => Ok(number),
        Err(error) => {
            JOBS.remove(number);
            Err(format!("Cannot start a thread: {error}"))
        }
    }
}

/// Runs `act`; a panic in it is its answer.
fn guarded(act: impl FnOnce() -> Result<Vec<u8>, String>) -> (i32, Vec<u8>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            PANIC.with(|last| *last.borrow_mut() = info.to_string())
        }));
    });
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(bytes)) => (OK, bytes),
        Ok(Err(message)) => (FAILED, message.into_bytes()),
        Err(_) => (PANICKED, PANIC.with(|last| last.take()).into_bytes()),
    }
}

/// Hands bytes over to JavaScript, which frees them.
///
/// # Safety
/// `out` points to two writable f64.
unsafe fn deliver(out: Out, status: i32, bytes: Vec<u8>) -> i32 {
    let length = bytes.len();
    let address = if length == 0 {
        0
    } else {
        Box::into_raw(bytes.into_boxed_slice()).cast::<u8>() as usize
    };
    // SAFETY: valid by contract. Addresses of user space fit a double exactly.
    unsafe { *out = [address as f64, length as f64] };
    status
}

/// # Safety
/// `input` points to `length` bytes that live and do not change as long as the slice is used.
unsafe fn slice<'a>(input: *const u8, length: usize) -> &'a [u8] {
    if length == 0 || input.is_null() {
        return &[];
    }
    // SAFETY: not null, and valid by contract.
    unsafe { std::slice::from_raw_parts(input, length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTIONS: &Table = &[
        ("test.echo", Function::Call(|_, input| Ok(input.to_vec()))),
        (
            "test.panic",
            Function::Call(|_, input| panic!("{}", String::from_utf8_lossy(input))),
        ),
    ];

    fn called(name: &str, input: &[u8]) -> (i32, String) {
        let function = FUNCTIONS.iter().position(|(known, _)| *known == name).unwrap();
        let mut out = [0.0; 2];
        // SAFETY: a slice and an array of ours.
        let status = unsafe { super::call(FUNCTIONS, function as u32, 0, input.as_ptr(), input.len(), &mut out) };
        (status, taken(out))
    }

    fn taken(out: [f64; 2]) -> String {
        let (address, length) = (out[0] as usize as *mut u8, out[1] as usize);
        // SAFETY: just delivered, freed once.
        unsafe {
            let text = String::from_utf8(slice(address, length).to_vec()).unwrap();
            free(address, length);
            text
        }
    }

    #[test]
    fn bytes_go_in_and_out() {
        assert_eq!(called("test.echo", b"hello"), (OK, "hello".to_owned()));
        assert_eq!(called("test.echo", b""), (OK, String::new()));
    }

    #[test]
    fn a_panic_is_a_status_and_a_message_with_its_place() {
        let (status, message) = called("test.panic", b"on purpose");
        assert_eq!(status, PANICKED);
        assert!(
            message.contains("on purpose") && message.contains("abi.rs"),
            "{message}"
        );
    }

    #[test]
    fn a_number_without_a_function_is_a_failure() {
        let mut out = [0.0; 2];
        // SAFETY: an array of ours; no input.
        let status = unsafe { super::call(FUNCTIONS, u32::MAX, 0, std::ptr::null(), 0, &mut out) };
        assert_eq!(
            (status, taken(out)),
            (FAILED, format!("No function {} to call", u32::MAX))
        );
        // SAFETY: as above.
        let status = unsafe { next(i32::MAX, &mut out) };
        assert_eq!((status, taken(out)), (FAILED, format!("No job {}", i32::MAX)));
    }
}
