//! What every native library of rein has in common: the border to JavaScript (`abi`), work on threads of its own (`job`), things
//! that live between calls (`handles`), and how arguments and answers travel (`wire`). A library has a table of functions and
//! names it once in `rein_border::export!`.

pub mod abi;
pub mod handles;
pub mod job;
pub mod wire;

/// The two shapes of a native function. A failure's text is a message for JavaScript.
pub enum Function {
    /// Work under a millisecond. The first argument is a descriptor or a handle.
    Call(fn(i32, &[u8]) -> Result<Vec<u8>, String>),
    /// The rest: on its own thread, in chunks.
    Job(fn(&[u8], &job::Job) -> Result<(), String>),
}

/// All functions of a library by name.
pub type Table = [(&'static str, Function)];
