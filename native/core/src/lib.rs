//! The native library of rein, loaded through bun:ffi. `abi` is its border; every other module is plain Rust that knows
//! nothing of it, and `table` says which function of which module a name stands for.

mod abi;
mod diff;
mod files;
mod handles;
mod job;
mod json;
mod sys;
mod table;
mod wire;
